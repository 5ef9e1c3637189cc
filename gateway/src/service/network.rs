//! Other operators' gateways: requests to them, signed by this operator's key on the ledger (RFC 9421).

use std::time::Duration;

use causeway_contracts::identity::ParticipantId;
use causeway_wallet::clock;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{StatusCode, body::Bytes};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error as ClientError, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::RootCertStore;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{config::Operator, keys::Keys, problem::Code, records::accounts::AliasText};
use crate::{
    http_signatures::{
        Component, Draft, DraftFault, Request, SecretKey, TargetFault, TargetUri, Terms, content_digest,
    },
    remittance::{
        Remittance,
        fact::{Fact, Telling},
        state::Side,
    },
    webhooks::delivery::client_config,
};

/// Of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A call that takes longer has failed, though it may have been heard.
const CALL_MAX: Duration = Duration::from_secs(10);

const CONNECT_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error("{operator} cannot be reached")]
    Unreachable {
        operator: ParticipantId,
        #[source]
        source: ClientError,
    },
    #[error("{operator} has not answered within {} s, though it may have heard", CALL_MAX.as_secs())]
    TimedOut { operator: ParticipantId },
    #[error("{operator} answers {status}: {detail}")]
    Refused {
        operator: ParticipantId,
        status: StatusCode,
        code: String,
        detail: String,
    },
    #[error("{operator} gives an answer that is not one")]
    Answer { operator: ParticipantId },
    #[error("{operator} has cut its answer off")]
    CutOff { operator: ParticipantId },
    #[error("the request to {operator}")]
    Request {
        operator: ParticipantId,
        #[source]
        source: hyper::http::Error,
    },
    #[error("the address of {operator}")]
    Address {
        operator: ParticipantId,
        #[source]
        source: TargetFault,
    },
    #[error("the request cannot be signed")]
    Sign(#[from] DraftFault),
    #[error("no random bytes from the system")]
    Random(#[from] getrandom::Error),
}

impl NetworkError {
    /// Whether the other operator has understood and need not be told this again.
    pub fn is_final(&self, fact: &Fact) -> bool {
        let Self::Refused { code, .. } = self else {
            return false;
        };
        // What is withdrawn may never have arrived.
        code == Code::WrongState.row().0 || *fact == Fact::Withdrawn && code == Code::NotFound.row().0
    }
}

/// Who is behind an account, an IBAN or an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Exactly one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iban: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasText>,
    /// To be compared with the name that is known there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Where money for it goes on the ledger.
    pub deliver_to: String,
    pub masked_name: String,
    /// `match`, `close_match` or `no_match`; none if no name was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_match: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

pub struct Network {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    key: SecretKey,
    key_id: String,
}

impl Network {
    /// `trust`: whose word counts for the certificates of the other operators.
    pub fn new(keys: &Keys, trust: RootCertStore) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_MAX));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(trust))
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        Self {
            // It follows no redirects, and knows no proxies.
            http: Client::builder(TokioExecutor::new())
                .pool_idle_timeout(Duration::from_secs(30))
                .build(connector),
            key: SecretKey::Ed25519(keys.operator_http().clone()),
            key_id: keys.operator_id().to_string(),
        }
    }

    /// The order of a remittance, as its text is.
    pub async fn introduce(&self, operator: &Operator, order: &str) -> Result<(), NetworkError> {
        self.post::<serde_json::Value>(operator, "/v1/network/remittances", order.as_bytes().to_vec())
            .await
            .map(drop)
    }

    /// What has become of a remittance on this side.
    pub async fn tell(
        &self,
        operator: &Operator,
        remittance: &Remittance,
        telling: &Telling,
    ) -> Result<(), NetworkError> {
        let told = serde_json::to_vec(telling).expect("it has a JSON form");
        let to = match remittance.side {
            Side::Sender => "beneficiary",
            Side::Beneficiary => "sender",
        };
        let path = format!("/v1/network/remittances/{}/{to}/facts", remittance.order.uetr);
        self.post::<serde_json::Value>(operator, &path, told).await.map(drop)
    }

    pub async fn resolve(&self, operator: &Operator, lookup: &Lookup) -> Result<Found, NetworkError> {
        let body = serde_json::to_vec(lookup).expect("it has a JSON form");
        self.post(operator, "/v1/network/aliases/resolve", body).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        operator: &Operator,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, NetworkError> {
        let id = operator.id;
        let url = format!("{}{path}", operator.url);
        let target = TargetUri::parse(&url).map_err(|source| NetworkError::Address { operator: id, source })?;
        let digest = content_digest(&body);
        let fields = [
            ("content-type", "application/json"),
            ("content-digest", digest.as_str()),
        ];
        let request = Request {
            method: "POST",
            target: &target,
            fields: &fields,
        };
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)?;
        let nonce = hex::encode(nonce);
        let terms = Terms {
            label: "operator",
            key_id: &self.key_id,
            created: clock::now_ms().0 / 1000,
            expires: None,
            nonce: Some(&nonce),
        };
        let field = |name| Component::field(name).expect("a name of a field");
        let covered = [
            Component::Method,
            Component::TargetUri,
            field(Component::CONTENT_TYPE),
            field(Component::CONTENT_DIGEST),
        ];
        let signed = Draft::new(&request, &covered, &terms)?.sign(&self.key);
        let request = hyper::Request::post(&url)
            .header("content-type", "application/json")
            .header("content-digest", &digest)
            .header("signature-input", &signed.signature_input)
            .header("signature", &signed.signature)
            .header("user-agent", concat!("causeway-gateway/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(body)))
            .map_err(|source| NetworkError::Request { operator: id, source })?;
        let answered = tokio::time::timeout(CALL_MAX, self.exchange(id, request)).await;
        let (status, read) = answered.map_err(|_| NetworkError::TimedOut { operator: id })??;
        if !status.is_success() {
            let told = serde_json::from_slice(&read).unwrap_or(Detail {
                code: String::new(),
                detail: "(no problem details)".to_owned(),
            });
            return Err(NetworkError::Refused {
                operator: id,
                status,
                code: told.code,
                detail: told.detail.chars().take(500).collect(),
            });
        }
        serde_json::from_slice(&read).map_err(|_| NetworkError::Answer { operator: id })
    }

    async fn exchange(
        &self,
        operator: ParticipantId,
        request: hyper::Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), NetworkError> {
        let answer = self.http.request(request).await;
        let answer = answer.map_err(|source| NetworkError::Unreachable { operator, source })?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        match body {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(NetworkError::Answer { operator }),
            Err(_) => Err(NetworkError::CutOff { operator }),
        }
    }
}
