//! What is held for an order that needs it no more, or by an issuer that nobody has heard, goes back.

use super::*;
use crate::{
    acquiring::order::Happened,
    service::records::{
        card_attempts::{self, AttemptOutcome},
        orders,
    },
};

/// The order is over after this, though a card was approved for it and its hold is booked then.
#[derive(Debug, Clone, Copy)]
enum Over {
    Cancelled,
    Expired,
    PaidByWallet,
}

async fn ends(counter: &Counter, order: &str, over: Over) {
    let shop = &counter.shop;
    match over {
        Over::Cancelled => {
            let (status, _) = counter.ask(order, "cancel", order, json!({})).await;
            assert_eq!(status, 200);
        }
        Over::Expired => assert!(shop.book(vec![], shop.office.gateway.now_ms() + 86_400_000).await),
        Over::PaidByWallet => {
            let mut sent = shop.sent(order, 1_000);
            sent.index = 9;
            let time_ms = sent.time_ms.0;
            assert!(shop.book(vec![sent], time_ms).await);
        }
    }
}

#[actix_web::test]
async fn a_hold_that_its_order_needs_no_more_is_undone_once() {
    for over in [Over::Cancelled, Over::Expired, Over::PaidByWallet] {
        for is_approved_first in [true, false] {
            let counter = counter().await;
            let gateway = &counter.shop.office.gateway;
            let order = counter.manual("A").await;
            if is_approved_first {
                counter.pay(&order, "k", tap(BIN, 1_000)).await;
                ends(&counter, &order, over).await;
            } else {
                answered_late(&counter, &order, over).await;
            }
            let state = counter.state(&order).await;
            assert!(!counter.book(counter.opened(HOLD, &order, 1_000)).await, "{over:?}");
            assert_eq!(work(gateway, "adv_").await, 1, "{over:?} {is_approved_first}");
            let (asked, told) = (
                counter.told(Operation::PreAuthorization),
                counter.told(Operation::Reversal),
            );
            let originals: Vec<_> = told.iter().map(|message| field(message, 90)).collect();
            assert_eq!(
                originals,
                [elements_of(&asked[0]).to_field()],
                "{over:?} {is_approved_first}"
            );
            assert_eq!(counter.state(&order).await, state, "{over:?}");
            assert_eq!((work(gateway, "adv_").await, counter.reversals().await), (0, 0));
            let told = counter.shop.state(&order).await;
            assert_eq!(told["advices"][0]["state"], json!("approved"), "{told}");
        }
    }
}

/// The order ends while its issuer is asked.
async fn answered_late(counter: &Counter, order: &str, over: Over) {
    let gateway = &counter.shop.office.gateway;
    counter.pay(order, "k", tap(BIN, 1_000)).await;
    // As it was before the answer.
    let name = order.to_owned();
    let before = gateway.store.write::<_, StoreError, _>(move |sql| {
        let mut attempt = card_attempts::of_order(sql, &name, 1)?.remove(0);
        let answered = attempt.clone();
        attempt.outcome = None;
        card_attempts::save(sql, &attempt)?;
        Ok(answered)
    });
    let answered = before.await.expect("an attempt");
    ends(counter, order, over).await;
    let shared = Arc::clone(gateway);
    let write = gateway
        .store
        .write(move |sql| crate::service::orders::held::answered(&shared, sql, answered));
    let stored = write.await.expect("written");
    assert_eq!(stored.outcome, Some(AttemptOutcome::Approved));
}

#[actix_web::test]
async fn a_hold_that_was_not_answered_leaves_the_order_open_for_another_card() {
    let counter = counter().await;
    let gateway = &counter.shop.office.gateway;
    let order = counter.manual("A").await;
    counter.issuer.will(Some(Outcome::IssuerUnavailable));
    let (_, answer) = counter.pay(&order, "k", tap(BIN, 1_000)).await;
    assert_eq!(answer["outcome"], json!("unknown"));
    assert_eq!(
        counter.refused(&order, "card", "k2", tap(BIN, 1_000)).await,
        (409, "3021".to_owned())
    );
    // The issuer has held it, and then voids it; the follower is behind.
    counter.issuer.will(Some(Outcome::Approved));
    super::super::card_payments::until("the reversal's end", async || counter.reversals().await == 0).await;
    assert_eq!(
        counter.refused(&order, "card", "k3", tap(BIN, 1_000)).await,
        (409, "3021".to_owned()),
        "the first try's hold could authorize the order, and its void void it"
    );
    assert!(!counter.book(counter.opened(2, &order, 1_000)).await);
    assert!(!counter.book(counter.news(2, HoldChange::Voided)).await);
    counter.follow_until(gateway.now_ms() + 2_000).await;
    let mut old = counter.opened(3, &order, 1_000);
    old.time_ms = TimeMs(gateway.now_ms() - 20_000);
    let (_, answer) = counter.pay(&order, "k4", tap(BIN, 1_000)).await;
    assert_eq!(answer["outcome"], json!("approved"), "{answer}");
    assert!(!counter.book(old).await, "it is of before this try");
    assert_eq!(counter.state(&order).await, "created");
    assert!(counter.book(counter.opened(HOLD, &order, 1_000)).await);
    assert_eq!(counter.state(&order).await, "authorized");
}

