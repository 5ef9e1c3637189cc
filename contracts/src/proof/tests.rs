use super::*;
use crate::{
    block::GenesisPrefix,
    committee::Validator,
    example::{Committee, GENESIS_HASH, Vote, header, key, list, secret, transfer},
    keys::KeyError,
    ledger::{receipt::receipts_root, rejection::Rejection},
    merkle::{self, Root},
};

const START: u64 = 1_790_000_000_000;

fn first() -> Committee {
    Committee::new(&[(1, 1), (2, 1), (3, 1), (4, 1)])
}

/// Validator 1 has left, 5 has come.
fn second() -> Committee {
    Committee::new(&[(2, 1), (3, 1), (4, 1), (5, 1)])
}

fn third() -> Committee {
    Committee::new(&[(3, 1), (4, 1), (5, 1), (6, 3)])
}

fn trusted() -> TrustedSet {
    TrustedSet {
        genesis: GENESIS_HASH,
        validators: first().set,
        as_of: TimeMs(START),
        since: Height::GENESIS,
        earlier: Vec::new(),
    }
}

fn certified(committee: &Committee, header: Header) -> CertifiedHeader {
    let everyone: Vec<_> = (0..4).collect();
    CertifiedHeader {
        certificate: committee.certify(&header, &everyone),
        header,
    }
}

/// From one committee to another, `days` after the start.
fn handover(from: &Committee, to: &Committee, days: u64) -> Handover {
    let header = Header {
        height: Height(1000 * days),
        time_ms: TimeMs(START + days * 86_400_000),
        validators_hash: from.set.hash(),
        next_validators_hash: to.set.hash(),
        ..header()
    };
    Handover {
        last: certified(from, header),
        next: to.set.to_list(),
    }
}

fn payment() -> SignedTransaction {
    transfer().sign([&secret(50)]).expect("well-formed")
}

/// The payment's receipt is the third of five.
fn receipts() -> Vec<Receipt> {
    let receipt = |index: u32, id, outcome| Receipt::plain(Subject::Transaction(id), index, outcome);
    let refused = Outcome::Rejected {
        action: 1,
        reason: Rejection::InsufficientFunds,
    };
    vec![
        receipt(0, TxId([0; 32]), refused),
        receipt(1, TxId([1; 32]), Outcome::Applied),
        receipt(2, payment().id(), Outcome::Applied),
        receipt(3, TxId([3; 32]), refused),
        receipt(4, TxId([4; 32]), Outcome::Applied),
    ]
}

fn block_header(committee: &Committee, days: u64) -> Header {
    Header {
        height: Height(1000 * days + 1),
        time_ms: TimeMs(START + days * 86_400_000 + 1),
        receipts_root: receipts_root(&receipts()),
        validators_hash: committee.set.hash(),
        next_validators_hash: committee.set.hash(),
        ..header()
    }
}

fn path(index: usize) -> InclusionPath {
    let leaves: Vec<Root> = receipts().iter().map(Receipt::leaf).collect();
    merkle::path(&leaves, index)
}

fn proof(handovers: Vec<Handover>, committee: &Committee, days: u64) -> PaymentProof {
    PaymentProof {
        version: PROOF_VERSION,
        transaction: payment(),
        receipt: receipts()[2].clone(),
        path: path(2),
        block: certified(committee, block_header(committee, days)),
        handovers: list(handovers),
    }
}

/// Over two changes of validators, 20 days each.
fn long_proof() -> PaymentProof {
    let handovers = vec![handover(&first(), &second(), 20), handover(&second(), &third(), 40)];
    proof(handovers, &third(), 60)
}

fn check_refused(change: impl FnOnce(&mut PaymentProof), expected: ProofError) {
    let mut bad = long_proof();
    change(&mut bad);
    assert_eq!(bad.verify(&trusted()), Err(expected));
}

fn change_handover(proof: &mut PaymentProof, at: usize, change: impl FnOnce(&mut Handover)) {
    let mut handovers = proof.handovers.to_vec();
    change(&mut handovers[at]);
    proof.handovers = list(handovers);
}

#[test]
fn a_proof_shows_what_became_of_a_payment() {
    let short = proof(vec![], &first(), 1);
    let shown = short.verify(&trusted()).expect("a good proof");
    assert_eq!(
        shown,
        VerifiedPayment {
            id: payment().id(),
            outcome: Outcome::Applied,
            trades: Vec::new(),
            height: Height(1001),
            time_ms: TimeMs(START + 86_400_001),
            block: short.block.header.id(),
        }
    );
    let long = long_proof();
    assert_eq!(long.verify(&trusted()).map(|shown| shown.height), Ok(Height(60_001)));
    let json = serde_json::to_string(&long).expect("json");
    assert_eq!(serde_json::from_str::<PaymentProof>(&json).expect("json"), long);
}

