use super::*;
use crate::example::{Committee, GENESIS_HASH, secret};

fn statement() -> Statement {
    Statement {
        genesis: GENESIS_HASH,
        height: Height(9),
        time_ms: TimeMs(1_790_000_000_000),
        answer: Answer::NoReceipt(TxId([4; 32])),
    }
}

#[test]
fn a_statement_counts_with_its_validators_power() {
    let committee = Committee::new(&[(1, 5), (2, 7)]);
    for (secret, (_, validator)) in committee.secrets.iter().zip(committee.set.iter()) {
        let signed = statement().sign(secret);
        assert_eq!(signed.verify(&GENESIS_HASH, &committee.set), Ok(validator.power));
    }
}

#[test]
fn each_defect_has_its_error() {
    let committee = Committee::new(&[(1, 5), (2, 7)]);
    let check = |signed: &SignedStatement, expected| {
        assert_eq!(signed.verify(&GENESIS_HASH, &committee.set), Err(expected));
    };
    let other = GenesisHash([0; 32]);
    check(
        &Statement {
            genesis: other,
            ..statement()
        }
        .sign(&secret(1)),
        StatementError::OtherNetwork(other),
    );
    let stranger = statement().sign(&secret(3));
    check(&stranger, StatementError::NotAValidator(stranger.validator));

    let good = statement().sign(&secret(1));
    let bad = StatementError::Signature(BadSignature);
    check(
        &SignedStatement {
            validator: ValidatorId::of(&secret(2).public_key()),
            ..good.clone()
        },
        bad.clone(),
    );
    for changed in [
        Statement {
            height: Height(10),
            ..statement()
        },
        Statement {
            time_ms: TimeMs(0),
            ..statement()
        },
        Statement {
            answer: Answer::NoReceipt(TxId([5; 32])),
            ..statement()
        },
        Statement {
            answer: Answer::NoAccount(AccountId([4; 20])),
            ..statement()
        },
    ] {
        check(
            &SignedStatement {
                statement: changed,
                ..good.clone()
            },
            bad.clone(),
        );
    }
    let mut flipped = good;
    flipped.signature.0[0] ^= 1;
    check(&flipped, bad);
}
