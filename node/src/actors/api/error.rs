//! Everything the API refuses, and how it says so: problem details (RFC 9457).

use std::time::Duration;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use causeway_contracts::{
    api::{
        KEY_HEADER, Problem, REQUEST_SKEW_MS, SIGNATURE_HEADER, TIME_HEADER, TRANSACTION_TYPE, TRANSACTIONS_TYPE,
        submission::SubmissionError,
    },
    block::Height,
    codec::NotHex,
    identity::{AddressError, AddressPrefix},
    keys::KeyError,
    money::NotACurrency,
    transaction::TxId,
};

use crate::store::StoreError;

/// Problem types are this and the error's code.
pub(super) const PROBLEM_URN: &str = "urn:causeway:problem:";

pub(super) const PROBLEM_TYPE: &str = "application/problem+json";

#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("there is nothing at this path; GET / lists what there is")]
    NoRoute,
    #[error("this path takes {allow} only")]
    Method { allow: &'static str },
    #[error("the headers have {actual} bytes, and at most {max} are allowed")]
    HeadersTooLong { actual: usize, max: usize },
    #[error("the query: {source}; its parameters: {known}")]
    Query {
        source: actix_web::error::QueryPayloadError,
        known: &'static str,
    },
    #[error("wait_ms is {actual}, and at most {max} is allowed")]
    WaitTooLong { actual: u64, max: u64 },
    #[error("the path's transaction id: {0}")]
    TransactionId(NotHex),
    #[error("the path's height is a number from 1 to {}", u64::MAX)]
    Height,
    #[error("the header Last-Event-ID is the height of a block, as the stream's events give it")]
    LastEventId,
    #[error("give either send or deliver, in minor units")]
    PathAmount,
    #[error("the path's contract id: {0}")]
    ContractId(NotHex),
    #[error("the path's purse: {0}")]
    PurseId(NotHex),
    #[error("the path's number is one from 0 to {}", u32::MAX)]
    PurseNumber,
    #[error("the path's currency: {0}")]
    Currency(NotACurrency),
    #[error("the path's address: {0}")]
    Address(AddressError),
    #[error("the address begins with {actual}1; addresses of this network begin with {expected}1", actual = .actual.as_str(), expected = .expected.as_str())]
    OtherPrefix {
        expected: AddressPrefix,
        actual: AddressPrefix,
    },

    #[error(
        "send one transaction as {TRANSACTION_TYPE}, many as {TRANSACTIONS_TYPE}, or either as application/json, \
         without a content encoding"
    )]
    ContentType,
    #[error("the body has more than {max} bytes")]
    BodyTooLong { max: usize },
    #[error("the body did not arrive within {} s", .0.as_secs())]
    BodyTimeout(Duration),
    #[error("the body ended before it was complete, or is not as its headers say")]
    BodyBroken,
    #[error(transparent)]
    Submission(#[from] SubmissionError),
    #[error("the body as JSON: {0}")]
    Json(serde_json::Error),

    #[error("this is read by a signed request, and the header {0} is missing")]
    Unsigned(&'static str),
    #[error("the header {KEY_HEADER}: {0}")]
    Key(KeyError),
    #[error("the header {TIME_HEADER} is the time of signing in milliseconds since 1970")]
    Time,
    #[error("the header {SIGNATURE_HEADER}: {0}")]
    Signature(NotHex),
    #[error("the path and query are too long to be signed; at most 1024 bytes")]
    PathTooLong,
    #[error(
        "the request was signed {} ms {} the time here; at most {REQUEST_SKEW_MS} ms are allowed: set your clock",
        .ahead_ms.unsigned_abs(), if *.ahead_ms < 0 { "before" } else { "after" }
    )]
    Skew { ahead_ms: i64 },
    #[error("the signature does not fit the key, the path as sent, the time and this network's genesis hash")]
    BadSignature,
    #[error("there is no account at this address that this key may read")]
    NotPermitted,
    #[error("there is no contract of this id that this key may read")]
    ContractNotPermitted,
    #[error("there is no purse of this id that this key may read")]
    PurseNotPermitted,
    #[error(
        "the stream is for validators, registered participants and services of purses' issuers, and this key is none of theirs"
    )]
    NotRegistered,

    #[error("transaction {id} has no receipt{}; GET /v1/transactions/{id} says more", here(*beginning))]
    NoReceipt { id: TxId, beginning: Height },
    #[error("block {height} is not here; this node has those from {first} to {tip}")]
    NoBlock { height: Height, first: Height, tip: Height },

    #[error("too many bytes of submissions are being read; send it again later")]
    BodiesFull,
    #[error("{} or more invalid requests came from this address; it must wait {} s", crate::actors::penalty::INVALID_MAX, seconds(*.left))]
    Penalized { left: Duration },
    #[error("too many requests wait for receipts; ask again later")]
    TooManyWaiters,
    #[error("too many streams are open; try again later, or another validator")]
    TooManyStreams,
    #[error("this node did not get to it in time; the same request can be sent again")]
    NoAnswer,
    #[error("this node takes no transactions now: {0}")]
    NotAccepting(NotAccepting),
    #[error("this node is stopping")]
    Stopping,
    #[error("this node could not read its database")]
    Store(#[source] StoreError),
    #[error("this node contradicts itself; its log says how")]
    Internal,
}