#[test]
fn a_refusal_is_proved_like_a_payment() {
    let refused = Outcome::Rejected {
        action: 0,
        reason: Rejection::AccountNotActive,
    };
    let receipt = Receipt::plain(Subject::Transaction(payment().id()), 0, refused);
    let mut proof = proof(vec![], &first(), 1);
    let header = Header {
        receipts_root: receipt.leaf(),
        ..proof.block.header.clone()
    };
    proof.block = certified(&first(), header);
    proof.path = merkle::path(&[receipt.leaf()], 0);
    proof.receipt = receipt;
    assert_eq!(proof.verify(&trusted()).map(|shown| shown.outcome), Ok(refused));
}

/// The last leaf of three has the path of the second of two: the receipt's own index tells them apart.
#[test]
fn a_receipt_is_shown_in_its_own_place_only() {
    let subject = Subject::Transaction(payment().id());
    let applied = |index| Receipt::plain(subject, index, Outcome::Applied);
    let leaves: Vec<_> = (0..3).map(|index| applied(index).leaf()).collect();
    let mut proof = proof(vec![], &first(), 1);
    let header = Header {
        receipts_root: merkle::root(leaves.clone()),
        ..proof.block.header.clone()
    };
    proof.block = certified(&first(), header);
    proof.receipt = applied(2);
    proof.path = merkle::path(&leaves, 2);
    assert!(proof.verify(&trusted()).is_ok());
    proof.path.index = 1;
    proof.path.leaves = 2;
    assert_eq!(
        proof.path.root(proof.receipt.leaf()),
        Some(proof.block.header.receipts_root)
    );
    assert_eq!(proof.verify(&trusted()), Err(ProofError::NotInBlock));
}

#[test]
fn each_tampering_has_its_error() {
    check_refused(|proof| proof.version = 2, ProofError::Version(2));

    let actual = GenesisHash([9; 32]);
    let network = ProofError::OtherNetwork {
        expected: GENESIS_HASH,
        actual,
    };
    check_refused(|proof| proof.block.header.genesis = actual, network.clone());
    check_refused(
        |proof| change_handover(proof, 1, |h| h.last.header.genesis = actual),
        network,
    );

    let later = ProtocolVersion(PROTOCOL_MAX.0 + 1);
    let unknown = ProofError::ProtocolVersion(later);
    check_refused(|proof| proof.block.header.version = later, unknown.clone());
    check_refused(
        |proof| change_handover(proof, 0, |h| h.last.header.version = later),
        unknown.clone(),
    );
    assert_eq!(
        unknown.to_string(),
        "made by protocol version 3, and this program knows up to 2: update it"
    );

    // A header that is not the certified one, in whatever field.
    check_refused(
        |proof| proof.block.header.version = PROTOCOL_MAX,
        ProofError::OtherBlock,
    );
    check_refused(
        |proof| proof.block.header.receipts_root = Root([0; 32]),
        ProofError::OtherBlock,
    );
    check_refused(|proof| proof.block.header.state_hash.0[0] ^= 1, ProofError::OtherBlock);
    check_refused(|proof| proof.block.header.height = Height(1), ProofError::OtherBlock);
    check_refused(
        |proof| proof.block.certificate.height = Height(1),
        ProofError::OtherBlock,
    );
    check_refused(|proof| proof.block.certificate.block.0[0] ^= 1, ProofError::OtherBlock);
    check_refused(
        |proof| change_handover(proof, 0, |h| h.last.header.next_validators_hash = third().set.hash()),
        ProofError::OtherBlock,
    );

    check_refused(|proof| proof.handovers = list(vec![]), ProofError::OtherValidators);
    check_refused(
        |proof| change_handover(proof, 1, |h| h.next = first().set.to_list()),
        ProofError::OtherValidators,
    );
    check_refused(
        |proof| {
            let mut handovers = proof.handovers.to_vec();
            handovers.swap(0, 1);
            proof.handovers = list(handovers);
        },
        ProofError::OtherValidators,
    );
    check_refused(
        |proof| proof.block = certified(&first(), block_header(&first(), 60)),
        ProofError::OtherValidators,
    );

    check_refused(
        |proof| change_handover(proof, 0, |h| h.next = list(vec![])),
        ProofError::ValidatorSet(ValidatorSetError::Count(0)),
    );
    let weak = crate::example::small_order_keys()[0];
    check_refused(
        |proof| change_handover(proof, 0, |h| h.next = list(vec![Validator { key: weak, power: 1 }])),
        ProofError::ValidatorSet(ValidatorSetError::Key {
            key: weak,
            source: KeyError::SmallOrder,
        }),
    );

    check_refused(
        |proof| proof.transaction.transaction.genesis = GenesisPrefix([1; 8]),
        ProofError::Transaction(TransactionError::WrongGenesis {
            expected: GENESIS_HASH.prefix(),
            actual: GenesisPrefix([1; 8]),
        }),
    );
    check_refused(
        |proof| proof.transaction.transaction.memo = crate::example::text("August"),
        ProofError::Transaction(TransactionError::BadSignature { key: key(50) }),
    );

    let other = Subject::Transaction(TxId([1; 32]));
    check_refused(|proof| proof.receipt.subject = other, ProofError::OtherTransaction);
    check_refused(
        |proof| {
            proof.receipt = receipts()[1].clone();
            proof.path = path(1);
        },
        ProofError::OtherTransaction,
    );

    let refused = Outcome::Rejected {
        action: 0,
        reason: Rejection::UnknownAccount,
    };
    check_refused(|proof| proof.receipt.outcome = refused, ProofError::NotInBlock);
    check_refused(|proof| proof.receipt.index = 3, ProofError::NotInBlock);
    check_refused(|proof| proof.path.index = 3, ProofError::NotInBlock);
    check_refused(
        |proof| {
            proof.path.index = 3;
            proof.receipt.index = 3;
        },
        ProofError::NotInBlock,
    );
    check_refused(|proof| proof.path.leaves = 2, ProofError::NotInBlock);
    check_refused(|proof| proof.path = path(1), ProofError::NotInBlock);
    check_refused(|proof| proof.path.siblings = list(vec![]), ProofError::NotInBlock);
}

