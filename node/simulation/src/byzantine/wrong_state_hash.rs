//! Proposes blocks whose results are not what their transactions do.

use super::{Byzantine, Liar};
use crate::env::Packet;

pub struct WrongStateHash;

impl Byzantine for WrongStateHash {
    fn send(&mut self, liar: &mut Liar<'_>, _: usize, packet: Packet) -> Vec<Packet> {
        let Some(mut proposal) = liar
            .own_proposal(&packet)
            .filter(|proposal| proposal.lock_round.is_none())
        else {
            return vec![packet];
        };
        let header = &mut proposal.block.header;
        match liar.chance.below(3) {
            0 => header.state_hash.0[3] ^= 1,
            1 => header.receipts_root.0[3] ^= 1,
            _ => header.changes_root.0[3] ^= 1,
        }
        vec![liar.propose(proposal)]
    }
}
