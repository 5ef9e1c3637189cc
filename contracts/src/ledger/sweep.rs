//! What the ledger does by itself at the beginning of a block: it ends contracts whose time is over, and
//! forgets those that ended a day ago.

use super::{
    apply::settlement::{self, netting},
    overlay::Overlay,
    receipt::{Outcome, Receipt, Subject},
    state::State,
};
use crate::{
    block::TimeMs,
    settlement::{Contract, Ending, Terms},
};

/// Legs that one block moves or forgets at most, whatever falls due; what is left follows in the next
/// blocks, the oldest first. 10,000 take some 20 ms.
pub const SWEEP_MAX: usize = 10_000;

/// What it takes to act on a contract.
fn legs(contract: &Contract) -> usize {
    match &contract.terms {
        Terms::Cycle(state) if contract.is_open() => {
            state.queued as usize + state.cycle.participants.len() * state.cycle.currencies.len()
        }
        terms => terms.legs().count().max(1),
    }
}

/// Acts on what is due; gives a receipt for each contract that ended.
pub(super) fn sweep(state: &State, overlay: &mut Overlay<'_>, time: TimeMs) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    let mut room = SWEEP_MAX;
    for (id, contract) in state.contracts.due_at(time) {
        let legs = legs(contract);
        // One alone may have more of them than a block does at once.
        if legs > room && room < SWEEP_MAX {
            break;
        }
        room = room.saturating_sub(legs);
        if contract.is_open() {
            let how = match &contract.terms {
                Terms::Cycle(state) if !state.cycle.closes_at.is_past(time) => {
                    netting::look(overlay, time, id, contract, state);
                    Ending::Netted
                }
                _ => settlement::expire(overlay, time, id, contract),
            };
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
