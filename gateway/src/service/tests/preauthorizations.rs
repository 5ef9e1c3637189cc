//! Orders whose money a card's issuer holds first: authorized, captured and voided by what the follower books of the ledger, which
//! these tests play, and by messages to an issuer that listens here.

mod kills;
mod refused;
mod undone;
mod world;

use causeway_cards::iso8583::MessageType;
use causeway_contracts::{block::TimeMs, identity::ParticipantId, money::Amount};
use serde_json::json;

use self::world::{HOLD, leased, work};
use super::{
    card_payments::{BIN, Counter, assert_nothing_of, counter, digits, field, tap},
    orders::{code, eur},
    *,
};
use crate::{
    acquiring::host::{Operation, Outcome, elements_of},
    bookkeeping::HoldChange,
    service::{
        engine::card_advices,
        orders::memo,
        records::{merchants, movements},
    },
    store::StoreError,
};

#[actix_web::test]
async fn what_is_held_is_captured_in_part_once_and_refunded_up_to_that() {
    let counter = counter().await;
    let (shop, gateway) = (&counter.shop, &counter.shop.office.gateway);
    let order = counter.manual("A").await;
    let (_, answer) = counter.pay(&order, "k", tap(BIN, 1_000)).await;
    assert_eq!(answer["outcome"], json!("approved"), "{answer}");
    let asked = counter.told(Operation::PreAuthorization);
    assert_eq!(asked.len(), 1, "a hold is asked for");
    assert_eq!(asked[0].message_type(), MessageType::AUTHORIZATION);
    assert_eq!(
        (counter.issuer.count(Operation::Purchase), counter.reversals().await),
        (0, 0)
    );
    assert_eq!(
        counter.refused(&order, "card", "k2", tap(BIN, 1_000)).await,
        (409, "3021".to_owned())
    );
    assert_eq!(counter.state(&order).await, "created");
    assert!(counter.book(counter.opened(HOLD, &order, 1_000)).await);
    let held = shop.state(&order).await;
    assert_eq!(
        (&held["state"], &held["payment"]["amount"]),
        (&json!("authorized"), &eur("10.00"))
    );
    assert_eq!(
        counter.refused(&order, "refunds", "r", json!({})).await,
        (409, "3012".to_owned())
    );
    assert_eq!(
        counter.refused(&order, "cancel", "x", json!({})).await,
        (409, "3012".to_owned())
    );

    let body = json!({ "amount": eur("9.50") });
    let (status, advice) = counter.ask(&order, "capture", "c", body.clone()).await;
    assert_eq!(
        (status, &advice["state"], &advice["amount"]),
        (201, &json!("pending"), &eur("9.50")),
        "{advice}"
    );
    assert_eq!(
        counter.ask(&order, "capture", "c", body).await,
        (status, advice.clone())
    );
    for what in ["capture", "void"] {
        let again = counter.ask(&order, what, "again", json!({})).await;
        let code = (again.0, &again.1["code"], &again.1["details"]["advice"]);
        assert_eq!(code, (409, &json!("3012"), &advice["id"]), "{what}");
    }
    assert_eq!((work(gateway, "adv_").await, work(gateway, "adv_").await), (1, 0));
    let told = counter.told(Operation::Completion);
    let expected = [
        (4, "000000000950".to_owned()),
        (37, answer["rrn"].as_str().expect("a reference").to_owned()),
        (38, "A1B2C3".to_owned()),
        (48, memo(&order).to_string()),
        (49, "978".to_owned()),
    ];
    for (number, value) in expected {
        assert_eq!(field(&told[0], number), value, "field {number}");
    }
    assert!(told.len() == 1 && [2, 35, 55].iter().all(|field| !told[0].has(*field)));
    let approved = shop.state(&order).await;
    assert_eq!(
        (&approved["state"], &approved["advices"][0]["state"]),
        (&json!("authorized"), &json!("approved"))
    );

    assert!(counter.post(HOLD, 950).await);
    let paid = shop.state(&order).await;
    assert_eq!(
        (&paid["state"], &paid["payment"]["amount"]),
        (&json!("paid"), &eur("9.50")),
        "{paid}"
    );
    assert!(!counter.post(HOLD, 950).await, "told again");
    let merchant = shop.merchant.clone();
    let read = gateway
        .store
        .read::<_, StoreError, _>(move |sql| movements::open(sql, &merchant, code("EUR"), 10));
    let due: Vec<_> = read
        .await
        .expect("movements")
        .iter()
        .map(|open| open.movement.amount)
        .collect();
    assert_eq!(due, [Amount(950)], "the captured amount is settled");
    let over = counter
        .refused(&order, "refunds", "o", json!({ "amount": eur("9.51") }))
        .await;
    assert_eq!(over, (409, "3014".to_owned()));
    let (status, refund) = counter.ask(&order, "refunds", "w", json!({})).await;
    assert_eq!((status, &refund["amount"]), (201, &eur("9.50")), "{refund}");
    let events = shop.events().await;
    for kind in [
        "order.created",
        "order.authorized",
        "order.paid",
        "order.refund_requested",
    ] {
        assert_eq!(
            events.iter().filter(|event| *event == kind).count(),
            1,
            "{kind}: {events:?}"
        );
    }
    assert_nothing_of(shop, &digits(BIN)).await;
}

