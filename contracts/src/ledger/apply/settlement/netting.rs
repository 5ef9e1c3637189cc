//! Netting cycles.

use super::{
    AccountId, Amount, BalanceId, Context, Contract, ContractId, Currency, Ending, Overlay, Posting, Rejection, Status,
    Terms, TimeMs, UnixSeconds, account, check_expiry, currency, end, held, open_contract, post, reserve,
};
use crate::{
    codec::Bounded,
    money::Balance,
    settlement::netting::{Cycle, CycleState, Headroom, Obligation, Position, QUEUE_MAX, Total, resolve},
};

pub(super) fn open(overlay: &mut Overlay<'_>, context: &Context<'_>, cycle: &Cycle) -> Result<(), Rejection> {
    account(overlay, &cycle.opener)?;
    for participant in &cycle.participants {
        account(overlay, participant)?;
    }
    account(overlay, &cycle.opener)?.pays()?;
    for code in &cycle.currencies {
        currency(overlay, *code)?;
    }
    check_expiry(context, cycle.closes_at)?;
    let totals = vec![Total::default(); cycle.currencies.len()];
    let state = CycleState {
        cycle: cycle.clone(),
        recorded: 0,
        queued: 0,
        is_changed: false,
        looked_at: UnixSeconds(context.time.0 / 1000),
        totals: Bounded::new(totals).expect("as many as currencies"),
    };
    super::begin(overlay, context, Terms::Cycle(state));
    Ok(())
}

/// The contract, with its state, if it is an open cycle.
fn open_cycle(
    overlay: &Overlay<'_>,
    context: &Context<'_>,
    id: &ContractId,
) -> Result<(Contract, CycleState), Rejection> {
    let contract = open_contract(overlay, context, id)?;
    match &contract.terms {
        Terms::Cycle(state) => Ok((contract.clone(), state.clone())),
        _ => Err(Rejection::UnknownContract),
    }
}

fn put(overlay: &mut Overlay<'_>, id: ContractId, contract: Contract, state: CycleState) {
    let terms = Terms::Cycle(state);
    overlay.put_contract(id, Contract { terms, ..contract });
}

pub(super) fn prefund(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    id: ContractId,
    participant: AccountId,
    code: Currency,
    amount: Amount,
) -> Result<(), Rejection> {
    let (contract, state) = open_cycle(overlay, context, &id)?;
    if !state.cycle.participants.contains(&participant) || !state.cycle.currencies.contains(&code) {
        return Err(Rejection::NotInCycle);
    }
    reserve(overlay, context, participant, None, code, amount)?;
    let key = (id, participant, code);
    let position = overlay.position(&key);
    let prefunded = position.prefunded.checked_add(amount).ok_or(Rejection::Overflow)?;
    overlay.put_position(key, Some(Position { prefunded, ..position }));
    let is_changed = true;
    put(overlay, id, contract, CycleState { is_changed, ..state });
    Ok(())
}

/// Whether anything of a participant's is held for the cycle: it cannot close its account then.
fn has_joined(overlay: &Overlay<'_>, id: ContractId, cycle: &Cycle, participant: AccountId) -> bool {
    let has = |code: &Currency| !overlay.position(&(id, participant, *code)).prefunded.is_zero();
    cycle.currencies.iter().any(has)
}

