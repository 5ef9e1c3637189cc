//! pacs.004: the beneficiary's side could not pay out a remittance that it had accepted, as if it had said so.

use std::sync::Arc;

use super::read::refused;
use crate::{
    iso20022::payments::{self, PaymentReturn, ReasonCode, StatusReason, TransferState},
    remittance::{fact::Reason, state::Side},
    service::{
        api::remittances::{PayOutResult, Steering, pay_out},
        context::Gateway,
        problem::{Code, Problem},
        records::remittances,
    },
    store::StoreError,
};

/// How the return stands, for a pacs.002 about it: ACSP, or RJCT with its reason.
///
/// # Errors
/// It may go better when the message comes again.
pub async fn give_back(
    gateway: &Arc<Gateway>,
    client: &str,
    returned: &PaymentReturn,
) -> Result<TransferState, Problem> {
    let rejected = |reason: Box<StatusReason>| Ok(TransferState::Rejected(*reason));
    let (whose, uetr) = (client.to_owned(), returned.uetr.to_string());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| remittances::seen(sql, &uetr, Side::Beneficiary))
        .await?;
    let Some(known) = found.filter(|found| found.client == whose) else {
        let why = "there is no payment with this UETR here, or it is another client's";
        return rejected(refused(ReasonCode::NEVER_RECEIVED, why));
    };
    let target = &known.order.target;
    if returned.returned.currency() != target.currency || returned.returned.amount() != known.target {
        let why = format!("what arrived goes back whole: {} {}", target.value, target.currency);
        return rejected(refused(ReasonCode::WRONG_AMOUNT, &why));
    }
    let code = match &returned.reason.reason {
        payments::Reason::Code(code) => code.to_string(),
        payments::Reason::Proprietary(text) => text.to_string(),
    };
    let reason = Reason {
        code,
        text: returned.reason.additional.first().map(ToString::to_string),
    };
    let steering = Steering {
        id: known.id,
        client: client.to_owned(),
        request: None,
        now_ms: gateway.now_ms(),
    };
    match pay_out(gateway, steering, PayOutResult::Returned, reason).await {
        Ok(_) => Ok(TransferState::InProcess),
        Err(problem) if problem.code == Code::WrongState => {
            rejected(refused(ReasonCode::NOT_RETURNABLE, &problem.detail))
        }
        Err(problem) => Err(problem),
    }
}
