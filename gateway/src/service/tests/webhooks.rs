//! Which events an endpoint can ask for, and that it gets those.

use serde_json::{Value, json};

use super::orders::{Shop, shop_with};
use crate::service::records::events::is_kind;

async fn endpoint(shop: &Shop, key: &str, events: Value) -> String {
    let body = json!({ "url": "https://receiver.example/", "events": events });
    let (status, made) = shop.post("/v1/webhooks", key, body).await;
    assert_eq!((status, &made["events"]), (201, &events), "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

async fn deliveries(shop: &Shop, endpoint: &str) -> usize {
    let page = shop.get(&format!("/v1/webhooks/{endpoint}/deliveries")).await;
    page["data"].as_array().expect("a list").len()
}

#[actix_web::test]
async fn an_endpoint_gets_the_kinds_that_it_asked_for() {
    let shop = shop_with("[acquiring]\n").await;
    let all = endpoint(&shop, "all", json!([])).await;
    let paid = endpoint(&shop, "paid", json!(["order.paid", "settlement.paid"])).await;
    let others = endpoint(
        &shop,
        "others",
        json!(["dispute.opened", "bulk.completed", "order.refunded"]),
    )
    .await;
    let order = shop.order("r").await;
    shop.pay(&order).await;
    assert_eq!(shop.events().await, ["order.created", "order.paid"]);
    let got = [
        deliveries(&shop, &all).await,
        deliveries(&shop, &paid).await,
        deliveries(&shop, &others).await,
    ];
    assert_eq!(got, [2, 1, 0]);
}

#[actix_web::test]
async fn a_kind_that_there_is_not_is_named() {
    let shop = shop_with("[acquiring]\n").await;
    let unknown = [
        "order",
        "order.",
        "order.settled",
        "settlement.opened",
        "dispute.paid",
        "Order.paid",
        "paid",
    ];
    for (number, kind) in unknown.into_iter().enumerate() {
        let body = json!({ "url": "https://receiver.example/", "events": ["order.paid", kind] });
        let (status, refused) = shop.post("/v1/webhooks", &number.to_string(), body).await;
        assert_eq!((status, &refused["code"]), (400, &json!("1004")), "{kind}");
        assert!(
            refused.to_string().contains(&format!("'{kind}' is no kind of event")),
            "{refused}"
        );
    }
}

#[test]
fn kinds_are_those_that_the_documents_name() {
    let pages = [
        include_str!("../../../../docs/acquiring.md"),
        include_str!("../../../../docs/remittance.md"),
    ];
    let words = pages.iter().flat_map(|page| page.split('`'));
    let is_named = |word: &&str| {
        let parts = word.split_once('.');
        parts.is_some_and(|(object, what)| {
            let is_word = !what.is_empty() && what.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            ["order", "dispute", "settlement", "remittance", "bulk"].contains(&object) && is_word
        })
    };
    let named: Vec<_> = words.filter(is_named).collect();
    assert!(named.len() >= 18, "{named:?}");
    for kind in named {
        assert!(is_kind(kind), "{kind}");
    }
}
