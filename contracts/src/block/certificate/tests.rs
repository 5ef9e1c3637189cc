use super::*;
use crate::example::{Committee, GENESIS_HASH, Vote, header, list};

/// Seven validators, of powers 1 to 7 by their secret keys; their places in the set are another order.
fn weighted() -> Committee {
    Committee::new(&[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7)])
}

fn equal(count: u8) -> Committee {
    let members: Vec<_> = (1..=count).map(|number| (number, 1)).collect();
    Committee::new(&members)
}

fn places(mask: u16) -> Vec<u16> {
    (0..16).filter(|place| mask >> place & 1 == 1).collect()
}

#[test]
fn more_than_two_thirds_of_the_power_is_needed() {
    for count in 1..=7 {
        let committee = equal(count);
        for signers in 0..=u16::from(count) {
            let all: Vec<_> = (0..signers).collect();
            let certificate = committee.certify(&header(), &all);
            let expected = if 3 * signers > 2 * u16::from(count) {
                Ok(())
            } else {
                Err(CertificateError::NotEnoughPower {
                    signed: signers.into(),
                    total: count.into(),
                })
            };
            assert_eq!(
                certificate.verify(&GENESIS_HASH, &committee.set),
                expected,
                "{signers} of {count}"
            );
        }
    }
}

#[test]
fn power_counts_not_heads() {
    let committee = weighted();
    for mask in 0..1 << 7 {
        let signers = places(mask);
        let signed: u64 = signers
            .iter()
            .map(|&at| committee.set.get(at).expect("a member").power)
            .sum();
        let verdict = committee
            .certify(&header(), &signers)
            .verify(&GENESIS_HASH, &committee.set);
        // 28 in all: 19 is the least above two thirds.
        let expected = if signed >= 19 {
            Ok(())
        } else {
            Err(CertificateError::NotEnoughPower { signed, total: 28 })
        };
        assert_eq!(verdict, expected, "{signers:?}");
    }
}

#[test]
fn signers_ascend_each_once_and_belong_to_the_set() {
    let committee = equal(4);
    let good = committee.certify(&header(), &[0, 1, 2, 3]);
    let check = |order: &[usize], expected| {
        let signatures = order.iter().map(|&at| good.signatures[at].clone()).collect();
        let certificate = CommitCertificate {
            signatures: list(signatures),
            ..good.clone()
        };
        assert_eq!(certificate.verify(&GENESIS_HASH, &committee.set), expected, "{order:?}");
    };
    check(&[0, 1, 3], Ok(()));
    check(&[0, 2, 1], Err(CertificateError::SignersNotAscending));
    check(&[0, 1, 1], Err(CertificateError::SignersNotAscending));
    check(&[0, 0, 0, 0], Err(CertificateError::SignersNotAscending));

    for signer in [4, 255, u16::MAX] {
        let mut signatures = good.signatures.to_vec();
        signatures[3].signer = signer;
        let certificate = CommitCertificate {
            signatures: list(signatures),
            ..good.clone()
        };
        let verdict = certificate.verify(&GENESIS_HASH, &committee.set);
        assert_eq!(verdict, Err(CertificateError::UnknownSigner(signer)));
    }
}

/// One signature among good ones, over anything but this block's precommit.
#[test]
fn only_a_precommit_for_this_block_height_round_and_network_counts() {
    let committee = equal(4);
    let good = committee.certify(&header(), &[0, 1, 2]);
    let vote = Vote::for_header(&header());
    let check = |other: Vote| {
        let mut signatures = good.signatures.to_vec();
        signatures[1].signature = committee.vote(1, &other);
        let certificate = CommitCertificate {
            signatures: list(signatures),
            ..good.clone()
        };
        let verdict = certificate.verify(&GENESIS_HASH, &committee.set);
        assert_eq!(verdict, Err(CertificateError::BadSignature(1)));
    };
    check(Vote {
        block: None,
        ..vote.clone()
    });
    check(Vote {
        block: Some(BlockId([0; 32])),
        ..vote.clone()
    });
    check(Vote {
        round: 0,
        ..vote.clone()
    });
    check(Vote {
        height: Height(301),
        ..vote.clone()
    });
    check(Vote {
        genesis: GenesisHash([0; 32]),
        ..vote.clone()
    });
    check(Vote {
        kind: VoteKind::Prevote,
        ..vote.clone()
    });

    // Another member's good signature does not count as this one's.
    let mut signatures = good.signatures.to_vec();
    signatures[1].signature = signatures[0].signature;
    let certificate = CommitCertificate {
        signatures: list(signatures),
        ..good.clone()
    };
    assert_eq!(
        certificate.verify(&GENESIS_HASH, &committee.set),
        Err(CertificateError::BadSignature(1))
    );

    // The same bytes signed for another purpose.
    let message = vote_message(&vote.genesis, vote.kind, vote.height, vote.round, vote.block.as_ref());
    let mut signatures = good.signatures.to_vec();
    signatures[2].signature = committee.secrets[2].sign(Domain::Proposal, &message);
    let certificate = CommitCertificate {
        signatures: list(signatures),
        ..good.clone()
    };
    assert_eq!(
        certificate.verify(&GENESIS_HASH, &committee.set),
        Err(CertificateError::BadSignature(2))
    );
}

#[test]
fn changing_what_a_certificate_says_breaks_every_signature() {
    let committee = equal(4);
    let good = committee.certify(&header(), &[0, 1, 2]);
    let check = |changed: CommitCertificate| {
        let verdict = changed.verify(&GENESIS_HASH, &committee.set);
        assert_eq!(verdict, Err(CertificateError::BadSignature(0)));
    };
    check(CommitCertificate {
        height: Height(299),
        ..good.clone()
    });
    check(CommitCertificate {
        round: 2,
        ..good.clone()
    });
    check(CommitCertificate {
        block: BlockId([1; 32]),
        ..good.clone()
    });
    let other_network = good.verify(&GenesisHash([1; 32]), &committee.set);
    assert_eq!(other_network, Err(CertificateError::BadSignature(0)));
    let other_set = Committee::new(&[(11, 1), (12, 1), (13, 1), (14, 1)]).set;
    assert_eq!(
        good.verify(&GENESIS_HASH, &other_set),
        Err(CertificateError::BadSignature(0))
    );
}

#[test]
fn the_bytes_of_a_vote() {
    let genesis = GenesisHash([0xaa; 32]);
    let block = BlockId([0xbb; 32]);
    let message = vote_message(&genesis, VoteKind::Precommit, Height(0x0102), 0x0304, Some(&block));
    let expected = [
        &[0xaa; 32][..],
        &[2],
        &[0, 0, 0, 0, 0, 0, 1, 2],
        &[0, 0, 3, 4],
        &[1],
        &[0xbb; 32],
    ]
    .concat();
    assert_eq!(message.as_slice(), expected);
    let nil = vote_message(&genesis, VoteKind::Prevote, Height(0x0102), 0x0304, None);
    let expected = [
        &[0xaa; 32][..],
        &[1],
        &[0, 0, 0, 0, 0, 0, 1, 2],
        &[0, 0, 3, 4],
        &[0; 33],
    ]
    .concat();
    assert_eq!(nil.as_slice(), expected);
}
