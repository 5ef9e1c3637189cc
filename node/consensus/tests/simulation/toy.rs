//! Blocks without a ledger behind them.

use causeway_consensus::{Setup, Verdict};
use causeway_contracts::{
    block::{BLOCK_VERSION, Block, BlockId, GenesisHash, Header, Height, StateHash, TimeMs, batches_root},
    codec::Bounded,
    committee::{Validator, ValidatorId, ValidatorSet, rotation::Rotation},
    keys::SecretKey,
    merkle::Root,
};

pub const GENESIS: GenesisHash = GenesisHash([7; 32]);

/// A block with this many transactions is refused by all.
pub const REFUSED: u32 = 666;

pub fn key(index: usize) -> SecretKey {
    SecretKey::from_seed(&[index as u8 + 1; 32])
}

pub fn id(index: usize) -> ValidatorId {
    ValidatorId::of(&key(index).public_key())
}

/// Powers change at height 8, as they may with any block.
pub fn setup(height: Height, replicas: usize, rotation: Rotation) -> Setup {
    let power = |index: usize| if height.0 < 8 || index < 2 { 3 } else { 2 };
    let validators = (0..replicas)
        .map(|index| Validator {
            key: key(index).public_key(),
            power: power(index),
        })
        .collect();
    Setup {
        height,
        validators: ValidatorSet::new(validators).expect("keys differ"),
        rotation,
    }
}

pub struct Draft {
    pub height: Height,
    pub parent: BlockId,
    pub time: TimeMs,
    pub proposer: ValidatorId,
    pub salt: u64,
    pub transactions: u32,
}

pub fn block(draft: Draft) -> Block {
    let mut state = [0; 32];
    state[..8].copy_from_slice(&draft.salt.to_be_bytes());
    Block {
        header: Header {
            version: BLOCK_VERSION,
            genesis: GENESIS,
            height: draft.height,
            time_ms: draft.time,
            parent: draft.parent,
            proposer: draft.proposer,
            batches_root: batches_root(&[]),
            transaction_count: draft.transactions,
            receipts_root: Root([0; 32]),
            changes_root: Root([0; 32]),
            state_hash: StateHash(state),
            checkpoint_root: Root([0; 32]),
            validators_hash: Root([0; 32]),
            next_validators_hash: Root([0; 32]),
        },
        batches: Bounded::default(),
    }
}

pub fn execute(block: &Block, parent: BlockId) -> Verdict {
    if block.header.transaction_count == REFUSED || block.header.parent != parent {
        Verdict::Invalid
    } else {
        Verdict::Valid
    }
}
