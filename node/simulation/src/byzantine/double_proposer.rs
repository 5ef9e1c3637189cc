//! Proposes two valid blocks in one round, one to these and one to those.

use super::{Byzantine, Liar};
use crate::env::Packet;

pub struct DoubleProposer;

impl Byzantine for DoubleProposer {
    fn send(&mut self, liar: &mut Liar<'_>, to: usize, packet: Packet) -> Vec<Packet> {
        let Some(mut proposal) = liar
            .own_proposal(&packet)
            .filter(|proposal| proposal.lock_round.is_none())
        else {
            return vec![packet];
        };
        // A millisecond later the same transactions do the same.
        proposal.block.header.time_ms.0 += 1;
        let other = liar.propose(proposal);
        match liar.chance.below(4) {
            0 => vec![packet, other],
            1 => vec![other, packet],
            _ if to.is_multiple_of(2) => vec![other],
            _ => vec![packet],
        }
    }
}
