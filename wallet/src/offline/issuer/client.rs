//! Asking the service of a currency's issuer, and what is said to it.
//!
//! Nothing here makes its keys trusted: whoever uses what it signed checks that by the keys that the ledger names.

use std::time::Duration;

use causeway_contracts::{
    block::{GenesisHash, TimeMs},
    identity::{Address, AddressPrefix},
    keys::{BadSignature, PublicKey, SecretKey, Signature},
    money::{Amount, Currency},
    offline::{
        ids::{CurrencyIndex, ListVersion, LoadCounter, PurseId},
        issuer::IssuerKey,
        messages::{Certificate, Grant},
        registration::{PurseClass, RegistrationTerms},
        signed::Signed,
    },
};
use reqwest::{RequestBuilder, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::client::{
    CallError, ClientError, check_node_address,
    http::{self, REQUEST_TIMEOUT},
};

/// Of an upload: SYNC and the messages that follow it.
pub const UPLOAD_BYTES_MAX: usize = 256 * 1024;

/// Of an answer: at most 64 deltas of 510 bytes, and three messages.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What the service answers only after the ledger has taken something.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(90);

/// What precedes the code of each problem in its `type`.
pub const PROBLEM_PREFIX: &str = "urn:causeway:issuer:";

/// `GET /v1/issuer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub genesis: GenesisHash,
    pub currency: Currency,
    pub index: CurrencyIndex,
    /// How many digits the currency has after the point.
    pub exponent: u8,
    /// By which the service signs; the ledger says whether they are the issuer's.
    pub keys: Vec<IssuerKey>,
    pub limits: IssuerLimits,
}

/// What certificates allow, in minor units, and how long what is signed lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerLimits {
    /// The most that one payment may be.
    pub payment: Amount,
    /// The most that a purse may hold.
    pub balance: Amount,
    /// The same of a merchant's.
    pub merchant_balance: Amount,
    /// The most that a purse may pay before it syncs.
    pub out: Amount,
    /// How often it may pay before it syncs.
    pub payments: u32,
    pub certificate_hours: u32,
    pub lot_hours: u32,
}

/// `POST /v1/purses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    pub account: Address,
    /// The purse's.
    pub public_key: PublicKey,
    pub class: PurseClass,
    /// When it was signed.
    pub time_ms: TimeMs,
    /// A key that acts alone for the account.
    pub account_key: PublicKey,
    pub account_signature: Signature,
    pub purse_signature: Signature,
}

impl Registration {
    pub fn sign(
        terms: &RegistrationTerms,
        prefix: AddressPrefix,
        account_key: &SecretKey,
        purse_key: &SecretKey,
    ) -> Self {
        Self::with(terms, prefix, account_key, terms.sign(purse_key))
    }

    /// With the signature of a purse that keeps its key to itself.
    pub fn with(
        terms: &RegistrationTerms,
        prefix: AddressPrefix,
        account_key: &SecretKey,
        purse_signature: Signature,
    ) -> Self {
        Self {
            account: terms.account.address(prefix),
            public_key: terms.public_key,
            class: terms.class,
            time_ms: terms.time_ms,
            account_key: account_key.public_key(),
            account_signature: terms.sign(account_key),
            purse_signature,
        }
    }

    /// What both have signed, if it was for this network and this currency.
    pub fn terms(&self, genesis: GenesisHash, currency: Currency) -> RegistrationTerms {
        RegistrationTerms {
            genesis,
            currency,
            account: self.account.account,
            public_key: self.public_key,
            class: self.class,
            time_ms: self.time_ms,
        }
    }

    /// Whether both have signed it. Whether the key is the account's is not checked.
    pub fn verify(&self, terms: &RegistrationTerms) -> Result<(), BadSignature> {
        terms.verify(self.account_key, self.account_signature)?;
        terms.verify(self.public_key, self.purse_signature)
    }
}

/// What `POST /v1/purses` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    pub certificate: Signed<Certificate>,
}

/// What `GET /v1/purses/{id}/grants/{counter}` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    pub grant: Signed<Grant>,
}

