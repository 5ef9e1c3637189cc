//! What became of a transaction: its status, and its receipt with proof.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::header::CACHE_CONTROL,
    web::{self, Path},
};
use causeway_contracts::{
    api::{Problem, TransactionStatus, TransactionView, WAIT_MS_MAX},
    block::Height,
    proof::PaymentProof,
    statement::Answer,
    transaction::TxId,
};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{
    context::Api,
    error::ApiError,
    hub::Wake,
    routes::{self, IMMUTABLE},
};

/// A transaction's status
///
/// Any id has an answer. Where there is no receipt it holds this validator's signed statement that
/// there is none up to its last block: with a block past `valid_until`, such statements by more than
/// a third of the power show that the transaction never applied. A validator whose history begins with a
/// snapshot states no such thing: it does not know what was before.
#[utoipa::path(
    get,
    path = "/v1/transactions/{id}",
    params(("id" = TxId, Path, description = "64 hexadecimal digits")),
    responses(
        (status = 200, body = TransactionView),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not an id."),
    ),
)]
pub(super) async fn transaction(api: web::Data<Api>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id: TxId = id.parse().map_err(ApiError::TransactionId)?;
    // The tip first: what has no receipt after that had none at that height.
    let (tip, found) = api
        .read(move |reader| {
            let tip = reader.tip()?;
            let Some(location) = reader.locate(&id)? else {
                let knows_all = reader.beginning()? == Height::GENESIS;
                return Ok((knows_all.then_some(tip), None));
            };
            let receipts = reader.receipts(location.height)?;
            Ok((None, Some((location, receipts))))
        })
        .await?;
    let view = match found {
        Some((location, receipts)) => {
            let index = location.index as usize;
            let receipt = receipts.as_ref().and_then(|receipts| receipts.get(index));
            let Some(receipt) = receipt else {
                tracing::error!(%id, height = location.height.0, index, "a located receipt is not in its block");
                return Err(ApiError::Internal);
            };
            TransactionView {
                id,
                status: TransactionStatus::Final,
                height: Some(location.height),
                outcome: Some(receipt.outcome),
                statement: None,
            }
        }
        None => {
            let pending = api
                .ask(&api.context.is_pending, crate::actors::mempool::message::IsPending(id))
                .await?;
            TransactionView {
                id,
                status: if pending {
                    TransactionStatus::Pending
                } else {
                    TransactionStatus::Unknown
                },
                height: None,
                outcome: None,
                statement: tip.map(|tip| api.state(&tip, Answer::NoReceipt(id))),
            }
        }
    };
    Ok(HttpResponse::Ok().json(view))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WaitQuery {
    /// How long to wait for the receipt, in milliseconds.
    #[serde(default)]
    #[param(maximum = 30_000, required = false)]
    wait_ms: u64,
    /// Leave out changes of validators below this height, which the reader has followed.
    #[serde(default)]
    #[param(value_type = u64, required = false)]
    from: Height,
}

/// A receipt with its proof
///
/// Everything a wallet needs to check by itself what became of a transaction. Answers as soon as the
/// transaction is final.
#[utoipa::path(
    get,
    path = "/v1/receipts/{id}",
    params(("id" = TxId, Path, description = "64 hexadecimal digits"), WaitQuery),
    responses(
        (status = 200, body = PaymentProof),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not an id, or a bad query."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No receipt within that time."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many requests wait already.",
            headers(("Retry-After" = u64, description = "Seconds."))),
    ),
)]
pub(super) async fn receipt(
    api: web::Data<Api>,
    id: Path<String>,
    request: actix_web::HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id: TxId = id.parse().map_err(ApiError::TransactionId)?;
    let WaitQuery { wait_ms, from } = routes::query(&request, "wait_ms and from")?;
    if wait_ms > WAIT_MS_MAX {
        return Err(ApiError::WaitTooLong {
            actual: wait_ms,
            max: WAIT_MS_MAX,
        });
    }
    let proof = if wait_ms == 0 {
        match find(&api, id, from).await? {
            Some(proof) => proof,
            None => return Err(no_receipt(&api, id).await?),
        }
    } else {
        wait_for(&api, id, from, Duration::from_millis(wait_ms)).await?
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, IMMUTABLE)).json(proof))
}

async fn wait_for(api: &Api, id: TxId, from: Height, wait: Duration) -> Result<PaymentProof, ApiError> {
    let deadline = Instant::now() + wait;
    loop {
        // Registered before the first look: a block that comes between them wakes it.
        let woken = api.hub.register(id)?;
        if let Some(proof) = find(api, id, from).await? {
            return Ok(proof);
        }
        match timeout_at(deadline, woken).await {
            Err(_) => return Err(no_receipt(api, id).await?),
            Ok(Err(_)) => return Err(ApiError::Stopping),
            Ok(Ok(Wake::Full)) => return Err(ApiError::TooManyWaiters),
            Ok(Ok(Wake::Missed)) => {}
            Ok(Ok(Wake::Final)) => {
                return find(api, id, from).await?.ok_or_else(|| {
                    tracing::error!(%id, "a published receipt is not in the store");
                    ApiError::Internal
                });
            }
        }
    }
}

async fn no_receipt(api: &Api, id: TxId) -> Result<ApiError, ApiError> {
    let beginning = api.read(|reader| reader.beginning()).await?;
    Ok(ApiError::NoReceipt { id, beginning })
}

async fn find(api: &Api, id: TxId, from: Height) -> Result<Option<PaymentProof>, ApiError> {
    api.read(move |reader| reader.proof(&id, from)).await
}
