//! Exact conversion between currencies.

use bincode::{Decode, Encode};

use crate::{codec::json_as_text, money::Amount};

/// Digits after the point of a rate, at most.
pub const RATE_SCALE_MAX: u8 = 12;

/// How many units of the bought currency one unit of the sold one gives, both in major units:
/// `mantissa` divided by ten to the power of `scale`. Text in JSON: "1.0845".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Rate {
    /// Not zero.
    pub mantissa: u64,
    /// 0 to 12.
    pub scale: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a rate above zero: digits, with at most {RATE_SCALE_MAX} after the point, such as 1.0845")]
pub struct NotARate;

impl Rate {
    pub fn check(&self) -> Result<(), NotARate> {
        if self.mantissa == 0 || self.scale > RATE_SCALE_MAX {
            return Err(NotARate);
        }
        Ok(())
    }

    /// What `sold` minor units give, rounded down: what is lost is less than one minor unit of the bought
    /// currency. The exponents are those of the two currencies. `None` if it is too large to be represented.
    pub fn bought(&self, sold: Amount, sold_exponent: u8, bought_exponent: u8) -> Option<Amount> {
        self.times(sold, sold_exponent, bought_exponent, |value, unit| value / unit)
    }

    /// The same, rounded up.
    pub fn bought_up(&self, sold: Amount, sold_exponent: u8, bought_exponent: u8) -> Option<Amount> {
        self.times(sold, sold_exponent, bought_exponent, u128::div_ceil)
    }

    /// What must be sold for `bought` minor units, rounded up: what is paid too much is less than one minor
    /// unit of the sold currency. `None` if it is too large to be represented.
    pub fn sold(&self, bought: Amount, sold_exponent: u8, bought_exponent: u8) -> Option<Amount> {
        self.over(bought, sold_exponent, bought_exponent, true)
    }

    /// The most that may be sold for `bought` minor units: the same, rounded down.
    pub fn sold_down(&self, bought: Amount, sold_exponent: u8, bought_exponent: u8) -> Option<Amount> {
        self.over(bought, sold_exponent, bought_exponent, false)
    }

    /// Whether one who wants this rate or a better one and another, who offers what the first wants and wants
    /// what it offers at that rate, can both have it: whether the two multiplied are at most one.
    pub fn meets(&self, opposite: &Self) -> bool {
        let product = u128::from(self.mantissa) * u128::from(opposite.mantissa);
        product <= power_of_ten(u32::from(self.scale) + u32::from(opposite.scale))
    }

    fn times(
        &self,
        sold: Amount,
        sold_exponent: u8,
        bought_exponent: u8,
        divide: impl Fn(u128, u128) -> u128,
    ) -> Option<Amount> {
        // Below 2^128, and the powers of ten of both sides cancel: nothing wider is needed.
        let product = u128::from(sold.0) * u128::from(self.mantissa);
        let up = i32::from(bought_exponent) - i32::from(sold_exponent) - i32::from(self.scale);
        let exact = match u32::try_from(up) {
            Ok(up) => product.checked_mul(power_of_ten(up))?,
            Err(_) => divide(product, power_of_ten(up.unsigned_abs())),
        };
        u64::try_from(exact).ok().map(Amount)
    }

    fn over(&self, bought: Amount, sold_exponent: u8, bought_exponent: u8, rounds_up: bool) -> Option<Amount> {
        let mantissa = u128::from(self.mantissa);
        let up = i32::from(sold_exponent) + i32::from(self.scale) - i32::from(bought_exponent);
        let (quotient, is_more) = match u32::try_from(up) {
            Ok(up) => {
                // Long division, a decimal digit at a time: the whole numerator could need 131 bits.
                let mut quotient = u128::from(bought.0) / mantissa;
                let mut rest = u128::from(bought.0) % mantissa;
                for _ in 0..up {
                    rest *= 10;
                    quotient = quotient.checked_mul(10)?.checked_add(rest / mantissa)?;
                    rest %= mantissa;
                }
                (quotient, rest != 0)
            }
            Err(_) => {
                let divisor = mantissa * power_of_ten(up.unsigned_abs());
                (u128::from(bought.0) / divisor, u128::from(bought.0) % divisor != 0)
            }
        };
        let rounded = quotient.checked_add(u128::from(rounds_up && is_more))?;
        u64::try_from(rounded).ok().map(Amount)
    }
}

