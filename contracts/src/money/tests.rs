use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    text::{AmountTextError, EXPONENT_MAX, format_amount, format_balance, parse_amount},
    *,
};
use crate::{codec, example::vectors};

fn check(text: &str, exponent: u8, minor_units: u64) {
    assert_eq!(
        parse_amount(text, exponent),
        Ok(Amount(minor_units)),
        "'{text}' at {exponent}"
    );
}

fn check_not_a_decimal(text: &str) {
    for exponent in [0, 2, 8] {
        let quoted = text.chars().take(40).collect();
        let expected = AmountTextError::NotADecimal { text: quoted };
        assert_eq!(parse_amount(text, exponent), Err(expected), "'{text}' at {exponent}");
    }
}

fn check_too_many_digits(text: &str, exponent: u8, digits: usize) {
    let expected = AmountTextError::TooManyDigits {
        text: text.into(),
        digits,
        exponent,
    };
    assert_eq!(parse_amount(text, exponent), Err(expected));
}

fn check_too_large(text: &str, exponent: u8, max: &str) {
    let quoted = text.chars().take(40).collect();
    let expected = AmountTextError::TooLarge {
        text: quoted,
        max: max.into(),
    };
    assert_eq!(parse_amount(text, exponent), Err(expected), "'{text}' at {exponent}");
}

#[test]
fn amounts_are_read_at_the_currencys_exponent() {
    check("0", 0, 0);
    check("1", 0, 1);
    check("1", 2, 100);
    check("1.0", 2, 100);
    check("1.00", 2, 100);
    check("12.5", 2, 1250);
    check("12.50", 2, 1250);
    check("0.01", 2, 1);
    check("0.00", 2, 0);
    check("007.10", 2, 710);
    check("1.234", 3, 1234);
    check("0.00000001", 8, 1);
    check("1.5", 8, 150_000_000);
    check("18446744073709551615", 0, u64::MAX);
    check("184467440737095516.15", 2, u64::MAX);
    check("18446744073709551.615", 3, u64::MAX);
    check("184467440737.09551615", 8, u64::MAX);
}

#[test]
fn leading_zeros_do_not_make_an_amount_large() {
    let zeros = "0".repeat(100);
    check(&format!("{zeros}1.23"), 2, 123);
    check(&zeros, 2, 0);
}

#[test]
fn more_digits_than_the_currency_has_are_refused_even_if_zero() {
    check_too_many_digits("1.0", 0, 1);
    check_too_many_digits("1.000", 2, 3);
    check_too_many_digits("1.005", 2, 3);
    check_too_many_digits("1.2340", 3, 4);
    check_too_many_digits("0.000000001", 8, 9);
}

#[test]
fn what_is_not_a_plain_decimal_is_refused() {
    for text in [
        "",
        ".",
        "1.",
        ".5",
        "1..2",
        "1.2.3",
        "+1",
        "-1",
        "-0",
        " 1",
        "1 ",
        "1 000",
        "1,000",
        "1,5",
        "1_000",
        "1e3",
        "0x10",
        "١٢",
        "１２",
        "1\u{a0}000",
        "1.\u{0665}",
        "½",
        "NaN",
        "inf",
        "1\n",
        "1\0",
        "12.50 EUR",
        "€1",
    ] {
        check_not_a_decimal(text);
    }
    check_not_a_decimal(&"9x".repeat(1000));
}

#[test]
fn more_than_64_bits_is_refused() {
    check_too_large("18446744073709551616", 0, "18446744073709551615");
    check_too_large("184467440737095516.16", 2, "184467440737095516.15");
    check_too_large("184467440737.09551616", 8, "184467440737.09551615");
    // Where 96 bits, and the decimal's own range, end.
    check_too_large("79228162514264337593543950335", 0, "18446744073709551615");
    check_too_large("79228162514264337593543950335", 8, "184467440737.09551615");
    check_too_large("79228162514264337593543950336", 0, "18446744073709551615");
    check_too_large(&"9".repeat(1000), 2, "184467440737095516.15");
}

#[test]
fn amounts_are_written_with_exactly_the_currencys_digits() {
    let check = |minor, exponent, expected| assert_eq!(format_balance(Balance(minor), exponent), expected);
    check(0, 0, "0");
    check(0, 2, "0.00");
    check(5, 2, "0.05");
    check(-5, 2, "-0.05");
    check(1250, 2, "12.50");
    check(-1250, 3, "-1.250");
    check(7, 8, "0.00000007");
    check(-7, 0, "-7");
    check(i128::MIN, 2, "-1701411834604692317316873037158841057.28");
    check(i128::MAX, 8, "1701411834604692317316873037158.84105727");
    assert_eq!(format_amount(Amount(u64::MAX), 2), "184467440737095516.15");
}

