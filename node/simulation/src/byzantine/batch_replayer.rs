//! Has ordered again what was ordered: old batches in new blocks, old transactions in new batches.

use causeway_contracts::{
    block::{Batch, BatchDigest, HashedBatch, SignedBatch, batch::BATCH_VERSION, batches_root},
    codec::{self, Bounded},
    keys::Domain,
    transaction::SignedTransaction,
};

use super::{Byzantine, Liar};
use crate::env::Packet;

/// Transactions of one replayed batch.
const TRANSACTIONS_MAX: usize = 8;

/// Batches that it keeps.
const KEPT_MAX: usize = 32;

#[derive(Default)]
pub struct BatchReplayer {
    heard: Vec<Vec<u8>>,
}

impl BatchReplayer {
    fn transactions(&self) -> Vec<SignedTransaction> {
        let batches = self.heard.iter().filter_map(|bytes| {
            let batch: SignedBatch = codec::decode(bytes, bytes.len()).ok()?;
            Some(batch.batch.transactions.to_vec())
        });
        batches.flatten().take(TRANSACTIONS_MAX).collect()
    }
}

impl Byzantine for BatchReplayer {
    fn hear(&mut self, packet: &Packet) {
        if let Packet::Batch(bytes) = packet {
            if self.heard.len() == KEPT_MAX {
                self.heard.remove(KEPT_MAX / 2);
            }
            self.heard.push(bytes.clone());
        }
    }

    fn send(&mut self, liar: &mut Liar<'_>, _: usize, packet: Packet) -> Vec<Packet> {
        let chain = liar.database.chain();
        let old: Option<BatchDigest> = chain.iter().rev().find_map(|of| of.block.batches.first().copied());
        let fresh = liar
            .own_proposal(&packet)
            .filter(|proposal| proposal.lock_round.is_none());
        let (Some(mut proposal), Some(old)) = (fresh, old) else {
            return vec![packet];
        };
        if liar.chance.per_mille(500) {
            return vec![packet];
        }
        let mut digests = proposal.block.batches.to_vec();
        digests.push(old);
        proposal.block.header.batches_root = batches_root(&digests, proposal.block.checkpoint.as_ref());
        let Ok(digests) = Bounded::new(digests) else {
            return vec![packet];
        };
        proposal.block.batches = digests;
        let count = liar
            .database
            .batch(&old)
            .map_or(0, |batch| batch.batch.transactions.len());
        proposal.block.header.transaction_count += count as u32;
        vec![liar.propose(proposal)]
    }

    fn act(&mut self, liar: &mut Liar<'_>) -> Vec<(usize, Packet)> {
        if self.heard.is_empty() {
            return Vec::new();
        }
        let payload = if liar.chance.per_mille(500) {
            let at = liar.chance.index(self.heard.len());
            self.heard[at].clone()
        } else {
            let transactions = self.transactions();
            if transactions.is_empty() {
                return Vec::new();
            }
            let batch = HashedBatch::new(Batch {
                version: BATCH_VERSION,
                genesis: liar.genesis,
                author: liar.id,
                transactions: Bounded::new(transactions).expect("few"),
            });
            let signature = liar
                .signing
                .scheme
                .sign(liar.key, Domain::Batch, batch.digest().as_bytes());
            codec::encode(&batch.under(signature))
        };
        let packet = liar.lie(Packet::Batch(payload));
        (0..liar.nodes)
            .filter(|&to| to != liar.place)
            .map(|to| (to, packet.clone()))
            .collect()
    }
}
