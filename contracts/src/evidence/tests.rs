use super::*;
use crate::{
    codec,
    committee::Validator,
    example::{GENESIS_HASH, double_proposal, double_vote, key, secret, signed_proposal, signed_vote, turn},
};

const HEIGHT: Height = Height(300);
const A: BlockId = BlockId([1; 32]);
const B: BlockId = BlockId([2; 32]);

fn set() -> ValidatorSet {
    let members = (1..=4).map(|number| Validator {
        key: key(number),
        power: 1,
    });
    ValidatorSet::new(members.collect()).expect("a set")
}

fn check(evidence: &Evidence, expected: Result<(), EvidenceError>) {
    assert_eq!(evidence.verify(&GENESIS_HASH, &set()), expected, "{evidence:?}");
}

fn vote(kind: VoteKind, block: Option<BlockId>) -> SignedVote {
    signed_vote(&GENESIS_HASH, &secret(1), kind, HEIGHT, block)
}

fn proposal(lock_round: Option<u32>, block: BlockId) -> SignedProposal {
    signed_proposal(&GENESIS_HASH, &secret(1), HEIGHT, lock_round, block)
}

#[test]
fn two_votes_of_one_step_convict() {
    let turn = turn(&secret(1), HEIGHT);
    for kind in [VoteKind::Prevote, VoteKind::Precommit] {
        for pair in [[None, Some(A)], [Some(A), Some(B)]] {
            let votes = pair.map(|block| vote(kind, block));
            let evidence = Evidence::of_votes(turn, kind, votes.clone()).expect("two different ones");
            check(&evidence, Ok(()));
            let [one, other] = votes;
            assert_eq!(
                Evidence::of_votes(turn, kind, [other, one]),
                Ok(evidence),
                "in either order"
            );
        }
        for block in [None, Some(A)] {
            let same = [(); 2].map(|()| vote(kind, block));
            assert_eq!(Evidence::of_votes(turn, kind, same), Err(EvidenceError::Same));
        }
    }
}

#[test]
fn two_proposals_of_one_round_convict() {
    let turn = turn(&secret(1), HEIGHT);
    let pairs = [
        [(None, A), (None, B)],
        [(None, A), (Some(0), A)],
        [(Some(0), A), (Some(1), A)],
        [(None, B), (Some(1), A)],
    ];
    for pair in pairs {
        let [one, other] = pair.map(|(lock, block)| proposal(lock, block));
        let evidence = Evidence::of_proposals(turn, [one.clone(), other.clone()]).expect("two different ones");
        check(&evidence, Ok(()));
        assert_eq!(
            Evidence::of_proposals(turn, [other, one]),
            Ok(evidence),
            "in either order"
        );
    }
    // The same block said again with the same proof-of-lock round, even under another good signature.
    for lock in [None, Some(1)] {
        let mut again = proposal(lock, A);
        again.signature.0[0] ^= 1;
        let pair = [proposal(lock, A), again];
        assert_eq!(Evidence::of_proposals(turn, pair), Err(EvidenceError::Same));
    }
}

#[test]
fn each_defect_is_named() {
    let good = || double_vote(&GENESIS_HASH, &secret(1), VoteKind::Precommit, HEIGHT);
    let change = |change: fn(&mut Evidence), expected| {
        let mut evidence = good();
        change(&mut evidence);
        check(&evidence, Err(expected));
    };
    check(&good(), Ok(()));
    check(&double_proposal(&GENESIS_HASH, &secret(1), HEIGHT), Ok(()));
    change(|it| it.version = 2, EvidenceError::Version(2));
    let stranger = ValidatorId::of(&key(9));
    change(
        |it| it.validator = ValidatorId::of(&key(9)),
        EvidenceError::NotAValidator(stranger),
    );
    change(
        |it| {
            let Conflict::Precommits { first, second } = &mut it.conflict else {
                unreachable!("as it was made")
            };
            std::mem::swap(first, second);
        },
        EvidenceError::Order,
    );
    change(
        |it| {
            let Conflict::Precommits { first, second } = &mut it.conflict else {
                unreachable!("as it was made")
            };
            *second = first.clone();
        },
        EvidenceError::Same,
    );
    // Signed for another height, round, kind or network, or by another.
    change(|it| it.height = Height(301), EvidenceError::FirstSignature);
    change(|it| it.round = 1, EvidenceError::FirstSignature);
    change(
        |it| it.validator = ValidatorId::of(&key(2)),
        EvidenceError::FirstSignature,
    );
    change(
        |it| {
            let Conflict::Precommits { first, second } = it.conflict.clone() else {
                unreachable!("as it was made")
            };
            it.conflict = Conflict::Prevotes { first, second };
        },
        EvidenceError::FirstSignature,
    );
    change(
        |it| {
            let Conflict::Precommits { second, .. } = &mut it.conflict else {
                unreachable!("as it was made")
            };
            second.block = Some(A);
        },
        EvidenceError::SecondSignature,
    );
    let elsewhere = double_vote(&GenesisHash([1; 32]), &secret(1), VoteKind::Precommit, HEIGHT);
    check(&elsewhere, Err(EvidenceError::FirstSignature));
    let mut proposals = double_proposal(&GENESIS_HASH, &secret(1), HEIGHT);
    let Conflict::Proposals { second, .. } = &mut proposals.conflict else {
        unreachable!("as it was made")
    };
    second.lock_round = Some(0);
    check(&proposals, Err(EvidenceError::SecondSignature));
}

#[test]
fn whose_rule_decides_is_the_callers_choice() {
    let mut evidence = double_vote(&GENESIS_HASH, &secret(1), VoteKind::Prevote, HEIGHT);
    evidence.round = 3;
    assert_eq!(evidence.verify_with(&GENESIS_HASH, &key(1), |_| true), Ok(()));
    let stranger = evidence.verify_with(&GENESIS_HASH, &key(2), |_| true);
    assert_eq!(stranger, Err(EvidenceError::NotAValidator(evidence.validator)));
    let mut asked = std::cell::Cell::new(0);
    let refused = evidence.verify_with(&GENESIS_HASH, &key(1), |signed| {
        asked.set(asked.get() + 1);
        assert_eq!((signed.key, signed.domain), (key(1), Domain::Vote));
        false
    });
    assert_eq!(refused, Err(EvidenceError::FirstSignature));
    assert!(*asked.get_mut() <= 2);
}

#[test]
fn the_longest_has_240_bytes() {
    let one = |lock_round| SignedProposal {
        lock_round: Some(lock_round),
        block: A,
        signature: Signature([1; 64]),
    };
    let longest = Evidence {
        version: EVIDENCE_VERSION,
        validator: ValidatorId([1; 20]),
        height: Height(u64::MAX),
        round: u32::MAX,
        conflict: Conflict::Proposals {
            first: one(u32::MAX - 1),
            second: one(u32::MAX),
        },
    };
    assert_eq!(codec::encoded_len(&longest), 240);
}
