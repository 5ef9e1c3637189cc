//! The blocks proposed for a height: which of them the core may hear of, which to execute, and what
//! came of it.
//!
//! A fresh proposal that comes too early or too late by this node's clock is *untimely*, which is not
//! invalid: it is kept back until more than two thirds have voted for its block. A repeated one is
//! kept back until then in any case. One block of a round is executed at once, another only when more
//! than two thirds have voted for it; none is executed twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use causeway_contracts::{
    block::{Block, BlockId, Height, TimeMs},
    committee::ValidatorId,
};
use malachite_types::SignedProposal;

use crate::{context::Context, log::JudgedValue, vocabulary::Verdict};

/// A fresh block's time is at most this far behind the proposal's arrival.
const BEHIND_MS_MAX: u64 = 10_000;

/// A fresh block's time is at most this far ahead of the proposal's arrival.
const AHEAD_MS_MAX: u64 = 2_000;

/// Distinct proposals of one round that are remembered. An honest proposer makes one.
const PROPOSALS_PER_ROUND_MAX: usize = 4;

/// Whether a fresh block's time agrees with this node's clock.
pub fn is_timely(time: TimeMs, arrived: TimeMs) -> bool {
    let earliest = arrived.0.saturating_sub(BEHIND_MS_MAX);
    let latest = arrived.0.saturating_add(AHEAD_MS_MAX);
    (earliest..=latest).contains(&time.0)
}

#[derive(Default)]
pub struct Candidates {
    /// By round, block and proof-of-lock round.
    proposals: BTreeMap<(u32, BlockId, Option<u32>), Candidate>,
    /// The block of each round that was executed without waiting for votes.
    chosen: BTreeMap<u32, BlockId>,
    judgements: BTreeMap<BlockId, Judgement>,
    /// Blocks that more than two thirds have voted for in some round.
    polkas: BTreeSet<BlockId>,
}

struct Candidate {
    message: SignedProposal<Context>,
    block: Arc<Block>,
    proposer: ValidatorId,
    /// Fresh and timely; or taken up by the core before a crash.
    at_once: bool,
    fed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Judgement {
    Executing,
    /// Could not be executed; waits to be tried again.
    Unknown,
    Known {
        valid: bool,
        /// The core has been told.
        told: bool,
    },
}

/// What to do next.
pub enum Step {
    Feed(SignedProposal<Context>),
    Execute {
        id: BlockId,
        block: Arc<Block>,
        proposer: ValidatorId,
    },
    Tell(Box<JudgedValue>),
}

/// A proposal whose signature and proposer have been checked.
pub struct Offered {
    pub round: u32,
    pub id: BlockId,
    pub lock_round: Option<u32>,
    pub message: SignedProposal<Context>,
    pub block: Arc<Block>,
    pub proposer: ValidatorId,
    pub timely: bool,
}

impl Candidates {
    /// False if it is forgotten at once, because its proposer has made too many.
    pub fn offer(&mut self, offered: Offered) -> bool {
        let of_round = (offered.round, BlockId([0; 32]), None)..=(offered.round, BlockId([255; 32]), Some(u32::MAX));
        if self.proposals.range(of_round).count() >= PROPOSALS_PER_ROUND_MAX {
            return false;
        }
        let key = (offered.round, offered.id, offered.lock_round);
        self.proposals.entry(key).or_insert(Candidate {
            message: offered.message,
            block: offered.block,
            proposer: offered.proposer,
            at_once: offered.timely && offered.lock_round.is_none(),
            fed: false,
        });
        true
    }

    /// A proposal that is in the log: the core has had it.
    pub fn replayed(&mut self, offered: Offered) {
        let (round, id) = (offered.round, offered.id);
        let key = (round, id, offered.lock_round);
        self.offer(offered);
        if let Some(candidate) = self.proposals.get_mut(&key) {
            candidate.at_once = true;
            candidate.fed = true;
        }
        self.chosen.entry(round).or_insert(id);
    }

    /// A block that the core knows the verdict on: this node's own, or one in the log.
    pub fn known(&mut self, id: BlockId, valid: bool) {
        self.judgements.insert(id, Judgement::Known { valid, told: true });
    }

    /// The verdict on a block that was to be executed. Others are not heard.
    pub fn executed(&mut self, id: BlockId, verdict: Verdict) {
        if self.judgements.get(&id) != Some(&Judgement::Executing) {
            return;
        }
        let judgement = match verdict {
            Verdict::Valid => Judgement::Known {
                valid: true,
                told: false,
            },
            Verdict::Invalid => Judgement::Known {
                valid: false,
                told: false,
            },
            Verdict::Unknown => Judgement::Unknown,
        };
        self.judgements.insert(id, judgement);
    }

    /// Lets blocks that could not be executed be tried again.
    pub fn retry(&mut self) {
        self.judgements.retain(|_, judgement| *judgement != Judgement::Unknown);
    }

    /// The next step for any of the proposals. `has_polka` answers whether more than two thirds have
    /// voted for a block.
    pub fn next(&mut self, height: Height, has_polka: impl Fn(&BlockId) -> bool) -> Option<Step> {
        for ((_, id, _), candidate) in &self.proposals {
            let waits = !candidate.fed || !matches!(self.judgements.get(id), Some(Judgement::Known { .. }));
            if waits && !self.polkas.contains(id) && has_polka(id) {
                self.polkas.insert(*id);
            }
        }
        for ((round, id, lock_round), candidate) in &mut self.proposals {
            let wanted = self.polkas.contains(id);
            if !candidate.fed {
                if candidate.at_once || wanted {
                    candidate.fed = true;
                    return Some(Step::Feed(candidate.message.clone()));
                }
                continue;
            }
            match self.judgements.get_mut(id) {
                None => {
                    let chosen = *self.chosen.entry(*round).or_insert(*id);
                    if wanted || chosen == *id {
                        self.judgements.insert(*id, Judgement::Executing);
                        return Some(Step::Execute {
                            id: *id,
                            block: Arc::clone(&candidate.block),
                            proposer: candidate.proposer,
                        });
                    }
                }
                Some(Judgement::Known { valid, told }) if !*told => {
                    *told = true;
                    return Some(Step::Tell(Box::new(JudgedValue {
                        height,
                        round: *round,
                        lock_round: *lock_round,
                        proposer: candidate.proposer,
                        block: candidate.block.as_ref().clone(),
                        valid: *valid,
                    })));
                }
                Some(_) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timely_is_from_ten_seconds_before_arrival_to_two_after() {
        let arrived = TimeMs(100_000);
        for (time, timely) in [
            (89_999, false),
            (90_000, true),
            (100_000, true),
            (102_000, true),
            (102_001, false),
        ] {
            assert_eq!(is_timely(TimeMs(time), arrived), timely, "{time}");
        }
        assert!(is_timely(TimeMs(0), TimeMs(5)));
        assert!(is_timely(TimeMs(u64::MAX), TimeMs(u64::MAX)));
    }
}
