//! Messages of ISO 20022: those that clients send, and those about their remittances.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    advice::Advice,
    identifiers::bic::Bic,
    service::{
        call::{Call, Reply},
        context::Gateway,
        messages::{self, answer::XML},
        problem::Problem,
        records::remittances,
        time::rfc3339,
        views::Page,
    },
    store::StoreError,
};

/// Sends a message of ISO 20022
///
/// A pacs.008 orders a remittance, a camt.056 calls one back, a pacs.004 says that an accepted one could not be paid out.
/// A pain.001 orders many, as a bulk does, whose id is `bulk_` and the first 32 characters of the answer's MsgId.
/// Answered by a pacs.002, camt.029 or pain.002, also if the message is wrong, as long as it says who has sent it and which it is.
/// There is no `Idempotency-Key`: the same message of the same sender gets the same answer; another with its id is a
/// duplicate (DU01), and so is another payment with a UETR that was there (DU03).
#[utoipa::path(post, path = "/v1/iso20022/messages", request_body(content = String, content_type = "application/xml"),
    responses((status = 200, body = String, content_type = "application/xml")))]
pub async fn create(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    messages::carry_out(gateway, call).await
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// `message`
    pub object: &'static str,
    /// From 1, in the order of the list.
    pub number: usize,
    /// Such as `pacs.002.001.10`.
    pub kind: &'static str,
    /// MsgId, and BizMsgIdr of the header.
    pub id: String,
    pub created_at: String,
}

/// The messages of ISO 20022 about a remittance, the oldest first
///
/// Those of one that a pacs.008 has ordered, and of an incoming one if its client has a BIC. Later ones come at the end.
#[utoipa::path(get, path = "/v1/remittances/{id}/messages", params(("id" = String, Path)),
    responses((status = 200, body = Page<MessageView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let all = of_call(gateway, call).await?;
    let views = all.into_iter().enumerate().map(|(at, advice)| MessageView {
        object: "message",
        number: at + 1,
        kind: advice.kind,
        id: advice.id,
        created_at: rfc3339(advice.created_ms),
    });
    Ok(Reply::ok(&Page {
        object: "list",
        data: views.collect(),
        has_more: false,
        next_cursor: None,
    }))
}

/// A message of ISO 20022 about a remittance
#[utoipa::path(get, path = "/v1/remittances/{id}/messages/{number}",
    params(("id" = String, Path), ("number" = String, Path)),
    responses((status = 200, body = String, content_type = "application/xml")))]
pub async fn get(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let number: Option<usize> = call.parameter("number").parse().ok();
    let all = of_call(gateway, call).await?;
    let at = number.and_then(|number| number.checked_sub(1));
    let found = at.and_then(|at| all.into_iter().nth(at));
    let advice = found.ok_or_else(|| Problem::not_found("message"))?;
    Ok(Reply::of(XML, advice.xml))
}

async fn of_call(gateway: &Arc<Gateway>, call: &Call) -> Result<Vec<Advice>, Problem> {
    let client = call.client();
    let (whose, id) = (client.id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| remittances::find(sql, &whose, &id))
        .await?;
    let remittance = found.ok_or_else(|| Problem::not_found("remittance"))?;
    let bic: Option<Bic> = client.body.bic.as_deref().and_then(|bic| bic.parse().ok());
    Ok(messages::about(gateway, &remittance, bic.as_ref()))
}
