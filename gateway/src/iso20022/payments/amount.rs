//! Money and rates as messages write them.

use std::fmt;

use causeway_contracts::money::{
    Amount, Balance, Currency,
    text::{AmountTextError, format_amount, parse_amount},
};
use rust_decimal::Decimal;

use super::{
    read::{Leaf, at, attribute, decimal, value},
    refusal::{Fault, ReasonCode, Refusal},
};
use crate::{identifiers::currency::CurrencyCode, iso20022::xml::Node};

/// ActiveCurrencyAndAmount: 18 digits in all, of which at most 5 are after the point.
const UNITS_MAX: u64 = 999_999_999_999_999_999;

/// An amount in a currency of ISO 4217, with as many digits after the point as that gives it. Not more than a
/// message can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    amount: Amount,
    currency: CurrencyCode,
    exponent: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountFault {
    #[error("is in {currency}, which is no currency of ISO 4217 that amounts are counted in")]
    Currency { currency: String },
    #[error("is in {currency}, which has {iso} digits after the point by ISO 4217, and {exponent} on the ledger")]
    Exponent { currency: String, iso: u8, exponent: u8 },
    #[error("is {text}, and {currency} has {exponent} digits after the point")]
    Decimals {
        text: String,
        currency: String,
        exponent: u8,
    },
    #[error("is more than 18 digits, the most that a message has")]
    TooLarge,
    #[error("is no amount; it would be such as 12.50")]
    NotANumber,
    #[error("is in {found}, but the account is in {expected}")]
    OtherCurrency { found: String, expected: String },
}

impl AmountFault {
    pub(super) fn reason(&self) -> ReasonCode {
        match self {
            Self::Currency { .. } | Self::Exponent { .. } => ReasonCode::CURRENCY_NOT_PROCESSED,
            Self::Decimals { .. } => ReasonCode::DECIMALS,
            Self::TooLarge => ReasonCode::AMOUNT_TOO_LARGE,
            Self::NotANumber => ReasonCode::AMOUNT,
            Self::OtherCurrency { .. } => ReasonCode::CURRENCY,
        }
    }
}

impl Money {
    /// An amount of the ledger, whose currency is registered with `exponent`.
    ///
    /// # Errors
    /// A message cannot say it: the currency is none of ISO 4217 or has another exponent there, or the amount has
    /// more than 18 digits.
    pub fn new(amount: Amount, currency: Currency, exponent: u8) -> Result<Self, AmountFault> {
        let (code, iso) = counted(currency.as_str())?;
        if iso != exponent {
            return Err(AmountFault::Exponent {
                currency: currency.to_string(),
                iso,
                exponent,
            });
        }
        Self::within(amount, code, exponent)
    }

    fn within(amount: Amount, currency: CurrencyCode, exponent: u8) -> Result<Self, AmountFault> {
        if amount.0 > UNITS_MAX {
            return Err(AmountFault::TooLarge);
        }
        Ok(Self {
            amount,
            currency,
            exponent,
        })
    }

    /// Reads an amount as XML Schema writes decimals, so that `+5.` and `.50` are understood too.
    pub(super) fn parse(text: &str, currency: &str) -> Result<Self, AmountFault> {
        let (code, exponent) = counted(currency)?;
        let digits = text.strip_prefix('+').unwrap_or(text);
        let amount = match digits.split_once('.') {
            Some((whole, "")) => parse_amount(whole, exponent),
            Some(("", fraction)) => parse_amount(&format!("0.{}", bounded(fraction)), exponent),
            _ => parse_amount(digits, exponent),
        };
        let amount = amount.map_err(|error| match error {
            AmountTextError::NotADecimal { .. } => AmountFault::NotANumber,
            AmountTextError::TooManyDigits { text, exponent, .. } => AmountFault::Decimals {
                text,
                currency: currency.to_owned(),
                exponent,
            },
            AmountTextError::TooLarge { .. } => AmountFault::TooLarge,
        })?;
        Self::within(amount, code, exponent)
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self, Refusal> {
        let currency = attribute(node, "Ccy", ReasonCode::CURRENCY)?;
        Self::parse(value(node), currency).map_err(|fault| Refusal::at(node, Fault::Amount(fault), ReasonCode::AMOUNT))
    }

    /// More than zero, as everything that is paid.
    pub(super) fn read_paid(node: Node<'_>) -> Result<Self, Refusal> {
        let money = Self::read(node)?;
        if money.amount.is_zero() {
            return Err(Refusal::at(node, Fault::Zero, ReasonCode::AMOUNT_ZERO));
        }
        Ok(money)
    }

    pub(super) fn find_paid(node: Node<'_>, path: &'static str) -> Result<Option<Self>, Refusal> {
        at(node, path)?.map(Self::read_paid).transpose()
    }

    /// Zero of the same currency.
    pub(super) fn nothing(self) -> Self {
        Self {
            amount: Amount::ZERO,
            ..self
        }
    }

    pub fn amount(self) -> Amount {
        self.amount
    }

    pub fn currency(self) -> Currency {
        Currency::new(self.currency.as_str()).expect("three capitals")
    }

    pub fn currency_code(self) -> CurrencyCode {
        self.currency
    }

    pub fn exponent(self) -> u8 {
        self.exponent
    }
}

/// `1250` cents as `12.50`, without the currency, which is an attribute.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_amount(self.amount, self.exponent))
    }
}

