//! One validator's part in deciding blocks.

use std::{collections::BTreeSet, sync::Arc};

use causeway_contracts::{
    block::{Block, GenesisHash, Height},
    codec,
    keys::SecretKey,
};
use malachite_types::{ThresholdParams, Validator as _, ValidatorSet as _};

use crate::{
    candidates::{Candidates, Offered, Step, is_timely},
    context::{Address, Committee, Value},
    conversion::{polka_to_core, proposal_to_core, round_to_core, vote_to_core},
    engine::{Engine, ROUNDS_AHEAD_MAX, Signing},
    expected::{Arrived, Expected, Signs},
    log::{LogEntry, Timer, TimerKind},
    message::{Message, Proposal},
    record::SignRecord,
    scheme::Scheme,
    vocabulary::{Effect, Fault, Halt, Input, Setup},
};

/// Messages of a height that are remembered so as not to be handled twice. Beyond, the core's own
/// checks bear the load.
const SEEN_MAX: usize = 16 * 1024;

pub struct Replica {
    engine: Engine,
    phase: Phase,
    /// The height that is under way or awaited.
    height: Height,
    committee: Option<Committee>,
    candidates: Candidates,
    /// Digests of the messages that the core has had.
    seen: BTreeSet<[u8; 32]>,
    /// Of the next height.
    expected: Expected,
}

enum Phase {
    /// Nothing is known yet.
    New,
    /// The height before is durable and this one not begun. What is kept has been verified.
    Waiting {
        kept: Expected,
        signs: Signs,
        begun: bool,
    },
    Running,
    /// A block is decided and not known to be durable.
    Decided,
}

impl Replica {
    pub fn new(
        genesis: GenesisHash,
        key: SecretKey,
        scheme: Arc<dyn Scheme>,
        record: SignRecord,
        signing: Signing,
    ) -> Self {
        Self {
            engine: Engine::new(genesis, key, scheme, record, signing),
            phase: Phase::New,
            height: Height::GENESIS,
            committee: None,
            candidates: Candidates::default(),
            seen: BTreeSet::new(),
            expected: Expected::default(),
        }
    }

    /// The height that is under way or awaited.
    pub fn height(&self) -> Height {
        self.height
    }

    /// None while a height is awaited.
    pub fn round(&self) -> Option<u32> {
        match self.phase {
            Phase::Running | Phase::Decided => self.engine.round(),
            Phase::New | Phase::Waiting { .. } => None,
        }
    }

