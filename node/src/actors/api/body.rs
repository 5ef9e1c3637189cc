//! Reads a submission's body within its bounds of size, time and memory.

use actix_web::{
    HttpRequest,
    http::header::CONTENT_LENGTH,
    web::{self, Bytes, BytesMut},
};
use causeway_contracts::api::SUBMIT_BYTES_MAX;
use futures::StreamExt;
use tokio::sync::OwnedSemaphorePermit;

use super::{context::Api, error::ApiError};

/// A body, counted among those that are held until it is dropped.
pub(super) struct Body {
    pub bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

/// Memory is claimed as bytes arrive, not as they are announced, so that slow clients hold little.
pub(super) async fn read(api: &Api, request: &HttpRequest, mut payload: web::Payload) -> Result<Body, ApiError> {
    const TOO_LONG: ApiError = ApiError::BodyTooLong { max: SUBMIT_BYTES_MAX };
    if announced_length(request).is_some_and(|length| length > SUBMIT_BYTES_MAX as u64) {
        return Err(TOO_LONG);
    }
    let collect = async {
        let mut bytes = BytesMut::new();
        let mut held: Option<OwnedSemaphorePermit> = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| ApiError::BodyBroken)?;
            if bytes.len() + chunk.len() > SUBMIT_BYTES_MAX {
                return Err(TOO_LONG);
            }
            let count = u32::try_from(chunk.len()).map_err(|_| TOO_LONG)?;
            let permit = api
                .body_bytes
                .clone()
                .try_acquire_many_owned(count)
                .map_err(|_| ApiError::BodiesFull)?;
            match &mut held {
                Some(held) => held.merge(permit),
                None => held = Some(permit),
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body {
            bytes: bytes.freeze(),
            _held: held,
        })
    };
    let within = api.context.limits.arrival_max;
    match tokio::time::timeout(within, collect).await {
        Ok(body) => body,
        Err(_) => Err(ApiError::BodyTimeout(within)),
    }
}

fn announced_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
