//! Votes for one block with these, and for another with those, or for none: the attack on agreement.

use std::collections::BTreeMap;

use causeway_consensus::Message;
use causeway_contracts::block::{BlockId, Height};

use super::{Byzantine, Liar};
use crate::env::Packet;

/// Heights whose proposals it remembers.
const HEIGHTS_MAX: usize = 8;

#[derive(Default)]
pub struct DoubleVoter {
    proposed: BTreeMap<Height, Vec<BlockId>>,
}

impl DoubleVoter {
    fn note(&mut self, packet: &Packet) {
        let Packet::Message(bytes) = packet else { return };
        if let Ok(Message::Proposal(proposal)) = Message::decode(bytes) {
            let blocks = self.proposed.entry(proposal.height).or_default();
            if !blocks.contains(&proposal.block.id()) {
                blocks.push(proposal.block.id());
            }
            if self.proposed.len() > HEIGHTS_MAX {
                self.proposed.pop_first();
            }
        }
    }
}

impl Byzantine for DoubleVoter {
    fn hear(&mut self, packet: &Packet) {
        self.note(packet);
    }

    fn send(&mut self, liar: &mut Liar<'_>, to: usize, packet: Packet) -> Vec<Packet> {
        // Two blocks of its own, each to half of the others.
        if let Some(mut proposal) = liar
            .own_proposal(&packet)
            .filter(|proposal| proposal.lock_round.is_none())
        {
            self.note(&packet);
            proposal.block.header.time_ms.0 += 1;
            let other = liar.propose(proposal);
            self.note(&other);
            return vec![if to.is_multiple_of(2) { other } else { packet }];
        }
        let Some(mut vote) = liar.own_vote(&packet) else {
            return vec![packet];
        };
        let known = self.proposed.get(&vote.height).map_or(&[][..], Vec::as_slice);
        vote.block = match liar.chance.below(8) {
            0 => None,
            1 => Some(BlockId([liar.chance.below(3) as u8; 32])),
            2 => return vec![],
            // To each half what it was given, whatever this one's own program thinks of it.
            _ => known.get(to % 2).or(known.first()).copied().or(vote.block),
        };
        let other = liar.vote(vote);
        if liar.chance.per_mille(100) {
            vec![packet, other]
        } else {
            vec![other]
        }
    }
}
