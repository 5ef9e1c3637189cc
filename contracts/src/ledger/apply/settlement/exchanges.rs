//! Exchange by quote, and reference rates.

use super::{
    AccountId, Amount, Context, Contract, Currency, Ending, Leg, Overlay, Rejection, Status, Terms, Trade, UnixSeconds,
    account, begin, check_expiry, currency, money, set_aside,
};
use crate::{
    codec::Bounded,
    settlement::{
        ContractId, Exchange, ExchangeAmount, Fill, HeldExchange, Hold, QUOTE_SECONDS_MAX, Quote, QuoteId, QuoteMark,
        Rate, ReferenceRate, SignedQuote,
    },
};

/// Both sides at once, or both held as one group.
pub(super) fn exchange(overlay: &mut Overlay<'_>, context: &Context<'_>, terms: &Exchange) -> Result<Trade, Rejection> {
    let quote = &terms.quote.quote;
    check_quote(overlay, context, &terms.quote, terms.taker)?;
    let (sold, bought) = amounts(overlay, quote, terms.amount)?;
    let due_by = UnixSeconds(context.time.0 / 1000 + QUOTE_SECONDS_MAX);
    if quote.expires_at > due_by {
        return Err(Rejection::ExpiryOutOfRange);
    }
    let paid = sold.checked_add(quote.fee).ok_or(Rejection::Overflow)?;
    match &terms.held {
        None => {
            money::transfer(overlay, context, terms.taker, quote.maker, quote.sell, paid)?;
            money::transfer(overlay, context, quote.maker, terms.taker, quote.buy, bought)?;
        }
        Some(held) => open_group(overlay, context, terms, held, (paid, bought))?,
    }
    let fill = Fill {
        taker: terms.taker,
        sell: quote.sell,
        sold,
        buy: quote.buy,
        bought,
        fee: quote.fee,
        rate: quote.rate,
        mid: overlay.reference_rate(quote.sell, quote.buy).copied(),
    };
    mark(overlay, context, quote.maker, quote.id, quote.expires_at, Some(fill));
    Ok(context.trade(paid, bought))
}

/// Whether the quote is one, and good for this taker now.
fn check_quote(
    overlay: &Overlay<'_>,
    context: &Context<'_>,
    signed: &SignedQuote,
    taker: AccountId,
) -> Result<(), Rejection> {
    let quote = &signed.quote;
    let maker = account(overlay, &quote.maker)?;
    let hash = quote.hash();
    let has_good_signatures = signed.signed(&hash).all(|signature| (context.is_good)(&signature));
    let keys = signed.signatures.iter().map(|entry| &entry.key);
    let is_for_this_network = quote.genesis == overlay.base().genesis.prefix();
    if !is_for_this_network || !maker.keys.is_met_by(keys) || !has_good_signatures {
        return Err(Rejection::QuoteInvalid);
    }
    if quote.expires_at.is_past(context.time) {
        return Err(Rejection::QuoteExpired);
    }
    if quote.taker.is_some_and(|only| only != taker) {
        return Err(Rejection::QuoteForeign);
    }
    match overlay.contract(&quote.mark()).map(|mark| mark.status) {
        None => Ok(()),
        Some(Status::Ended {
            how: Ending::Withdrawn, ..
        }) => Err(Rejection::QuoteWithdrawn),
        Some(_) => Err(Rejection::QuoteUsed),
    }
}

/// What the taker sells and buys, both above zero and within the quote's range.
fn amounts(overlay: &Overlay<'_>, quote: &Quote, amount: ExchangeAmount) -> Result<(Amount, Amount), Rejection> {
    let sold_exponent = currency(overlay, quote.sell)?.exponent;
    let bought_exponent = currency(overlay, quote.buy)?.exponent;
    let (sold, bought) = match amount {
        ExchangeAmount::Send(sold) => (Some(sold), quote.rate.bought(sold, sold_exponent, bought_exponent)),
        ExchangeAmount::Deliver(bought) => (quote.rate.sold(bought, sold_exponent, bought_exponent), Some(bought)),
    };
    let (Some(sold), Some(bought)) = (sold, bought) else {
        return Err(Rejection::Overflow);
    };
    match amount {
        ExchangeAmount::Send(amount) | ExchangeAmount::Deliver(amount) if amount.is_zero() => {
            Err(Rejection::AmountZero)
        }
        _ if sold < quote.min || sold > quote.max => Err(Rejection::QuoteOutOfRange),
        _ if bought.is_zero() => Err(Rejection::NothingBought),
        _ => Ok((sold, bought)),
    }
}

