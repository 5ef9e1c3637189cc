//! A network's client that believes no single node: only proofs that verify against validators it
//! trusts, or equal answers signed by validators of more than f of the power.

mod agreement;
mod certified;
mod follow;
pub(crate) mod http;
pub mod maker;
mod purses;
mod submission;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use causeway_contracts::{
    api::Refused,
    block::{GenesisHash, Height, TimeMs},
    committee::ValidatorSetError,
    genesis::Genesis,
    identity::AddressPrefix,
    proof::{PROOF_BYTES_MAX, PaymentProof, ProofError, TrustedSet, VerifiedPayment},
    transaction::{TransactionError, TxId, UnixSeconds},
};

use self::certified::Certified;
pub use self::{
    agreement::Agreed,
    follow::{BlockFault, EVENT_BYTES_MAX, EventTooLong, FollowError, Follower, NodeFault, VerifiedBlock},
    http::CallError,
    submission::{Delivery, Settled},
};
use crate::{clock, trust};

/// A wallet asks at most this many nodes.
pub const NODES_MAX: usize = 256;

/// After its time is over, a transaction is looked for this long. Idle networks make a block every few
/// seconds, and only a block past the time shows that the transaction is dead.
const PATIENCE: Duration = Duration::from_secs(30);

/// 128 offers have some 20 KiB.
const ADVICE_BYTES_MAX: usize = 256 * 1024;

pub struct Client {
    http: reqwest::Client,
    nodes: Vec<Node>,
    /// The node that is asked first: moves on when that node fails or is slow.
    first: AtomicUsize,
    genesis: GenesisHash,
    prefix: AddressPrefix,
    trusted: Mutex<TrustedSet>,
    certified: Mutex<Certified>,
    patience: Duration,
    short_proofs: bool,
}

/// A node's base address, without a slash at its end.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    base: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("'{0}' is not the address of a node; write it like http://127.0.0.1:27200")]
    NodeAddress(Box<str>),
    #[error(
        "'{0}' has TLS, and the wallet speaks plain HTTP only; run a TLS tunnel to it on this machine \
         (stunnel, say) and give the tunnel's http:// address"
    )]
    NodeTls(Box<str>),
    #[error("a wallet needs 1 to {NODES_MAX} nodes to talk to, and has {0}")]
    NodeCount(usize),
    #[error("the genesis file's validators: {0}")]
    Validators(#[from] ValidatorSetError),
    #[error("cannot set up HTTP: {0}")]
    Setup(#[from] reqwest::Error),
    #[error("the transaction: {0}")]
    Transaction(#[from] TransactionError),
    #[error(
        "the trusted validators were last seen more than 30 days ago; \
         get the genesis file from someone you trust and run `causeway init` again"
    )]
    TrustLapsed,
    #[error("none of {asked} nodes answered (the last: {last}); check that they run and that the addresses are right")]
    Unreachable { asked: usize, last: Box<CallError> },
    #[error("refused by every validator that answered, which is their word and no proof: {}", refused.detail)]
    Refused { id: TxId, refused: Box<Refused> },
    #[error(
        "transaction {id} is neither confirmed nor proved dead; its outcome is unknown. \
         Run the same command again, and if that does not help, give the wallet more nodes with `causeway init`"
    )]
    Unconfirmed { id: TxId, valid_until: UnixSeconds },
    #[error("transaction {id} expired, and it is proved (at height {height}) that it had no effect and never will")]
    Dead { id: TxId, height: Height },
    #[error("a node's proof shows nothing: {0}")]
    Proof(#[from] ProofError),
    #[error(
        "too few validators gave the same answer to be believed: {agreeing} of {asked}; \
         give the wallet more nodes, or try again"
    )]
    NoAgreement { agreeing: usize, asked: usize },
    #[error("not shown to this key: {0}")]
    NotAllowed(Box<CallError>),
}

impl Client {
    /// The genesis validators are trusted as of now: whoever calls this vouches for the genesis.
    pub fn new(genesis: Genesis, nodes: Vec<String>) -> Result<Self, ClientError> {
        let trusted = trust::vouched(&genesis, clock::now_ms())?;
        Self::with_trust(trusted, genesis.address_prefix, nodes)
    }