    pub fn signing(&self) -> Signing {
        self.engine.desk.signing
    }

    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        match self.take(input) {
            Ok(()) => self.engine.take_effects(),
            // What was to be done before may rest on what went wrong.
            Err(halt) => vec![Effect::Halt(halt)],
        }
    }

    fn take(&mut self, input: Input) -> Result<(), Halt> {
        match input {
            Input::Await(setup) => {
                self.wait_for(setup);
                Ok(())
            }
            Input::Start(setup) => self.start(setup),
            Input::Recover(setup, log) => self.recover(setup, log),
            Input::Message { from, message, arrived } => self.hear(Arrived {
                from,
                message,
                at: arrived,
            }),
            Input::Timer(timer) => self.ring(timer),
            Input::Executed { height, block, verdict } => {
                if matches!(self.phase, Phase::Running) && height == self.height {
                    self.candidates.executed(block, verdict);
                    self.settle()?;
                }
                Ok(())
            }
            Input::ValueReady { height, round, block } => self.propose(height, round, block),
            Input::SignFrom(height) => {
                self.engine.sign_from(height);
                Ok(())
            }
        }
    }

    fn wait_for(&mut self, setup: Setup) {
        assert!(setup.height >= self.height, "heights are never gone back to");
        if setup.height == self.height && !matches!(self.phase, Phase::New) {
            return;
        }
        let goes_on = setup.height == self.height.next();
        if matches!(self.phase, Phase::Running) && !self.engine.is_decided() {
            // Overtaken by a certified block.
            self.engine.push(Effect::CancelTimers);
        }
        self.height = setup.height;
        self.committee = Some(Committee::new(setup.validators, setup.rotation));
        self.candidates = Candidates::default();
        self.seen.clear();
        self.phase = Phase::Waiting {
            kept: Expected::default(),
            signs: Signs::default(),
            begun: false,
        };
        let expected = self.expected.take();
        if goes_on {
            for arrived in expected {
                self.keep(arrived);
            }
        }
    }

    fn start(&mut self, setup: Setup) -> Result<(), Halt> {
        self.wait_for(setup);
        let Phase::Waiting { kept, .. } = &mut self.phase else {
            return Ok(());
        };
        let kept = kept.take();
        self.phase = Phase::Running;
        self.engine.start(self.height, self.committee().clone())?;
        for arrived in kept {
            self.feed(arrived)?;
        }
        self.settle()
    }

    fn recover(&mut self, setup: Setup, log: Vec<LogEntry>) -> Result<(), Halt> {
        let height = setup.height;
        self.wait_for(setup);
        let log: Vec<_> = log.into_iter().filter(|entry| entry.height() == height).collect();
        self.phase = Phase::Running;
        self.engine.recover(height, self.committee().clone(), &log)?;
        for entry in log {
            match entry {
                LogEntry::Value(judged) => self.candidates.known(judged.block.id(), judged.valid),
                LogEntry::Proposal(proposal) if proposal.validator != *self.engine.me() => {
                    self.candidates.replayed(offered(&proposal, true));
                }
                LogEntry::Proposal(_) | LogEntry::Vote(_) | LogEntry::Timeout(_) | LogEntry::Polka(_) => {}
            }
        }
        let effects = self.engine.take_effects();
        for effect in self.still_due(effects) {
            self.engine.push(effect);
        }
        self.settle()
    }

    /// What is still to be done of what a replay asked for: all but timers that have been cancelled
    /// since and values of rounds that are over.
    fn still_due(&self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut timers = Vec::new();
        let mut due = Vec::new();
        for effect in effects {
            match effect {
                Effect::CancelTimers => timers.clear(),
                Effect::CancelTimer(timer) => timers.retain(|&(other, _)| other != timer),
                Effect::SetTimer(timer, duration) => {
                    timers.retain(|&(other, _)| other != timer);
                    timers.push((timer, duration));
                }
                Effect::NeedValue { round, .. }
                    if self.engine.round() != Some(round) || !self.engine.awaits_proposal() => {}
                other => due.push(other),
            }
        }
        due.extend(
            timers
                .into_iter()
                .map(|(timer, duration)| Effect::SetTimer(timer, duration)),
        );
        due
    }

    fn hear(&mut self, arrived: Arrived) -> Result<(), Halt> {
        let height = arrived.message.height();
        if matches!(self.phase, Phase::New) {
            return Ok(());
        }
        if height == self.height {
            match self.phase {
                Phase::Running => {
                    if self.admit(&arrived) {
                        self.feed(arrived)?;
                        self.settle()?;
                    }
                }
                Phase::Waiting { .. } => self.keep(arrived),
                Phase::New | Phase::Decided => {}
            }
        } else if height == self.height.next() {
            self.expected.push(arrived);
        }
        Ok(())
    }

    /// Keeps a message of the awaited height if it is good.
    fn keep(&mut self, arrived: Arrived) {
        let has_room = matches!(&self.phase, Phase::Waiting { kept, .. } if kept.has_room_for(&arrived));
        if !has_room || !self.admit(&arrived) {
            return;
        }
        let committee = self.committee().clone();
        let height = self.height;
        let Phase::Waiting { kept, signs, begun } = &mut self.phase else {
            unreachable!("only an awaited height's messages are kept")
        };
        signs.see(&arrived.message);
        kept.push(arrived);
        if !*begun && signs.begun(committee.validators()) {
            *begun = true;
            self.engine.push(Effect::Begun(height));
        }
    }

    /// Whether a message of this height is news and good. Reports the peer if no honest one sends it.
    fn admit(&mut self, arrived: &Arrived) -> bool {
        let round = self.round().unwrap_or(0);
        if matches!(arrived.message, Message::Vote(_) | Message::Proposal(_))
            && arrived.message.round() > round.saturating_add(ROUNDS_AHEAD_MAX)
        {
            return false;
        }
        let digest = codec::hash("causeway/message/1", &[&arrived.message.encode()]);
        if self.seen.contains(&digest) {
            return false;
        }
        if let Err(fault) = self.verify(&arrived.message) {
            let peer = arrived.from;
            self.engine.push(Effect::PeerFault { peer, fault });
            return false;
        }
        if self.seen.len() < SEEN_MAX {
            self.seen.insert(digest);
        }
        true
    }

    fn verify(&mut self, message: &Message) -> Result<(), Fault> {
        let committee = self.committee().clone();
        let thresholds = ThresholdParams::default();
        let verifier = &mut self.engine.desk.verifier;
        match message {
            Message::Vote(vote) => {
                let member = committee
                    .get_by_address(&Address(vote.validator))
                    .ok_or(Fault::NotAMember)?;
                let vote = vote_to_core(vote);
                if verifier.vote(&vote.message, vote.signature, *member.public_key()) {
                    Ok(())
                } else {
                    Err(Fault::BadVoteSignature)
                }
            }
            Message::Proposal(proposal) => {
                let member = committee
                    .get_by_address(&Address(proposal.validator))
                    .ok_or(Fault::NotAMember)?;
                if *committee.proposer(proposal.height, proposal.round) != proposal.validator {
                    return Err(Fault::NotTheProposer);
                }
                let author = &proposal.block.header.proposer;
                let right_author = match proposal.lock_round {
                    None => *author == proposal.validator,
                    Some(_) => committee.validators().by_id(author).is_some(),
                };
                if !right_author {
                    return Err(Fault::WrongAuthor);
                }
                let signed = proposal_to_core(proposal, Value::new(Arc::new(proposal.block.clone())));
                if verifier.proposal(&signed.message, signed.signature, *member.public_key()) {
                    Ok(())
                } else {
                    Err(Fault::BadProposalSignature)
                }
            }
            Message::Polka(certificate) => verifier
                .polka(&polka_to_core(certificate), &committee, thresholds)
                .map_err(|_| Fault::BadPolkaCertificate),
            Message::Round(certificate) => verifier
                .round(&round_to_core(certificate), &committee, thresholds)
                .map_err(|_| Fault::BadRoundCertificate),
        }
    }

    /// Gives the core a message that was found good.
    fn feed(&mut self, arrived: Arrived) -> Result<(), Halt> {
        if !matches!(self.phase, Phase::Running) {
            return Ok(());
        }
        match &arrived.message {
            Message::Vote(vote) => self.engine.vote(vote_to_core(vote))?,
            Message::Proposal(proposal) => {
                let timely = is_timely(proposal.block.header.time_ms, arrived.at);
                self.candidates.offer(offered(proposal, timely));
            }
            Message::Polka(certificate) => self.engine.polka(polka_to_core(certificate))?,
            Message::Round(certificate) => self.engine.round_certificate(round_to_core(certificate))?,
        }
        self.note_decision();
        Ok(())
    }

    fn ring(&mut self, timer: Timer) -> Result<(), Halt> {
        if timer.height != self.engine.height() {
            return Ok(());
        }
        let again = timer.kind == TimerKind::Rebroadcast;
        match self.phase {
            Phase::Running => {
                if again {
                    self.candidates.retry();
                }
                self.engine.timer(timer)?;
                self.note_decision();
                self.settle()
            }
            // Peers that have not decided may need this node's last votes.
            Phase::Decided | Phase::Waiting { .. } if again && self.engine.is_decided() => self.engine.timer(timer),
            Phase::Decided | Phase::Waiting { .. } | Phase::New => Ok(()),
        }
    }

    fn propose(&mut self, height: Height, round: u32, block: Arc<Block>) -> Result<(), Halt> {
        let due = matches!(self.phase, Phase::Running)
            && height == self.height
            && self.engine.round() == Some(round)
            && self.engine.awaits_proposal();
        if due {
            self.candidates.known(block.id(), true);
            self.engine.propose(height, round, block)?;
            self.note_decision();
            self.settle()?;
        }
        Ok(())
    }

    /// Does what has become possible for the proposals of this height.
    fn settle(&mut self) -> Result<(), Halt> {
        self.note_decision();
        while matches!(self.phase, Phase::Running) {
            let engine = &self.engine;
            let Some(step) = self.candidates.next(self.height, |id| engine.has_polka(id)) else {
                break;
            };
            match step {
                Step::Feed(proposal) => self.engine.proposal(proposal)?,
                Step::Execute { id, block, proposer } => self.engine.push(Effect::Execute {
                    height: self.height,
                    id,
                    block,
                    proposer,
                }),
                Step::Tell(judged) => self.engine.judged(&judged)?,
            }
            self.note_decision();
        }
        Ok(())
    }

    fn note_decision(&mut self) {
        if matches!(self.phase, Phase::Running) && self.engine.is_decided() {
            self.phase = Phase::Decided;
        }
    }

    fn committee(&self) -> &Committee {
        self.committee.as_ref().expect("known from the first height on")
    }
}

fn offered(proposal: &Proposal, timely: bool) -> Offered {
    let block = Arc::new(proposal.block.clone());
    let value = Value::new(Arc::clone(&block));
    Offered {
        round: proposal.round,
        id: proposal.block.id(),
        lock_round: proposal.lock_round,
        message: proposal_to_core(proposal, value),
        block,
        proposer: proposal.validator,
        timely,
    }
}
