//! Pays and governs on a network of which nothing is believed but proofs.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use causeway_contracts::{
    api::{KEY_HEADER, ReadRequest, Refused, SIGNATURE_HEADER, Status, Submitted, TIME_HEADER, TRANSACTION_TYPE},
    block::{GenesisHash, TimeMs},
    codec::{Bounded, Text},
    genesis::Genesis,
    governance::CouncilAction,
    identity::{AccountId, KeyPolicy, Salt},
    keys::SecretKey,
    money::Amount,
    proof::{PaymentProof, TrustedSet, VerifiedPayment},
    statement::{Answer, SignedStatement},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TxId, UnixSeconds},
};

use reqwest::{RequestBuilder, Response, StatusCode};

use super::network::{Member, PATIENCE, bank, currency, payee, payer};

pub struct Client {
    pub genesis: Genesis,
    /// The hash from which the accounts' ids were made.
    origin: GenesisHash,
    pub trusted: TrustedSet,
    http: reqwest::Client,
    nonce: AtomicU64,
}

impl Client {
    pub fn new(genesis: &Genesis) -> Self {
        Self::continuing(genesis, genesis.hash())
    }

    /// Of a network whose accounts are of another genesis.
    pub fn continuing(genesis: &Genesis, origin: GenesisHash) -> Self {
        Self {
            trusted: TrustedSet::of_genesis(genesis).unwrap(),
            genesis: genesis.clone(),
            origin,
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(40))
                .build()
                .unwrap(),
            nonce: AtomicU64::new(now_ms() << 20),
        }
    }

    pub fn account(&self, key: &SecretKey) -> AccountId {
        AccountId::derive(
            &self.origin,
            bank(),
            &KeyPolicy::single(key.public_key()),
            &Salt([0; 16]),
        )
    }

    fn transaction(&self, action: Action, key: &SecretKey) -> SignedTransaction {
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.genesis.hash().prefix(),
            valid_until: UnixSeconds(now_ms() / 1000 + 300),
            nonce: Nonce(self.nonce.fetch_add(1, Ordering::Relaxed)),
            actions: Bounded::new(vec![action]).unwrap(),
            memo: Text::default(),
        };
        transaction.sign([key]).unwrap()
    }

    pub fn payment(&self, amount: Amount) -> SignedTransaction {
        let transfer = Action::Transfer {
            from: self.account(&payer()),
            to: self.account(&payee()),
            currency: currency(),
            amount,
        };
        self.transaction(transfer, &payer())
    }

    pub fn act(&self, act: CouncilAction, key: &SecretKey) -> SignedTransaction {
        self.transaction(Action::Council(act), key)
    }

    /// The same request again for as long as the validator says that it has not got to it.
    async fn answered(request: RequestBuilder) -> reqwest::Result<Response> {
        let begun = Instant::now();
        loop {
            let answer = request.try_clone().expect("a body in memory").send().await?;
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE || begun.elapsed() > PATIENCE {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub async fn status(&self, member: &Member) -> Status {
        let get = self.http.get(format!("{}/v1/status", member.api()));
        Self::answered(get).await.unwrap().json().await.unwrap()
    }

    fn submission(&self, member: &Member, signed: &SignedTransaction) -> RequestBuilder {
        let post = self.http.post(format!("{}/v1/transactions", member.api()));
        let body = signed.to_bytes().unwrap();
        post.header("content-type", TRANSACTION_TYPE).body(body)
    }

    /// Whether it was taken, or why not; an error if the validator does not answer, or not now.
    pub async fn try_submit(
        &self,
        member: &Member,
        signed: &SignedTransaction,
    ) -> reqwest::Result<Result<TxId, Refused>> {
        let mut submitted: Submitted = self.submission(member, signed).send().await?.json().await?;
        let result = submitted.results.remove(0);
        Ok(result.refused.map_or(Ok(result.id), Err))
    }

    /// Whether a validator that runs takes it, or why not.
    pub async fn submit(&self, member: &Member, signed: &SignedTransaction) -> Result<TxId, Refused> {
        let begun = Instant::now();
        loop {
            // A refusal may have the same status as one that is busy: it says why, of the transaction.
            match self.try_submit(member, signed).await {
                Ok(taken) => return taken,
                Err(error) if error.is_decode() && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => panic!("{}: {error}", member.name),
            }
        }
    }

    /// Why a validator that runs does not take it.
    pub async fn refused(&self, member: &Member, signed: &SignedTransaction) -> Refused {
        self.submit(member, signed).await.expect_err("it is refused")
    }

    /// The proof of a transaction's receipt, if there is one before the validator has waited long enough.
    pub async fn proof(&self, member: &Member, id: TxId) -> reqwest::Result<Option<PaymentProof>> {
        let url = format!("{}/v1/receipts/{id}?wait_ms=10000", member.api());
        let answer = self.http.get(url).send().await?;
        match answer.status().as_u16() {
            200 => answer.json().await.map(Some),
            _ => Ok(None),
        }
    }

    /// Submits and waits for a good proof.
    pub async fn carry_out(&self, member: &Member, signed: &SignedTransaction) -> VerifiedPayment {
        assert_eq!(self.submit(member, signed).await, Ok(signed.id()));
        self.prove(member, signed.id()).await
    }

    /// What a validator proves of a transaction, which it has or is about to get.
    pub async fn prove(&self, member: &Member, id: TxId) -> VerifiedPayment {
        let begun = Instant::now();
        loop {
            if let Some(proof) = self.proof(member, id).await.unwrap() {
                let verified = proof.verify(&self.trusted).unwrap();
                assert_eq!(verified.id, id);
                return verified;
            }
            assert!(begun.elapsed() < PATIENCE, "no receipt for {id} at {}", member.name);
        }
    }

    /// What an account has, by its validator's signed statement.
    pub async fn balance(&self, member: &Member, key: &SecretKey) -> i128 {
        let address = self.account(key).address(self.genesis.address_prefix);
        let path = format!("/v1/accounts/{address}");
        let request = ReadRequest {
            genesis: self.genesis.hash(),
            path: Text::new(path.clone()).unwrap(),
            time_ms: TimeMs(now_ms()),
        };
        let get = self.http.get(format!("{}{path}", member.api()));
        let get = get
            .header(KEY_HEADER, key.public_key().to_string())
            .header(TIME_HEADER, request.time_ms.0.to_string())
            .header(SIGNATURE_HEADER, request.sign(key).to_string());
        let answer = Self::answered(get).await.unwrap();
        let SignedStatement { statement, .. } = answer.json().await.unwrap();
        let Answer::Account(account) = statement.answer else {
            panic!("{address}: {:?}", statement.answer);
        };
        account.balances[0].available.0
    }

    pub async fn wait_for_height(&self, member: &Member, height: u64) {
        let begun = Instant::now();
        while self.status(member).await.height.0 < height {
            assert!(begun.elapsed() < PATIENCE, "{} does not come to {height}", member.name);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}
