//! Captures and voids that are declined by the issuer, or asked of nobody.

use super::*;

#[actix_web::test]
async fn a_capture_that_is_declined_can_be_asked_for_again() {
    let counter = counter().await;
    let gateway = &counter.shop.office.gateway;
    let order = counter.authorized("A", HOLD).await;
    for (other, what, kind) in [(2, "capture", "order.capture_failed"), (3, "void", "order.void_failed")] {
        counter.issuer.will(Some(Outcome::TooLate));
        let (_, advice) = counter.ask(&order, what, what, json!({})).await;
        assert_eq!(work(gateway, "adv_").await, 1);
        let told = counter.shop.state(&order).await;
        let found = &told["advices"][0];
        assert_eq!((&found["id"], &found["state"]), (&advice["id"], &json!("declined")));
        assert_eq!(
            (&found["code"], &told["state"]),
            (&json!("68"), &json!("authorized")),
            "{told}"
        );
        assert!(counter.shop.events().await.contains(&kind.to_owned()));
        // What was declined was not done: who posts it is not the issuer.
        assert!(!counter.book(counter.opened(other, &order, 1_000)).await);
        assert!(!counter.post(other, 1_000).await);
    }
    counter.issuer.will(Some(Outcome::Approved));
    let (status, _) = counter.ask(&order, "capture", "again", json!({})).await;
    assert_eq!((status, work(gateway, "adv_").await), (201, 1));
    assert!(!counter.book(counter.opened(4, &order, 1_000)).await);
    assert!(!counter.post(4, 1).await, "another amount than was asked for");
    assert!(counter.post(HOLD, 1_000).await);
    assert_eq!(counter.state(&order).await, "paid");
}

#[actix_web::test]
async fn what_cannot_be_captured_is_told_to_nobody() {
    let counter = counter().await;
    let (shop, gateway) = (&counter.shop, &counter.shop.office.gateway);
    let (created, automatic) = (counter.manual("A").await, shop.order("B").await);
    for order in [&created, &automatic] {
        for what in ["capture", "void"] {
            assert_eq!(
                counter.refused(order, what, "early", json!({})).await,
                (409, "3012".to_owned()),
                "{what}"
            );
        }
    }
    let order = counter.authorized("C", HOLD).await;
    let rows = [
        (json!({ "amount": eur("10.01") }), 409, "3022"),
        (json!({ "amount": eur("0.00") }), 422, "1017"),
        (json!({ "amount": eur("1.001") }), 422, "1017"),
        (json!({ "amount": { "value": "1.00", "currency": "THB" } }), 400, "1004"),
        (json!({ "more": 1 }), 400, "1001"),
    ];
    for (at, (body, status, code)) in rows.into_iter().enumerate() {
        let refused = counter
            .refused(&order, "capture", &format!("k{at}"), body.clone())
            .await;
        assert_eq!(refused, (status, code.to_owned()), "{body}");
    }
    let merchant = shop.merchant.clone();
    let suspend = gateway
        .store
        .write::<_, StoreError, _>(move |sql| merchants::set_suspended(sql, &merchant, true).map(drop));
    suspend.await.expect("suspended");
    assert_eq!(
        counter.refused(&order, "capture", "s", json!({})).await,
        (409, "3013".to_owned())
    );
    assert_eq!(work(gateway, "adv_").await, 0);
    assert_eq!(
        counter.ask(&order, "void", "v", json!({})).await.0,
        201,
        "what is held goes back all the same"
    );
    // Other words than those of the field.
    let body = json!({ "merchant": shop.merchant, "amount": eur("1.00"), "capture": "later" });
    assert_eq!(shop.refused("/v1/orders", "w", body).await, (400, "1001".to_owned()));
}

#[actix_web::test]
async fn orders_that_are_paid_to_a_merchants_own_account_are_not_to_be_captured() {
    let counter = counter().await;
    let (shop, merchant) = (&counter.shop, counter.shop.merchant.clone());
    let (_, customer) = shop
        .post("/v1/customers", "c", json!({ "party": { "name": "Anna Schmidt" } }))
        .await;
    let account = customer["accounts"][0]["id"].as_str().map(str::to_owned);
    let own = shop.office.gateway.store.write::<_, StoreError, _>(move |sql| {
        let mut found = merchants::any(sql, &merchant)?.expect("a merchant");
        found.body.account = account;
        merchants::save(sql, &found)
    });
    own.await.expect("saved");
    let body = json!({ "merchant": shop.merchant, "amount": eur("1.00"), "capture": "manual" });
    assert_eq!(shop.refused("/v1/orders", "o", body).await, (409, "3021".to_owned()));
}
