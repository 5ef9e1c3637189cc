//! The three forms in which transactions are submitted, read into one.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use causeway_contracts::{
    api::{SUBMIT_TRANSACTIONS_MAX, TRANSACTION_TYPE, TRANSACTIONS_TYPE},
    codec,
    transaction::{SignedTransaction, TRANSACTION_BYTES_MAX},
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
        if body.is_empty() {
            return Err(ApiError::NoTransactions);
        }
        let transactions = match self {
            Self::One => vec![decode(0, body)?],
            Self::Many => parse_many(body)?,
            Self::Json => parse_json(body)?,
        };
        match transactions.len() {
            0 => Err(ApiError::NoTransactions),
            1..=SUBMIT_TRANSACTIONS_MAX => Ok(transactions),
            _ => Err(TOO_MANY),
        }
    }
}

const TOO_MANY: ApiError = ApiError::TooManyTransactions {
    max: SUBMIT_TRANSACTIONS_MAX,
};

fn decode(index: usize, bytes: &[u8]) -> Result<SignedTransaction, ApiError> {
    codec::decode(bytes, TRANSACTION_BYTES_MAX).map_err(|source| ApiError::Transaction { index, source })
}

fn parse_many(mut body: &[u8]) -> Result<Vec<SignedTransaction>, ApiError> {
    let mut transactions = Vec::new();
    while !body.is_empty() {
        let index = transactions.len();
        if index == SUBMIT_TRANSACTIONS_MAX {
            return Err(TOO_MANY);
        }
        let (length, rest) = body.split_first_chunk::<4>().ok_or(ApiError::NoLength {
            index,
            left: body.len(),
        })?;
        let claimed = u32::from_be_bytes(*length) as usize;
        if claimed > TRANSACTION_BYTES_MAX {
            return Err(ApiError::TransactionTooLong { index, claimed });
        }
        let (bytes, rest) = rest.split_at_checked(claimed).ok_or(ApiError::Truncated {
            index,
            claimed,
            left: rest.len(),
        })?;
        transactions.push(decode(index, bytes)?);
        body = rest;
    }
    Ok(transactions)
}

fn parse_json(body: &[u8]) -> Result<Vec<SignedTransaction>, ApiError> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        serde_json::from_slice(body).map_err(ApiError::Json)
    } else {
        serde_json::from_slice(body)
            .map(|transaction| vec![transaction])
            .map_err(ApiError::Json)
    }
}
