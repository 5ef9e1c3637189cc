//! The CSV file of a batch of payments, as an accounting program or a person may have written it.

#![no_main]

use std::collections::BTreeMap;

use causeway_contracts::{
    identity::{AccountId, AddressPrefix},
    money::{Currency, text::format_amount},
};
use causeway_wallet::{
    batch::lines::{COLUMNS, Context, LINES_MAX, Line, Parsed, parse},
    payee::Contacts,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let prefix = AddressPrefix::Devnet;
    let mut contacts = Contacts::none(prefix);
    let anna = AccountId([2; 20]).address(prefix).to_string();
    contacts.add("anna", &anna).expect("a name of its own");
    let exponents: BTreeMap<_, _> = [("EUR", 2), ("JPY", 0), ("BTC", 8)]
        .map(|(code, exponent)| (Currency::new(code).expect("a code"), exponent))
        .into();
    let context = Context {
        from: AccountId([1; 20]),
        contacts: &contacts,
        exponents: &exponents,
    };
    let Ok(parsed) = parse(bytes, &context) else { return };
    let Parsed { lines, bad } = &parsed;
    assert!((1..=LINES_MAX).contains(&(lines.len() + bad.len())));
    let mut numbers: Vec<_> = lines.iter().map(|line| line.number).collect();
    numbers.extend(bad.iter().map(|bad| bad.number));
    numbers.sort_unstable();
    // Journals name payments by these.
    assert!(
        numbers.windows(2).all(|two| two[0] < two[1]),
        "each has a line of its own"
    );
    assert!(numbers.first() > Some(&1));
    let _ = (parsed.unknown_currencies(), bad.iter().map(ToString::to_string).count());
    if lines.is_empty() {
        return;
    }

    let mut text = COLUMNS.join(",") + "\n";
    for Line { payment, .. } in lines {
        assert_ne!(payment.to, context.from);
        let address = payment.to.address(prefix);
        let amount = format_amount(payment.amount, exponents[&payment.currency]);
        let memo = payment.memo.replace('"', "\"\"");
        text += &format!("{address},{amount},{},\"{memo}\"\n", payment.currency);
    }
    let again = parse(text.as_bytes(), &context).expect("its own text");
    assert_eq!(again.bad, []);
    let payments = |lines: &[Line]| lines.iter().map(|line| line.payment.clone()).collect::<Vec<_>>();
    assert_eq!(payments(&again.lines), payments(lines));
});