fn open_group(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    terms: &Exchange,
    held: &HeldExchange,
    (paid, bought): (Amount, Amount),
) -> Result<(), Rejection> {
    let quote = &terms.quote.quote;
    for party in held.post_by.iter().chain(&held.void_by) {
        account(overlay, party)?.is_open()?;
    }
    let sides = [
        Leg {
            debtor: terms.taker,
            creditor: quote.maker,
            currency: quote.sell,
            amount: paid,
        },
        Leg {
            debtor: quote.maker,
            creditor: held.deliver_to,
            currency: quote.buy,
            amount: bought,
        },
    ];
    let fees = held.fees.iter().map(|fee| Leg {
        debtor: terms.taker,
        creditor: fee.to,
        currency: quote.sell,
        amount: fee.amount,
    });
    let legs: Vec<_> = sides.into_iter().chain(fees).collect();
    for leg in &legs {
        set_aside(overlay, context, leg)?;
    }
    check_expiry(context, held.expires_at)?;
    let latest = context.time.0 / 1000 + u64::from(quote.hold_seconds_max);
    if held.expires_at.0 > latest {
        return Err(Rejection::ExpiryOutOfRange);
    }
    let hold = Hold {
        legs: Bounded::new(legs).expect("two sides and at most eight fees"),
        expires_at: held.expires_at,
        post_by: held.post_by.clone(),
        void_by: held.void_by.clone(),
    };
    begin(overlay, context, Terms::Hold(hold));
    Ok(())
}

/// Remembers that a quote cannot be used any more.
fn mark(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    maker: AccountId,
    id: QuoteId,
    expires_at: UnixSeconds,
    fill: Option<Fill>,
) {
    let how = if fill.is_some() {
        Ending::Used
    } else {
        Ending::Withdrawn
    };
    let contract = Contract {
        terms: Terms::Quote(QuoteMark {
            maker,
            id,
            expires_at,
            fill,
        }),
        opened: context.time,
        status: Status::Ended {
            how,
            at_ms: context.time,
        },
    };
    overlay.put_contract(ContractId::of_quote(&maker, &id), contract);
}

/// Remembered for as long as any quote may be good from now on.
pub(super) fn withdraw(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    maker: AccountId,
    id: QuoteId,
) -> Result<(), Rejection> {
    match overlay
        .contract(&ContractId::of_quote(&maker, &id))
        .map(|mark| mark.status)
    {
        None => {}
        Some(Status::Ended {
            how: Ending::Withdrawn, ..
        }) => return Err(Rejection::QuoteWithdrawn),
        Some(_) => return Err(Rejection::QuoteUsed),
    }
    account(overlay, &maker)?.is_open()?;
    let expires_at = UnixSeconds(context.time.0 / 1000 + QUOTE_SECONDS_MAX);
    mark(overlay, context, maker, id, expires_at, None);
    Ok(())
}

/// By the word of the issuer of the first currency, who signs.
pub(super) fn set_reference_rate(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    from: Currency,
    to: Currency,
    rate: Rate,
    as_of: UnixSeconds,
) -> Result<(), Rejection> {
    currency(overlay, from)?;
    currency(overlay, to)?;
    let known = overlay.reference_rate(from, to);
    if !as_of.is_past(context.time) || known.is_some_and(|known| as_of < known.as_of) {
        return Err(Rejection::RateOutOfTime);
    }
    overlay.put_reference_rate(from, to, ReferenceRate { rate, as_of });
    Ok(())
}
