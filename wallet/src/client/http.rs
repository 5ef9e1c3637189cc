//! One HTTP request to one node, with its bounds.

use std::time::Duration;

use causeway_contracts::api::Problem;
use reqwest::{RequestBuilder, StatusCode, header};
use serde::de::DeserializeOwned;

/// A node that takes longer to accept a connection counts as not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a request without a wait of its own may take.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Of what is no answer but a problem.
const PROBLEM_BYTES_MAX: usize = 16 * 1024;

/// Why a request to one node came to nothing. Its word alone proves nothing either way.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("no connection: {0}")]
    Connect(#[source] reqwest::Error),
    #[error("{0}")]
    Transport(#[source] reqwest::Error),
    #[error("no answer for {} s", REQUEST_TIMEOUT.as_secs())]
    Late,
    #[error("an answer longer than {max} bytes")]
    TooLong { max: usize },
    #[error("an answer that is not what was asked for: {0}")]
    Malformed(#[source] serde_json::Error),
    #[error("an answer about something else than was asked for")]
    OtherSubject,
    #[error("{}: {} ({status})", problem.title, problem.detail)]
    Problem {
        status: StatusCode,
        problem: Box<Problem>,
        retry_after: Option<Duration>,
    },
    #[error("HTTP status {0}")]
    Status(StatusCode),
}

impl CallError {
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Connect(_))
    }

    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Problem { status, .. } | Self::Status(status) => Some(*status),
            _ => None,
        }
    }

    /// If the node is only busy: how long to leave it alone.
    pub fn busy_for(&self) -> Option<Duration> {
        match self {
            Self::Problem {
                status: StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE,
                retry_after,
                ..
            } => Some(
                retry_after
                    .unwrap_or(Duration::from_millis(500))
                    .min(Duration::from_secs(2)),
            ),
            _ => None,
        }
    }
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Connect(error)
        } else {
            Self::Transport(error)
        }
    }
}

pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_idle_timeout(Duration::from_secs(30))
        .tcp_nodelay(true)
        .user_agent(concat!("causeway/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends a request and reads its JSON answer of at most `max` bytes.
pub(crate) async fn call<T: DeserializeOwned>(
    request: RequestBuilder,
    timeout: Duration,
    max: usize,
) -> Result<T, CallError> {
    let reply = exchange(request, timeout, max).await?;
    if reply.status.is_success() {
        serde_json::from_slice(&reply.body).map_err(CallError::Malformed)
    } else {
        Err(reply.into_error())
    }
}

/// What a node said, whatever its status.
pub(crate) struct Reply {
    pub status: StatusCode,
    retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn into_error(self) -> CallError {
        match serde_json::from_slice(&self.body) {
            Ok(problem) => CallError::Problem {
                status: self.status,
                problem: Box::new(problem),
                retry_after: self.retry_after,
            },
            Err(_) => CallError::Status(self.status),
        }
    }
}

pub(crate) async fn exchange(request: RequestBuilder, timeout: Duration, max: usize) -> Result<Reply, CallError> {
    read_reply(request.timeout(timeout).send().await?, max).await
}

async fn read_reply(response: reqwest::Response, max: usize) -> Result<Reply, CallError> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs);
    let body = read_bounded(response, max).await?;
    Ok(Reply {
        status,
        retry_after,
        body,
    })
}

/// Sends a request whose answer has no end, and waits for its beginning; the reader bounds the rest. What refuses it
/// is read whole.
pub(crate) async fn open(request: RequestBuilder) -> Result<reqwest::Response, CallError> {
    let begun = async {
        let response = request.send().await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(read_reply(response, PROBLEM_BYTES_MAX).await?.into_error())
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, begun).await {
        Ok(begun) => begun,
        Err(_) => Err(CallError::Late),
    }
}

async fn read_bounded(mut response: reqwest::Response, max: usize) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max {
            return Err(CallError::TooLong { max });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
