//! What validators tell and ask each other besides consensus messages and batches, in canonical bytes:
//! how high they are, blocks with their certificates and snapshots, to catch up, and batches that did not
//! arrive.

use bincode::{Decode, Encode};
use causeway_contracts::{
    block::{BATCHES_MAX, BatchDigest, Block, CheckpointCertificate, CommitCertificate, Height, SignedBatch},
    codec::{self, Bounded, DecodeError},
    proof::Handover,
    snapshot::{Chunk, Manifest, SNAPSHOT_HANDOVERS_MAX},
};

use crate::checkpoints::SignedRoot;

pub const FETCH_REQUEST_BYTES_MAX: usize = 16 * 1024;
pub const FETCH_RESPONSE_BYTES_MAX: usize = 8 * 1024 * 1024;

const STATUS_BYTES_MAX: usize = 128;

/// Blocks in one answer: 64 of 32 KiB, each with a certificate of up to 17 KiB, are about 3 MiB.
pub const BLOCKS_MAX: usize = 64;

/// Room for what stands around the batches in an answer.
const MARGIN_BYTES: usize = 1024;

/// Said to every validator again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PeerStatus {
    /// The last block that is durable there.
    pub height: Height,
    /// The last that it signed, of its state after the first block of a period.
    pub checkpoint: Option<SignedRoot>,
}

impl PeerStatus {
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, STATUS_BYTES_MAX)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum FetchRequest {
    /// Committed blocks from this height on, at most `count` of them and at most [`BLOCKS_MAX`].
    Blocks {
        from: Height,
        count: u16,
    },
    Batches {
        digests: Bounded<BatchDigest, BATCHES_MAX>,
    },
    /// The last snapshot whose root is certified.
    Snapshot,
    /// A part of the snapshot of that height.
    Chunk {
        height: Height,
        index: u32,
    },
}

/// Answers a request of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum FetchResponse {
    /// In order, without gaps; fewer where the answerer has no more.
    Blocks(Bounded<CertifiedBlock, BLOCKS_MAX>),
    /// Those that the answerer has, in the order asked, as many as fit; the rest is to be asked for again.
    Batches(Bounded<SignedBatch, BATCHES_MAX>),
    /// None if the answerer has none, or one that does not fit an answer.
    Snapshot(Option<Box<SnapshotOffer>>),
    /// None if the answerer has not, or no longer, such a snapshot.
    Chunk(Option<Chunk>),
}

/// A snapshot that is to be had, and all that it takes to believe it who trusts the genesis.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SnapshotOffer {
    pub manifest: Manifest,
    /// After which the state was this.
    pub block: CertifiedBlock,
    /// For the manifest's root, by those who decided the block that carries it.
    pub certificate: CheckpointCertificate,
    /// From the genesis to those who decided that block.
    pub handovers: Bounded<Handover, SNAPSHOT_HANDOVERS_MAX>,
}

/// A block that is final.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct CertifiedBlock {
    pub block: Block,
    pub certificate: CommitCertificate,
}

impl FetchRequest {
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, FETCH_REQUEST_BYTES_MAX)
    }
}

impl FetchResponse {
    /// # Panics
    /// If there are more than [`BLOCKS_MAX`].
    pub fn blocks(blocks: Vec<CertifiedBlock>) -> Self {
        Self::Blocks(Bounded::new(blocks).expect("as many as were asked for, and no more"))
    }

    /// As many batches from the first on as fit in an answer.
    pub fn batches(batches: impl IntoIterator<Item = SignedBatch>) -> Self {
        let mut room = FETCH_RESPONSE_BYTES_MAX - MARGIN_BYTES;
        let mut fitting = Vec::new();
        for batch in batches.into_iter().take(BATCHES_MAX) {
            let bytes = codec::encode(&batch).len();
            if bytes > room {
                break;
            }
            room -= bytes;
            fitting.push(batch);
        }
        Self::Batches(Bounded::new(fitting).expect("no more than were taken"))
    }

    /// None if it does not fit, which takes hundreds of changes of very many validators.
    pub fn snapshot(offer: Option<SnapshotOffer>) -> Self {
        let fits = |offer: &SnapshotOffer| codec::encode(offer).len() <= FETCH_RESPONSE_BYTES_MAX - MARGIN_BYTES;
        Self::Snapshot(offer.filter(fits).map(Box::new))
    }

    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode(bytes, FETCH_RESPONSE_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        block::{Batch, BlockId, CommitSignature, GenesisHash, batch::BATCH_VERSION},
        committee::ValidatorId,
        keys::{SecretKey, Signature},
        merkle::Root,
    };