/// Why `GET /health` is not content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAccepting {
    #[error("{0}")]
    Refusing(crate::actors::mempool::message::Refusal),
    #[error("its mempool did not answer in time")]
    NoAnswer,
    #[error("it has {0} blocks to catch up with")]
    Behind(u64),
}

/// Whole seconds, rounded up, and never 0: a client that waits that long does not come too early.
pub(super) fn seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Where there is no receipt: a node that began from a snapshot does not know those of before.
fn here(beginning: Height) -> String {
    match beginning {
        Height::GENESIS => " yet, or never will".to_owned(),
        beginning => format!(" after block {beginning}, with which this node's history begins; ask another"),
    }
}

impl ApiError {
    /// A word for programs. Never changed, once published.
    fn code(&self) -> &'static str {
        match self {
            Self::NoRoute => "no_such_path",
            Self::Method { .. } => "method_not_allowed",
            Self::HeadersTooLong { .. } => "headers_too_long",
            Self::Query { .. } | Self::WaitTooLong { .. } | Self::PathAmount => "bad_query",
            Self::TransactionId(_) => "bad_transaction_id",
            Self::Height => "bad_height",
            Self::LastEventId => "bad_last_event_id",
            Self::ContractId(_) => "bad_contract_id",
            Self::PurseId(_) => "bad_purse_id",
            Self::PurseNumber => "bad_number",
            Self::Currency(_) => "bad_currency",
            Self::Address(_) => "bad_address",
            Self::OtherPrefix { .. } => "other_network",
            Self::ContentType => "unsupported_content_type",
            Self::BodyTooLong { .. } => "body_too_long",
            Self::Submission(SubmissionError::TooMany) => "too_many_transactions",
            Self::BodyTimeout(_) => "body_too_slow",
            Self::BodyBroken => "broken_body",
            Self::Submission(SubmissionError::NoTransactions) => "no_transactions",
            Self::Json(_) => "bad_json",
            Self::Submission(_) => "malformed_transaction",
            Self::Unsigned(_) => "unsigned",
            Self::Key(_) | Self::Time | Self::Signature(_) => "bad_signature_header",
            Self::PathTooLong => "path_too_long",
            Self::Skew { .. } => "clock_skew",
            Self::BadSignature => "bad_signature",
            Self::NotPermitted | Self::ContractNotPermitted | Self::PurseNotPermitted | Self::NotRegistered => {
                "not_permitted"
            }
            Self::NoReceipt { .. } => "no_receipt",
            Self::NoBlock { .. } => "no_block",
            Self::BodiesFull | Self::TooManyWaiters | Self::TooManyStreams | Self::NoAnswer => "busy",
            Self::Penalized { .. } => "penalized",
            Self::NotAccepting(_) => "not_accepting",
            Self::Stopping => "stopping",
            Self::Store(_) => "database",
            Self::Internal => "internal",
        }
    }

    /// The same for every problem of one type.
    fn title(&self) -> &'static str {
        match self.code() {
            "no_such_path" => "No such path",
            "method_not_allowed" => "Method not allowed",
            "headers_too_long" => "The headers are too long",
            "bad_query" => "The query is wrong",
            "bad_transaction_id" => "Not a transaction id",
            "bad_height" => "Not a height",
            "bad_last_event_id" => "Not an event's id",
            "bad_contract_id" => "Not a contract's id",
            "bad_purse_id" => "Not a purse's id",
            "bad_number" => "Not a number",
            "bad_currency" => "Not a currency code",
            "bad_address" => "Not an address",
            "other_network" => "An address of another network",
            "unsupported_content_type" => "Unsupported content type",
            "body_too_long" => "The body is too long",
            "too_many_transactions" => "Too many transactions",
            "body_too_slow" => "The body came too slowly",
            "broken_body" => "The body is broken",
            "no_transactions" => "No transactions",
            "bad_json" => "The JSON is wrong",
            "malformed_transaction" => "Not a transaction",
            "unsigned" => "The request must be signed",
            "bad_signature_header" => "A signature header is wrong",
            "path_too_long" => "The path is too long",
            "clock_skew" => "Signed at another time",
            "bad_signature" => "The signature is wrong",
            "not_permitted" => "Not permitted",
            "no_receipt" => "No receipt",
            "no_block" => "No such block",
            "busy" => "Busy",
            "penalized" => "Too many invalid requests",
            "not_accepting" => "Not taking transactions",
            "stopping" => "Stopping",
            "database" => "The database cannot be read",
            _ => "An error of this node",
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::BodiesFull | Self::TooManyWaiters | Self::NoAnswer => Some(1),
            Self::TooManyStreams | Self::NotAccepting(_) | Self::Stopping => Some(5),
            Self::Penalized { left } => Some(seconds(*left)),
            _ => None,
        }
    }

    /// After these the rest of the request is not worth reading.
    fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::Penalized { .. }
                | Self::BodyTooLong { .. }
                | Self::BodyTimeout(_)
                | Self::BodyBroken
                | Self::BodiesFull
                | Self::ContentType
                | Self::HeadersTooLong { .. }
                | Self::Stopping
        )
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoRoute | Self::NoReceipt { .. } | Self::NoBlock { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::HeadersTooLong { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Query { .. }
            | Self::WaitTooLong { .. }
            | Self::TransactionId(_)
            | Self::Height
            | Self::LastEventId
            | Self::PathAmount
            | Self::ContractId(_)
            | Self::PurseId(_)
            | Self::PurseNumber
            | Self::Currency(_)
            | Self::Address(_)
            | Self::OtherPrefix { .. }
            | Self::BodyBroken
            | Self::Json(_) => StatusCode::BAD_REQUEST,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLong { .. } | Self::Submission(SubmissionError::TooMany) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Submission(_) => StatusCode::BAD_REQUEST,
            Self::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
            Self::PathTooLong => StatusCode::URI_TOO_LONG,
            Self::Unsigned(_)
            | Self::Key(_)
            | Self::Time
            | Self::Signature(_)
            | Self::Skew { .. }
            | Self::BadSignature => StatusCode::UNAUTHORIZED,
            Self::NotPermitted | Self::ContractNotPermitted | Self::PurseNotPermitted | Self::NotRegistered => {
                StatusCode::FORBIDDEN
            }
            Self::BodiesFull | Self::Penalized { .. } | Self::TooManyWaiters | Self::NoAnswer => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::TooManyStreams | Self::NotAccepting(_) | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Store(source) = self {
            tracing::error!(
                error = source as &dyn std::error::Error,
                "a request could not be answered"
            );
        }
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.content_type(PROBLEM_TYPE);
        if let Some(seconds) = self.retry_after() {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Self::Method { allow } = self {
            response.insert_header((ALLOW, *allow));
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1 asks for a challenge; the scheme is ours.
            response.insert_header((WWW_AUTHENTICATE, "Causeway-Signature"));
        }
        if self.closes_connection() {
            response.force_close();
        }
        response.json(Problem {
            kind: format!("{PROBLEM_URN}{}", self.code()),
            title: self.title().to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
        })
    }
}
