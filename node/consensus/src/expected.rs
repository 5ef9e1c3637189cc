//! What peers have said of the height after the one that is under way.

use std::collections::{BTreeMap, BTreeSet};

use causeway_contracts::{
    block::TimeMs,
    committee::{ValidatorId, ValidatorSet},
};

use crate::message::Message;

/// Messages kept of one peer.
const MESSAGES_PER_PEER_MAX: usize = 64;

/// Proposals, which are large, among them.
const PROPOSALS_PER_PEER_MAX: usize = 4;

#[derive(Debug, Clone)]
pub struct Arrived {
    pub from: ValidatorId,
    pub message: Message,
    pub at: TimeMs,
}

/// In order of arrival; bounded by the number of validators, for only those are connected.
#[derive(Debug, Default)]
pub struct Expected {
    messages: Vec<Arrived>,
    /// Messages and, among them, proposals.
    counts: BTreeMap<ValidatorId, (usize, usize)>,
}

impl Expected {
    /// Whether the message is within its peer's share.
    pub fn has_room_for(&self, arrived: &Arrived) -> bool {
        let (messages, proposals) = self.counts.get(&arrived.from).copied().unwrap_or_default();
        let full = matches!(arrived.message, Message::Proposal(_)) && proposals >= PROPOSALS_PER_PEER_MAX;
        messages < MESSAGES_PER_PEER_MAX && !full
    }

    /// Drops what is above a peer's share: it is said again, or can be fetched.
    pub fn push(&mut self, arrived: Arrived) {
        if self.has_room_for(&arrived) {
            let (messages, proposals) = self.counts.entry(arrived.from).or_default();
            *messages += 1;
            *proposals += usize::from(matches!(arrived.message, Message::Proposal(_)));
            self.messages.push(arrived);
        }
    }

    pub fn take(&mut self) -> Vec<Arrived> {
        self.counts.clear();
        std::mem::take(&mut self.messages)
    }
}

/// Whether verified messages show that others have begun a height: a proposal, or votes of more than a
/// third of the power.
#[derive(Debug, Default)]
pub struct Signs {
    proposed: bool,
    voters: BTreeSet<ValidatorId>,
}

impl Signs {
    pub fn see(&mut self, message: &Message) {
        match message {
            Message::Proposal(_) => self.proposed = true,
            Message::Vote(vote) => {
                self.voters.insert(vote.validator);
            }
            Message::Polka(certificate) => self.voters.extend(certificate.signatures.iter().map(|s| s.validator)),
            Message::Round(certificate) => self.voters.extend(certificate.signatures.iter().map(|s| s.validator)),
        }
    }

    pub fn begun(&self, validators: &ValidatorSet) -> bool {
        let power = |id| validators.by_id(id).map_or(0, |validator| validator.power);
        self.proposed || validators.has_honest(self.voters.iter().map(power).sum())
    }
}
