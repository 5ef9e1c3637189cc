//! Says that it is far ahead, and gives blocks that are not final and snapshots of another state to whoever
//! asks.

use causeway_consensus::wire::{CertifiedBlock, FetchResponse, PeerStatus, SnapshotOffer};
use causeway_contracts::{codec::Bounded, snapshot::Chunk};

use super::{Byzantine, Liar};
use crate::env::Packet;

pub struct LyingPeer;

impl LyingPeer {
    fn falsify(liar: &mut Liar<'_>, certified: &mut CertifiedBlock) {
        match liar.chance.below(5) {
            0 => certified.block.header.time_ms.0 += 1,
            1 => {
                // A certificate of its own for a block of its own.
                certified.block.header.state_hash.0[0] ^= 1;
                certified.certificate.block = certified.block.id();
            }
            2 => {
                let mut signatures = certified.certificate.signatures.to_vec();
                signatures.truncate(1);
                certified.certificate.signatures = Bounded::new(signatures).expect("fewer than before");
            }
            3 => {
                let mut signatures = certified.certificate.signatures.to_vec();
                if let Some(first) = signatures.first_mut() {
                    first.signature.0[0] ^= 1;
                }
                certified.certificate.signatures = Bounded::new(signatures).expect("as many as before");
            }
            _ => certified.block.header.height = certified.block.header.height.next(),
        }
    }

    /// Mostly the offer is good, so that it is asked for chunks.
    fn falsify_offer(liar: &mut Liar<'_>, offer: &mut SnapshotOffer) {
        match liar.chance.below(12) {
            0 => offer.certificate.root.0[0] ^= 1,
            1 => offer.manifest.height = offer.manifest.height.next(),
            2 => Self::falsify(liar, &mut offer.block),
            // The tree over the chunks stays the certified one.
            3 => offer.manifest.entries += 1,
            _ => {}
        }
    }

    fn falsify_chunk(liar: &mut Liar<'_>, chunk: &Chunk) -> Chunk {
        let mut entries = chunk.entries.to_vec();
        let at = liar.chance.index(entries.len());
        if liar.chance.per_mille(500) {
            entries.remove(at);
        } else {
            let other = liar.chance.index(entries.len());
            entries.swap(at, other);
        }
        Chunk {
            entries: Bounded::new(entries).expect("no more than before"),
        }
    }
}

impl Byzantine for LyingPeer {
    fn send(&mut self, liar: &mut Liar<'_>, _: usize, packet: Packet) -> Vec<Packet> {
        match &packet {
            Packet::Status(bytes) => {
                let mut status = PeerStatus::decode(bytes).expect("its own");
                status.height.0 += liar.chance.below(1_000);
                vec![liar.lie(Packet::Status(status.encode()))]
            }
            Packet::Answer(number, Some(bytes)) => {
                let false_answer = match FetchResponse::decode(bytes) {
                    Ok(FetchResponse::Blocks(blocks)) if !blocks.is_empty() => {
                        let mut blocks = blocks.into_vec();
                        let at = liar.chance.index(blocks.len());
                        Self::falsify(liar, &mut blocks[at]);
                        FetchResponse::blocks(blocks)
                    }
                    Ok(FetchResponse::Blocks(_)) => {
                        let all = liar.database.chain();
                        FetchResponse::blocks(all.iter().take(3).cloned().collect())
                    }
                    Ok(FetchResponse::Snapshot(Some(mut offer))) => {
                        Self::falsify_offer(liar, &mut offer);
                        FetchResponse::snapshot(Some(*offer))
                    }
                    // What it offered it does not have.
                    Ok(FetchResponse::Chunk(Some(_))) if liar.chance.per_mille(400) => FetchResponse::Chunk(None),
                    Ok(FetchResponse::Chunk(Some(chunk))) => {
                        FetchResponse::Chunk(Some(Self::falsify_chunk(liar, &chunk)))
                    }
                    // A batch that was not asked for, or none.
                    _ => FetchResponse::batches(liar.database.unordered().take(1).cloned()),
                };
                vec![liar.lie(Packet::Answer(*number, Some(false_answer.encode())))]
            }
            _ => vec![packet],
        }
    }
}
