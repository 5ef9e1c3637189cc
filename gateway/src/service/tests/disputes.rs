//! Disputes: who has paid gets no more back than was paid, however it is asked for.

use causeway_contracts::{block::Height, transaction::TxId};
use serde_json::json;

use super::{
    orders::{Shop, eur, shop_with},
    *,
};
use crate::{
    acquiring::dispute::{Kind, State},
    service::records::disputes::{self, Dispute},
    store::StoreError,
};

/// One about the order, without asking for it.
pub async fn stored(gateway: &Arc<Gateway>, client: &str, order: &str) -> String {
    let dispute = Dispute {
        id: "dsp_01".to_owned(),
        client: client.to_owned(),
        merchant: "mer_01".to_owned(),
        order: order.to_owned(),
        state: State::Opened,
        kind: Kind::Chargeback,
        reason: "13.1".to_owned(),
        currency: causeway_contracts::money::Currency::new("EUR").expect("a code"),
        amount: causeway_contracts::money::Amount(1),
        created_ms: 1,
        ended_ms: None,
    };
    let write = gateway
        .store
        .write::<_, StoreError, _>(move |sql| disputes::add(sql, &dispute));
    assert!(write.await.expect("stored"));
    "dsp_01".to_owned()
}

fn asked(kind: &str, amount: &str) -> Value {
    json!({ "kind": kind, "reason": "13.1", "amount": eur(amount) })
}

async fn paid(shop: &Shop) -> (String, String) {
    let order = shop.order("A-1").await;
    shop.pay(&order).await;
    let path = format!("/v1/orders/{order}/disputes");
    (order, path)
}

#[actix_web::test]
async fn an_accepted_chargeback_goes_back_and_is_settled() {
    let shop = shop_with("[acquiring]\n").await;
    let (order, path) = paid(&shop).await;
    let (status, opened) = shop.post(&path, "a", asked("chargeback", "7.00")).await;
    assert_eq!(
        (status, &opened["state"], &opened["amount"]),
        (201, &json!("opened"), &eur("7.00"))
    );
    assert_eq!(
        shop.post(&path, "a", asked("chargeback", "7.00")).await,
        (201, opened.clone())
    );
    // What it asks for is no refund's, and no other dispute's.
    let refunds = format!("/v1/orders/{order}/refunds");
    let refused = (409, "3014".to_owned());
    assert_eq!(
        shop.refused(&refunds, "b", json!({ "amount": eur("3.01") })).await,
        refused
    );
    assert_eq!(shop.refused(&path, "c", asked("reversal", "3.01")).await, refused);
    let id = opened["id"].as_str().expect("an id").to_owned();
    let accept = format!("/v1/disputes/{id}/accept");
    let (status, accepted) = shop.post(&accept, "d", json!({})).await;
    assert_eq!((status, &accepted["state"]), (200, &json!("accepted")), "{accepted}");
    assert_eq!(
        shop.post(&accept, "e", json!({})).await,
        (200, accepted),
        "again, with one effect"
    );
    for other in ["reject", "withdraw"] {
        let found = shop
            .refused(&format!("/v1/disputes/{id}/{other}"), other, json!({}))
            .await;
        assert_eq!(found, (409, "3019".to_owned()));
    }
    assert_eq!(shop.jobs().await, std::slice::from_ref(&id));
    assert_eq!(shop.state(&order).await["refunding"], eur("7.00"));
    for _ in 0..2 {
        shop.ends(&id, Ok((TxId([7; 32]), Height(8)))).await;
    }
    let told = shop.state(&order).await;
    assert_eq!(
        (&told["state"], &told["refunded"]),
        (&json!("partially_refunded"), &eur("7.00"))
    );
    let terms = json!({ "settlement": { "schedule": "t1", "payout_account": shop.address("BANKC") } });
    assert_eq!(shop.put(terms).await.0, 200);
    let made = shop.settle_now("f").await;
    assert_eq!(
        (&made[0]["charged_back"], &made[0]["paid"]),
        (&eur("7.00"), &eur("3.00")),
        "{made}"
    );
    let events = shop.events().await;
    let told: Vec<_> = events.iter().filter(|event| event.starts_with("dispute.")).collect();
    assert_eq!(told, ["dispute.opened", "dispute.accepted"]);
}

#[actix_web::test]
async fn what_is_rejected_or_withdrawn_or_a_reversal_sends_nothing() {
    let shop = shop_with("[acquiring]\n").await;
    let (order, path) = paid(&shop).await;
    for (kind, decision, state) in [
        ("chargeback", "reject", "rejected"),
        ("chargeback", "withdraw", "withdrawn"),
        ("reversal", "accept", "accepted"),
    ] {
        let (_, opened) = shop.post(&path, state, asked(kind, "10.00")).await;
        let id = opened["id"].as_str().expect("an id");
        let (status, ended) = shop
            .post(&format!("/v1/disputes/{id}/{decision}"), state, json!({}))
            .await;
        assert_eq!((status, &ended["state"]), (200, &json!(state)), "{ended}");
        assert_eq!(shop.get(&format!("/v1/disputes/{id}")).await, ended);
        let page = shop.get(&format!("/v1/disputes?order={order}&state={state}")).await;
        assert_eq!(page["data"], json!([ended]));
    }
    assert_eq!(shop.jobs().await, Vec::<String>::new());
    let told = shop.state(&order).await;
    assert_eq!((&told["state"], &told["refunding"]), (&json!("paid"), &eur("0.00")));
    // What the network took back is neither refunded too nor the merchant's.
    let refunds = format!("/v1/orders/{order}/refunds");
    let (status, refused) = shop.post(&refunds, "r", json!({ "amount": eur("0.01") })).await;
    assert_eq!((status, &refused["code"]), (409, &json!("3014")), "{refused}");
    let terms = json!({ "settlement": { "schedule": "t1", "payout_account": shop.address("BANKC") } });
    assert_eq!(shop.put(terms).await.0, 200);
    let made = shop.settle_now("s").await;
    assert_eq!(made[0]["charged_back"], eur("10.00"), "{made}");
}

#[actix_web::test]
async fn disputes_that_are_not_well_made_have_a_code_each() {
    let shop = shop_with("[acquiring]\n").await;
    let open = shop.order("B-1").await;
    let (_, path) = paid(&shop).await;
    let baht = json!({ "value": "1.00", "currency": "THB" });
    let with = |change: &str, value: Value| {
        let mut asked = asked("chargeback", "1.00");
        asked[change] = value;
        asked
    };
    let unpaid = format!("/v1/orders/{open}/disputes");
    let rows = [
        (path.as_str(), with("amount", eur("0.00")), 409, "3014"),
        (&path, with("amount", eur("10.01")), 409, "3014"),
        (&path, with("amount", baht), 400, "1004"),
        (&path, with("reason", json!("")), 400, "1004"),
        (&path, with("kind", json!("other")), 400, "1001"),
        (&unpaid, with("kind", json!("reversal")), 409, "3012"),
        (
            "/v1/orders/ord_1/disputes",
            with("kind", json!("reversal")),
            404,
            "1014",
        ),
        ("/v1/disputes/dsp_1/accept", json!({}), 404, "1014"),
    ];
    for (at, (path, body, status, code)) in rows.into_iter().enumerate() {
        let found = shop.refused(path, &format!("k{at}"), body.clone()).await;
        assert_eq!(found, (status, code.to_owned()), "{path} {body}");
    }
}
