use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::maker::pricing::BasisPoints;

fn code(text: &str) -> Currency {
    Currency::new(text).unwrap()
}

/// Noon of the day of the rates.
const NOW: UnixSeconds = UnixSeconds(20_556 * 86_400 + 43_200);

const TAKER: AccountId = AccountId([5; 20]);

fn quoter() -> Quoter {
    let limits = |min, max, fee| Limits {
        min: Amount(min),
        max: Amount(max),
        fee: Amount(fee),
    };
    Quoter {
        signer: Signer {
            genesis: causeway_contracts::block::GenesisHash([1; 32]).prefix(),
            account: AccountId([9; 20]),
            key: SecretKey::from_seed(&[3; 32]),
        },
        terms: Terms {
            spread: BasisPoints::new(25).unwrap(),
            valid_seconds: 30,
            hold_seconds_max: 600,
            rates_days_max: 4,
            sell: BTreeMap::from([
                (code("EUR"), limits(100, 5_000_000, 150)),
                (code("JPY"), limits(100, 1_000_000, 0)),
            ]),
        },
        rates: ReferenceRates::parse("Date, USD, JPY, THB\n13 April 2026, 1.1684, 186.75, 37.728\n").unwrap(),
        exponents: BTreeMap::from([(code("EUR"), 2), (code("JPY"), 0), (code("THB"), 2)]),
        promises: Promises::default(),
    }
}

fn ask(sell: &str, buy: &str, amount: Wanted) -> Ask {
    Ask {
        taker: TAKER,
        sell: code(sell),
        buy: code(buy),
        amount,
    }
}

fn has(amount: u64) -> Available {
    Available {
        amount: Amount(amount),
        seen: NOW,
    }
}

const ENOUGH: Available = Available {
    amount: Amount(u64::MAX),
    seen: NOW,
};

fn id(number: u8) -> QuoteId {
    QuoteId([number; 16])
}

#[test]
fn a_quote_is_signed_and_for_exactly_what_was_asked() {
    let mut quoter = quoter();
    let send = ask("EUR", "THB", Wanted::Send(Amount(100_000)));
    let answer = quoter.quote(NOW, id(1), &send, ENOUGH).unwrap();
    // 37.728 without 25 basis points is 37.63368.
    assert_eq!((answer.sends, answer.delivers), (Amount(100_000), Amount(3_763_368)));
    assert_eq!(answer.mid, "37.728".parse().unwrap());
    let quote = &answer.quote.quote;
    assert_eq!(quote.rate, "37.63368".parse().unwrap());
    assert_eq!(
        (quote.min, quote.max, quote.fee),
        (Amount(100_000), Amount(100_000), Amount(150))
    );
    assert_eq!((quote.taker, quote.expires_at), (Some(TAKER), UnixSeconds(NOW.0 + 30)));
    assert_eq!(answer.quote.check(), Ok(()));
    let hash = quote.hash();
    assert!(answer.quote.signed(&hash).all(|signature| signature.verify().is_ok()));
    assert_eq!(quoter.promises.promised(code("THB")), 3_763_368);

    let deliver = ask("EUR", "THB", Wanted::Deliver(Amount(3_763_368)));
    let answer = quoter.quote(NOW, id(2), &deliver, ENOUGH).unwrap();
    assert_eq!((answer.sends, answer.delivers), (Amount(100_000), Amount(3_763_368)));
}

#[test]
fn what_cannot_be_quoted_is_refused_with_its_reason() {
    let mut quoter = quoter();
    let mut check = |sell: &str, buy: &str, amount, available: u64, expected| {
        let refused = quoter.quote(NOW, id(1), &ask(sell, buy, amount), has(available));
        assert_eq!(refused, Err(expected), "{sell} {buy}");
    };
    let some = Wanted::Send(Amount(1_000));
    let no_rate = |sell, buy| Refused::NoRate {
        sell: code(sell),
        buy: code(buy),
    };
    let out_of_range = |actual| Refused::OutOfRange {
        currency: code("EUR"),
        actual: Amount(actual),
        min: Amount(100),
        max: Amount(5_000_000),
    };
    check("THB", "EUR", some, 0, Refused::NotTaken(code("THB")));
    check("EUR", "EUR", some, 0, no_rate("EUR", "EUR"));
    check("EUR", "KWD", some, 0, no_rate("EUR", "KWD"));
    // It has a rate, and is not on the network.
    check("EUR", "USD", some, 0, no_rate("EUR", "USD"));
    check("EUR", "THB", Wanted::Send(Amount(0)), 0, Refused::Unrepresentable);
    // A hundred yen are 53 cents: one is less than a cent.
    check("JPY", "EUR", Wanted::Send(Amount(1)), 0, Refused::Unrepresentable);
    check(
        "EUR",
        "THB",
        Wanted::Deliver(Amount(u64::MAX)),
        0,
        out_of_range(490_165_832_140_506_898),
    );
    check("EUR", "THB", Wanted::Send(Amount(99)), 0, out_of_range(99));
    check(
        "EUR",
        "THB",
        Wanted::Send(Amount(5_000_001)),
        0,
        out_of_range(5_000_001),
    );
    let lacks = Refused::Declined(Declined::Inventory(code("THB")));
    check("EUR", "THB", Wanted::Send(Amount(100_000)), 3_763_367, lacks);
}

#[test]
fn rates_of_another_time_quote_nothing() {
    let mut quoter = quoter();
    let some = ask("EUR", "THB", Wanted::Send(Amount(1_000)));
    let days = |days: u64| UnixSeconds(NOW.0 + days * 86_400);
    assert!(quoter.quote(days(4), id(1), &some, ENOUGH).is_ok());
    let as_of = quoter.rates.as_of;
    assert_eq!(
        quoter.quote(days(5), id(2), &some, ENOUGH),
        Err(Refused::RatesOutOfTime { as_of })
    );
}

proptest! {
    /// However it is used, a quote takes no more from its maker than was promised, and what it says it comes to.
    #[test]
    fn invariant_a_quote_costs_its_maker_what_was_promised(
        amount in 100..1_000_000u64,
        is_exact_delivery in any::<bool>(),
        from_yen in any::<bool>(),
    ) {
        let mut quoter = quoter();
        let (sell, buy) = if from_yen { ("JPY", "THB") } else { ("EUR", "JPY") };
        let wanted = if is_exact_delivery { Wanted::Deliver(Amount(amount)) } else { Wanted::Send(Amount(amount)) };
        if let Ok(answer) = quoter.quote(NOW, id(1), &ask(sell, buy, wanted), ENOUGH) {
            let quote = &answer.quote.quote;
            let (sold, bought) = (quoter.exponents[&code(sell)], quoter.exponents[&code(buy)]);
            let most = quote.rate.bought(quote.max, sold, bought).unwrap();
            prop_assert!(u128::from(most.0) <= quoter.promises.promised(code(buy)));
            prop_assert!(answer.delivers <= most);
            // The ledger takes what is asked for within the quote's range.
            match wanted {
                Wanted::Send(sends) => prop_assert_eq!((sends, answer.delivers), (quote.max, most)),
                Wanted::Deliver(delivers) => {
                    let sends = quote.rate.sold(delivers, sold, bought).unwrap();
                    prop_assert_eq!((sends, delivers), (quote.min, answer.delivers));
                }
            }
        }
    }
}