    use super::*;

    #[test]
    fn golden_status() {
        let status = PeerStatus {
            height: Height(300),
            checkpoint: None,
        };
        assert_eq!(status.encode(), [0xfb, 0x2c, 1, 0]);
        assert_eq!(PeerStatus::decode(&[0xfb, 0x2c, 1, 0]), Ok(status));
        let signed = PeerStatus {
            checkpoint: Some(SignedRoot {
                height: Height(u64::MAX),
                root: Root([7; 32]),
                signature: Signature([8; 64]),
            }),
            ..status
        };
        let expected = [&[0xfb, 0x2c, 1, 1, 0xfd][..], &[0xff; 8], &[7; 32], &[8; 64]];
        assert_eq!(signed.encode(), expected.concat());
        assert_eq!(PeerStatus::decode(&signed.encode()), Ok(signed));
    }

    #[test]
    fn golden_requests() {
        let blocks = FetchRequest::Blocks {
            from: Height(300),
            count: 64,
        };
        assert_eq!(blocks.encode(), [0, 0xfb, 0x2c, 1, 64]);
        let digests = Bounded::new(vec![BatchDigest([9; 32])]).expect("one");
        let batches = FetchRequest::Batches { digests };
        assert_eq!(batches.encode(), [&[1, 1][..], &[9; 32]].concat());
        let snapshot = FetchRequest::Snapshot;
        assert_eq!(snapshot.encode(), [2]);
        let chunk = FetchRequest::Chunk {
            height: Height(300),
            index: 7,
        };
        assert_eq!(chunk.encode(), [3, 0xfb, 0x2c, 1, 7]);
        for request in [blocks, batches, snapshot, chunk] {
            assert_eq!(FetchRequest::decode(&request.encode()), Ok(request));
        }
    }

    #[test]
    fn the_longest_request_fits() {
        let digests = Bounded::new(vec![BatchDigest([9; 32]); BATCHES_MAX]).expect("the most");
        let longest = FetchRequest::Batches { digests };
        assert_eq!(FetchRequest::decode(&longest.encode()), Ok(longest));
    }

    #[test]
    fn a_certificate_of_the_largest_set_is_short_enough_for_a_full_answer() {
        let signature = CommitSignature {
            signer: u16::MAX,
            signature: Signature([1; 64]),
        };
        let certificate = CommitCertificate {
            height: Height(u64::MAX),
            round: u32::MAX,
            block: BlockId([1; 32]),
            signatures: Bounded::new(vec![signature; 256]).expect("the most"),
        };
        let block = causeway_contracts::block::BLOCK_BYTES_MAX + codec::encode(&certificate).len();
        assert!(BLOCKS_MAX * block + 16 <= FETCH_RESPONSE_BYTES_MAX);
    }

    #[test]
    fn golden_answers_without_a_snapshot_and_room_for_the_longest_chunk() {
        assert_eq!(FetchResponse::snapshot(None).encode(), [2, 0]);
        assert_eq!(FetchResponse::Chunk(None).encode(), [3, 0]);
        let empty = FetchResponse::Chunk(Some(Chunk::default()));
        assert_eq!(empty.encode(), [3, 1, 0]);
        const { assert!(causeway_contracts::snapshot::CHUNK_BYTES_MAX + 2 <= FETCH_RESPONSE_BYTES_MAX) };
    }

    #[test]
    fn an_answer_holds_the_batches_that_fit() {
        let batch = Batch {
            version: BATCH_VERSION,
            genesis: GenesisHash([1; 32]),
            author: ValidatorId([2; 20]),
            transactions: Bounded::default(),
        };
        let batch = SignedBatch::seal(batch, &SecretKey::from_seed(&[1; 32]));
        let FetchResponse::Batches(fitting) = FetchResponse::batches(vec![batch.clone(); 300]) else {
            panic!("batches were asked for");
        };
        assert_eq!(fitting.len(), BATCHES_MAX);
        let response = FetchResponse::batches([batch]);
        assert_eq!(FetchResponse::decode(&response.encode()), Ok(response));
    }
}
