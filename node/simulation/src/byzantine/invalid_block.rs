//! Proposes blocks that no validator may vote for.

use causeway_contracts::{
    block::{BatchDigest, BlockId, batches_root},
    codec::Bounded,
    committee::ValidatorId,
};

use super::{Byzantine, Liar};
use crate::env::Packet;

pub struct InvalidBlock;

impl Byzantine for InvalidBlock {
    fn send(&mut self, liar: &mut Liar<'_>, _: usize, packet: Packet) -> Vec<Packet> {
        let Some(mut proposal) = liar
            .own_proposal(&packet)
            .filter(|proposal| proposal.lock_round.is_none())
        else {
            return vec![packet];
        };
        let block = &mut proposal.block;
        match liar.chance.below(10) {
            0 => block.header.parent = BlockId([7; 32]),
            1 => block.header.version.0 += 1,
            2 => block.header.time_ms.0 = block.header.time_ms.0.saturating_sub(1_000_000),
            3 => block.header.transaction_count += 1,
            4 => block.header.batches_root.0[0] ^= 1,
            5 => block.header.validators_hash.0[0] ^= 1,
            6 => block.header.height = block.header.height.next(),
            7 => block.header.proposer = ValidatorId([9; 20]),
            8 => block.header.checkpoint_root.0[0] ^= 1,
            _ => {
                // A batch that is nobody's, or twice the same.
                let mut digests = block.batches.to_vec();
                let again = digests.first().copied().unwrap_or(BatchDigest([5; 32]));
                digests.push(again);
                block.header.batches_root = batches_root(&digests, block.checkpoint.as_ref());
                block.batches = Bounded::new(digests).expect("few");
            }
        }
        vec![liar.propose(proposal)]
    }
}