    pub fn with_trust(trusted: TrustedSet, prefix: AddressPrefix, nodes: Vec<String>) -> Result<Self, ClientError> {
        if nodes.is_empty() || nodes.len() > NODES_MAX {
            return Err(ClientError::NodeCount(nodes.len()));
        }
        let nodes = nodes
            .into_iter()
            .map(|text| Node::parse(&text))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            http: http::client()?,
            // Wallets spread over the validators; none depends on this number.
            first: AtomicUsize::new(getrandom::u32().unwrap_or(0) as usize % nodes.len()),
            nodes,
            genesis: trusted.genesis,
            prefix,
            trusted: Mutex::new(trusted),
            certified: Mutex::default(),
            patience: PATIENCE,
            short_proofs: false,
        })
    }

    /// The proofs of what is submitted are for this client alone, and need not tell of the changes of validators
    /// that it has followed. Others could not check them.
    pub fn with_short_proofs(self) -> Self {
        Self {
            short_proofs: true,
            ..self
        }
    }

    /// How long a transaction whose time is over is looked for, instead of 30 s.
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub fn genesis(&self) -> &GenesisHash {
        &self.genesis
    }

    pub fn prefix(&self) -> AddressPrefix {
        self.prefix
    }

    /// What is trusted now, after the proofs that have verified.
    pub fn trusted(&self) -> TrustedSet {
        self.trusted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Checks a proof against the trusted validators, and renews the trust by it.
    pub fn believe(&self, proof: &PaymentProof) -> Result<VerifiedPayment, ProofError> {
        let mut trusted = self.trusted();
        let verified = trust::verify_and_renew_once(&mut trusted, proof, |block| self.certified().has(block))?;
        self.certified().remember(verified.block, &proof.block.certificate);
        self.trust(trusted);
        Ok(verified)
    }

    fn certified(&self) -> MutexGuard<'_, Certified> {
        self.certified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what was verified in the place of what is trusted, if it is later.
    fn trust(&self, trusted: TrustedSet) {
        let mut held = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        if trusted.is_later_than(&held) {
            *held = trusted;
        }
    }

    /// As [`Self::believe`], by the validators of today if need be: of those in between, a proof may not tell.
    async fn believe_following(&self, proof: &PaymentProof) -> Result<VerifiedPayment, ProofError> {
        match self.believe(proof) {
            Err(ProofError::OtherValidators) => {
                self.follow_validators().await;
                self.believe(proof)
            }
            other => other,
        }
    }

    /// The proof of what became of a transaction, with all changes of validators, from the first node that has one; `None` if none
    /// of those that answered has.
    pub async fn proof(&self, id: &TxId) -> Result<Option<(PaymentProof, VerifiedPayment)>, ClientError> {
        self.check_trust()?;
        let mut failure = None;
        let mut answered = false;
        for node in self.in_order() {
            match self.receipt_at(node, id, Duration::ZERO, Height::GENESIS).await {
                Ok(Some(proof)) => match self.believe_following(&proof).await {
                    Ok(verified) if verified.id == *id => return Ok(Some((proof, verified))),
                    Ok(_) => failure = Some(ClientError::Proof(ProofError::OtherTransaction)),
                    Err(error) => failure = Some(error.into()),
                },
                Ok(None) => answered = true,
                Err(error) => {
                    failure.get_or_insert(ClientError::Unreachable {
                        asked: self.nodes.len(),
                        last: Box::new(error),
                    });
                }
            }
        }
        match failure {
            Some(failure) if !answered => Err(failure),
            _ => Ok(None),
        }
    }

    /// From where on a proof needs changes of validators: it is for whoever has followed them as this client has,
    /// or for all.
    fn proofs_from(&self) -> Height {
        match self.short_proofs {
            true => self.trusted().since.next(),
            false => Height::GENESIS,
        }
    }

    /// `None` if the node has no receipt after `wait`.
    async fn receipt_at(
        &self,
        node: usize,
        id: &TxId,
        wait: Duration,
        from: Height,
    ) -> Result<Option<PaymentProof>, CallError> {
        let path = format!("/v1/receipts/{id}?wait_ms={}&from={from}", wait.as_millis());
        let request = self.http.get(self.url(node, &path));
        match http::call::<PaymentProof>(request, http::REQUEST_TIMEOUT + wait, PROOF_BYTES_MAX).await {
            Ok(mut proof) => {
                self.certified().put_into(&mut proof.block);
                Ok(Some(proof))
            }
            Err(error) if error.status() == Some(reqwest::StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What some node says at a path that anyone may read, and that nothing depends on.
    pub async fn ask<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let mut last = None;
        for node in self.in_order() {
            let request = self.http.get(self.url(node, path));
            match http::call(request, http::REQUEST_TIMEOUT, ADVICE_BYTES_MAX).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Some(Box::new(error)),
            }
        }
        Err(ClientError::Unreachable {
            asked: self.nodes.len(),
            last: last.expect("a client has at least one node"),
        })
    }

    fn url(&self, node: usize, path: &str) -> String {
        format!("{}{path}", self.nodes[node].base)
    }

    /// All nodes, beginning with the one that does best.
    fn in_order(&self) -> Vec<usize> {
        let count = self.nodes.len();
        let first = self.first.load(Ordering::Relaxed);
        (0..count).map(|step| (first + step) % count).collect()
    }

    /// The node failed or was slow: if it is the one to be asked first, it no longer is.
    fn pass_over(&self, node: usize) {
        let next = (node + 1) % self.nodes.len();
        // If it has moved on already, that is as good.
        let _ = self
            .first
            .compare_exchange(node, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub fn check_trust(&self) -> Result<(), ClientError> {
        if trust::has_lapsed(&self.trusted(), clock::now_ms()) {
            return Err(ClientError::TrustLapsed);
        }
        Ok(())
    }
}

impl Node {
    fn parse(text: &str) -> Result<Self, ClientError> {
        let quoted = || text.chars().filter(|c| !c.is_control()).take(200).collect();
        let refuse = || ClientError::NodeAddress(quoted());
        let url = reqwest::Url::parse(text).map_err(|_| refuse())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if url.scheme() == "https" {
            return Err(ClientError::NodeTls(quoted()));
        }
        if url.scheme() != "http" || url.host_str().is_none() || !plain {
            return Err(refuse());
        }
        Ok(Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
        })
    }
}

/// Whether a string is what [`Client::new`] takes for a node.
pub fn check_node_address(text: &str) -> Result<(), ClientError> {
    Node::parse(text).map(drop)
}

/// The time at which nothing valid until then can be ordered any more.
fn expiry_ms(valid_until: UnixSeconds) -> TimeMs {
    TimeMs(valid_until.0.saturating_mul(1000))
}
