//! Standing offers, and payments through books of them.

use super::{
    AccountId, Amount, BalanceId, Context, Contract, ContractId, Currency, Ending, Overlay, Posting, Rejection, Terms,
    Trade, account, begin, check_expiry, check_payee_cap, currency, end, held, post, reserve, set_aside,
};
use crate::{
    ledger::limits,
    settlement::{
        Leg, Offer, OfferState, PathAmount, PathPayment,
        offer::{BookKey, BookOffer, FILLS_MAX, LOOKS_MAX, OFFER_SECONDS_MAX},
        path::{self, Books, Exponents, HopError, Take},
    },
};

/// Books as of now in a block, without the offers of one account and those that nobody can take.
struct OverlayBooks<'a, 'b> {
    overlay: &'a Overlay<'b>,
    context: &'a Context<'a>,
    without: AccountId,
}

impl Books for OverlayBooks<'_, '_> {
    fn offers(&self, sell: Currency, buy: Currency) -> impl Iterator<Item = BookOffer> {
        offers(self.overlay, self.context, sell, buy).filter(|offer| offer.maker != self.without)
    }

    fn exponent(&self, code: Currency) -> Option<u8> {
        self.overlay.currency(code).map(|record| record.exponent)
    }
}

/// Best first; of the first [`LOOKS_MAX`] those that can be taken.
fn offers<'a>(
    overlay: &'a Overlay<'_>,
    context: &'a Context<'_>,
    sell: Currency,
    buy: Currency,
) -> impl Iterator<Item = BookOffer> + 'a {
    let ids = overlay.book(BookKey::first(sell, buy), LOOKS_MAX);
    let pair = ids.take_while(move |(key, _)| (key.sell, key.buy) == (sell, buy));
    pair.filter_map(move |(_, id)| {
        let contract = overlay.contract(id)?;
        let Terms::Offer(state) = &contract.terms else {
            return None;
        };
        let offer = &state.offer;
        let is_good = !offer.expires_at.is_past(context.time) && can_be_taken(overlay, offer);
        is_good.then(|| BookOffer::new(*id, offer))
    })
}

/// Whether the maker's money may leave its account, and what it buys may come in.
fn can_be_taken(overlay: &Overlay<'_>, offer: &Offer) -> bool {
    let leg = Leg {
        debtor: offer.maker,
        creditor: offer.maker,
        currency: offer.sell,
        amount: offer.amount,
    };
    super::may_pay(overlay, &leg).is_ok() && check_uncapped(overlay, offer).is_ok()
}

/// Whether its maker may have as much of what it buys as comes: nobody works out how much that will be.
fn check_uncapped(overlay: &Overlay<'_>, offer: &Offer) -> Result<(), Rejection> {
    let maker = account(overlay, &offer.maker)?;
    let caps = limits::caps(&overlay.base().parameters, maker.tier, offer.buy);
    match caps.and_then(|caps| caps.balance_max) {
        Some(_) => Err(Rejection::NotPermitted),
        None => Ok(()),
    }
}

/// Takes what crosses it, at the rates of those that were there before; the rest stands in the book.
pub(super) fn place(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    terms: &Offer,
) -> Result<Option<Trade>, Rejection> {
    check_uncapped(overlay, terms)?;
    reserve(overlay, context, terms.maker, None, terms.sell, terms.amount)?;
    currency(overlay, terms.buy)?;
    check_expiry(context, terms.expires_at)?;
    if terms.expires_at.0 > context.time.0 / 1000 + OFFER_SECONDS_MAX {
        return Err(Rejection::ExpiryOutOfRange);
    }
    let exponents = Exponents {
        paid: currency(overlay, terms.sell)?.exponent,
        taken: currency(overlay, terms.buy)?.exponent,
    };
    let (takes, left) = crossing(overlay, context, terms, exponents)?;
    let gets = available(terms.maker, terms.buy);
    for take in &takes {
        fill(overlay, context, (terms.maker, terms.sell), take, gets);
    }
    let state = OfferState {
        offer: Offer {
            amount: left,
            ..terms.clone()
        },
        receipt: context.receipt,
        action: u8::try_from(context.actions.len() - 1).expect("at most 64 actions"),
    };
    begin(overlay, context, Terms::Offer(state));
    if left.is_zero() {
        let id = ContractId::derive(&context.id, context.actions.len() - 1);
        let contract = overlay.contract(&id).expect("it has begun").clone();
        end(overlay, context.time, id, contract, Ending::Filled);
    }
    let sold = Amount(terms.amount.0 - left.0);
    let bought = path::taken(&takes).expect("no more than the offers hold");
    Ok((!takes.is_empty()).then(|| context.trade(sold, bought)))
}

