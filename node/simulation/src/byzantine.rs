//! Validators that want to harm. Each runs the node's own program, hears what it hears, and sends what
//! it likes under its own key.

mod amnesiac;
mod batch_replayer;
mod batch_withholder;
mod double_proposer;
mod double_voter;
mod flooder;
mod garbage_sender;
mod invalid_block;
mod lying_peer;
mod stale_certificates;
mod time_traveller;
mod wrong_root;
mod wrong_state_hash;

use causeway_consensus::{Message, Proposal, Vote};
use causeway_contracts::{
    block::{GenesisHash, proposal_message},
    committee::ValidatorId,
    keys::{Domain, SecretKey},
};

use crate::{chance::Chance, disk::Database, env::Packet, signing::Signing};

/// What a Byzantine validator has at hand.
pub struct Liar<'a> {
    pub place: usize,
    pub id: ValidatorId,
    pub key: &'a SecretKey,
    pub signing: &'a Signing,
    pub genesis: GenesisHash,
    pub nodes: usize,
    pub database: &'a Database,
    pub chance: &'a mut Chance,
    pub lies: &'a mut u64,
}

pub trait Byzantine {
    /// What `to` gets in place of what the honest program sends it.
    fn send(&mut self, _: &mut Liar<'_>, _to: usize, packet: Packet) -> Vec<Packet> {
        vec![packet]
    }

    /// What it sends of itself, now and then.
    fn act(&mut self, _: &mut Liar<'_>) -> Vec<(usize, Packet)> {
        Vec::new()
    }

    fn hear(&mut self, _: &Packet) {}

    fn clock_ahead_ms(&self) -> u64 {
        0
    }

    /// Whether it loses its sign record and log when it restarts.
    fn forgets(&self) -> bool {
        false
    }
}

/// A kind's name, and how to make one.
pub type Kind = (&'static str, fn() -> Box<dyn Byzantine>);

pub const KINDS: [Kind; 13] = [
    ("amnesiac", || Box::new(amnesiac::Amnesiac)),
    ("batch replayer", || Box::<batch_replayer::BatchReplayer>::default()),
    ("batch withholder", || Box::new(batch_withholder::BatchWithholder)),
    ("double proposer", || Box::new(double_proposer::DoubleProposer)),
    ("double voter", || Box::<double_voter::DoubleVoter>::default()),
    ("flooder", || Box::<flooder::Flooder>::default()),
    ("garbage sender", || Box::new(garbage_sender::GarbageSender)),
    ("invalid block", || Box::new(invalid_block::InvalidBlock)),
    ("lying peer", || Box::new(lying_peer::LyingPeer)),
    ("stale certificates", || {
        Box::<stale_certificates::StaleCertificates>::default()
    }),
    ("time traveller", || Box::new(time_traveller::TimeTraveller)),
    ("wrong root", || Box::new(wrong_root::WrongRoot)),
    ("wrong state hash", || Box::new(wrong_state_hash::WrongStateHash)),
];

impl Liar<'_> {
    pub fn lie(&mut self, packet: Packet) -> Packet {
        *self.lies += 1;
        packet
    }

    /// The message in a packet, if it is this validator's own.
    pub fn own(&self, packet: &Packet) -> Option<Message> {
        let Packet::Message(bytes) = packet else { return None };
        let message = Message::decode(bytes).ok()?;
        let by = match &message {
            Message::Vote(vote) => vote.validator,
            Message::Proposal(proposal) => proposal.validator,
            Message::Polka(_) | Message::Round(_) => return None,
        };
        (by == self.id).then_some(message)
    }

    pub fn own_proposal(&self, packet: &Packet) -> Option<Proposal> {
        match self.own(packet)? {
            Message::Proposal(proposal) => Some(*proposal),
            _ => None,
        }
    }

    pub fn own_vote(&self, packet: &Packet) -> Option<Vote> {
        match self.own(packet)? {
            Message::Vote(vote) => Some(vote),
            _ => None,
        }
    }

    /// Under this validator's good signature.
    pub fn propose(&mut self, mut proposal: Proposal) -> Packet {
        let id = proposal.block.id();
        let bytes = proposal_message(&self.genesis, proposal.height, proposal.round, proposal.lock_round, &id);
        proposal.signature = self.signing.scheme.sign(self.key, Domain::Proposal, &bytes);
        let message = Message::Proposal(Box::new(proposal)).encode();
        self.lie(Packet::Message(message))
    }

    /// The same.
    pub fn vote(&mut self, mut vote: Vote) -> Packet {
        let bytes = vote.signed_bytes(&self.genesis);
        vote.signature = self.signing.scheme.sign(self.key, Domain::Vote, &bytes);
        let message = Message::Vote(vote).encode();
        self.lie(Packet::Message(message))
    }

    pub fn other(&mut self) -> usize {
        let others = self.chance.index(self.nodes - 1);
        (self.place + 1 + others) % self.nodes
    }
}