/// ISO 4217, list one: every currency that it gives a number of minor-unit digits.
#[test]
fn the_exponents_of_iso_4217() {
    let Some(table) = vectors("reference-data/iso4217_codes_all.csv") else {
        return;
    };
    let mut exponents = BTreeMap::new();
    for line in table.lines().skip(1) {
        // Entities' names hold quoted commas; the last four fields never do.
        let mut fields = line.rsplit(',');
        let (withdrawn, digits, _, code) = (fields.next(), fields.next(), fields.next(), fields.next());
        if let (Some(""), Some(digits), Some(code)) = (withdrawn, digits, code)
            && let Ok(digits) = digits.parse::<u8>()
        {
            assert_eq!(
                *exponents.entry(code).or_insert(digits),
                digits,
                "{code} is listed twice"
            );
        }
    }
    assert!(exponents.len() > 150, "only {} currencies were read", exponents.len());
    for (code, digits) in [
        ("CNY", 2),
        ("HKD", 2),
        ("THB", 2),
        ("AED", 2),
        ("JPY", 0),
        ("KWD", 3),
        ("CLF", 4),
    ] {
        assert_eq!(exponents.get(code), Some(&digits), "{code}");
    }
    for (code, digits) in exponents {
        assert_eq!(Currency::new(code).expect("three letters").as_str(), code);
        assert!(digits <= EXPONENT_MAX);
        let one = 10u64.pow(digits.into());
        check("1", digits, one);
        let smallest = format_amount(Amount(1), digits);
        check(&smallest, digits, 1);
        let point = if digits == 0 { ".0" } else { "0" };
        check_too_many_digits(&format!("{smallest}{point}"), digits, usize::from(digits) + 1);
    }
}

#[test]
fn sums_never_wrap_and_never_clamp() {
    assert_eq!(Amount(1).checked_add(Amount(2)), Some(Amount(3)));
    assert_eq!(Amount(u64::MAX).checked_add(Amount(1)), None);
    assert_eq!(Amount(3).checked_sub(Amount(3)), Some(Amount::ZERO));
    assert_eq!(Amount(1).checked_sub(Amount(2)), None);
    assert_eq!(Balance(1).checked_debit(Amount(2)), Some(Balance(-1)));
    assert_eq!(Balance(-1).checked_credit(Amount(1)), Some(Balance::ZERO));
    assert_eq!(Balance(i128::MAX).checked_credit(Amount(1)), None);
    assert_eq!(Balance(i128::MIN).checked_debit(Amount(1)), None);
}

#[test]
fn json_carries_money_as_text() {
    assert_eq!(serde_json::to_string(&Amount(1250)).expect("json"), r#""1250""#);
    assert_eq!(serde_json::to_string(&Balance(-5)).expect("json"), r#""-5""#);
    for refused in [
        "1250",
        r#""""#,
        r#""+1""#,
        r#""-1""#,
        r#"" 1""#,
        r#""1.0""#,
        r#""18446744073709551616""#,
    ] {
        let error = serde_json::from_str::<Amount>(refused).expect_err(refused).to_string();
        assert!(
            error.contains("digits only") || error.contains("expected a string"),
            "{error}"
        );
    }
    for refused in ["-5", r#""""#, r#""+5""#, r#""--5""#, r#""5.0""#, r#"" 5""#] {
        let error = serde_json::from_str::<Balance>(refused).expect_err(refused).to_string();
        assert!(
            error.contains("digits only") || error.contains("expected a string"),
            "{error}"
        );
    }
}

#[test]
fn currency_codes() {
    for code in ["CNY", "EUR", "XAU", "EURTEST8", "000"] {
        let currency = Currency::new(code).expect(code);
        assert_eq!(currency.to_string(), code);
        assert_eq!(code.parse(), Ok(currency));
    }
    for code in ["", "EU", "EURTEST99", "eur", "EÜR", "EU R", "EUR\0", "E-R"] {
        assert_eq!(Currency::new(code), Err(NotACurrency), "{code}");
    }
    assert_eq!(format!("[{:<5}]", Currency::new("CNY").expect("code")), "[CNY  ]");
}

#[test]
fn a_currency_has_one_form_in_bytes() {
    assert_eq!(codec::encode(&Currency::new("CNY").expect("code")), b"CNY\0\0\0\0\0");
    for bytes in [
        b"CN\0\0\0\0\0\0",
        b"CNY\0X\0\0\0",
        b"cny\0\0\0\0\0",
        b"\0CNY\0\0\0\0",
        &[0xff; 8],
    ] {
        let error = codec::decode::<Currency>(bytes, 8).expect_err("not a code").to_string();
        assert_eq!(error, format!("malformed: {CURRENCY_FORM}"));
    }
}

proptest! {
    #[test]
    fn writing_and_reading_are_inverse(minor: u64, exponent in 0..=EXPONENT_MAX) {
        let text = format_amount(Amount(minor), exponent);
        prop_assert_eq!(parse_amount(&text, exponent), Ok(Amount(minor)));
        let point = text.find('.').map_or(0, |at| text.len() - at - 1);
        prop_assert_eq!(point, usize::from(exponent));
    }

    #[test]
    fn what_is_read_is_written_the_same_but_for_zeros(
        whole in "0{0,3}[0-9]{1,22}", fraction in "[0-9]{0,9}", exponent in 0..=EXPONENT_MAX,
    ) {
        let text = if fraction.is_empty() { whole.clone() } else { format!("{whole}.{fraction}") };
        // A second, simpler reading: pad the fraction and take all digits as one number.
        let padded = format!("{whole}{fraction:0<width$}", width = usize::from(exponent));
        let expected = if fraction.len() > usize::from(exponent) {
            None
        } else {
            padded.parse::<u64>().ok().map(Amount)
        };
        prop_assert_eq!(parse_amount(&text, exponent).ok(), expected);
    }

    #[test]
    fn invariant_no_text_panics(text: String, exponent in 0..=EXPONENT_MAX) {
        if let Ok(amount) = parse_amount(&text, exponent) {
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            prop_assert_eq!(parse_amount(&format_amount(amount, exponent), exponent), Ok(amount));
        }
    }
}