#[test]
fn certificates_of_block_and_handovers_are_checked() {
    let short = |committee: &Committee, last: &CertifiedHeader| committee.certify(&last.header, &[0, 1]);
    let too_little = ProofError::Certificate(CertificateError::NotEnoughPower { signed: 2, total: 4 });
    let mut bad = proof(vec![], &first(), 1);
    bad.block.certificate = short(&first(), &bad.block);
    assert_eq!(bad.verify(&trusted()), Err(too_little.clone()));
    check_refused(
        |proof| change_handover(proof, 0, |h| h.last.certificate = short(&first(), &h.last)),
        too_little.clone(),
    );
    check_refused(
        |proof| change_handover(proof, 1, |h| h.last.certificate = short(&second(), &h.last)),
        too_little,
    );

    // Signed by those who come, not by those who are trusted.
    check_refused(
        |proof| {
            change_handover(proof, 0, |h| {
                h.last.certificate = second().certify(&h.last.header, &[0, 1, 2, 3])
            })
        },
        ProofError::Certificate(CertificateError::BadSignature(0)),
    );
    // A prevote where a precommit should be.
    check_refused(
        |proof| {
            let vote = Vote {
                kind: crate::block::VoteKind::Prevote,
                ..Vote::for_header(&proof.block.header)
            };
            let mut signatures = proof.block.certificate.signatures.to_vec();
            signatures[2].signature = third().vote(2, &vote);
            proof.block.certificate.signatures = list(signatures);
        },
        ProofError::Certificate(CertificateError::BadSignature(2)),
    );
}

#[test]
fn trust_lapses_after_thirty_days_unless_renewed() {
    assert_eq!(
        proof(vec![], &first(), 29).verify(&trusted()).map(|shown| shown.height),
        Ok(Height(29_001))
    );
    assert_eq!(
        proof(vec![], &first(), 30).verify(&trusted()),
        Err(ProofError::TrustLapsed)
    );
    // A handover to the same validators renews it.
    let renewed = proof(vec![handover(&first(), &first(), 25)], &first(), 50);
    assert!(renewed.verify(&trusted()).is_ok());
    let late = proof(vec![handover(&first(), &second(), 31)], &second(), 32);
    assert_eq!(late.verify(&trusted()), Err(ProofError::TrustLapsed));
    // To the millisecond.
    for (past, expected) in [(TRUST_MS, true), (TRUST_MS + 1, false)] {
        let header = Header {
            time_ms: TimeMs(START + past),
            ..block_header(&first(), 1)
        };
        assert_eq!(trusted().check(&certified(&first(), header)).is_ok(), expected);
    }
}

