//! Decimal text at the edges: what a person types and reads.

use rust_decimal::Decimal;

use super::{Amount, Balance};

/// Exponents of currencies lie between 0 and this.
pub const EXPONENT_MAX: u8 = 8;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountTextError {
    #[error("'{text}' is not an amount; write digits and at most one point, like 12.50")]
    NotADecimal { text: String },
    #[error("'{text}' has {digits} digits after the point, and this currency has {exponent}")]
    TooManyDigits { text: String, digits: usize, exponent: u8 },
    #[error("'{text}' is more than the largest amount, {max}")]
    TooLarge { text: String, max: String },
}

/// Reads `12.50` into minor units of a currency with `exponent` digits after the point.
///
/// Digits and at most one point between digits; no sign, no spaces, no thousands separators. More
/// digits after the point than the currency has are refused, also when they are zero.
pub fn parse_amount(text: &str, exponent: u8) -> Result<Amount, AmountTextError> {
    let not_a_decimal = || AmountTextError::NotADecimal { text: shortened(text) };
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(not_a_decimal()),
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(not_a_decimal());
    }
    if fraction.len() > usize::from(exponent) {
        return Err(AmountTextError::TooManyDigits {
            text: shortened(text),
            digits: fraction.len(),
            exponent,
        });
    }
    let too_large = || AmountTextError::TooLarge {
        text: shortened(text),
        max: format_amount(Amount(u64::MAX), exponent),
    };
    let mut decimal = Decimal::from_str_exact(text).map_err(|_| too_large())?;
    decimal.rescale(u32::from(exponent));
    // A rescale that does not fit 96 bits leaves a smaller scale behind.
    if decimal.scale() != u32::from(exponent) {
        return Err(too_large());
    }
    u64::try_from(decimal.mantissa()).map(Amount).map_err(|_| too_large())
}

/// `1250` minor units as `12.50`, with exactly `exponent` digits after the point.
pub fn format_amount(amount: Amount, exponent: u8) -> String {
    format_balance(Balance(i128::from(amount.0)), exponent)
}

/// A balance as decimal text, with a leading `-` when below zero.
pub fn format_balance(balance: Balance, exponent: u8) -> String {
    let sign = if balance.0 < 0 { "-" } else { "" };
    let digits = format!(
        "{:0width$}",
        balance.0.unsigned_abs(),
        width = usize::from(exponent) + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(exponent));
    let point = if exponent == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

// An error quotes the input, and the input may be anything.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
