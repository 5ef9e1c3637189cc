//! Amounts and percentages as codes write them (MPM 3.3.1.4 and table 3.4): digits with at most one full stop, which
//! may come last (`98.`) and never is a comma.

/// Why text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("an amount has 1 to 13 characters")]
    Length,
    #[error("an amount is digits with at most one '.', which does not come first, such as 98.73")]
    Form,
    #[error("an amount is not zero; leave it out to have the payer asked")]
    Zero,
    #[error("a percentage is 00.01 to 99.99, with at most two digits after the '.'")]
    Percentage,
}

const CHARACTERS_MAX: usize = 13;

/// Objects 54 and 56.
pub fn check_amount(text: &str) -> Result<(), AmountError> {
    if !(1..=CHARACTERS_MAX).contains(&text.chars().count()) {
        return Err(AmountError::Length);
    }
    parts(text).ok_or(AmountError::Form)?;
    if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return Err(AmountError::Zero);
    }
    Ok(())
}

/// Object 57.
pub fn check_percentage(text: &str) -> Result<(), AmountError> {
    let within = || {
        let (whole, decimals) = parts(text)?;
        let hundredths = format!("{decimals:0<2}").parse::<u32>().ok()?;
        let value = whole.parse::<u32>().ok()? * 100 + hundredths;
        (text.len() <= 5 && decimals.len() <= 2 && (1..=9999).contains(&value)).then_some(())
    };
    within().ok_or(AmountError::Percentage)
}

/// An amount in minor units of a currency of `exponent` decimals; `None` if it has more, or is too large. The
/// text has to be an amount.
pub fn minor_units(text: &str, exponent: u8) -> Option<u64> {
    let (whole, decimals) = parts(text)?;
    let exponent = usize::from(exponent);
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > exponent {
        return None;
    }
    format!("{whole}{decimals:0<exponent$}").parse().ok()
}

/// Digits before and after the full stop.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!whole.is_empty() && whole.len() <= CHARACTERS_MAX && digits(whole) && digits(decimals))
        .then_some((whole, decimals))
}
