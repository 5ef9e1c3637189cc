use causeway_contracts::{
    block::{BatchDigest, Header, StateHash, TimeMs, batches_root},
    merkle::Root,
    protocol::PROTOCOL_MIN,
};

use super::*;

fn block(height: u64) -> Block {
    let batches = vec![BatchDigest([9; 32])];
    Block {
        header: Header {
            version: PROTOCOL_MIN,
            genesis: GenesisHash([1; 32]),
            height: Height(height),
            time_ms: TimeMs(5),
            parent: BlockId([2; 32]),
            proposer: ValidatorId([3; 20]),
            batches_root: batches_root(&batches, None),
            transaction_count: 1,
            receipts_root: Root([4; 32]),
            changes_root: Root([5; 32]),
            state_hash: StateHash([6; 32]),
            checkpoint_root: Root([7; 32]),
            validators_hash: Root([8; 32]),
            next_validators_hash: Root([8; 32]),
        },
        batches: Bounded::new(batches).expect("one"),
        checkpoint: None,
    }
}

fn vote() -> Vote {
    Vote {
        kind: VoteKind::Precommit,
        height: Height(7),
        round: 300,
        block: Some(BlockId([0x11; 32])),
        validator: ValidatorId([0x22; 20]),
        signature: Signature([0x33; 64]),
    }
}

fn proposal() -> Proposal {
    Proposal {
        height: Height(7),
        round: 2,
        lock_round: Some(1),
        block: block(7),
        validator: ValidatorId([0x22; 20]),
        signature: Signature([0x33; 64]),
    }
}

fn polka(validators: &[u8]) -> PolkaCertificate {
    let signature = |byte: &u8| PolkaSignature {
        validator: ValidatorId([*byte; 20]),
        signature: Signature([0x33; 64]),
    };
    PolkaCertificate {
        height: Height(7),
        round: 0,
        block: BlockId([0x11; 32]),
        signatures: Bounded::new(validators.iter().map(signature).collect()).expect("few"),
    }
}

fn round_certificate() -> RoundCertificate {
    let signature = RoundSignature {
        validator: ValidatorId([0x22; 20]),
        kind: VoteKind::Prevote,
        block: None,
        signature: Signature([0x33; 64]),
    };
    RoundCertificate {
        height: Height(7),
        round: 3,
        kind: RoundCertificateKind::Precommit,
        signatures: Bounded::new(vec![signature]).expect("one"),
    }
}

fn repeated(byte: u8, count: usize) -> String {
    hex(&vec![byte; count])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn check(message: Message, golden: &[&str]) {
    let bytes = message.encode();
    assert_eq!(hex(&bytes), golden.concat());
    assert_eq!(Message::decode(&bytes), Ok(message));
}

#[test]
fn golden_bytes() {
    let (id, validator, signature) = (repeated(0x11, 32), repeated(0x22, 20), repeated(0x33, 64));
    let encoded_block = hex(&codec::encode(&block(7)));
    check(
        Message::Vote(vote()),
        &["00", "01", "07", "fb2c01", "01", &id, &validator, &signature],
    );
    check(
        Message::Proposal(Box::new(proposal())),
        &["01", "07", "02", "0101", &encoded_block, &validator, &signature],
    );
    check(
        Message::Polka(polka(&[0x22])),
        &["02", "07", "00", &id, "01", &validator, &signature],
    );
    check(
        Message::Round(round_certificate()),
        &["03", "07", "03", "01", "01", &validator, "00", "00", &signature],
    );
}

#[test]
fn golden_signed_bytes_of_a_proposal() {
    let genesis = GenesisHash([1; 32]);
    let id = BlockId([0x11; 32]);
    let start = [repeated(1, 32), "0000000000000007".to_owned(), "00000002".to_owned()].concat();
    let locked = proposal_message(&genesis, Height(7), 2, Some(1), &id);
    assert_eq!(hex(&locked), [&start, "0100000001", &repeated(0x11, 32)].concat());
    let fresh = proposal_message(&genesis, Height(7), 2, None, &id);
    assert_eq!(hex(&fresh), [&start, "0000000000", &repeated(0x11, 32)].concat());
}

#[track_caller]
fn check_refused(message: Message, error: MessageError) {
    assert_eq!(Message::decode(&message.encode()), Err(error));
}

#[test]
fn what_no_honest_validator_sends_is_refused() {
    let round = ROUND_MAX + 1;
    check_refused(Message::Vote(Vote { round, ..vote() }), MessageError::Round(round));
    for lock_round in [2, 3] {
        let lock_round = Some(lock_round);
        check_refused(
            Message::Proposal(Box::new(Proposal {
                lock_round,
                ..proposal()
            })),
            MessageError::LockRound,
        );
    }
    check_refused(
        Message::Proposal(Box::new(Proposal {
            block: block(8),
            ..proposal()
        })),
        MessageError::BlockHeight,
    );
    let mut other_batches = proposal();
    other_batches.block.batches = Bounded::default();
    check_refused(Message::Proposal(Box::new(other_batches)), MessageError::Batches);
    for validators in [[2, 1], [1, 1]] {
        check_refused(Message::Polka(polka(&validators)), MessageError::SignersNotAscending);
    }
}

#[test]
fn other_bytes_are_refused() {
    let good = Message::Vote(vote()).encode();
    for cut in 0..good.len() {
        assert!(
            matches!(Message::decode(&good[..cut]), Err(MessageError::Decode(_))),
            "{cut}"
        );
    }
    let long = [good.as_slice(), &[0]].concat();
    assert_eq!(Message::decode(&long), Err(DecodeError::Trailing(1).into()));
    let huge = vec![0; MESSAGE_BYTES_MAX + 1];
    assert!(matches!(
        Message::decode(&huge),
        Err(MessageError::Decode(DecodeError::TooLong { .. }))
    ));
    let mut wasteful = good;
    wasteful.splice(2..3, [0xfb, 7, 0]);
    assert_eq!(Message::decode(&wasteful), Err(DecodeError::NotCanonical.into()));
}

#[test]
fn the_longest_messages_fit() {
    let mut longest = round_certificate();
    let signature = |index: usize| {
        let mut validator = [0; 20];
        validator[..2].copy_from_slice(&(index as u16).to_be_bytes());
        RoundSignature {
            validator: ValidatorId(validator),
            kind: VoteKind::Precommit,
            block: Some(BlockId([0x11; 32])),
            signature: Signature([0x33; 64]),
        }
    };
    longest.signatures = Bounded::new((0..VALIDATORS_MAX).map(signature).collect()).expect("the most");
    let longest = Message::Round(longest);
    assert_eq!(Message::decode(&longest.encode()), Ok(longest));
}