/// Settled in the cycle if there is headroom, and else it waits for it.
pub(super) fn oblige(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    obligation: &Obligation,
) -> Result<(), Rejection> {
    let id = obligation.cycle;
    let (contract, mut state) = open_cycle(overlay, context, &id)?;
    let (debtor, creditor, code) = (obligation.debtor, obligation.creditor, obligation.currency);
    account(overlay, &debtor)?.pays()?;
    account(overlay, &creditor)?.pays()?;
    let record = currency(overlay, code)?;
    super::moves(record, &overlay.balance(debtor, code))?;
    if obligation.amount.is_zero() {
        return Err(Rejection::AmountZero);
    }
    if debtor == creditor {
        return Err(Rejection::SamePayerAndPayee);
    }
    let cycle = &state.cycle;
    let is_in = cycle.participants.contains(&debtor) && cycle.participants.contains(&creditor);
    if !is_in || !cycle.currencies.contains(&code) {
        return Err(Rejection::NotInCycle);
    }
    if !has_joined(overlay, id, cycle, debtor) || !has_joined(overlay, id, cycle, creditor) {
        return Err(Rejection::NothingPrefunded);
    }
    let has_room = overlay.position(&(id, debtor, code)).headroom() >= i128::from(obligation.amount.0);
    // Nobody takes the others' room.
    let most = QUEUE_MAX / cycle.participants.len();
    if !has_room && waiting(overlay, id, cycle, debtor) >= most {
        return Err(Rejection::QueueFull);
    }
    if has_room {
        settle(overlay, &mut state, obligation);
    } else {
        overlay.put_obligation((id, state.recorded.to_be_bytes()), Some(*obligation));
        let key = (id, debtor, code);
        let position = overlay.position(&key);
        let queued = position.queued + 1;
        overlay.put_position(key, Some(Position { queued, ..position }));
        state.queued += 1;
    }
    state.recorded += 1;
    state.is_changed = true;
    put(overlay, id, contract, state);
    Ok(())
}

/// Moves both positions, and counts it. Cannot fail: what is settled together was found to be good together.
fn settle(overlay: &mut Overlay<'_>, state: &mut CycleState, obligation: &Obligation) {
    let Obligation {
        cycle: id,
        debtor,
        creditor,
        currency: code,
        amount,
    } = *obligation;
    let at = state.cycle.currencies.iter().position(|one| *one == code);
    let mut totals = state.totals.to_vec();
    let total = &mut totals[at.expect("checked when it was recorded")];
    // Only told, and nothing depends on it.
    total.gross = Amount(total.gross.0.saturating_add(amount.0));
    state.totals = Bounded::new(totals).expect("as many as before");
    for (who, change) in [(debtor, -i128::from(amount.0)), (creditor, i128::from(amount.0))] {
        let key = (id, who, code);
        let position = overlay.position(&key);
        let net = Balance(position.net.0 + change);
        overlay.put_position(key, Some(Position { net, ..position }));
    }
}

/// Looks for what of the queue can be settled now, but for what those owe whose money may not leave their
/// accounts. Says whether anything was.
pub(in crate::ledger) fn look(
    overlay: &mut Overlay<'_>,
    time: TimeMs,
    id: ContractId,
    contract: &Contract,
    state: &CycleState,
) -> bool {
    let mut state = state.clone();
    let mut queue = overlay.obligations(id);
    queue.retain(|(_, obligation)| may_owe(overlay, obligation).is_ok());
    let mut headroom = Headroom::new();
    for participant in &state.cycle.participants {
        for code in &state.cycle.currencies {
            let room = overlay.position(&(id, *participant, *code)).headroom();
            headroom.insert((*participant, *code), room);
        }
    }
    let obligations: Vec<_> = queue.iter().map(|(_, obligation)| *obligation).collect();
    let settled = resolve(&mut headroom, &obligations);
    for &at in &settled {
        settle(overlay, &mut state, &obligations[at]);
        leave_queue(overlay, id, queue[at].0, &obligations[at]);
        state.queued -= 1;
    }
    // What was settled may have made room for more.
    state.is_changed = !settled.is_empty();
    state.looked_at = UnixSeconds(time.0 / 1000);
    put(overlay, id, contract.clone(), state);
    !settled.is_empty()
}

/// Whether money of the debtor's may leave its account.
fn may_owe(overlay: &Overlay<'_>, obligation: &Obligation) -> Result<(), Rejection> {
    account(overlay, &obligation.debtor)?.pays()?;
    let record = currency(overlay, obligation.currency)?;
    super::moves(record, &overlay.balance(obligation.debtor, obligation.currency))
}

/// One obligation of its debtor's waits no more.
fn leave_queue(overlay: &mut Overlay<'_>, id: ContractId, number: [u8; 8], obligation: &Obligation) {
    overlay.put_obligation((id, number), None);
    let key = (id, obligation.debtor, obligation.currency);
    let position = overlay.position(&key);
    let queued = position.queued.saturating_sub(1);
    overlay.put_position(key, Some(Position { queued, ..position }));
}