#[actix_web::test]
async fn who_died_while_asking_for_a_hold_has_it_undone() {
    let counter = counter().await;
    let gateway = &counter.shop.office.gateway;
    let order = counter.manual("A").await;
    counter.pay(&order, "k", tap(BIN, 1_000)).await;
    // It died before it could write down the answer, which has removed the link's reversal.
    let name = order.clone();
    let before = gateway.store.write::<_, StoreError, _>(move |sql| {
        let mut attempt = card_attempts::of_order(sql, &name, 1)?.remove(0);
        attempt.outcome = None;
        card_attempts::save(sql, &attempt)
    });
    before.await.expect("saved");
    assert!(!counter.book(counter.opened(HOLD, &order, 1_000)).await);
    let due = gateway.store.read::<_, StoreError, _>(|sql| {
        let rows = sql.query("SELECT due_ms FROM jobs WHERE id LIKE 'att_%'", &[])?;
        rows[0].int(0)
    });
    let due_ms = due.await.expect("a job").cast_unsigned();
    assert!(due_ms > gateway.now_ms() + 25_000, "not while it may be answered");
    assert_eq!(work(gateway, "att_").await, 1);
    let told = counter.shop.state(&order).await;
    assert_eq!(
        (&told["attempts"][0]["outcome"], &told["advices"][0]["kind"]),
        (&json!("unknown"), &json!("void"))
    );
    assert_eq!(
        (work(gateway, "adv_").await, counter.told(Operation::Reversal).len()),
        (1, 1)
    );
    assert_eq!(counter.state(&order).await, "created");
    assert!(!counter.book(counter.news(HOLD, HoldChange::Voided)).await);
    // What another card's issuer holds for it then is the merchant's to take, though the first one's was told to give back.
    let (_, answer) = counter.pay(&order, "k2", tap(BIN, 1_000)).await;
    assert_eq!(answer["outcome"], json!("approved"), "{answer}");
    assert!(counter.book(counter.opened(3, &order, 1_000)).await);
    let (status, advice) = counter.ask(&order, "capture", "c", json!({})).await;
    assert_eq!((status, &advice["state"]), (201, &json!("pending")), "{advice}");
    assert_eq!(
        counter.refused(&order, "void", "v", json!({})).await,
        (409, "3012".to_owned())
    );
    assert_eq!(work(gateway, "adv_").await, 1);
    assert!(counter.post(3, 1_000).await);
    assert_eq!(counter.state(&order).await, "paid");
    // Those that were answered are left alone.
    let next = counter.authorized("B", 2).await;
    assert_eq!(
        (work(gateway, "att_").await, counter.state(&next).await.as_str()),
        (2, "authorized")
    );
}

#[actix_web::test]
async fn holds_that_are_not_what_is_asked_for_authorize_nothing() {
    let counter = counter().await;
    let gateway = &counter.shop.office.gateway;
    let order = counter.manual("A").await;
    counter.pay(&order, "k", tap(BIN, 1_000)).await;
    let mut late = counter.opened(3, &order, 1_000);
    late.time_ms = TimeMs(gateway.now_ms() + 86_400_000);
    let mut elsewhere = counter.opened(4, &order, 1_000);
    let HoldChange::Opened { leg, .. } = &mut elsewhere.change else {
        panic!("it was opened");
    };
    leg.creditor = gateway.account_of(ParticipantId::new("BANKB").expect("an id"));
    let others = [counter.opened(2, &order, 999), late, elsewhere];
    let now_ms = gateway.now_ms();
    for news in others {
        assert!(
            !counter.shop.book_with(vec![], vec![news.clone()], now_ms).await,
            "{news:?}"
        );
    }
    assert_eq!(counter.state(&order).await, "created");
    // Of an order that is to be paid at once, none does.
    let automatic = counter.shop.order("B").await;
    counter.pay(&automatic, "b", tap(BIN, 1_000)).await;
    assert!(!counter.book(counter.opened(6, &automatic, 1_000)).await);
    assert_eq!(counter.state(&automatic).await, "created");
    // Opened and voided in one block, by the issuer alone.
    let both = vec![counter.news(7, HoldChange::Voided), counter.opened(7, &order, 1_000)];
    assert!(counter.shop.book_with(vec![], both, now_ms).await);
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| orders::any(sql, &order));
    let timeline = found.await.expect("read").expect("an order").timeline;
    let happened: Vec<_> = timeline.iter().map(|moment| moment.happened).collect();
    assert_eq!(happened, [Happened::Created, Happened::Authorized, Happened::Voided]);
}

#[actix_web::test]
async fn what_a_suspended_merchant_would_be_held_for_is_undone() {
    let counter = counter().await;
    let (shop, gateway) = (&counter.shop, &counter.shop.office.gateway);
    let order = counter.manual("A").await;
    counter.pay(&order, "k", tap(BIN, 1_000)).await;
    let merchant = shop.merchant.clone();
    let suspend = gateway
        .store
        .write::<_, StoreError, _>(move |sql| merchants::set_suspended(sql, &merchant, true).map(drop));
    suspend.await.expect("suspended");
    assert!(!counter.book(counter.opened(HOLD, &order, 1_000)).await);
    assert_eq!(
        (work(gateway, "adv_").await, counter.told(Operation::Reversal).len()),
        (1, 1)
    );
    assert_eq!(counter.state(&order).await, "created");
}

#[actix_web::test]
async fn an_approval_in_part_is_none_and_is_undone() {
    let counter = counter().await;
    let gateway = &counter.shop.office.gateway;
    let order = counter.manual("A").await;
    counter.issuer.will(Some(Outcome::ApprovedInPart));
    let (_, answer) = counter.pay(&order, "k", tap(BIN, 1_000)).await;
    assert_eq!(
        (&answer["outcome"], &answer["code"]),
        (&json!("declined"), &json!("10")),
        "{answer}"
    );
    counter.issuer.will(Some(Outcome::Approved));
    assert_eq!(
        (work(gateway, "adv_").await, counter.told(Operation::Reversal).len()),
        (1, 1)
    );
}
