//! From a mid rate to the rate of a quote.

use causeway_contracts::settlement::{RATE_SCALE_MAX, Rate};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct BasisPoints(u16);

/// Of a spread of all or more, nothing would be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a spread is 0 to 9,999 basis points, and {0} is not")]
pub struct NotASpread(pub u16);

impl BasisPoints {
    pub const NONE: Self = Self(0);

    pub fn new(value: u16) -> Result<Self, NotASpread> {
        match value {
            0..10_000 => Ok(Self(value)),
            _ => Err(NotASpread(value)),
        }
    }

    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for BasisPoints {
    type Error = NotASpread;

    fn try_from(value: u16) -> Result<Self, NotASpread> {
        Self::new(value)
    }
}

impl From<BasisPoints> for u16 {
    fn from(points: BasisPoints) -> Self {
        points.0
    }
}

/// No reference rate is known to more digits.
const SIGNIFICANT_DIGITS: u32 = 9;

/// The rate that a taker gets: the mid without the spread, rounded down, so that the spread is never less than it
/// should be. `None` where what is left cannot be represented, since it is too large or too small.
pub fn quoted(mid: Decimal, spread: BasisPoints) -> Option<Rate> {
    let kept = Decimal::new(10_000 - i64::from(spread.0), 4);
    let exact = mid.checked_mul(kept)?;
    let short = exact.round_sf_with_strategy(SIGNIFICANT_DIGITS, RoundingStrategy::ToZero)?;
    let short = short.round_dp_with_strategy(u32::from(RATE_SCALE_MAX), RoundingStrategy::ToZero);
    let short = short.normalize();
    let rate = Rate {
        mantissa: u64::try_from(short.mantissa()).ok()?,
        scale: u8::try_from(short.scale()).ok()?,
    };
    rate.check().ok()?;
    Some(rate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(rate: &Rate) -> Decimal {
        rate.to_string().parse().unwrap()
    }

    #[test]
    fn the_spread_is_taken_off_and_the_rest_rounded_down() {
        let check = |mid: &str, spread, expected: Option<&str>| {
            let rate = quoted(mid.parse().unwrap(), BasisPoints::new(spread).unwrap());
            assert_eq!(rate.map(|rate| rate.to_string()).as_deref(), expected, "{mid}");
        };
        check("37.728", 0, Some("37.728"));
        check("37.728", 25, Some("37.63368"));
        check("37.728", 9_999, Some("0.0037728"));
        check("0.026505513146734", 30, Some("0.0264259966"));
        check("20082.05", 50, Some("19981.6397"));
        check("0.000000000001", 0, Some("0.000000000001"));
        check("0.000000000001", 1, None);
        check("99999999999999999999", 0, None);
        check("0", 0, None);
    }

    #[test]
    fn a_spread_leaves_something() {
        assert_eq!(BasisPoints::new(10_000), Err(NotASpread(10_000)));
    }

    proptest! {
        #[test]
        fn invariant_nobody_gets_more_than_the_mid_without_the_spread(
            mantissa in 1..10_i64.pow(12),
            scale in 0..9u32,
            spread in 0..10_000u16,
        ) {
            let mid = Decimal::new(mantissa, scale);
            if let Some(rate) = quoted(mid, BasisPoints::new(spread).unwrap()) {
                let due = mid * Decimal::new(10_000 - i64::from(spread), 4);
                let given = exact(&rate);
                prop_assert!(given <= due);
                // Less than one in the ninth digit, or in the last that a rate has.
                let lost = (due / Decimal::new(10_i64.pow(8), 0)).max(Decimal::new(1, 12));
                prop_assert!(due - given <= lost, "{} of {}", given, due);
            }
        }
    }
}
