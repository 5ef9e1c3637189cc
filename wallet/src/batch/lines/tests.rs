use causeway_contracts::identity::AddressPrefix;

use super::*;
use crate::payee::Mistake;

const FROM: AccountId = AccountId([1; 20]);
const BOB: AccountId = AccountId([2; 20]);

fn address(account: AccountId) -> String {
    account.address(AddressPrefix::Devnet).to_string()
}

fn currency(code: &str) -> Currency {
    Currency::new(code).expect("a code")
}

fn read(text: impl AsRef<[u8]>) -> Result<Parsed, FileProblem> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut contacts =
        Contacts::load(folder.path().join("contacts.json"), AddressPrefix::Devnet).expect("no contacts yet");
    contacts.add("bob", &address(BOB)).expect("a contact");
    let exponents = [("EUR", 2), ("JPY", 0), ("KWD", 3)].map(|(code, exponent)| (currency(code), exponent));
    parse(
        text.as_ref(),
        &Context {
            from: FROM,
            contacts: &contacts,
            exponents: &exponents.into(),
        },
    )
}

#[test]
fn good_lines_become_payments_in_minor_units() {
    let bob = address(BOB);
    let text = format!(
        "\u{feff}beneficiary,amount,currency,reference\n\
         bob,12.50,EUR,March\n\
         \n\
         {bob},1500,JPY,\"two\nlines\"\r\n \
         {bob} , 0.125 , KWD , \r\
         bob,1,JPY,x"
    );
    let parsed = read(text).expect("a good file");
    assert_eq!(parsed.bad, []);
    let seen: Vec<_> = parsed
        .lines
        .iter()
        .map(|line| {
            let payment = &line.payment;
            assert_eq!((payment.from, payment.to), (FROM, BOB));
            (line.number, payment.amount.0, payment.currency.as_str(), &*payment.memo)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (2, 1250, "EUR", "March"),
            (4, 1500, "JPY", "two\nlines"),
            (6, 125, "KWD", ""),
            (7, 1, "JPY", "x")
        ]
    );
}

/// Whether a reason is the one that a row is about.
type Expected = fn(&Reason) -> bool;

#[test]
fn each_bad_line_is_told_with_its_number_and_its_reason() {
    let bob = address(BOB);
    let mistyped = format!(
        "{}{}",
        &bob[..bob.len() - 1],
        if bob.ends_with('q') { 'p' } else { 'q' }
    );
    let elsewhere = BOB.address(AddressPrefix::Main).to_string();
    let too_long = "x".repeat(141);
    let mut text = b"beneficiary,amount,currency,reference\n".to_vec();
    let rows: Vec<(Vec<u8>, Expected)> = vec![
        (b"bob,1,EUR".into(), |r| *r == Reason::Columns { actual: 3 }),
        (b"bob,1,EUR,x,y".into(), |r| *r == Reason::Columns { actual: 5 }),
        (b"bob,1,EUR,\xff\xfe".into(), |r| *r == Reason::NotText),
        (b",1,EUR,x".into(), |r| *r == Reason::Beneficiary(PayeeError::Empty)),
        (
            b"carol,1,EUR,x".into(),
            |r| matches!(r, Reason::Beneficiary(PayeeError::Unknown { text, .. }) if text == "carol"),
        ),
        (format!("{mistyped},1,EUR,x").into(), |r| {
            matches!(
                r,
                Reason::Beneficiary(PayeeError::Unknown {
                    mistake: Mistake::Mistyped,
                    ..
                })
            )
        }),
        (format!("{elsewhere},1,EUR,x").into(), |r| {
            matches!(r, Reason::Beneficiary(PayeeError::OtherNetwork { .. }))
        }),
        (format!("{},1,EUR,x", address(FROM)).into(), |r| {
            *r == Reason::PaysItself
        }),
        (
            b"bob,1,eur,x".into(),
            |r| matches!(r, Reason::CurrencyCode { code, .. } if code == "eur"),
        ),
        (
            b"bob,1,\x1b[2JEUR,x".into(),
            |r| matches!(r, Reason::CurrencyCode { code, .. } if code == "[2JEUR"),
        ),
        (b"bob,1,USD,x".into(), |r| {
            *r == Reason::UnknownCurrency(currency("USD"))
        }),
        (b"bob,,EUR,x".into(), |r| {
            matches!(r, Reason::Amount(AmountTextError::NotADecimal { .. }))
        }),
        (b"bob,-1,EUR,x".into(), |r| {
            matches!(r, Reason::Amount(AmountTextError::NotADecimal { .. }))
        }),
        (b"bob,\"1,000.00\",EUR,x".into(), |r| {
            matches!(r, Reason::Amount(AmountTextError::NotADecimal { .. }))
        }),
        (b"bob,1.005,EUR,x".into(), |r| {
            matches!(
                r,
                Reason::Amount(AmountTextError::TooManyDigits {
                    digits: 3,
                    exponent: 2,
                    ..
                })
            )
        }),
        (b"bob,1.0,JPY,x".into(), |r| {
            matches!(
                r,
                Reason::Amount(AmountTextError::TooManyDigits {
                    digits: 1,
                    exponent: 0,
                    ..
                })
            )
        }),
        (b"bob,184467440737095516.16,EUR,x".into(), |r| {
            matches!(r, Reason::Amount(AmountTextError::TooLarge { .. }))
        }),
        (b"bob,0.00,EUR,x".into(), |r| *r == Reason::AmountZero),
        (format!("bob,1,EUR,{too_long}").into(), |r| *r == Reason::Reference(141)),
    ];
    for (row, _) in &rows {
        text.extend_from_slice(row);
        text.push(b'\n');
    }
    text.extend_from_slice(b"bob,1,EUR,a good one\n");
    let parsed = read(&text).expect("a file of payments");
    assert_eq!(parsed.bad.len(), rows.len());
    for ((bad, (row, expected)), number) in parsed.bad.iter().zip(&rows).zip(2..) {
        let row = String::from_utf8_lossy(row);
        assert_eq!(bad.number, number, "{row}");
        assert!(expected(&bad.reason), "{row}: {}", bad.reason);
    }
    assert_eq!(parsed.lines.len(), 1);
    assert_eq!(parsed.lines[0].number, 2 + rows.len() as u64);
    assert_eq!(parsed.unknown_currencies(), [currency("USD")]);
}

#[test]
fn a_file_that_is_no_list_of_payments_is_refused_as_a_whole() {
    let check = |text: &str, expected: fn(&FileProblem) -> bool| {
        let problem = read(text).expect_err(text);
        assert!(expected(&problem), "{text}: {problem}");
    };
    check("", |problem| matches!(problem, FileProblem::Heading));
    check("bob,1,EUR,x\n", |problem| matches!(problem, FileProblem::Heading));
    check("beneficiary,currency,amount,reference\nbob,EUR,1,x\n", |problem| {
        matches!(problem, FileProblem::Heading)
    });
    check("beneficiary,amount,currency,reference\n", |problem| {
        matches!(problem, FileProblem::Empty)
    });
}

#[test]
fn a_bad_lines_text_reads_as_a_sentence() {
    let parsed = read("beneficiary,amount,currency,reference\nbob,1.005,EUR,x\n").expect("a file");
    assert_eq!(
        parsed.bad[0].to_string(),
        "line 2: the amount: '1.005' has 3 digits after the point, and this currency has 2"
    );
}