fn counted(currency: &str) -> Result<(CurrencyCode, u8), AmountFault> {
    let code: Option<CurrencyCode> = currency.parse().ok();
    code.and_then(|code| Some((code, code.exponent()?)))
        .ok_or_else(|| AmountFault::Currency {
            currency: bounded(currency),
        })
}

fn bounded(text: &str) -> String {
    text.chars().take(40).collect()
}

/// What an account has, within 18 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    balance: Balance,
    /// Zero of the currency.
    unit: Money,
}

impl Position {
    /// A balance of the ledger, whose currency is registered with `exponent`.
    ///
    /// # Errors
    /// As of [`Money::new`].
    pub fn new(balance: Balance, currency: Currency, exponent: u8) -> Result<Self, AmountFault> {
        Self::within(balance, Money::new(Amount::ZERO, currency, exponent)?)
    }

    pub(super) fn within(balance: Balance, unit: Money) -> Result<Self, AmountFault> {
        if balance.0.unsigned_abs() > u128::from(UNITS_MAX) {
            return Err(AmountFault::TooLarge);
        }
        let unit = unit.nothing();
        Ok(Self { balance, unit })
    }

    pub fn balance(self) -> Balance {
        self.balance
    }

    /// An amount in the currency of the balance.
    pub(super) fn money(self, amount: Amount) -> Result<Money, AmountFault> {
        Money::within(amount, self.unit.currency, self.unit.exponent)
    }

    /// Without sign: what is owed is marked by CdtDbtInd.
    pub(super) fn size(self) -> Money {
        let size = u64::try_from(self.balance.0.unsigned_abs()).expect("within 18 digits");
        Money {
            amount: Amount(size),
            ..self.unit
        }
    }

    pub fn currency_code(self) -> CurrencyCode {
        self.unit.currency
    }
}

/// BaseOneRate: more than zero, 11 digits in all, of which at most 10 are after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(Decimal);

impl Rate {
    pub fn new(rate: Decimal) -> Option<Self> {
        let rate = rate.normalize();
        let fits = rate > Decimal::ZERO && rate.scale() <= 10 && rate.mantissa() < 100_000_000_000;
        // 1e11 has a mantissa of one digit only if its scale could be negative, which it cannot.
        fits.then_some(Self(rate))
    }

    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl Leaf for Rate {
    fn leaf(text: &str) -> Result<Self, Fault> {
        decimal(text).and_then(Self::new).ok_or(Fault::Rate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_refused_by_name() {
        let check = |text: &str, currency: &str, expected: Result<(u64, &str), &str>| {
            let found = Money::parse(text, currency);
            let found = found.map(|money| (money.amount().0, money.to_string()));
            let found = found.map_err(|fault| fault.reason().to_string());
            let expected = expected.map(|(units, text)| (units, text.to_owned()));
            assert_eq!(found, expected.map_err(str::to_owned), "{text} {currency}");
        };
        check("12.5", "EUR", Ok((1250, "12.50")));
        check("+12.", "EUR", Ok((1200, "12.00")));
        check(".5", "KWD", Ok((500, "0.500")));
        check("7", "JPY", Ok((7, "7")));
        check("0", "EUR", Ok((0, "0.00")));
        check("9999999999999999.99", "EUR", Ok((UNITS_MAX, "9999999999999999.99")));
        check("10000000000000000.00", "EUR", Err("AM02"));
        check("7.0", "JPY", Err("CH20"));
        check("1.001", "EUR", Err("CH20"));
        check("-1", "EUR", Err("AM12"));
        check("1e3", "EUR", Err("AM12"));
        check(".", "EUR", Err("AM12"));
        check("", "EUR", Err("AM12"));
        check("1", "XAU", Err("AM03"));
        check("1", "eur", Err("AM03"));
    }

    #[test]
    fn a_currency_of_another_exponent_is_not_written() {
        let eur = Currency::new("EUR").expect("a code");
        let check = |exponent, expected| assert_eq!(Money::new(Amount(5), eur, exponent).map(Money::amount), expected);
        check(2, Ok(Amount(5)));
        let currency = "EUR".to_owned();
        check(
            4,
            Err(AmountFault::Exponent {
                currency,
                iso: 2,
                exponent: 4,
            }),
        );
    }

    #[test]
    fn rates_have_eleven_digits() {
        let check = |text: &str, expected: Option<&str>| {
            let found = Rate::leaf(text).ok().map(|rate| rate.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("1.0850", Some("1.085"));
        check("12345678901", Some("12345678901"));
        check("123456789012", None);
        check("0.0000000001", Some("0.0000000001"));
        check("0.00000000001", None);
        check("0", None);
        check("1_0", None);
        check("-1", None);
    }
}