/// How many of a participant's obligations wait.
fn waiting(overlay: &Overlay<'_>, id: ContractId, cycle: &Cycle, participant: AccountId) -> usize {
    let queued = |code: &Currency| overlay.position(&(id, participant, *code)).queued as usize;
    cycle.currencies.iter().map(queued).sum()
}

pub(super) fn close(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    id: ContractId,
    by: AccountId,
) -> Result<(), Rejection> {
    let (contract, state) = open_cycle(overlay, context, &id)?;
    account(overlay, &by)?.is_open()?;
    if by != state.cycle.opener {
        return Err(Rejection::NotPermitted);
    }
    finish(overlay, context.time, id, &contract, &state);
    Ok(())
}

/// Pays what everybody owes net, in all currencies, and gives the rest back. What is still queued lapses.
///
/// Cannot fail: what is owed is held, and who is owed something has something held, so that its account is open.
pub(super) fn finish(overlay: &mut Overlay<'_>, time: TimeMs, id: ContractId, contract: &Contract, state: &CycleState) {
    let mut state = state.clone();
    let mut totals = Vec::with_capacity(state.totals.len());
    for (code, total) in state.cycle.currencies.iter().zip(&state.totals) {
        let paid = pay_net(overlay, id, &state.cycle, *code);
        totals.push(Total { paid, ..*total });
    }
    for (key, _) in overlay.obligations(id) {
        overlay.put_obligation((id, key), None);
    }
    state.totals = Bounded::new(totals).expect("as many as before");
    let terms = Terms::Cycle(state);
    let contract = Contract {
        terms,
        ..contract.clone()
    };
    debug_assert_eq!(contract.status, Status::Open);
    end(overlay, time, id, contract, Ending::Closed);
}

/// The positions are as they were when it closed, until it is forgotten.
pub(super) fn forget(overlay: &mut Overlay<'_>, id: ContractId, cycle: &Cycle) {
    for who in &cycle.participants {
        for code in &cycle.currencies {
            overlay.put_position((id, *who, *code), None);
        }
    }
}

/// From those who owe to those who are owed, both in the order of their accounts; gives the sum.
fn pay_net(overlay: &mut Overlay<'_>, id: ContractId, cycle: &Cycle, code: Currency) -> Amount {
    let net = |overlay: &Overlay<'_>, who: &AccountId| overlay.position(&(id, *who, code)).net.0;
    let owed: Vec<_> = cycle
        .participants
        .iter()
        .map(|who| (*who, net(overlay, who)))
        .filter(|(_, net)| *net > 0)
        .collect();
    let mut owed = owed.into_iter();
    let (mut creditor, mut claim) = owed.next().unwrap_or((cycle.opener, 0));
    let mut paid = 0;
    for debtor in &cycle.participants {
        let mut debt = -net(overlay, debtor);
        while debt > 0 {
            if claim == 0 {
                (creditor, claim) = owed.next().expect("what is owed is owed to someone");
            }
            let part = debt.min(claim);
            let posting = Posting {
                debit: held(*debtor, code),
                credit: BalanceId::available(creditor, code),
                amount: Amount(u64::try_from(part).expect("no more than is held")),
            };
            post(overlay, &posting, None);
            (debt, claim, paid) = (debt - part, claim - part, paid + part);
        }
    }
    for who in &cycle.participants {
        let key = (id, *who, code);
        let position = overlay.position(&key);
        let left = position.headroom() - position.net.0.max(0);
        let left = Amount(u64::try_from(left).expect("nobody owes more than is held"));
        if !left.is_zero() {
            let posting = Posting {
                debit: held(*who, code),
                credit: BalanceId::available(*who, code),
                amount: left,
            };
            post(overlay, &posting, None);
        }
        let position = Position { queued: 0, ..position };
        // Who never took part stood nowhere.
        overlay.put_position(key, (position != Position::default()).then_some(position));
    }
    Amount(u64::try_from(paid).unwrap_or(u64::MAX))
}
