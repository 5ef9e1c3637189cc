//! Wrong cryptograms and card values are counted, by the host that decides.

use causeway_contracts::identity::ParticipantId;

use super::*;
use crate::{
    acquiring::{host::server::Authorizer, issuer::WRONG_VALUES_MAX},
    service::authorize::{Cards, Desk, Keys},
};

/// A bank with an acquirer's link, and what decides for that. Nobody does what is permitted.
async fn decided() -> (Bank, Desk<Cards>) {
    let plain = office("").await;
    let acquirer = plain.gateway.account_of(ParticipantId::new("BANKB").expect("an id"));
    let link = format!(
        "answer_ms = 1000\n[[issuing.links]]\nname = \"bankb\"\nlisten = \"127.0.0.1:0\"\nvariant = \"a\"\n\
         acquirer = \"BANKB\"\naccount = \"{}\"\n",
        plain.gateway.address(acquirer)
    );
    let bank = bank_with(&link).await;
    let gateway = &bank.office.gateway;
    let issuing = gateway.config.issuing.as_ref().expect("a section");
    let link = &issuing.links[0];
    let keys = Keys::of(gateway, link).expect("the link's keys");
    let cards = Cards::new(Arc::clone(&keys.pin_keys));
    let desk = Desk::new(Arc::clone(gateway), issuing, link.clone(), keys, cards);
    (bank, desk)
}

/// What the acquirer is told of the message as its so-manieth.
async fn told(desk: &Desk<Cards>, trace: u32, message: &Message) -> Outcome {
    let mut message = message.clone();
    for (field, value) in [(7, "1130120000"), (11, &*format!("{trace:06}")), (37, "000000000001")] {
        message.set(field, value.as_bytes()).expect("short");
    }
    desk.decide(request(&message)).await.outcome
}

impl Bank {
    /// Its state, and how many wrong values are counted.
    async fn counted(&self) -> (Value, Value) {
        let app = self.office.app().await;
        let (status, card) = answered(&app, Ask::new("GET", &self.card).by(&self.token).request()).await;
        assert_eq!(status, 200, "{card}");
        (card["state"].clone(), card["wrong_values"].clone())
    }
}

#[actix_web::test]
async fn wrong_cryptograms_in_a_row_block_the_card_until_it_is_unblocked() {
    let (bank, desk) = decided().await;
    let (_, given) = bank.post(&format!("{}/devices", bank.card), "d", json!({})).await;
    let mut applet = phone(&given);
    let tap = tapped(&mut applet, 1, 1_000);
    let wrong = altered(&tap);
    let most = u32::from(WRONG_VALUES_MAX);
    for trace in 1..most {
        assert_eq!(told(&desk, trace, &wrong).await, Outcome::CryptogramWrong);
        assert_eq!(bank.counted().await, (json!("active"), json!(trace)));
    }
    // The same message again is no other one.
    assert_eq!(told(&desk, 1, &wrong).await, Outcome::CryptogramWrong);
    assert_eq!(bank.counted().await.1, json!(most - 1));
    assert_eq!(told(&desk, 10, &tap).await, Outcome::IssuerUnavailable, "on its way");
    assert_eq!(bank.counted().await, (json!("active"), json!(0)));
    let next = tapped(&mut applet, 1, 1_000);
    for trace in 20..20 + most {
        assert_eq!(told(&desk, trace, &altered(&next)).await, Outcome::CryptogramWrong);
    }
    assert_eq!(bank.counted().await, (json!("blocked"), json!(most)));
    assert_eq!(told(&desk, 30, &next).await, Outcome::RestrictedCard);
    let (status, _) = bank.post(&format!("{}/unblock", bank.card), "u", json!({})).await;
    assert_eq!((status, bank.counted().await), (200, (json!("active"), json!(0))));
    assert_eq!(told(&desk, 40, &altered(&next)).await, Outcome::CryptogramWrong);
    assert_eq!(bank.counted().await, (json!("active"), json!(1)));
}

#[actix_web::test]
async fn a_card_value_that_is_missing_is_no_wrong_one() {
    let (bank, desk) = decided().await;
    let number = bank.number().await;
    let expiry = Expiry::after(bank.office.gateway.now_ms(), 4);
    let swiped = |value: &str| {
        let mut message = message(1, 1_000, "021");
        let track = format!("{number}D{expiry}20100000{value}");
        message.set(35, track.as_bytes()).expect("short");
        message
    };
    assert_eq!(told(&desk, 1, &swiped("")).await, Outcome::CardValueWrong);
    assert_eq!(bank.counted().await.1, json!(0));
    let card = CardData {
        pan: &number,
        date: &expiry.to_string(),
        service: "201",
    };
    let hsm = bank.office.gateway.hsm.clone().expect("a module");
    let right = hsm.cvv(&"cvv".parse().expect("a name"), card).expect("a value");
    let wrong = if *right == "000" { "001" } else { "000" };
    assert_eq!(told(&desk, 2, &swiped(wrong)).await, Outcome::CardValueWrong);
    assert_eq!(bank.counted().await.1, json!(1));
    assert_eq!(
        told(&desk, 3, &swiped(&right)).await,
        Outcome::IssuerUnavailable,
        "on its way"
    );
    assert_eq!(bank.counted().await.1, json!(0));
}
