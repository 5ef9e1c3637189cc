//! Amounts of money as the API writes them.

use std::collections::BTreeMap;

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

/// The currencies of a network, with their digits after the point.
#[derive(Debug, Clone, Default)]
pub struct Exponents(pub BTreeMap<Currency, u8>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyFault {
    #[error("the network has no currency {0}")]
    UnknownCurrency(Currency),
    #[error("{0}")]
    Amount(#[from] AmountTextError),
}

impl Exponents {
    pub fn of(&self, currency: Currency) -> Result<u8, MoneyFault> {
        let found = self.0.get(&currency).copied();
        found.ok_or(MoneyFault::UnknownCurrency(currency))
    }

    /// In minor units.
    pub fn read(&self, money: &Money) -> Result<Amount, MoneyFault> {
        Ok(money.minor(self.of(money.currency)?)?)
    }

    /// # Panics
    /// If the network has no such currency: amounts of others are never held.
    pub fn write(&self, amount: Amount, currency: Currency) -> Money {
        let exponent = self.of(currency).expect("a currency of the network");
        Money::of(amount, currency, exponent)
    }
}
