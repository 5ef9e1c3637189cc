//! A payment abroad by quote: both sides at once, or held together until the other bank accepts.

// Amounts are in cents, and grouped as people write them.
#![allow(clippy::inconsistent_digit_grouping)]

mod town;

use causeway_contracts::{
    ledger::rejection::Rejection,
    money::Amount,
    settlement::{Exchange, ExchangeAmount, HeldExchange, Quote, QuoteId, SettlementAction, SignedQuote, Terms},
};
use town::{Town, code, key, list};

fn quote(town: &Town, id: u8) -> SignedQuote {
    let quote = Quote {
        genesis: town.ledger.genesis().prefix(),
        id: QuoteId([id; 16]),
        maker: town.id("maker"),
        taker: Some(town.id("importer")),
        sell: code("EUR"),
        buy: code("THB"),
        rate: "36.42".parse().unwrap(),
        min: Amount(1_00),
        max: Amount(10_000_00),
        fee: Amount(1_50),
        expires_at: town.in_seconds(60),
        hold_seconds_max: 600,
    };
    quote.sign([&key("maker")]).unwrap()
}

#[cfg_attr(test, test)]
fn main() {
    let mut town = Town::with(&[
        ("importer", "EUR", 3_000_00),
        ("exporter", "THB", 0),
        ("maker", "THB", 1_000_000_00),
    ]);
    let (importer, exporter) = (town.id("importer"), town.id("exporter"));
    let exchange = |quote, amount, held| {
        SettlementAction::Exchange(Box::new(Exchange {
            quote,
            taker: importer,
            amount,
            held,
        }))
    };

    // The central bank's rate, so that everybody sees the spread.
    let reference = SettlementAction::SetReferenceRate {
        from: code("EUR"),
        to: code("THB"),
        rate: "36.5".parse().unwrap(),
        as_of: town.in_seconds(0),
    };
    town.act(&["BANK"], reference).unwrap();

    // At once: 1,000.00 EUR for 36,420.00 THB.
    let signed = quote(&town, 1);
    let send = ExchangeAmount::Send(Amount(1_000_00));
    town.act(&["importer"], exchange(signed.clone(), send, None)).unwrap();
    assert_eq!(town.has("importer", "THB"), (36_420_00, 0));
    assert_eq!(town.has("importer", "EUR"), (1_998_50, 0));
    let mark = town.ledger.contract(&signed.quote.mark()).unwrap();
    let Terms::Quote(used) = &mark.terms else {
        panic!("a quote's mark")
    };
    let fill = used.fill.unwrap();
    assert_eq!(
        (fill.rate.to_string(), fill.mid.unwrap().rate.to_string()),
        ("36.42".into(), "36.5".into())
    );

    // A quote is used once.
    assert_eq!(
        town.act(&["importer"], exchange(signed, send, None)),
        Err(Rejection::QuoteUsed)
    );

    // Held: the exporter gets 18,210.00 THB exactly, when it accepts; what that costs is rounded up.
    let signed = quote(&town, 2);
    let held = HeldExchange {
        deliver_to: exporter,
        post_by: list([exporter]),
        void_by: list([importer]),
        expires_at: town.in_seconds(300),
        fees: list([]),
    };
    let deliver = ExchangeAmount::Deliver(Amount(18_210_00));
    let hold = town.act(&["importer"], exchange(signed, deliver, Some(held))).unwrap();
    assert_eq!(town.has("importer", "EUR"), (1_497_00, 501_50));
    let accept = SettlementAction::PostGroup { hold, by: exporter };
    town.act(&["exporter"], accept).unwrap();
    assert_eq!(town.has("exporter", "THB"), (18_210_00, 0));
    assert_eq!(town.has("importer", "EUR"), (1_497_00, 0));
    assert_eq!(town.has("maker", "EUR"), (1_503_00, 0));
}
