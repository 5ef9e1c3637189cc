//! Pays on a node of which nothing is believed but proofs.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use causeway_contracts::{
    api::{Refused, Status, Submitted, TRANSACTION_TYPE, TRANSACTIONS_TYPE},
    codec::{Bounded, Text},
    genesis::Genesis,
    identity::{AccountId, KeyPolicy, ParticipantId, Salt},
    keys::Signature,
    ledger::receipt::Outcome,
    money::Amount,
    proof::{PaymentProof, TrustedSet, VerifiedPayment},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TxId, UnixSeconds},
};

use super::folder::{NodeFolder, currency, payee, payer};

pub struct Client {
    api: String,
    genesis: Genesis,
    trusted: TrustedSet,
    http: reqwest::Client,
    nonce: AtomicU64,
}

impl Client {
    pub fn new(node: &NodeFolder) -> Self {
        let genesis = node.genesis();
        let mut trusted = TrustedSet::of_genesis(&genesis).unwrap();
        // The network of the test began long ago.
        trusted.as_of.0 = now_seconds() * 1000;
        Self {
            api: node.api(),
            trusted,
            genesis,
            http: reqwest::Client::new(),
            nonce: AtomicU64::new(now_seconds() << 20),
        }
    }

    pub async fn status(&self) -> Status {
        let answer = self.http.get(format!("{}/v1/status", self.api)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    fn transfer(&self, amount: Amount) -> SignedTransaction {
        let hash = self.genesis.hash();
        let account = |key: &causeway_contracts::keys::SecretKey| {
            let bank = ParticipantId::new("BANKA").unwrap();
            AccountId::derive(&hash, bank, &KeyPolicy::single(key.public_key()), &Salt([0; 16]))
        };
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: hash.prefix(),
            valid_until: UnixSeconds(now_seconds() + 60),
            nonce: Nonce(self.nonce.fetch_add(1, Ordering::Relaxed)),
            actions: Bounded::new(vec![Action::Transfer {
                from: account(&payer()),
                to: account(&payee()),
                currency: currency(),
                amount,
            }])
            .unwrap(),
            memo: Text::default(),
        };
        transaction.sign([&payer()]).unwrap()
    }

    async fn submit(&self, signed: &SignedTransaction) -> reqwest::Result<Submitted> {
        let post = self.http.post(format!("{}/v1/transactions", self.api));
        let answer = post
            .header("content-type", TRANSACTION_TYPE)
            .body(signed.to_bytes().unwrap())
            .timeout(Duration::from_secs(10))
            .send()
            .await?;
        answer.json().await
    }

    /// Submits payments in one request, and says of each why it was refused, if it was.
    pub async fn submit_many(&self, count: usize) -> Vec<Option<Refused>> {
        let mut body = Vec::new();
        for _ in 0..count {
            let bytes = self.transfer(Amount(1)).to_bytes().unwrap();
            body.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
            body.extend_from_slice(&bytes);
        }
        let post = self.http.post(format!("{}/v1/transactions", self.api));
        let answer = post
            .header("content-type", TRANSACTIONS_TYPE)
            .body(body)
            .send()
            .await
            .unwrap();
        let submitted: Submitted = answer.json().await.unwrap();
        submitted.results.into_iter().map(|result| result.refused).collect()
    }

    /// Submits a payment that its payer did not sign.
    pub async fn submit_forged(&self) -> Refused {
        let mut signed = self.transfer(Amount(1));
        let mut signatures = signed.signatures.into_vec();
        signatures[0].signature = Signature([1; 64]);
        signed.signatures = Bounded::new(signatures).unwrap();
        let mut submitted = self.submit(&signed).await.unwrap();
        submitted.results.remove(0).refused.expect("it is forged")
    }

    /// Pays and waits for the proof.
    pub async fn pay(&self, amount: Amount) -> VerifiedPayment {
        let signed = self.transfer(amount);
        let submitted = self.submit(&signed).await.unwrap();
        assert_eq!(submitted.results[0].refused, None);
        let verified = self.prove(signed.id()).await;
        assert_eq!(verified.outcome, Outcome::Applied);
        verified
    }

    pub async fn submit_one(&self) -> Result<TxId, Refused> {
        let mut submitted = self.submit(&self.transfer(Amount(1))).await.unwrap();
        let result = submitted.results.remove(0);
        result.refused.map_or(Ok(result.id), Err)
    }

    /// The node may die meanwhile.
    pub async fn submit_without_waiting(&self, count: usize) {
        for _ in 0..count {
            if self.submit(&self.transfer(Amount(1))).await.is_err() {
                return;
            }
        }
    }

    /// What the node answers about a transaction, with its HTTP status.
    pub async fn ask(&self, path: &str) -> (u16, serde_json::Value) {
        let answer = self.http.get(format!("{}{path}", self.api)).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn prove(&self, id: TxId) -> VerifiedPayment {
        let url = format!("{}/v1/receipts/{id}?wait_ms=30000", self.api);
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{id}: {}", answer.text().await.unwrap());
        let proof: PaymentProof = answer.json().await.unwrap();
        let verified = proof.verify(&self.trusted).unwrap();
        assert_eq!(verified.id, id);
        verified
    }
}

fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