#[test]
fn following_handovers_gives_the_set_that_decides_now() {
    let followed = trusted().follow(&long_proof().handovers).expect("good handovers");
    assert_eq!(followed.validators, third().set);
    assert_eq!(followed.as_of, TimeMs(START + 40 * 86_400_000));
    assert_eq!(trusted().follow(&[]), Ok(trusted()));
}

#[test]
fn changes_before_the_trusted_set_are_passed_over() {
    let handovers = long_proof().handovers;
    let half = trusted().follow(&handovers[..1]).expect("a good handover");
    assert_eq!(half.follow(&handovers), trusted().follow(&handovers));
    let stranger = TrustedSet {
        validators: Committee::new(&[(9, 1)]).set,
        ..trusted()
    };
    assert_eq!(stranger.follow(&handovers), Ok(stranger.clone()));
    assert_eq!(long_proof().verify(&stranger), Err(ProofError::OtherValidators));
}

/// A payment of just before a change is believed after it; what those who have left sign later is not.
#[test]
fn who_has_left_is_believed_for_blocks_of_their_time() {
    let followed = trusted().follow(&long_proof().handovers).expect("good handovers");
    let check = |committee: &Committee, days: u64, expected| {
        let shown = proof(vec![], committee, days).verify(&followed);
        assert_eq!(shown.map(|shown| shown.height.0), expected, "{days}");
    };
    check(&second(), 39, Ok(39_001));
    // The proof's block is a millisecond after the last one.
    check(&second(), 40, Err(ProofError::OtherValidators));
    check(&first(), 19, Ok(19_001));
    let mut later = followed.clone();
    later.hand_over(first().set, &handover(&third(), &first(), 51).last.header);
    let left = later.earlier.iter().map(|set| set.until.0 - START);
    assert_eq!(left.collect::<Vec<_>>(), [40 * 86_400_000, 51 * 86_400_000]);
}

/// The set that is back is not taken for itself before it left: its trust would end 30 days after that.
#[test]
fn validators_who_left_and_are_back_are_trusted_as_of_now() {
    let handovers = [handover(&first(), &second(), 5), handover(&second(), &first(), 10)];
    let mut trusted = trusted().follow(&handovers).expect("good handovers");
    assert_eq!(
        (trusted.since, trusted.as_of),
        (Height(10_000), TimeMs(START + 10 * 86_400_000))
    );
    let seen = TimeMs(START + 39 * 86_400_000);
    trusted.seen(seen);
    let until = trusted.earlier.iter().map(|set| (set.until.0 - START) / 86_400_000);
    assert_eq!(
        until.collect::<Vec<_>>(),
        [10],
        "the first time was more than 30 days ago"
    );
    assert_eq!(trusted.follow(&handovers), Ok(trusted.clone()));
    let late = proof(handovers.to_vec(), &first(), 60);
    assert_eq!(late.verify(&trusted).map(|shown| shown.height.0), Ok(60_001));
    // What it hands over now is followed, whatever it did the first time.
    let all = [handovers.to_vec(), vec![handover(&first(), &third(), 41)]].concat();
    let followed = trusted.follow(&all).expect("good handovers");
    assert_eq!((followed.since, followed.validators), (Height(41_000), third().set));
}

#[test]
fn a_genesis_vouched_for_today_stays_so_over_old_changes() {
    let mut vouched = trusted();
    vouched.seen(TimeMs(START + 100 * 86_400_000));
    let followed = vouched.follow(&long_proof().handovers).expect("good handovers");
    assert_eq!((followed.since, followed.as_of), (Height(40_000), vouched.as_of));
    assert!(followed.earlier.is_empty());
    assert!(followed.is_later_than(&vouched) && !vouched.is_later_than(&followed));
}

#[test]
fn changes_ascend_by_height() {
    let handovers = [handover(&first(), &second(), 20), handover(&second(), &first(), 10)];
    assert_eq!(trusted().follow(&handovers), Err(ProofError::Order));
}

/// Their blocks of before are believed, and a change is not: whoever takes their keys could write any time.
#[test]
fn who_has_left_hands_over_to_nobody() {
    let mut handovers = long_proof().handovers.into_vec();
    let stranger = Committee::new(&[(9, 1)]);
    handovers.push(handover(&first(), &stranger, 10));
    assert_eq!(trusted().follow(&handovers), Err(ProofError::OtherValidators));
}

#[test]
fn trust_begins_with_the_genesis() {
    let genesis = crate::example::genesis();
    let trusted = TrustedSet::of_genesis(&genesis).expect("a valid genesis");
    assert_eq!(trusted.genesis, genesis.hash());
    assert_eq!(trusted.as_of, genesis.time_ms);
    assert_eq!(trusted.validators, genesis.validator_set().expect("a valid set"));
}
