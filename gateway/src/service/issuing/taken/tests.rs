use causeway_contracts::money::Currency;

use super::*;
use crate::{
    acquiring::issuer::{Card, CardStatus, Entry, Expiry, Limits, PIN_TRIES},
    service::{
        records::cards::{StoredCard, StoredNumber},
        tests::{Office, office},
    },
};

const NUMBER: &str = "9900000000000009";

fn card() -> StoredCard {
    StoredCard {
        number: StoredNumber {
            hash: [1; 32],
            sealed: vec![1],
        },
        card: Card {
            id: "crd_1".to_owned(),
            client: "c".to_owned(),
            account: "acc_1".to_owned(),
            status: CardStatus::Active,
            expiry: Expiry::parse("9912").expect("an expiry"),
            sequence: 0,
            currency: Currency::new("EUR").expect("a code"),
            limits: Limits {
                payment: Amount(10_000),
                day: Amount(20_000),
                refused_categories: Vec::new(),
                manual_entry: true,
            },
            pin: None,
            pin_tries_left: PIN_TRIES,
            wrong_values: 0,
            counter: 0,
            created_ms: 0,
        },
    }
}

/// An office with the card, and whom its number stands for.
async fn issuer() -> (Office, Holder) {
    let office = office("").await;
    let added = office
        .gateway
        .store
        .write::<_, StoreError, _>(|sql| cards::add(sql, &card()));
    assert!(added.await.expect("stored"));
    let holder = Holder {
        card: card().card,
        device: None,
    };
    (office, holder)
}

/// Ten euros, typed in, with a PIN.
fn presented() -> Presented {
    Presented {
        pan: NUMBER.parse().expect("a number"),
        expiry: None,
        entry: Entry::Manual,
        amount: Amount(1_000),
        currency: Currency::new("EUR").expect("a code"),
        chip: None,
        stripe: None,
        pin_block: Some([0; 8]),
        category: None,
    }
}

async fn stored(office: &Office) -> Card {
    let read = office
        .gateway
        .store
        .read::<_, StoreError, _>(|sql| cards::any(sql, "crd_1"));
    read.await.expect("read").expect("it is stored").card
}

#[tokio::test]
async fn a_card_that_is_blocked_while_its_pin_is_looked_at_pays_nothing() {
    let (office, holder) = issuer().await;
    let gateway = &office.gateway;
    let taken = take(gateway, &holder, &presented(), 1).await;
    assert!(taken.is_ok(), "a try");
    let blocked = gateway.store.write::<_, StoreError, _>(|sql| {
        let mut card = cards::locked(sql, "crd_1")?.expect("it is stored").card;
        card.status = CardStatus::Blocked;
        cards::save(sql, &card)
    });
    blocked.await.expect("stored");
    let booked = Booked {
        message: "aut_1".to_owned(),
        is_payment: true,
        has_taken: true,
        verified_from: Amount(1),
    };
    let refusal = book(gateway, &holder, presented(), booked, 1).await.err();
    assert!(
        matches!(refusal, Some(Refusal::Outcome(Outcome::RestrictedCard))),
        "the state of now"
    );
    let used = gateway
        .store
        .read::<_, StoreError, _>(|sql| payments::used(sql, "crd_1", 0));
    assert_eq!(used.await.expect("read"), Amount(0));
    // The PIN was right all the same.
    assert_eq!(stored(&office).await.pin_tries_left, PIN_TRIES);
}
