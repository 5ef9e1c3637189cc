//! Votes for a block and for none, or for another, in one step.

use causeway_contracts::block::BlockId;

use super::{Byzantine, Liar};
use crate::env::Packet;

pub struct DoubleVoter;

impl Byzantine for DoubleVoter {
    fn send(&mut self, liar: &mut Liar<'_>, _: usize, packet: Packet) -> Vec<Packet> {
        let Some(mut vote) = liar.own_vote(&packet) else {
            return vec![packet];
        };
        vote.block = match vote.block {
            Some(_) if liar.chance.per_mille(500) => None,
            _ => Some(BlockId([liar.chance.below(3) as u8; 32])),
        };
        let other = liar.vote(vote);
        match liar.chance.below(4) {
            0 => vec![packet, other],
            1 => vec![other],
            2 => vec![],
            _ => vec![packet],
        }
    }
}