/// Why the service did not do it.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error("the issuer's service: {0}")]
    Address(#[source] ClientError),
    #[error("cannot set up HTTP: {0}")]
    Setup(#[source] reqwest::Error),
    #[error("an upload of {0} bytes, and at most {UPLOAD_BYTES_MAX} are taken")]
    UploadTooLong(usize),
    #[error("the issuer's service at {url}: {source}")]
    Call {
        url: String,
        #[source]
        source: CallError,
    },
}

impl IssuerError {
    /// The code of the problem that it answered, as docs/offline.md has them.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Call {
                source: CallError::Problem { problem, .. },
                ..
            } => problem.kind.strip_prefix(PROBLEM_PREFIX),
            _ => None,
        }
    }

    /// Whether nothing was said to it, because it is not there.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Call { source, .. } if source.is_connect())
    }
}

/// One issuer's service.
#[derive(Debug, Clone)]
pub struct IssuerClient {
    http: reqwest::Client,
    url: String,
}

impl IssuerClient {
    /// `url` is such as http://127.0.0.1:31500.
    pub fn new(url: &str) -> Result<Self, IssuerError> {
        check_node_address(url).map_err(IssuerError::Address)?;
        Ok(Self {
            http: http::client().map_err(IssuerError::Setup)?,
            url: url.trim_end_matches('/').to_owned(),
        })
    }

    pub async fn about(&self) -> Result<About, IssuerError> {
        let request = self.http.get(self.at("/v1/issuer"));
        self.json(request, REQUEST_TIMEOUT).await
    }

    /// Waits until the ledger has the purse. The same again gives the same.
    pub async fn register(&self, registration: &Registration) -> Result<Signed<Certificate>, IssuerError> {
        let request = self.http.post(self.at("/v1/purses")).json(registration);
        let answer: Registered = self.json(request, LEDGER_TIMEOUT).await?;
        Ok(answer.certificate)
    }

    /// `None` while the ledger has no grant for that load.
    pub async fn grant(&self, purse: PurseId, counter: LoadCounter) -> Result<Option<Signed<Grant>>, IssuerError> {
        let request = self.http.get(self.at(&format!("/v1/purses/{purse}/grants/{counter}")));
        match self.json::<Granted>(request, REQUEST_TIMEOUT).await {
            Ok(answer) => Ok(Some(answer.grant)),
            Err(error) if error.code() == Some("no_grant") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `upload` is SYNC and the messages after it; the answer is SYNC, BEACON, RL deltas and CERT.
    pub async fn sync(&self, purse: PurseId, upload: &[u8]) -> Result<Vec<u8>, IssuerError> {
        if upload.len() > UPLOAD_BYTES_MAX {
            return Err(IssuerError::UploadTooLong(upload.len()));
        }
        let request = self.http.post(self.at(&format!("/v1/purses/{purse}/sync")));
        let request = request
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(upload.to_vec());
        self.bytes(request, LEDGER_TIMEOUT).await
    }

    /// The newest BEACON, then the RL deltas that follow this version of the list, at most 64.
    pub async fn news(&self, list: ListVersion) -> Result<Vec<u8>, IssuerError> {
        let request = self.http.get(self.at(&format!("/v1/news?list={list}")));
        self.bytes(request, REQUEST_TIMEOUT).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn failed(&self, source: CallError) -> IssuerError {
        IssuerError::Call {
            url: self.url.clone(),
            source,
        }
    }

    async fn json<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
        timeout: Duration,
    ) -> Result<T, IssuerError> {
        let answer = http::call(request, timeout, ANSWER_BYTES_MAX).await;
        answer.map_err(|source| self.failed(source))
    }

    async fn bytes(&self, request: RequestBuilder, timeout: Duration) -> Result<Vec<u8>, IssuerError> {
        let reply = http::exchange(request, timeout, ANSWER_BYTES_MAX).await;
        let reply = reply.map_err(|source| self.failed(source))?;
        if reply.status == StatusCode::OK {
            Ok(reply.body)
        } else {
            Err(self.failed(reply.into_error()))
        }
    }
}
