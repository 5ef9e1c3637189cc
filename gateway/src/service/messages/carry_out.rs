//! From a body to its answer: read, taken once by its sender and id, carried out, and the answer kept.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{
    about,
    answer::{self, Envelope},
    bulk::{self, Taken},
    is_same, office,
    order::{NotTaken, order},
    payback::give_back,
    read::{Content, Kind, Received, read, refused},
    recall::call_back,
};
use crate::{
    identifiers::bic::Bic,
    iso20022::payments::{CancellationState, ReasonCode, StatusReason, TransferState},
    service::{
        api::bulk::put,
        call::{Call, Reply},
        context::Gateway,
        lease::{renewed, running},
        problem::{Code, Problem},
        records::{
            clients::Client,
            messages::{self, Begun, Kept, Place, Turn},
        },
    },
    store::{Sql, StoreError},
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
    let place = place(client, &received);
    let begun = {
        let (object, now_ms) = (call.object.clone(), call.now_ms);
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
    let mut turn = match begun {
        Begun::New { object, turn } => {
            envelope.object = object;
            turn
        }
        Begun::Answered { answer } => return Ok(answer::reply(answer)),
        Begun::Running => return Err(running()),
        Begun::Other => {
            let why = refused(
                ReasonCode::MESSAGE_TWICE,
                "another message of the sender has this identification",
            );
            return not_taken(&envelope, &received, why).map(answer::reply);
        }
    };
    let worked = renewed(work(gateway, &client.id, &envelope, &received), async || {
        let (mut mine, now_ms) = (turn.clone(), gateway.now_ms());
        let renew = gateway
            .store
            .write::<_, StoreError, _>(move |sql| Ok((messages::renew(sql, &mut mine, now_ms)?, mine)));
        let is_mine;
        (is_mine, turn) = renew.await?;
        Ok(is_mine)
    });
    let worked = match worked.await? {
        Ok(worked) => worked,
        Err(problem) => {
            gateway
                .store
                .write::<_, StoreError, _>(move |sql| messages::put_off(sql, &turn))
                .await?;
            return Err(problem);
        }
    };
    let answer = worked.report.clone();
    let kept = gateway
        .store
        .write::<_, StoreError, _>(move |sql| keep(sql, &turn, &worked))
        .await?;
    gateway.wake_bulks.notify_one();
    match kept {
        Kept::Mine => Ok(answer::reply(answer)),
        Kept::Earlier { answer } => Ok(answer::reply(answer)),
        Kept::Running => Err(running()),
    }
}

/// The bulk and what is said of it together, or neither.
fn keep(sql: &mut dyn Sql, turn: &Turn, worked: &Taken) -> Result<Kept, StoreError> {
    let kept = messages::answered(sql, turn, &worked.report)?;
    if let (Kept::Mine, Some((bulk, lines))) = (&kept, &worked.bulk)
        && !put(sql, bulk, lines)?
    {
        return Err(StoreError::Changed);
    }
    Ok(kept)
}

fn is_another(client: &Client, sender: &Bic) -> bool {
    let own = client.body.bic.as_ref();
    own.is_some_and(|own| own.parse().map_or(true, |own: Bic| !is_same(&own, sender)))
}

/// A customer's order is one by its id, with a header or without. A bank's messages are its own, however it is written.
fn place(client: &Client, received: &Received) -> Place {
    let sender = match received.kind {
        Kind::Orders => None,
        Kind::Transfer | Kind::Recall | Kind::Return => received.sender.as_ref().map(office),
    };
    Place {
        client: client.id.clone(),
        sender: sender.unwrap_or_default().to_owned(),
        id: received.id.to_string(),
    }
}

async fn work(
    gateway: &Arc<Gateway>,
    client: &str,
    envelope: &Envelope,
    received: &Received,
) -> Result<Taken, Problem> {
    let content = match &received.content {
        Ok(content) => content,
        Err(reason) => return not_taken(envelope, received, reason.clone()).map(alone),
    };
    let report = match content {
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
        Content::Orders(orders) => return bulk::take(gateway, client, envelope, received, orders).await,
        Content::Recall(request) => call_back(gateway, client, envelope, received, request).await,
        Content::Return(returned) => {
            let state = give_back(gateway, client, returned).await?;
            Ok(answer::status(envelope, received, state))
        }
    };
    report.map(alone)
}

/// Whatever came of it is stored already.
fn alone(report: Vec<u8>) -> Taken {
    Taken { report, bulk: None }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        service::records::{
            bulks::{self, Bulk, tests::order},
            clients::ClientBody,
            jobs,
        },
        store::tests::database,
    };

    #[test]
    fn a_client_sends_as_its_own_bank_only() {
        let check = |own: Option<&str>, sender: &str, expected: bool| {
            let client = Client {
                id: "a".to_owned(),
                disabled: false,
                body: ClientBody {
                    name: "A".to_owned(),
                    scopes: String::new(),
                    secret_hash: None,
                    jwks: None,
                    bic: own.map(str::to_owned),
                },
            };
            let sender = sender.parse().expect("a BIC");
            assert_eq!(is_another(&client, &sender), expected, "{own:?} {sender}");
        };
        check(None, "BANKDEFF", false);
        check(Some("BANKDEFF"), "BANKDEFFXXX", false);
        check(Some("BANKDEFFXXX"), "BANKDEFF", false);
        check(Some("BANKDEFF"), "BANKDEFF500", true);
        check(Some("BANKDEFF"), "BANKFRPP", true);
    }

    /// The one who was first and slow gets what was said, and nothing of its own is stored.
    #[tokio::test]
    async fn a_bulk_is_stored_with_its_report_or_not_at_all() {
        let (store, _folder) = database().await;
        let place = Place {
            client: "a".to_owned(),
            sender: String::new(),
            id: "M1".to_owned(),
        };
        let taken = |report: &[u8], lines| Taken {
            report: report.to_vec(),
            bulk: Some((
                Bulk {
                    id: "bulk_1".to_owned(),
                    client: "a".to_owned(),
                    created_ms: 7,
                    completed: false,
                    atomic: false,
                    intent: None,
                },
                vec![order(); lines],
            )),
        };
        let (slow, fast) = (taken(b"two", 2), taken(b"three", 3));
        store
            .write::<_, StoreError, _>(move |sql| {
                let mut turn_at = |now_ms| match messages::begin(sql, &place, &[1; 32], "x", now_ms)? {
                    Begun::New { turn, .. } => Ok::<_, StoreError>(turn),
                    other => panic!("{other:?}"),
                };
                let (first, second) = (turn_at(1_000)?, turn_at(1_000_000)?);
                assert_eq!(keep(sql, &first, &slow)?, Kept::Running);
                assert_eq!(bulks::any(sql, "bulk_1")?, None);
                assert_eq!(keep(sql, &second, &fast)?, Kept::Mine);
                let answer = b"three".to_vec();
                assert_eq!(keep(sql, &first, &slow)?, Kept::Earlier { answer });
                assert_eq!(bulks::lines(sql, "bulk_1", 0, 9)?.len(), 3);
                assert_eq!(jobs::claim(sql, jobs::Kind::Bulk, "l", 9, 7)?.len(), 1);
                Ok(())
            })
            .await
            .unwrap();
    }
}
