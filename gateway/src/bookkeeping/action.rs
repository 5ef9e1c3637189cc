//! What each action of an applied transaction books, and what of it is to be remembered.

use causeway_contracts::{
    governance::CouncilAction,
    identity::AccountId,
    ledger::receipt::{Receipt, Trade},
    money::{Amount, Currency},
    offline::action::OfflineAction,
    settlement::{ContractId, Exchange, Leg, Offer, PathPayment, SettlementAction, Side as EscrowSide},
    transaction::{Action, Transaction, TxId},
};

use super::{
    agreed::{Agreed, exchange_payments},
    booking::{Booking, Side},
    entry::{Direction, Kind},
    hold::{HoldChange, only_leg},
    memory::{Memory, PartOfHold},
};

/// In the actions' order: one may open a contract and the next use it.
pub(super) fn book_all(
    memory: &mut Memory,
    booking: &mut Booking<'_>,
    id: TxId,
    transaction: &Transaction,
    receipt: &Receipt,
) {
    for (at, action) in transaction.actions.iter().enumerate() {
        match action {
            Action::Transfer {
                from,
                to,
                currency,
                amount,
            } => {
                let leg = Leg {
                    debtor: *from,
                    creditor: *to,
                    currency: *currency,
                    amount: *amount,
                };
                booking.paid(&leg, Kind::Transfer, None);
            }
            Action::Issue { currency, to, amount } => {
                let sides = [
                    (Some(*to), Direction::Credit),
                    (memory.issuer(*currency), Direction::Debit),
                ];
                pay_issuer(booking, sides, (*currency, *amount), Kind::Issue);
            }
            Action::Redeem { currency, from, amount } => {
                let sides = [
                    (Some(*from), Direction::Debit),
                    (memory.issuer(*currency), Direction::Credit),
                ];
                pay_issuer(booking, sides, (*currency, *amount), Kind::Redeem);
            }
            Action::Council(CouncilAction::RegisterCurrency(record)) => memory.issue_by(record.code, record.issuer),
            Action::Settle(action) => {
                let trade = receipt.trades.iter().find(|trade| usize::from(trade.action) == at);
                book_settlement(memory, booking, ContractId::derive(&id, at), action, trade.copied());
            }
            Action::OpenAccount { .. }
            | Action::SetTier { .. }
            | Action::Freeze { .. }
            | Action::Unfreeze { .. }
            | Action::CloseAccount { .. }
            | Action::Council(_)
            | Action::ReportEvidence { .. } => {}
            // Whose money pays is in the ledger's state alone.
            Action::Offline(action) => match **action {
                OfflineAction::Redeem { .. }
                | OfflineAction::FundGuarantee { .. }
                | OfflineAction::ReleaseClaim { .. } => booking.touch_all(),
                _ => {}
            },
        }
    }
}

/// Between an account and the issuer's, which is unknown if the caller left it out.
fn pay_issuer(
    booking: &mut Booking<'_>,
    sides: [(Option<AccountId>, Direction); 2],
    (currency, amount): (Currency, Amount),
    kind: Kind,
) {
    let [(one, _), (other, _)] = sides;
    for ((account, direction), counterparty) in sides.into_iter().zip([other, one]) {
        let Some(account) = account else { continue };
        let side = Side {
            account,
            currency,
            direction,
            amount,
            counterparty,
        };
        booking.side(side, kind, None);
    }
}

