//! The proofs that freeze the format for `peers/python` must mean the same to this project's own reader.

use std::path::Path;

use causeway_contracts::{
    genesis::Genesis,
    ledger::{receipt::Outcome, rejection::Rejection},
    proof::{PaymentProof, ProofError, TrustedSet},
};

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/python/tests/vectors");
    std::fs::read_to_string(folder.join(name)).expect(name)
}

fn trusted() -> TrustedSet {
    TrustedSet::of_genesis(&Genesis::parse(&read("genesis.toml")).expect("a genesis file")).expect("validators")
}

fn proof(name: &str) -> PaymentProof {
    serde_json::from_str(&read(name)).expect(name)
}

#[test]
fn frozen_proofs_verify() {
    let outcome = |name| proof(name).verify(&trusted()).map(|verified| verified.outcome);
    assert_eq!(outcome("payment.json"), Ok(Outcome::Applied));
    let refused = Outcome::Rejected {
        action: 0,
        reason: Rejection::OverBalanceLimit,
    };
    assert_eq!(outcome("refusal.json"), Ok(refused));
}

#[test]
fn a_refusal_cannot_be_passed_off_as_a_payment() {
    let mut forged = proof("refusal.json");
    forged.receipt.outcome = Outcome::Applied;
    assert_eq!(forged.verify(&trusted()), Err(ProofError::NotInBlock));
}
