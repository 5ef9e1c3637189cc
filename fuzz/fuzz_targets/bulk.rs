//! The CSV of a bulk of payments, as a client of the gateway may post it.

#![no_main]

use causeway_contracts::{identity::ParticipantId, money::Currency};
use causeway_gateway::{
    money::{Exponents, Money},
    service::{
        api::remittances::AccountName,
        bulk::{
            BODY_BYTES_MAX, LINES_MAX,
            line::LineOrder,
            table::{COLUMNS, Payer, read},
        },
        problem::Code,
    },
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    assert!(bytes.len() <= BODY_BYTES_MAX, "as it is when it comes to be read");
    let currency = |code| Currency::new(code).expect("a code");
    let digits = [(currency("EUR"), 2), (currency("JPY"), 0), (currency("BTC"), 8)];
    let exponents: Exponents = digits.into_iter().collect();
    let operator = ParticipantId::new("BANKB").expect("a name");
    for source in [None, Some(currency("EUR"))] {
        let payer = Payer {
            account: "acc_1".to_owned(),
            source,
        };
        let read = |text: &[u8]| read(text, &payer, &exponents, |id| id == operator);
        match read(bytes) {
            Ok(lines) => {
                assert!((1..=LINES_MAX).contains(&lines.len()));
                for line in &lines {
                    check(line, source, &exponents);
                }
                assert_eq!(read(&written(&lines)).expect("its own text"), lines);
            }
            Err(problem) => assert_eq!(problem.code, Code::BodyMalformed),
        }
    }
});

fn check(line: &LineOrder, source: Option<Currency>, exponents: &Exponents) {
    let amount = Money {
        value: line.amount.clone(),
        currency: line.target,
    };
    assert!(!exponents.read(&amount).expect("it was read").is_zero());
    assert_eq!(line.source, source.unwrap_or(line.target));
    assert!(!line.beneficiary.name.trim().is_empty());
    let _ = (line.quote(), line.remittance("quo_1".to_owned(), "uetr".to_owned()));
}

fn written(lines: &[LineOrder]) -> Vec<u8> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = COLUMNS.join(",") + "\n";
    for line in lines {
        let (kind, account) = match &line.beneficiary_account {
            AccountName::Address(account) => ("address", account),
            AccountName::Iban(account) => ("iban", account),
            AccountName::Phone(account) => ("phone", account),
            AccountName::Email(account) => ("email", account),
            AccountName::Merchant(account) => ("merchant", account),
        };
        let optional = |text: &Option<String>| quoted(text.as_deref().unwrap_or_default());
        let fields = [
            quoted(&line.beneficiary.name),
            kind.to_owned(),
            quoted(account),
            line.operator.to_string(),
            line.target.to_string(),
            quoted(&line.amount),
            optional(&line.reference),
            optional(&line.end_to_end_id),
        ];
        text += &(fields.join(",") + "\n");
    }
    text.into_bytes()
}
