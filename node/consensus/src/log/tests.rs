use causeway_contracts::{
    block::{BlockId, GenesisHash, Header, StateHash, TimeMs, batches_root},
    codec::Bounded,
    merkle::Root,
    protocol::PROTOCOL_MIN,
};

use super::*;

fn block() -> Block {
    Block {
        header: Header {
            version: PROTOCOL_MIN,
            genesis: GenesisHash([1; 32]),
            height: Height(7),
            time_ms: TimeMs(5),
            parent: BlockId([2; 32]),
            proposer: ValidatorId([3; 20]),
            batches_root: batches_root(&[], None),
            transaction_count: 0,
            receipts_root: Root([4; 32]),
            changes_root: Root([5; 32]),
            state_hash: StateHash([6; 32]),
            checkpoint_root: Root([7; 32]),
            validators_hash: Root([8; 32]),
            next_validators_hash: Root([8; 32]),
        },
        batches: Bounded::default(),
        checkpoint: None,
    }
}

#[track_caller]
fn check(entry: LogEntry, golden: &[&[u8]]) {
    let bytes = entry.encode();
    assert_eq!(bytes, golden.concat());
    assert_eq!(LogEntry::decode(&bytes), Ok(entry));
}

#[test]
fn golden_bytes() {
    let timer = Timer {
        height: Height(7),
        round: 2,
        kind: TimerKind::Precommit,
    };
    check(LogEntry::Timeout(timer), &[&[2, 7, 2, 2]]);
    let judged = JudgedValue {
        height: Height(7),
        round: 2,
        lock_round: None,
        proposer: ValidatorId([3; 20]),
        block: block(),
        valid: true,
    };
    check(
        LogEntry::Value(Box::new(judged)),
        &[&[3, 7, 2, 0], &[3; 20], &codec::encode(&block()), &[1]],
    );
    let polka = PolkaCertificate {
        height: Height(7),
        round: 2,
        block: BlockId([9; 32]),
        signatures: Bounded::default(),
    };
    check(LogEntry::Polka(polka.clone()), &[&[4], &codec::encode(&polka)]);
}
