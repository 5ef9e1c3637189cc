//! From a body to its answer: read, taken once by its sender and id, carried out, and the answer kept.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{
    about,
    answer::{self, Envelope},
    bulk,
    order::{NotTaken, order},
    payback::give_back,
    read::{Content, Kind, Received, read, refused},
    recall::call_back,
};
use crate::{
    identifiers::bic::Bic,
    iso20022::payments::{CancellationState, ReasonCode, StatusReason, TransferState},
    service::{
        call::{Call, Reply},
        context::Gateway,
        problem::{Code, Problem},
        records::{
            clients::Client,
            messages::{self, Begun, Place},
        },
    },
    store::StoreError,
};

/// The status report or answer to a message, as XML. The same message gets the same again.
///
/// # Errors
/// Nobody can be answered by a message, or it may go better when the message comes again.
pub async fn carry_out(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let kind = call.content_type.as_deref().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(answer::XML) && !kind.eq_ignore_ascii_case("text/xml") {
        let detail = "the body is a message of ISO 20022: Content-Type: application/xml";
        return Err(Problem::new(Code::NotJson, detail));
    }
    let us = gateway.config.bic.clone().ok_or_else(|| {
        let detail = "messages name banks by their BICs, and this gateway's configuration has none of its own";
        Problem::new(Code::NoBic, detail)
    })?;
    let fingerprint: [u8; 32] = Sha256::digest(&call.body).into();
    let (body, checks) = (call.body.clone(), gateway.config.messages.clone());
    // Megabytes of XML take longer than other requests should wait.
    let received = tokio::task::spawn_blocking(move || read(&body, &checks));
    let received = received.await.map_err(|error| Problem::internal(&error))??;
    let client = call.client();
    if received
        .sender
        .as_ref()
        .is_some_and(|sender| is_another(client, sender))
    {
        let detail = "the message is from another bank than this client";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    let place = Place {
        client: client.id.clone(),
        sender: received.sender.as_ref().map(ToString::to_string).unwrap_or_default(),
        id: received.id.to_string(),
    };
    let begun = {
        let (place, object, now_ms) = (place.clone(), call.object.clone(), call.now_ms);
        gateway
            .store
            .write::<_, StoreError, _>(move |sql| messages::begin(sql, &place, &fingerprint, &object, now_ms))
            .await?
    };
    let mut envelope = Envelope {
        us,
        object: call.object.clone(),
        now_ms: call.now_ms,
    };
    match begun {
        Begun::New { object } => envelope.object = object,
        Begun::Answered { answer } => return Ok(answer::reply(answer)),
        Begun::Running => {
            let detail = "the same message is being worked on; send it again in a second";
            return Err(Problem::new(Code::KeyRunning, detail).later(1));
        }
        Begun::Other => {
            let why = refused(
                ReasonCode::MESSAGE_TWICE,
                "another message of the sender has this identification",
            );
            return not_taken(&envelope, &received, why).map(answer::reply);
        }
    }
    let answered = work(gateway, &client.id, &envelope, &received).await;
    let kept = answered.as_ref().ok().cloned();
    gateway
        .store
        .write::<_, StoreError, _>(move |sql| match kept {
            Some(answer) => messages::answered(sql, &place, &answer),
            None => messages::put_off(sql, &place),
        })
        .await?;
    answered.map(answer::reply)
}

fn is_another(client: &Client, sender: &Bic) -> bool {
    client.body.bic.as_ref().is_some_and(|bic| *bic != sender.as_str())
}

async fn work(
    gateway: &Arc<Gateway>,
    client: &str,
    envelope: &Envelope,
    received: &Received,
) -> Result<Vec<u8>, Problem> {
    let content = match &received.content {
        Ok(content) => content,
        Err(reason) => return not_taken(envelope, received, reason.clone()),
    };
    match content {
        Content::Transfer(transfer) => match order(gateway, client, transfer, &envelope.object).await {
            Ok(remittance) => {
                // Of its first moment, however far it has come since.
                let first = about(gateway, &remittance, None).into_iter().next();
                let first = first.ok_or_else(|| {
                    let detail = "the remittance is made, and has no message of its own";
                    Problem::new(Code::Internal, detail)
                })?;
                Ok(first.xml)
            }
            Err(NotTaken::Refused(reason)) => not_taken(envelope, received, reason),
            Err(NotTaken::Later(problem)) => Err(problem),
        },
        Content::Orders(orders) => bulk::take(gateway, client, envelope, received, orders).await,
        Content::Recall(request) => call_back(gateway, client, envelope, received, request).await,
        Content::Return(returned) => {
            let state = give_back(gateway, client, returned).await?;
            Ok(answer::status(envelope, received, state))
        }
    }
}

fn not_taken(envelope: &Envelope, received: &Received, reason: Box<StatusReason>) -> Result<Vec<u8>, Problem> {
    match received.kind {
        Kind::Transfer | Kind::Return => Ok(answer::status(envelope, received, TransferState::Rejected(*reason))),
        Kind::Orders => bulk::not_taken(envelope, received, *reason),
        Kind::Recall => {
            let request = match &received.content {
                Ok(Content::Recall(request)) => Some(&**request),
                _ => None,
            };
            answer::cancellation(envelope, received, request, CancellationState::Rejected(*reason))
        }
    }
}
