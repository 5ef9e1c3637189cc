//! What the ledger does by itself at the beginning of a block: it ends contracts whose time is over, and
//! forgets those that ended a day ago.

use super::{
    apply::settlement,
    overlay::Overlay,
    receipt::{Outcome, Receipt, Subject},
    state::State,
};
use crate::block::TimeMs;

/// Legs that one block moves or forgets at most, whatever falls due; what is left follows in the next
/// blocks, the oldest first. 10,000 take some 20 ms.
pub const SWEEP_MAX: usize = 10_000;

/// Acts on what is due; gives a receipt for each contract that ended.
pub(super) fn sweep(state: &State, overlay: &mut Overlay<'_>, time: TimeMs) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    let mut room = SWEEP_MAX;
    for (id, contract) in state.contracts.due_at(time) {
        let legs = contract.terms.legs().count().max(1);
        if legs > room {
            break;
        }
        room -= legs;
        if contract.is_open() {
            let how = settlement::expire(overlay, time, id, contract);
            let index = u32::try_from(receipts.len()).expect("at most SWEEP_MAX");
            receipts.push(Receipt {
                subject: Subject::System { contract: id, how },
                index,
                outcome: Outcome::Applied,
            });
        } else {
            overlay.remove_contract(id);
        }
    }
    overlay.keep();
    receipts
}
