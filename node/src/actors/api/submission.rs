//! The three forms in which transactions are submitted, read into one.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use causeway_contracts::{
    api::{
        SUBMIT_TRANSACTIONS_MAX, TRANSACTION_TYPE, TRANSACTIONS_TYPE,
        submission::{SubmissionError, decode_many, decode_one},
    },
    transaction::SignedTransaction,
};

use super::error::ApiError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One in canonical bytes.
    One,
    /// Many, each in canonical bytes after its length as four bytes, big-endian.
    Many,
    /// One as a JSON object, or many as a list of them.
    Json,
}

impl Form {
    pub fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(ApiError::ContentType);
        }
        let media_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase());
        match media_type.as_deref() {
            Some(TRANSACTION_TYPE) => Ok(Self::One),
            Some(TRANSACTIONS_TYPE) => Ok(Self::Many),
            Some("application/json") => Ok(Self::Json),
            _ => Err(ApiError::ContentType),
        }
    }

    /// The transactions of a body; none of their contents is checked yet, and there is at least one.
    pub fn parse(self, body: &[u8]) -> Result<Vec<SignedTransaction>, ApiError> {
        match self {
            Self::One => Ok(vec![decode_one(body)?]),
            Self::Many => Ok(decode_many(body)?),
            Self::Json => parse_json(body),
        }
    }
}

fn parse_json(body: &[u8]) -> Result<Vec<SignedTransaction>, ApiError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let transactions = match first {
        None if body.is_empty() => Vec::new(),
        Some(b'[') => serde_json::from_slice(body).map_err(ApiError::Json)?,
        _ => vec![serde_json::from_slice(body).map_err(ApiError::Json)?],
    };
    match transactions.len() {
        0 => Err(SubmissionError::NoTransactions.into()),
        1..=SUBMIT_TRANSACTIONS_MAX => Ok(transactions),
        _ => Err(SubmissionError::TooMany.into()),
    }
}
