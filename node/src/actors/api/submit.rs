//! `POST /v1/transactions`.

use std::{collections::HashSet, net::IpAddr};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{ConnectionType, StatusCode, header::RETRY_AFTER},
    web,
};
use causeway_contracts::{
    api::{Problem, Refused, SubmitResult, Submitted},
    ledger::rejection::Skip,
    transaction::{SignedTransaction, TransactionError, TxId},
};

use super::{
    body,
    context::Api,
    error::{ApiError, seconds},
    server::Connection,
    submission::Form,
};
use crate::actors::{
    budget,
    mempool::message::{Refusal, Submit},
};

/// Submit transactions
///
/// One transaction in canonical bytes (`application/octet-stream`), many of them, each after its
/// length as four bytes, big-endian (`application/vnd.causeway.transactions`), or one or a list of
/// them as JSON. Sending the same bytes again is safe, here and at any other validator: a transaction
/// takes effect at most once.
#[utoipa::path(
    post,
    path = "/v1/transactions",
    request_body(
        content(
            (SignedTransaction = "application/json"),
            (Vec<SignedTransaction> = "application/json"),
            (Vec<u8> = "application/octet-stream"),
            (Vec<u8> = "application/vnd.causeway.transactions"),
        ),
    ),
    responses(
        (status = 202, body = Submitted, description = "At least one was taken, or had been before; each says for itself."),
        (status = 422, body = Submitted, description = "None was taken; each says why."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The body cannot be read; the detail says where."),
        (status = 408, body = Problem, content_type = "application/problem+json", description = "The body came too slowly."),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "More than 1 MiB, or more than 1,024 transactions."),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "None of the content types above."),
        (status = 429, description = "The node is busy, the budget of this connection, the paying account or its operator is spent, or 16 invalid submissions came from this address: wait as long as Retry-After says. The body says for each transaction what became of it, if it came that far.",
            headers(("Retry-After" = u64, description = "Seconds.")),
            content((Submitted = "application/json"), (Problem = "application/problem+json"))),
        (status = 503, description = "The node takes no transactions now.",
            headers(("Retry-After" = u64, description = "Seconds.")),
            content((Submitted = "application/json"), (Problem = "application/problem+json"))),
    ),
)]
pub(super) async fn submit(
    api: web::Data<Api>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let client = client(&request)?;
    let connection = connection(&request)?;
    api.check_penalty(client)?;
    let form = Form::of(request.headers())?;
    let body = body::read(&api, &request, payload).await?;
    let transactions = form.parse(&body.bytes).inspect_err(|_| api.penalize(client, 1))?;
    let checked = check(&api, client, connection, transactions);
    let results = offer(&api, client, checked).await?;
    let mut response = respond(&results);
    if api.check_penalty(client).is_err() || results.iter().any(is_penalized) {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// Where a request comes from; a node that is reached through a proxy sees the proxy.
pub(super) fn client(request: &HttpRequest) -> Result<IpAddr, ApiError> {
    let address = request.peer_addr().ok_or(ApiError::BodyBroken)?;
    Ok(address.ip())
}

fn connection(request: &HttpRequest) -> Result<&Connection, ApiError> {
    request.conn_data().ok_or(ApiError::BodyBroken)
}

/// A transaction, or why it is not even offered to the mempool.
type Checked = (TxId, Result<SignedTransaction, Refusal>);

fn check(api: &Api, client: IpAddr, connection: &Connection, transactions: Vec<SignedTransaction>) -> Vec<Checked> {
    let now = api.now();
    let check = |signed: &SignedTransaction| -> Result<(), Refusal> {
        // Its keys are checked next, which takes longer than all that was done for it until now.
        connection.spend(budget::work(signed), now)?;
        signed.check_known(api.context.known)?;
        Ok(signed.check(&api.context.genesis_hash)?)
    };
    let checked: Vec<Checked> = transactions
        .into_iter()
        .map(|signed| (signed.id(), check(&signed).map(|()| signed)))
        .collect();
    let over_budget = |result: &Result<_, Refusal>| matches!(result, Err(Refusal::OverBudget(_)));
    let refused = checked.iter().filter(|(_, result)| over_budget(result)).count();
    api.metrics.over_budget.inc_by(refused as u64);
    let invalid = checked
        .iter()
        .filter(|(_, result)| matches!(result, Err(Refusal::Invalid(_))))
        .count();
    api.penalize(client, invalid);
    checked
}

/// Offers the good ones to the mempool and puts its answers in the order of the submission.
async fn offer(api: &Api, client: IpAddr, checked: Vec<Checked>) -> Result<Vec<(TxId, Option<Refusal>)>, ApiError> {
    let mut results = Vec::with_capacity(checked.len());
    let mut transactions = Vec::new();
    let mut places = Vec::new();
    for (place, (id, result)) in checked.into_iter().enumerate() {
        match result {
            Ok(signed) => {
                transactions.push(signed);
                places.push(place);
                results.push((id, None));
            }
            Err(refusal) => results.push((id, Some(refusal))),
        }
    }
    if transactions.is_empty() {
        return Ok(results);
    }
    let offered = transactions.len();
    let answers = api.ask(&api.context.submit, Submit { transactions, client }).await?;
    if answers.len() != offered {
        tracing::error!(
            offered,
            answered = answers.len(),
            "the mempool left transactions unanswered"
        );
        return Err(ApiError::Internal);
    }
    let forged = answers
        .iter()
        .filter(|answer| matches!(answer, Err(Refusal::Invalid(_))));
    api.penalize(client, forged.count());
    for (place, answer) in places.into_iter().zip(answers) {
        results[place].1 = match answer {
            Ok(_) | Err(Refusal::Skip(Skip::AlreadyKnown)) => None,
            Err(refusal) => Some(refusal),
        };
    }
    forgive_final(api, &mut results).await?;
    Ok(results)
}

/// The ledger forgets ids that have expired; the store does not. What was final in time had been
/// taken, and a client that sends it again learns that.
async fn forgive_final(api: &Api, results: &mut [(TxId, Option<Refusal>)]) -> Result<(), ApiError> {
    const EXPIRED: Option<Refusal> = Some(Refusal::Skip(Skip::Expired));
    let expired: Vec<TxId> = results
        .iter()
        .filter(|(_, r)| *r == EXPIRED)
        .map(|(id, _)| *id)
        .collect();
    if expired.is_empty() {
        return Ok(());
    }
    let known = api
        .read(move |reader| {
            let mut known = HashSet::new();
            for id in expired {
                if reader.locate(&id)?.is_some() {
                    known.insert(id);
                }
            }
            Ok(known)
        })
        .await?;
    for (id, refusal) in results {
        if known.contains(id) {
            *refusal = None;
        }
    }
    Ok(())
}

fn is_penalized((_, refusal): &(TxId, Option<Refusal>)) -> bool {
    matches!(refusal, Some(Refusal::Penalized(_)))
}

fn respond(results: &[(TxId, Option<Refusal>)]) -> HttpResponse {
    let refusals = || results.iter().filter_map(|(_, refusal)| refusal.as_ref());
    let mut response = if results.iter().any(|(_, refusal)| refusal.is_none()) {
        HttpResponse::Accepted()
    } else if let Some(waits) = refusals().filter_map(wait_seconds).max() {
        let busy = refusals().any(|refusal| {
            !matches!(refusal, Refusal::DiskLow | Refusal::NotAValidator) && wait_seconds(refusal).is_some()
        });
        let status = if busy {
            StatusCode::TOO_MANY_REQUESTS
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let mut response = HttpResponse::build(status);
        response.insert_header((RETRY_AFTER, waits));
        response
    } else {
        HttpResponse::UnprocessableEntity()
    };
    response.json(Submitted {
        results: results
            .iter()
            .map(|(id, refusal)| SubmitResult {
                id: *id,
                refused: refusal.as_ref().map(refused),
            })
            .collect(),
    })
}

/// After how long the same bytes may be taken by this node, if its state is all that is against them.
fn wait_seconds(refusal: &Refusal) -> Option<u64> {
    match refusal {
        Refusal::Busy => Some(1),
        Refusal::OverBudget(over) => Some(seconds(over.wait())),
        Refusal::DiskLow | Refusal::NotAValidator => Some(30),
        Refusal::Penalized(_) => Some(crate::actors::penalty::WAIT.as_secs()),
        Refusal::Invalid(_) | Refusal::Skip(_) => None,
    }
}

fn refused(refusal: &Refusal) -> Refused {
    let (code, retry) = match refusal {
        Refusal::Invalid(error) => (invalid_code(error), false),
        Refusal::Skip(Skip::Expired) => ("expired", false),
        Refusal::Skip(Skip::TooFarAhead) => ("too_far_ahead", true),
        Refusal::Skip(Skip::AlreadyKnown) => ("already_known", false),
        // The transaction that opens the account may be on its way.
        Refusal::Skip(Skip::UnknownSigner) => ("unknown_signer", true),
        Refusal::Skip(Skip::ThresholdNotMet) => ("threshold_not_met", false),
        // It may come into force while the transaction is valid.
        Refusal::Skip(Skip::NotInForce(_)) => ("not_in_force", true),
        Refusal::Busy => ("busy", true),
        Refusal::OverBudget(over) => (over.payer().code(), true),
        Refusal::Penalized(_) => ("penalized", true),
        Refusal::DiskLow => ("disk_low", true),
        Refusal::NotAValidator => ("not_a_validator", true),
    };
    Refused {
        code: code.to_owned(),
        detail: refusal.to_string(),
        retry,
    }
}

fn invalid_code(error: &TransactionError) -> &'static str {
    match error {
        TransactionError::Decode(_) | TransactionError::UnknownAction { .. } => "malformed",
        TransactionError::Version(_) => "unknown_version",
        TransactionError::WrongGenesis { .. } => "wrong_genesis",
        TransactionError::NoActions => "no_actions",
        TransactionError::Reports => "too_many_reports",
        TransactionError::ValidatorChanges => "too_many_validator_changes",
        TransactionError::PurseMessages => "too_many_purse_messages",
        TransactionError::Signatures => "bad_signature_list",
        TransactionError::KeyPolicy { .. } => "bad_key_policy",
        TransactionError::Terms { .. } => "bad_terms",
        TransactionError::TooLong { .. } => "too_long",
        TransactionError::BadSignature { .. } => "bad_signature",
    }
}
