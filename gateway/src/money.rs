//! Amounts of money as the API writes them.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use causeway_contracts::money::{
    Amount, Currency,
    text::{AmountTextError, format_amount, parse_amount},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// In major units, such as 12.50 EUR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Digits, and at most one point between digits; no more digits after it than the currency has.
    #[schema(pattern = r"^[0-9]{1,20}(\.[0-9]{1,8})?$", example = "12.50")]
    pub value: String,
    /// A currency of the network.
    #[schema(value_type = String, pattern = "^[A-Z0-9]{3,8}$", example = "EUR")]
    pub currency: Currency,
}

impl Money {
    /// `exponent`: the currency's digits after the point.
    pub fn of(amount: Amount, currency: Currency, exponent: u8) -> Self {
        Self {
            value: format_amount(amount, exponent),
            currency,
        }
    }

    /// In minor units of a currency with so many digits after the point.
    pub fn minor(&self, exponent: u8) -> Result<Amount, AmountTextError> {
        parse_amount(&self.value, exponent)
    }
}

/// The currencies of a network, with their digits after the point: those that are known here so far. A network may get
/// more at any time, and whoever shares a database may know of one before.
#[derive(Debug, Default)]
pub struct Exponents(RwLock<BTreeMap<Currency, u8>>);

impl FromIterator<(Currency, u8)> for Exponents {
    fn from_iter<T: IntoIterator<Item = (Currency, u8)>>(known: T) -> Self {
        Self(RwLock::new(known.into_iter().collect()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyFault {
    #[error("the network has no currency {0}")]
    UnknownCurrency(Currency),
    #[error("{0}")]
    Amount(#[from] AmountTextError),
}

/// An amount cannot be written, since its currency is newer than what is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("how many digits {0} has after its point is not known here yet")]
pub struct DigitsUnknown(pub Currency);

impl Exponents {
    fn find(&self, currency: Currency) -> Option<u8> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&currency).copied()
    }

    pub fn is_known(&self, currency: Currency) -> bool {
        self.find(currency).is_some()
    }

    /// Its digits never change.
    pub fn learn(&self, currency: Currency, exponent: u8) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(currency, exponent);
    }

    pub fn of(&self, currency: Currency) -> Result<u8, MoneyFault> {
        self.find(currency).ok_or(MoneyFault::UnknownCurrency(currency))
    }

    /// In minor units.
    pub fn read(&self, money: &Money) -> Result<Amount, MoneyFault> {
        Ok(money.minor(self.of(money.currency)?)?)
    }

    /// Of what is held here, which is in a currency of the network, though perhaps in one that is not known yet.
    pub fn write(&self, amount: Amount, currency: Currency) -> Result<Money, DigitsUnknown> {
        let exponent = self.find(currency).ok_or(DigitsUnknown(currency))?;
        Ok(Money::of(amount, currency, exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_of_a_new_currency_is_written_once_its_digits_are_known() {
        let code = |text| Currency::new(text).expect("a code");
        let exponents: Exponents = [(code("EUR"), 2)].into_iter().collect();
        let write = |currency| exponents.write(Amount(1_250), code(currency)).map(|money| money.value);
        assert_eq!(write("EUR"), Ok("12.50".to_owned()));
        assert_eq!(write("NEW"), Err(DigitsUnknown(code("NEW"))));
        exponents.learn(code("NEW"), 3);
        assert_eq!(write("NEW"), Ok("1.250".to_owned()));
    }
}