/// What a new offer takes of the opposite book, and what is then left of it.
fn crossing(
    overlay: &Overlay<'_>,
    context: &Context<'_>,
    terms: &Offer,
    exponents: Exponents,
) -> Result<(Vec<Take>, Amount), Rejection> {
    let mut takes = Vec::new();
    let mut left = terms.amount;
    for offer in offers(overlay, context, terms.buy, terms.sell) {
        if left.is_zero() || takes.len() == FILLS_MAX || !terms.rate.meets(&offer.rate) {
            break;
        }
        if offer.maker == terms.maker {
            return Err(Rejection::OfferCrossesOwn);
        }
        let Some(take) = offer.take(left, exponents) else {
            continue;
        };
        let bound = terms.rate.bought_up(take.paid, exponents.paid, exponents.taken);
        let is_allowed = take.paid == left || take.paid >= terms.min_fill;
        if !is_allowed || bound.is_none_or(|bound| take.taken < bound) {
            continue;
        }
        left = Amount(left.0 - take.paid.0);
        takes.push(take);
    }
    Ok((takes, left))
}

fn available(account: AccountId, code: Currency) -> BalanceId {
    BalanceId::available(account, code)
}

/// The taker's held money to the maker, the maker's to where the taker wants it.
fn fill(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    (taker, pays): (AccountId, Currency),
    take: &Take,
    gets: BalanceId,
) {
    let contract = overlay.contract(&take.offer.id).expect("it was just found").clone();
    let Terms::Offer(state) = &contract.terms else {
        unreachable!("it was found in a book");
    };
    let maker = state.offer.maker;
    let left = Amount(state.offer.amount.0 - take.taken.0);
    let sides = [
        (held(taker, pays), available(maker, pays), take.paid),
        (held(maker, gets.currency), gets, take.taken),
    ];
    for (debit, credit, amount) in sides {
        post(overlay, &Posting { debit, credit, amount }, None);
    }
    let terms = Terms::Offer(OfferState {
        offer: Offer {
            amount: left,
            ..state.offer.clone()
        },
        ..state.clone()
    });
    let contract = Contract { terms, ..contract };
    if left.is_zero() {
        end(overlay, context.time, take.offer.id, contract, Ending::Filled);
    } else {
        overlay.put_contract(take.offer.id, contract);
    }
}

pub(super) fn pay(overlay: &mut Overlay<'_>, context: &Context<'_>, payment: &PathPayment) -> Result<Trade, Rejection> {
    let PathPayment { from, to, path, amount } = payment;
    let (first, last) = (path[0], path[path.len() - 1]);
    account(overlay, from)?;
    account(overlay, to)?;
    account(overlay, from)?.pays()?;
    account(overlay, to)?.is_open()?;
    for code in path {
        currency(overlay, *code)?;
    }
    // What comes in on the way goes out again.
    for code in &path[..path.len() - 1] {
        super::moves(currency(overlay, *code)?, &overlay.balance(*from, *code))?;
    }
    let (PathAmount::SendExact { send: asked, .. } | PathAmount::DeliverExact { deliver: asked, .. }) = amount;
    if asked.is_zero() {
        return Err(Rejection::AmountZero);
    }
    let books = OverlayBooks {
        overlay,
        context,
        without: *from,
    };
    let plan = path::plan(&books, path, *amount).map_err(|error| match error {
        HopError::TooThin => Rejection::PathTooThin,
        HopError::Nothing => Rejection::NothingBought,
    })?;
    let is_worse = match amount {
        PathAmount::SendExact { deliver_min, .. } => plan.delivered < *deliver_min,
        PathAmount::DeliverExact { send_max, .. } => plan.sent > *send_max,
    };
    if from == to {
        reserve(overlay, context, *from, None, first, plan.sent)?;
    } else {
        let leg = Leg {
            debtor: *from,
            creditor: *to,
            currency: first,
            amount: plan.sent,
        };
        set_aside(overlay, context, &leg)?;
    }
    check_payee_cap(overlay, *to, last, plan.delivered)?;
    if is_worse {
        return Err(Rejection::WorseThanBound);
    }
    for (at, takes) in plan.hops.iter().enumerate() {
        let gets = match at + 2 == path.len() {
            true => available(*to, last),
            // On the way it is the payer's, and nothing else can be done with it.
            false => held(*from, path[at + 1]),
        };
        for take in takes {
            fill(overlay, context, (*from, path[at]), take, gets);
        }
    }
    Ok(context.trade(plan.sent, plan.delivered))
}
