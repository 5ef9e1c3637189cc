//! From which amount on a phone or card that is tapped must come with its holder.

use std::collections::BTreeMap;

use causeway_contracts::money::{
    Amount, Currency,
    text::{AmountTextError, parse_amount},
};

use crate::identifiers::currency::CurrencyCode;

/// Units of a currency of which nothing else is said, as terminals have it.
const UNITS: u64 = 50;

/// By currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifiedFrom(BTreeMap<Currency, Amount>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifiedFromFault {
    #[error("{0} is no currency of ISO 4217 with digits after the point, and cards pay in no other")]
    Currency(Currency),
    #[error("{currency}: {fault}")]
    Amount { currency: Currency, fault: AmountTextError },
}

/// Digits after the point.
fn exponent(currency: Currency) -> Option<u8> {
    currency.as_str().parse::<CurrencyCode>().ok()?.exponent()
}

impl VerifiedFrom {
    /// Of amounts in units, such as 50.00.
    pub fn read(texts: BTreeMap<Currency, String>) -> Result<Self, VerifiedFromFault> {
        let read = |(currency, text): (Currency, String)| {
            let exponent = exponent(currency).ok_or(VerifiedFromFault::Currency(currency))?;
            let amount = parse_amount(&text, exponent);
            let amount = amount.map_err(|fault| VerifiedFromFault::Amount { currency, fault })?;
            Ok((currency, amount))
        };
        Ok(Self(texts.into_iter().map(read).collect::<Result<_, _>>()?))
    }

    /// From so much on; 50 units of a currency that it does not name.
    pub fn of(&self, currency: Currency) -> Amount {
        let units = || Amount(UNITS * 10_u64.pow(exponent(currency).unwrap_or(0).into()));
        self.0.get(&currency).copied().unwrap_or_else(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_of_their_currency_and_fifty_units_of_any_other() {
        let code = |text| Currency::new(text).expect("a code");
        let read = |currency, text: &str| VerifiedFrom::read([(code(currency), text.to_owned())].into());
        let from = read("THB", "1500").expect("an amount");
        let found = ["THB", "EUR", "JPY", "KWD"].map(|text| from.of(code(text)).0);
        assert_eq!(found, [150_000, 5_000, 50, 50_000]);
        assert_eq!(read("XXX", "1").err(), Some(VerifiedFromFault::Currency(code("XXX"))));
        let refused = read("JPY", "1.5").expect_err("half a yen").to_string();
        assert_eq!(
            refused,
            "JPY: '1.5' has 1 digits after the point, and this currency has 0"
        );
    }
}
