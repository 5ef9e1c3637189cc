//! Who asks, for what is not open to all.
//!
//! A request carries a key, the time and a signature over the network, the path with its query, and
//! the time ([`ReadRequest`]).

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use causeway_contracts::{
    api::{KEY_HEADER, REQUEST_SKEW_MS, ReadRequest, SIGNATURE_HEADER, TIME_HEADER},
    block::TimeMs,
    codec::Text,
    keys::{PublicKey, Signature},
    money::Currency,
};

use super::{context::Api, error::ApiError, submit::client};
use crate::store::{Reader, StoreError};

/// The key that has signed this request, about now and for this network. A forged signature counts
/// against the address that it came from.
pub(super) fn signer(api: &Api, request: &HttpRequest) -> Result<PublicKey, ApiError> {
    let client = client(request)?;
    api.check_penalty(client)?;
    verified(api, request, now()).inspect_err(|error| {
        if matches!(error, ApiError::BadSignature) {
            api.penalize(client, 1);
        }
    })
}

/// Whether a key is one of a registered participant's.
pub(super) fn is_participants(reader: &Reader, key: &PublicKey) -> Result<bool, StoreError> {
    Ok(reader
        .participants()?
        .iter()
        .any(|participant| participant.keys.contains(key)))
}

/// The currency for whose purses a key signs, if it is not withdrawn.
pub(super) fn serves(reader: &Reader, key: &PublicKey) -> Result<Option<Currency>, StoreError> {
    let found = reader.service_key(key)?.filter(|entry| !entry.is_withdrawn);
    Ok(found.map(|entry| entry.currency))
}

/// Whether a key is that of a validator which decides the next block, or a registered observer's network key.
pub(super) fn may_stream(api: &Api, key: &PublicKey) -> bool {
    api.context.members.borrow().may_stream(key)
}

fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn verified(api: &Api, request: &HttpRequest, now: TimeMs) -> Result<PublicKey, ApiError> {
    let header = |name: &'static str| {
        let value = request.headers().get(name).ok_or(ApiError::Unsigned(name))?;
        Ok::<_, ApiError>(value.to_str().unwrap_or_default())
    };
    let key: PublicKey = header(KEY_HEADER)?.parse().map_err(ApiError::Key)?;
    let time_ms = TimeMs(header(TIME_HEADER)?.parse().map_err(|_| ApiError::Time)?);
    let signature: Signature = header(SIGNATURE_HEADER)?.parse().map_err(ApiError::Signature)?;
    if time_ms.0.abs_diff(now.0) > REQUEST_SKEW_MS {
        let ahead = i128::from(time_ms.0) - i128::from(now.0);
        let ahead_ms = i64::try_from(ahead).unwrap_or(if ahead < 0 { i64::MIN } else { i64::MAX });
        return Err(ApiError::Skew { ahead_ms });
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let signed = ReadRequest {
        genesis: api.context.genesis_hash,
        path: Text::new(path).map_err(|_| ApiError::PathTooLong)?,
        time_ms,
    };
    signed.verify(key, signature).map_err(|_| ApiError::BadSignature)?;
    Ok(key)
}
