//! Asks a gateway for a card's payment of an order.

use std::{io, time::Duration};

use causeway_gateway::webhooks::delivery::{TrustFault, client_config, system_trust};
use causeway_wallet::durable::{self, FileError};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, body::Bytes, header};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::OrderArgs;

const TOKEN_BYTES_MAX: u64 = 16 * 1024;
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Longer than an issuer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("--token-file")]
    Token(#[from] FileError),
    #[error("--url {url}: it is no address of a gateway, such as http://127.0.0.1:27600")]
    Url { url: String },
    #[error("--url {url}: without TLS, a card's data goes to this machine only; use https")]
    Plain { url: String },
    #[error("--order: an id has letters, digits and _ only")]
    Order,
    #[error("TLS: {0}")]
    Trust(#[from] TrustFault),
    #[error("no random bytes from the system: {0}")]
    Random(#[from] getrandom::Error),
    #[error("cannot start")]
    Start(#[source] io::Error),
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("no answer from the gateway, so that it is unknown whether the order is paid; look at it: {0}")]
    NoAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where a payment is asked for.
pub struct Asking {
    /// Of the order.
    url: String,
    token: Zeroizing<String>,
}

impl Asking {
    /// Checked before a card is read.
    pub fn of(args: &OrderArgs) -> Result<Option<Self>, AskError> {
        let (Some(order), Some(url), Some(file)) = (&args.order, &args.url, &args.token_file) else {
            return Ok(None);
        };
        if !order
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        {
            return Err(AskError::Order);
        }
        let wrong = || AskError::Url { url: url.clone() };
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        let is_local = match parsed.host().ok_or_else(wrong)? {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
            Host::Domain(name) => name == "localhost",
        };
        match parsed.scheme() {
            "https" => {}
            "http" if is_local => {}
            "http" => return Err(AskError::Plain { url: url.clone() }),
            _ => return Err(wrong()),
        }
        let text = Zeroizing::new(durable::read_text(file, TOKEN_BYTES_MAX)?);
        let token = text.lines().next().unwrap_or_default().trim();
        Ok(Some(Self {
            url: format!("{}/v1/orders/{order}", url.trim_end_matches('/')),
            token: Zeroizing::new(token.to_owned()),
        }))
    }

    /// Whether the gateway has taken it, and its answer; one that is no JSON is a text. Sent once: the same tap or code
    /// again would be refused for its counter.
    pub fn post(&self, what: &str, body: &Value) -> Result<(bool, Value), AskError> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)?;
        let request = Request::post(format!("{}/{what}", self.url))
            .header(header::AUTHORIZATION, format!("Bearer {}", *self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", hex::encode(key))
            .body(Full::new(Bytes::from(body.to_string())))?;
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(system_trust()?))
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let exchange = async {
            let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
            let answer = client
                .request(request)
                .await
                .map_err(Into::into)
                .map_err(AskError::NoAnswer)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok::<(StatusCode, Bytes), AskError>((status, body.map_err(AskError::NoAnswer)?.to_bytes()))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let (status, bytes) = runtime.map_err(AskError::Start)?.block_on(async {
            let timed = tokio::time::timeout(TIMEOUT, exchange).await;
            timed.map_err(|late| AskError::NoAnswer(late.into()))?
        })?;
        let answer = serde_json::from_slice(&bytes);
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        Ok((status.is_success(), answer.unwrap_or_else(|_| text())))
    }
}
