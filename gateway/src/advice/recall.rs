//! camt.029: what became of the client's request to take a payment back.

use super::{About, bic};
use crate::{
    identifiers::bic::Bic,
    iso20022::payments::{
        Actor, Agent, CancellationAnswer, CancellationState, Case, OriginalPayment, ReasonCode, StatusReason, Text,
    },
    remittance::{Remittance, instruction::RecallRequest, state::State},
};

/// None while nobody knows.
pub fn answer(remittance: &Remittance, state: State) -> Option<(&RecallRequest, CancellationState)> {
    Some((remittance.recall.as_ref()?, decided(state)?))
}

/// By the codes of ISO's ExternalPaymentCancellationRejection1Code.
pub fn decided(state: State) -> Option<CancellationState> {
    match state {
        State::Cancelled => Some(CancellationState::Cancelled),
        State::PayingOut | State::Completed => Some(rejected(
            ReasonCode::AGENT,
            "the creditor agent has accepted the payment already",
        )),
        State::Returned | State::Refunded | State::Expired | State::Failed => Some(rejected(
            ReasonCode::RETURNED_ALREADY,
            "the payment has come to nothing already",
        )),
        State::AwaitingFunds | State::ComplianceHold | State::Reserved | State::InfoRequired => None,
    }
}

fn rejected(code: ReasonCode, text: &str) -> CancellationState {
    let reason = StatusReason::of(code);
    CancellationState::Rejected(StatusReason {
        additional: super::lines(text),
        ..reason
    })
}

pub fn message(
    about: &About<'_>,
    us: &Bic,
    request: &RecallRequest,
    original: OriginalPayment,
    state: CancellationState,
) -> CancellationAnswer {
    let id = about.id('A');
    let client = bic(&request.sender);
    let text = |text: &str| Text::new(text).expect("checked when it was taken");
    CancellationAnswer {
        header: about.header(us, &client, &id),
        id,
        assigner: us.clone(),
        assignee: client,
        created: about.created(),
        case: request.case.as_ref().map(|(id, creator)| Case {
            id: text(id),
            creator: Actor::Bank(Agent::of(bic(creator))),
        }),
        cancellation_id: request.cancellation.as_deref().map(text),
        original,
        uetr: about.uetr(),
        state,
    }
}