#[actix_web::test]
async fn an_approval_after_its_hold_was_booked_authorizes_too() {
    let counter = counter().await;
    let order = counter.manual("A").await;
    // Anybody may open one; no card was approved so far.
    assert!(!counter.book(counter.opened(HOLD, &order, 1_000)).await);
    assert_eq!(counter.state(&order).await, "created");
    counter.issuer.will(Some(Outcome::InsufficientFunds));
    counter.pay(&order, "declined", tap(BIN, 1_000)).await;
    assert_eq!(counter.state(&order).await, "created");
    counter.issuer.will(Some(Outcome::Approved));
    counter.pay(&order, "approved", tap(BIN, 1_000)).await;
    let held = counter.shop.state(&order).await;
    assert_eq!(
        (&held["state"], &held["timeline"][1]["height"]),
        (&json!("authorized"), &json!(7))
    );
}

#[actix_web::test]
async fn what_is_held_goes_back_when_it_is_voided_and_the_ledger_says_so() {
    let counter = counter().await;
    let gateway = &counter.shop.office.gateway;
    let order = counter.authorized("A", HOLD).await;
    let (status, advice) = counter.ask(&order, "void", "v", json!({})).await;
    assert_eq!(
        (status, &advice["kind"], &advice["state"]),
        (201, &json!("void"), &json!("pending"))
    );
    assert_eq!(work(gateway, "adv_").await, 1);
    let (asked, told) = (
        counter.told(Operation::PreAuthorization),
        counter.told(Operation::Reversal),
    );
    assert_eq!(
        (told.len(), field(&told[0], 90)),
        (1, elements_of(&asked[0]).to_field())
    );
    assert_eq!(
        (counter.state(&order).await.as_str(), counter.reversals().await),
        ("authorized", 0)
    );
    // Another hold that names the order keeps it from nothing.
    assert!(!counter.book(counter.opened(2, &order, 1_000)).await);
    assert!(counter.book(counter.news(HOLD, HoldChange::Voided)).await);
    let voided = counter.shop.state(&order).await;
    assert_eq!(
        (&voided["state"], &voided["payment"]),
        (&json!("voided"), &Value::Null),
        "{voided}"
    );
    let moment = voided["timeline"].as_array().and_then(|moments| moments.last());
    assert_eq!(moment.map(|moment| &moment["reason"]), Some(&json!("requested")));
    for what in ["capture", "void"] {
        assert_eq!(
            counter.refused(&order, what, "late", json!({})).await,
            (409, "3012".to_owned()),
            "{what}"
        );
    }
    let events = counter.shop.events().await;
    assert_eq!(
        events.iter().filter(|kind| *kind == "order.voided").count(),
        1,
        "{events:?}"
    );
    assert_eq!(work(gateway, "adv_").await, 0, "the issuer is told once");
}

#[actix_web::test]
async fn a_hold_that_ends_by_itself_voids_its_order_and_says_why() {
    let counter = counter().await;
    for (hold, change, reason) in [
        (1, HoldChange::Expired, "expired"),
        (3, HoldChange::Voided, "by_issuer"),
    ] {
        let order = counter.authorized(reason, hold).await;
        assert!(!counter.book(counter.opened(hold + 1, &order, 1_000)).await);
        assert!(
            !counter.book(counter.news(hold + 1, change.clone())).await,
            "another is left"
        );
        assert!(counter.book(counter.news(hold, change)).await);
        let voided = counter.shop.state(&order).await;
        let moment = voided["timeline"].as_array().and_then(|moments| moments.last());
        assert_eq!(
            (&voided["state"], moment.map(|moment| &moment["reason"])),
            (&json!("voided"), Some(&json!(reason)))
        );
    }
}
