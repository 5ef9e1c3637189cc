//! camt.056: a remittance is called back, as if that had been asked for.

use std::sync::Arc;

use super::{
    about,
    answer::{self, Envelope, named_case},
    read::{Received, refused},
};
use crate::{
    advice::decided,
    iso20022::payments::{self, CancellationAnswer, CancellationRequest, CancellationState, Outgoing, ReasonCode},
    remittance::{Remittance, fact::Reason, instruction::RecallRequest, state::Side},
    service::{
        api::remittances::{Steering, recall},
        context::Gateway,
        problem::{Code, Problem},
        records::remittances,
    },
    store::StoreError,
};

/// The answer: camt.029.
///
/// # Errors
/// It may go better when the message comes again.
pub async fn call_back(
    gateway: &Arc<Gateway>,
    client: &str,
    envelope: &Envelope,
    received: &Received,
    request: &CancellationRequest,
) -> Result<Vec<u8>, Problem> {
    let answer = |state| answer::cancellation(envelope, received, Some(request), state);
    let Some(known) = find(gateway, client, request).await? else {
        let why = refused(
            ReasonCode::NO_ORIGINAL,
            "there is no payment with this UETR here, or it is another client's",
        );
        return answer(CancellationState::Rejected(*why));
    };
    let steering = Steering {
        id: known.id.clone(),
        client: client.to_owned(),
        request: None,
        now_ms: gateway.now_ms(),
    };
    let record = RecallRequest {
        sender: received.bank().to_string(),
        cancellation: request.cancellation_id.as_ref().map(ToString::to_string),
        case: named_case(request).map(|(id, creator)| (id, creator.to_string())),
    };
    let settled = match recall(gateway, steering, reason(request), Some(record)).await {
        Ok(settled) => settled,
        // It had ended, or was accepted: that is an answer too.
        Err(problem) if matches!(problem.code, Code::AlreadyAccepted | Code::WrongState) => {
            find(gateway, client, request).await?.unwrap_or(known)
        }
        Err(problem) => return Err(problem),
    };
    // If it is the remittance's own message, it is the same there.
    let mut written = about(gateway, &settled, None).into_iter();
    let own = written.find(|advice| advice.kind == CancellationAnswer::MESSAGE);
    if let Some(own) = own.filter(|_| {
        settled
            .recall
            .as_ref()
            .is_some_and(|recall| is_of(recall, received, request))
    }) {
        return Ok(own.xml);
    }
    match decided(settled.state()) {
        Some(state) => answer(state),
        None => {
            let why = refused(ReasonCode::NO_REPLY_YET, "the ledger has not decided yet");
            answer(CancellationState::Pending(*why))
        }
    }
}

fn is_of(recall: &RecallRequest, received: &Received, request: &CancellationRequest) -> bool {
    recall.sender == received.bank().as_str()
        && recall.cancellation.as_deref() == request.cancellation_id.as_ref().map(|id| id.as_str())
}

async fn find(
    gateway: &Gateway,
    client: &str,
    request: &CancellationRequest,
) -> Result<Option<Remittance>, StoreError> {
    let (client, uetr) = (client.to_owned(), request.uetr.to_string());
    gateway
        .store
        .read(move |sql| {
            let found = remittances::seen(sql, &uetr, Side::Sender)?;
            Ok(found.filter(|found| found.client == client))
        })
        .await
}

fn reason(request: &CancellationRequest) -> Reason {
    let code = match &request.reason.reason {
        payments::Reason::Code(code) => code.to_string(),
        payments::Reason::Proprietary(text) => text.to_string(),
    };
    let text = request.reason.additional.first().map(ToString::to_string);
    Reason { code, text }
}
