//! What is quoted, by rates, limits and what is promised already. Reads no clock and asks nobody.

use std::collections::BTreeMap;

use causeway_contracts::{
    block::GenesisPrefix,
    identity::AccountId,
    keys::SecretKey,
    money::{Amount, Currency},
    settlement::{Quote, QuoteId, Rate, SignedQuote},
    transaction::UnixSeconds,
};

use super::{
    config::{Limits, Terms},
    pricing::{BasisPoints, quoted},
    promises::{Declined, Promise, Promises},
    rates::{Day, ReferenceRates},
};

/// What a taker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    pub taker: AccountId,
    pub sell: Currency,
    pub buy: Currency,
    pub amount: Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// In minor units of the sold currency, without the fee.
    Send(Amount),
    /// In minor units of the bought currency.
    Deliver(Amount),
}

/// A quote, and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub quote: SignedQuote,
    /// Without the fee.
    pub sends: Amount,
    pub delivers: Amount,
    /// To as many digits as the quote's rate.
    pub mid: Rate,
    pub rates_as_of: Day,
}

/// Why a maker does not quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this maker does not take {0} in exchange")]
    NotTaken(Currency),
    #[error("this maker has no rate from {sell} to {buy}")]
    NoRate { sell: Currency, buy: Currency },
    #[error("what is sold comes to {actual} minor units of {currency}; this maker takes {min} to {max}")]
    OutOfRange {
        currency: Currency,
        actual: Amount,
        min: Amount,
        max: Amount,
    },
    #[error("that is too little to buy anything, or too much to be exchanged")]
    Unrepresentable,
    #[error("the rates here are of {as_of}: too old, or ahead of their time, to quote by")]
    RatesOutOfTime { as_of: Day },
    #[error("it is not known yet what this maker has to promise; ask again in a moment")]
    Unknown,
    #[error("the system gives no random bytes for the quote's id")]
    NoRandom,
    #[error(transparent)]
    Declined(#[from] Declined),
}

/// Who quotes.
pub struct Signer {
    pub genesis: GenesisPrefix,
    pub account: AccountId,
    pub key: SecretKey,
}

/// What an account had of a currency. No quote that had ended at the time `seen` can be used any more without that
/// having been known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    pub amount: Amount,
    pub seen: UnixSeconds,
}

pub struct Quoter {
    pub signer: Signer,
    pub terms: Terms,
    pub rates: ReferenceRates,
    /// Digits after the point, of all currencies that are quoted.
    pub exponents: BTreeMap<Currency, u8>,
    pub promises: Promises,
}

impl Quoter {
    /// Quotes exactly what is asked for, and promises it, if the account has so much of the bought currency.
    pub fn quote(&mut self, now: UnixSeconds, id: QuoteId, ask: &Ask, available: Available) -> Result<Answer, Refused> {
        let Ask { taker, sell, buy, .. } = *ask;
        let limits = *self.terms.sell.get(&sell).ok_or(Refused::NotTaken(sell))?;
        let no_rate = Refused::NoRate { sell, buy };
        if sell == buy {
            return Err(no_rate);
        }
        let mid = self.rates.mid(sell, buy).ok_or(no_rate)?;
        let rate = quoted(mid, self.terms.spread).ok_or(no_rate)?;
        let mid = quoted(mid, BasisPoints::NONE).ok_or(no_rate)?;
        let exponent = |code| self.exponents.get(&code).copied().ok_or(no_rate);
        let (sold_exponent, bought_exponent) = (exponent(sell)?, exponent(buy)?);
        let as_of = self.rates.as_of;
        let today = i64::try_from(now.0 / 86_400).unwrap_or(i64::MAX);
        // A day ahead, east of here.
        let ages = -1..=i64::from(self.terms.rates_days_max);
        if !ages.contains(&(today - as_of.since_1970())) {
            return Err(Refused::RatesOutOfTime { as_of });
        }
        let gives = |sold| rate.bought(sold, sold_exponent, bought_exponent);
        let sides = match ask.amount {
            Wanted::Send(sends) => Some(sends).zip(gives(sends)),
            Wanted::Deliver(delivers) => rate.sold(delivers, sold_exponent, bought_exponent).zip(Some(delivers)),
        };
        let sides = sides.filter(|(_, delivers)| !delivers.is_zero());
        let (sends, delivers) = sides.ok_or(Refused::Unrepresentable)?;
        check_range(sell, sends, &limits)?;
        let expires_at = UnixSeconds(now.0 + self.terms.valid_seconds);
        let promise = Promise {
            id,
            taker,
            currency: buy,
            // What was rounded up for an exact delivery may bring more, if it is sold as it is.
            amount: gives(sends).ok_or(Refused::Unrepresentable)?.max(delivers),
            expires_at,
        };
        self.promises.add(available.seen, available.amount, promise)?;
        let quote = Quote {
            genesis: self.signer.genesis,
            id,
            maker: self.signer.account,
            taker: Some(taker),
            sell,
            buy,
            rate,
            min: sends,
            max: sends,
            fee: limits.fee,
            expires_at,
            hold_seconds_max: self.terms.hold_seconds_max,
        };
        let quote = quote.sign([&self.signer.key]);
        Ok(Answer {
            quote: quote.expect("one key, a rate above zero, and another currency"),
            sends,
            delivers,
            mid,
            rates_as_of: as_of,
        })
    }
}

fn check_range(currency: Currency, actual: Amount, limits: &Limits) -> Result<(), Refused> {
    let Limits { min, max, .. } = *limits;
    if (min..=max).contains(&actual) {
        return Ok(());
    }
    Err(Refused::OutOfRange {
        currency,
        actual,
        min,
        max,
    })
}

#[cfg(test)]
mod tests;
