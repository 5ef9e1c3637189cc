//! pacs.002: how the client's payment stands.

use super::About;
use crate::{
    identifiers::bic::Bic,
    iso20022::payments::{OriginalPayment, TransferState, TransferStatus},
    remittance::state::State,
};

/// None for what another message says.
pub fn state(about: &About<'_>) -> Option<TransferState> {
    let was_reserved = about.remittance.ledger.reservation.is_some();
    Some(match about.moment.state {
        State::AwaitingFunds => TransferState::Accepted,
        State::Reserved | State::PayingOut => TransferState::InProcess,
        State::InfoRequired | State::ComplianceHold => TransferState::Pending(None),
        State::Completed => TransferState::Settled(about.created().date()),
        State::Returned => return None,
        State::Cancelled => TransferState::Rejected(about.reason(("CUST", "called back by the debtor"))),
        State::Failed => TransferState::Rejected(about.reason(("NARR", "refused before anything was reserved"))),
        State::Refunded => TransferState::Rejected(about.reason(("NARR", "refused by the creditor agent"))),
        State::Expired if was_reserved => {
            TransferState::Rejected(about.reason(("AB05", "the creditor agent did not decide in time")))
        }
        State::Expired => {
            TransferState::Rejected(about.reason(("AB03", "nothing could be reserved until the quote's time was over")))
        }
    })
}

pub fn message(
    about: &About<'_>,
    us: &Bic,
    client: &Bic,
    original: OriginalPayment,
    state: TransferState,
) -> TransferStatus {
    // What came back without a reason may get one later: that is another message.
    let is_refused = matches!(state, TransferState::Rejected(_));
    let is_unexplained = is_refused && about.remittance.reason.is_none();
    let id = about.id(if is_unexplained { 'T' } else { 'S' });
    TransferStatus {
        header: about.header(us, client, &id),
        message_id: id,
        created: about.created(),
        original,
        uetr: Some(about.uetr()),
        state,
        instructing_agent: us.clone(),
        instructed_agent: client.clone(),
    }
}