fn book_settlement(
    memory: &mut Memory,
    booking: &mut Booking<'_>,
    id: ContractId,
    action: &SettlementAction,
    trade: Option<Trade>,
) {
    if let Some(opened) = Agreed::of_action(action, trade) {
        memory.keep(id, opened, booking.accounts());
    }
    match action {
        SettlementAction::Post {
            hold,
            amount,
            keep_rest,
            ..
        } => {
            let part = PartOfHold {
                amount: *amount,
                keep_rest: *keep_rest,
            };
            memory.post(booking, *hold, part);
        }
        SettlementAction::PostGroup { hold, .. } => memory.post_group(booking, *hold),
        SettlementAction::Void { hold, .. } | SettlementAction::VoidGroup { hold, .. } => {
            memory.end_hold(booking, *hold, HoldChange::Voided);
        }
        SettlementAction::Hold(hold) => {
            if let Some(leg) = only_leg(hold) {
                booking.hold_opened(id, leg);
            }
        }
        SettlementAction::Claim(claim) => match claim.side {
            EscrowSide::Release => memory.release(booking, claim.escrow),
            EscrowSide::Refund => memory.forget(&claim.escrow),
        },
        SettlementAction::Spend(spend) => memory.spend(booking, spend.allowance, spend.to, spend.amount),
        SettlementAction::Collect(draw) => memory.collect(booking, draw.mandate, draw.payee, draw.amount),
        SettlementAction::PayRequest(payment) => memory.pay_request(booking, payment.request, payment.from),
        SettlementAction::Revoke { contract, .. } => memory.forget(contract),
        SettlementAction::CloseCycle { cycle, .. } => memory.close(booking, *cycle),
        SettlementAction::Split(split) => {
            for leg in split.legs() {
                booking.paid(&leg, Kind::Split, None);
            }
        }
        SettlementAction::Exchange(exchange) => exchange_at_once(booking, exchange, trade),
        SettlementAction::Offer(offer) => place(memory, booking, id, offer, trade),
        SettlementAction::PayPath(payment) => pay_path(memory, booking, payment, trade),
        // They open contracts, set money aside in its owner's account, or move none.
        SettlementAction::Escrow(_)
        | SettlementAction::Allow(_)
        | SettlementAction::Mandate(_)
        | SettlementAction::Request(_)
        | SettlementAction::OpenCycle(_)
        | SettlementAction::Prefund { .. }
        | SettlementAction::Oblige(_)
        | SettlementAction::WithdrawQuote { .. }
        | SettlementAction::SetReferenceRate { .. }
        | SettlementAction::SetCategory { .. } => {}
    }
}

fn exchange_at_once(booking: &mut Booking<'_>, exchange: &Exchange, trade: Option<Trade>) {
    let (None, Some(trade)) = (&exchange.held, trade) else {
        return;
    };
    let mark = exchange.quote.quote.mark();
    for payment in exchange_payments(exchange, exchange.taker, trade) {
        booking.paid(&payment.leg, payment.kind, Some(mark));
    }
}

/// What it took of the opposite book is in the receipt; whose that was is not.
fn place(memory: &mut Memory, booking: &mut Booking<'_>, id: ContractId, offer: &Offer, trade: Option<Trade>) {
    if let Some(trade) = trade {
        memory.take_of_book(booking, offer.buy, offer.sell);
        let sides = [
            (offer.sell, Direction::Debit, trade.sold),
            (offer.buy, Direction::Credit, trade.bought),
        ];
        for (currency, direction, amount) in sides {
            let side = Side {
                account: offer.maker,
                currency,
                direction,
                amount,
                counterparty: None,
            };
            booking.side(side, Kind::Offer, Some(id));
        }
    }
    if trade.is_none_or(|trade| trade.sold < offer.amount) {
        memory.stand(offer, booking.accounts());
    }
}

/// Each of two currencies that follow each other on the path names a book, whose makers have the second to sell.
fn pay_path(memory: &Memory, booking: &mut Booking<'_>, payment: &PathPayment, trade: Option<Trade>) {
    let (Some(trade), Some(first), Some(last)) = (trade, payment.path.first(), payment.path.last()) else {
        return;
    };
    for hop in payment.path.windows(2) {
        memory.take_of_book(booking, hop[1], hop[0]);
    }
    let debit = Side {
        account: payment.from,
        currency: *first,
        direction: Direction::Debit,
        amount: trade.sold,
        counterparty: Some(payment.to),
    };
    let credit = Side {
        account: payment.to,
        currency: *last,
        direction: Direction::Credit,
        amount: trade.bought,
        counterparty: Some(payment.from),
    };
    booking.side(debit, Kind::Path, None);
    booking.side(credit, Kind::Path, None);
}
