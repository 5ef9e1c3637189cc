//! What the ledger does by itself at the beginning of a block: it ends contracts whose time is over, and
//! forgets those that ended a day ago; then it gives back what is left of loads that are too old for anyone to claim.

use super::{
    apply::{
        offline::payouts,
        settlement::{self, netting},
    },
    overlay::Overlay,
    receipt::{Outcome, Receipt, Subject},
    state::State,
};
use crate::{
    block::TimeMs,
    offline::ids::Epoch,
    settlement::{Contract, ContractId, Ending, Terms},
};

/// Legs that one block moves or forgets at most, whatever falls due; what is left follows in the next
/// blocks, the oldest first. Each takes some 8 us, among a million that are due.
pub const SWEEP_MAX: usize = 4_000;

fn add(receipts: &mut Vec<Receipt>, contract: ContractId, how: Ending) {
    let index = u32::try_from(receipts.len()).expect("at most SWEEP_MAX");
    let subject = Subject::System { contract, how };
    receipts.push(Receipt::plain(subject, index, Outcome::Applied));
}

/// What it takes to act on a contract.
fn legs(contract: &Contract) -> usize {
    match &contract.terms {
        Terms::Cycle(state) => {
            let queued = if contract.is_open() { state.queued as usize } else { 0 };
            queued + state.cycle.participants.len() * state.cycle.currencies.len()
        }
        // Under each account that it concerns it is in an index, which is less work than a leg.
        terms => terms.legs().count().max(terms.accounts().count() / 4).max(1),
    }
}

/// Acts on what is due; gives a receipt for each contract that ended.
pub(super) fn sweep(state: &State, overlay: &mut Overlay<'_>, time: TimeMs) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    let mut room = SWEEP_MAX;
    let mut has_looked = false;
    for (id, contract) in state.contracts.due_at(time) {
        let cycle = match &contract.terms {
            Terms::Cycle(state) if contract.is_open() => Some(state),
            _ => None,
        };
        if let Some(state) = cycle.filter(|state| !state.cycle.closes_at.is_past(time)) {
            // One queue in a block, the one that waits for longest; the others keep their turn.
            room = room.saturating_sub(1);
            if !std::mem::replace(&mut has_looked, true) && netting::look(overlay, time, id, contract, state) {
                add(&mut receipts, id, Ending::Netted);
            }
            if room == 0 {
                break;
            }
            continue;
        }
        let legs = legs(contract);
        // One alone may have more of them than a block does at once.
        if legs > room && room < SWEEP_MAX {
            break;
        }
        room = room.saturating_sub(legs);
        if contract.is_open() {
            let how = settlement::expire(overlay, time, id, contract);
            add(&mut receipts, id, how);
        } else {
            settlement::forget(overlay, id, contract);
        }
    }
    sweep_purses(state, overlay, Epoch::at(time), room, &mut receipts);
    overlay.keep();
    receipts
}

/// What a transfer that nobody redeemed counts as: the lots behind it, of which there are seldom many.
const TRANSFER_LEGS: usize = 32;

/// Transfers first: what their payees get, no load's owner has back.
fn sweep_purses(state: &State, overlay: &mut Overlay<'_>, hour: Epoch, room: usize, receipts: &mut Vec<Receipt>) {
    let most = room / TRANSFER_LEGS;
    let transfers = overlay.due_transfers(hour, most);
    let count = transfers.len();
    for (key, id) in transfers {
        if let Some(contract) = payouts::end_transfer(overlay, id) {
            add(receipts, contract, Ending::Paid);
        }
        overlay.remove_offline(key);
    }
    if count == most {
        return;
    }
    for (purse, counter, _) in state.offline.due_at(hour).take(room - TRANSFER_LEGS * count) {
        let contract = payouts::end_load(overlay, purse, counter);
        add(receipts, contract, Ending::Expired);
    }
}
