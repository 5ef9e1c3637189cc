//! What this validator tells the ledger of others that signed twice.
//!
//! Each validator that saw it reports it, once for each height, and the ledger records the first report.
//! Nothing of this is on disk: what a crash loses, the others report.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use causeway_contracts::{
    block::{GenesisHash, Height, TimeMs},
    codec::{self, Bounded, Text},
    committee::ValidatorId,
    evidence::Evidence,
    keys::{Domain, SecretKey},
    ledger::EVIDENCE_MAX,
    transaction::{
        Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionSignature, UnixSeconds,
    },
};

use crate::scheme::Scheme;

/// Half of what every network allows, so that clocks may differ.
const VALID_SECONDS: u64 = 30;

pub struct Reports {
    genesis: GenesisHash,
    key: SecretKey,
    scheme: Arc<dyn Scheme>,
    /// By whom, and at which heights: at most as many as the ledger records.
    reported: BTreeMap<ValidatorId, BTreeSet<Height>>,
}

impl Reports {
    pub fn new(genesis: GenesisHash, key: SecretKey, scheme: Arc<dyn Scheme>) -> Self {
        Self {
            genesis,
            key,
            scheme,
            reported: BTreeMap::new(),
        }
    }

    /// The transaction that reports it; `None` if the like was reported before, or so much against this
    /// validator that the ledger would take no more.
    pub fn report(&mut self, evidence: Evidence, now: TimeMs) -> Option<SignedTransaction> {
        let heights = self.reported.entry(evidence.validator).or_default();
        if heights.len() >= usize::from(EVIDENCE_MAX) || !heights.insert(evidence.height) {
            return None;
        }
        let key = self.key.public_key();
        let hash = codec::hash("causeway/report/1", &[&codec::encode(&evidence)]);
        let report = Action::ReportEvidence {
            reporter: ValidatorId::of(&key),
            evidence: Box::new(evidence),
        };
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.genesis.prefix(),
            valid_until: UnixSeconds(now.0 / 1000 + VALID_SECONDS),
            nonce: Nonce(u64::from_le_bytes(*hash.first_chunk().expect("32 bytes"))),
            actions: Bounded::new(vec![report]).expect("one"),
            memo: Text::default(),
        };
        let id = transaction.id();
        let signature = self.scheme.sign(&self.key, Domain::Transaction, id.as_bytes());
        Some(SignedTransaction {
            transaction,
            signatures: Bounded::new(vec![TransactionSignature { key, signature }]).expect("one"),
        })
    }
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        block::{BlockId, VoteKind},
        evidence::{SignedVote, Turn},
        keys::Signature,
    };

    use super::*;
    use crate::scheme::Ed25519;

    const GENESIS: GenesisHash = GenesisHash([1; 32]);
    const NOW: TimeMs = TimeMs(1_800_000_000_999);

    fn evidence(validator: u8, height: u64) -> Evidence {
        let votes = [None, Some(BlockId([2; 32]))].map(|block| SignedVote {
            block,
            signature: Signature([3; 64]),
        });
        let turn = Turn {
            validator: ValidatorId([validator; 20]),
            height: Height(height),
            round: 0,
        };
        Evidence::of_votes(turn, VoteKind::Prevote, votes).expect("two different votes")
    }

    fn reports() -> Reports {
        Reports::new(GENESIS, SecretKey::from_seed(&[4; 32]), Arc::new(Ed25519))
    }

    #[test]
    fn a_report_is_a_good_transaction() {
        let signed = reports().report(evidence(9, 7), NOW).expect("new");
        assert_eq!(signed.check(&GENESIS), Ok(()));
        assert_eq!(signed.verify_signatures(), Ok(()));
        assert_eq!(signed.transaction.valid_until, UnixSeconds(1_800_000_030));
        let expected = Action::ReportEvidence {
            reporter: ValidatorId::of(&SecretKey::from_seed(&[4; 32]).public_key()),
            evidence: Box::new(evidence(9, 7)),
        };
        assert_eq!(signed.transaction.actions[..], [expected]);
    }

    #[test]
    fn the_like_is_reported_once_and_no_more_than_is_recorded() {
        let mut reports = reports();
        for height in 1..=16 {
            assert!(reports.report(evidence(9, height), NOW).is_some());
            assert!(reports.report(evidence(9, height), NOW).is_none());
        }
        assert!(reports.report(evidence(9, 17), NOW).is_none());
        assert!(reports.report(evidence(8, 17), NOW).is_some());
    }
}