/// At most 10^24 is asked for.
fn power_of_ten(exponent: u32) -> u128 {
    10u128.pow(exponent)
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = power_of_ten(u32::from(self.scale));
        let mantissa = u128::from(self.mantissa);
        write!(f, "{}", mantissa / unit)?;
        if self.scale > 0 {
            write!(f, ".{:0width$}", mantissa % unit, width = usize::from(self.scale))?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Rate {
    type Err = NotARate;

    /// "1.50" and "1.5" are different ways to write one rate, and both are kept as they are.
    fn from_str(text: &str) -> Result<Self, NotARate> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || (text.contains('.') && part.is_empty()) {
            return Err(NotARate);
        }
        let rate = Self {
            mantissa: format!("{whole}{part}").parse().map_err(|_| NotARate)?,
            scale: u8::try_from(part.len()).map_err(|_| NotARate)?,
        };
        rate.check()?;
        Ok(rate)
    }
}

json_as_text!(Rate);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::prelude::ToPrimitive;

    use super::*;

    /// Schoolbook numbers in base 10^9, least digit first: an independent way to the exact products.
    mod big {
        const BASE: u64 = 1_000_000_000;

        pub fn of(mut value: u128) -> Vec<u64> {
            let mut digits = Vec::new();
            while value > 0 {
                digits.push((value % u128::from(BASE)) as u64);
                value /= u128::from(BASE);
            }
            digits
        }

        pub fn times(a: &[u64], b: &[u64]) -> Vec<u64> {
            let mut product = vec![0u64; a.len() + b.len() + 1];
            for (i, x) in a.iter().enumerate() {
                let mut carry = 0;
                for (j, y) in b.iter().chain([&0, &0]).enumerate() {
                    if i + j >= product.len() {
                        break;
                    }
                    let sum = product[i + j] + x * y + carry;
                    product[i + j] = sum % BASE;
                    carry = sum / BASE;
                }
            }
            while product.last() == Some(&0) {
                product.pop();
            }
            product
        }

        pub fn cmp(a: &[u64], b: &[u64]) -> std::cmp::Ordering {
            a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
        }
    }

    fn product(factors: &[u128]) -> Vec<u64> {
        factors
            .iter()
            .fold(big::of(1), |all, one| big::times(&all, &big::of(*one)))
    }

    /// Both sides of `sold * mantissa * 10^eb = bought * 10^scale * 10^es`.
    fn sides(rate: Rate, sold: u64, bought: u128, es: u8, eb: u8) -> (Vec<u64>, Vec<u64>) {
        let ten = |e: u8| 10u128.pow(u32::from(e));
        (
            product(&[sold.into(), rate.mantissa.into(), ten(eb)]),
            product(&[bought, ten(rate.scale), ten(es)]),
        )
    }

    fn rate() -> impl Strategy<Value = Rate> {
        let mantissa = prop_oneof![
            1..=10u64,
            1..=1_000_000_000_000u64,
            (0..64u32).prop_map(|bit| 1 << bit),
            Just(u64::MAX),
            1..=u64::MAX
        ];
        (mantissa, 0..=RATE_SCALE_MAX).prop_map(|(mantissa, scale)| Rate { mantissa, scale })
    }

    fn amount() -> impl Strategy<Value = u64> {
        prop_oneof![0..=100u64, 0..=1_000_000_000u64, any::<u64>(), Just(u64::MAX)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Against exact numbers of any size: the largest amount whose worth is not above what is sold.
        #[test]
        fn invariant_sending_exactly_never_gives_too_much_nor_a_whole_unit_too_little(
            rate in rate(), sold in amount(), es in 0..=8u8, eb in 0..=8u8,
        ) {
            let gives = |bought: u128| {
                let (left, right) = sides(rate, sold, bought, es, eb);
                big::cmp(&right, &left).is_le()
            };
            match rate.bought(Amount(sold), es, eb) {
                Some(bought) => {
                    prop_assert!(gives(bought.0.into()));
                    prop_assert!(!gives(u128::from(bought.0) + 1));
                }
                None => prop_assert!(gives(1 << 64)),
            }
        }

        /// The least amount whose worth is not below what is to be delivered.
        #[test]
        fn invariant_delivering_exactly_never_costs_too_little_nor_a_whole_unit_too_much(
            rate in rate(), bought in amount(), es in 0..=8u8, eb in 0..=8u8,
        ) {
            let suffices = |sold: u64| {
                let (left, right) = sides(rate, sold, bought.into(), es, eb);
                big::cmp(&left, &right).is_ge()
            };
            match rate.sold(Amount(bought), es, eb) {
                Some(sold) => {
                    prop_assert!(suffices(sold.0));
                    prop_assert!(sold.0 == 0 || !suffices(sold.0 - 1));
                }
                None => prop_assert!(!suffices(u64::MAX)),
            }
        }

        /// The two roundings of each are a unit apart, or equal where nothing is lost.
        #[test]
        fn roundings_enclose_the_exact_value(
            rate in rate(), amount in amount(), es in 0..=8u8, eb in 0..=8u8,
        ) {
            let exact = |sold: u64, bought: u64| {
                let (left, right) = sides(rate, sold, bought.into(), es, eb);
                big::cmp(&left, &right)
            };
            if let (Some(down), Some(up)) =
                (rate.bought(Amount(amount), es, eb), rate.bought_up(Amount(amount), es, eb))
            {
                prop_assert!(exact(amount, up.0).is_le());
                prop_assert_eq!(up.0 - down.0, u64::from(exact(amount, down.0).is_gt()));
            }
            if let (Some(down), Some(up)) =
                (rate.sold_down(Amount(amount), es, eb), rate.sold(Amount(amount), es, eb))
            {
                prop_assert!(exact(down.0, amount).is_le());
                prop_assert_eq!(up.0 - down.0, u64::from(exact(down.0, amount).is_lt()));
            }
        }

        /// To and fro never makes money.
        #[test]
        fn invariant_what_was_bought_costs_no_more_than_was_sold(
            rate in rate(), sold in amount(), es in 0..=8u8, eb in 0..=8u8,
        ) {
            if let Some(bought) = rate.bought(Amount(sold), es, eb) {
                prop_assert!(rate.sold(bought, es, eb).expect("no more than was sold") <= Amount(sold));
            }
        }

        #[test]
        fn text_round_trips(rate in rate()) {
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        /// As `rust_decimal` has it, where it can.
        #[test]
        fn agrees_with_a_library(mantissa in 1..1_000_000_000u64, scale in 0..=8u8, sold in 0..1_000_000_000_000u64) {
            let rate = Rate { mantissa, scale };
            let decimal: rust_decimal::Decimal = rate.to_string().parse().unwrap();
            let expected = (decimal * rust_decimal::Decimal::from(sold)).floor().to_u64();
            prop_assert_eq!(rate.bought(Amount(sold), 2, 2).map(|it| it.0), expected);
        }
    }

    #[test]
    fn is_written_as_people_do() {
        let rate = |text: &str| text.parse::<Rate>();
        assert_eq!(
            rate("1.0845"),
            Ok(Rate {
                mantissa: 10_845,
                scale: 4
            })
        );
        assert_eq!(rate("36").unwrap().to_string(), "36");
        assert_eq!(rate("0.0027").unwrap().to_string(), "0.0027");
        for wrong in [
            "",
            ".5",
            "1.",
            "-1",
            "+1",
            "1e3",
            "0",
            "0.000",
            "1.0000000000001",
            "1 2",
            "99999999999999999999",
        ] {
            assert_eq!(rate(wrong), Err(NotARate), "{wrong}");
        }
    }

    #[test]
    fn known_conversions() {
        let rate: Rate = "36.42".parse().unwrap();
        // 1,000.00 EUR to THB.
        assert_eq!(rate.bought(Amount(100_000), 2, 2), Some(Amount(3_642_000)));
        // To a currency without minor units, from one with three digits.
        let rate: Rate = "481.23".parse().unwrap();
        assert_eq!(rate.bought(Amount(1_999), 3, 0), Some(Amount(961)));
        assert_eq!(rate.sold(Amount(962), 3, 0), Some(Amount(2_000)));
        let tiny: Rate = "0.000000000001".parse().unwrap();
        assert_eq!(tiny.sold(Amount(u64::MAX), 8, 0), None);
        assert_eq!(tiny.sold(Amount(1), 0, 8), Some(Amount(10_000)));
    }
}
