//! Whether two actions do the same, whenever they were made: one whose outcome is unknown is found again by that.

use causeway_contracts::{
    codec::{Bounded, Text},
    money::Amount,
    settlement::{PathAmount, SettlementAction},
    transaction::{Action, Transaction, UnixSeconds},
};

use super::escrows::{hash_lock, hash_locked};

/// Whether a transaction does the same, whenever it was made.
pub(super) fn like(action: &SettlementAction, memo: &Text<140>) -> impl Fn(&Transaction) -> bool + use<> {
    let (timeless, memo) = (without_times(action.clone()), memo.clone());
    move |tx| match &*tx.actions {
        [Action::Settle(other)] => tx.memo == memo && without_times(other.clone()) == timeless,
        _ => false,
    }
}

/// The same, without the times that a command works out from now.
fn without_times(mut action: SettlementAction) -> SettlementAction {
    let never = UnixSeconds(0);
    match &mut action {
        SettlementAction::Hold(hold) => hold.expires_at = never,
        SettlementAction::Escrow(escrow) => {
            escrow.expires_at = never;
            // Of `--hash` and `--deadline`; other conditions have times that were given.
            if let Some((hash, _)) = hash_lock(escrow) {
                (escrow.release_when, escrow.refund_when) = hash_locked(hash, never);
            }
        }
        SettlementAction::Allow(allowance) => allowance.expires_at = never,
        SettlementAction::Mandate(mandate) => (mandate.starts_at, mandate.ends_at) = (never, never),
        SettlementAction::Request(request) => request.expires_at = never,
        SettlementAction::Offer(offer) => offer.expires_at = never,
        SettlementAction::OpenCycle(cycle) => cycle.closes_at = never,
        // By another way, or with another bound, it is the same payment.
        SettlementAction::PayPath(payment) => {
            let ends = [payment.path.first(), payment.path.last()];
            let ends = ends.into_iter().flatten().copied().collect();
            payment.path = Bounded::new(ends).expect("two");
            match &mut payment.amount {
                PathAmount::SendExact { deliver_min, .. } => *deliver_min = Amount::ZERO,
                PathAmount::DeliverExact { send_max, .. } => *send_max = Amount::ZERO,
            }
        }
        SettlementAction::Exchange(exchange) => {
            if let Some(held) = &mut exchange.held {
                held.expires_at = never;
            }
        }
        SettlementAction::SetReferenceRate { as_of, .. } => *as_of = never,
        _ => {}
    }
    action
}
