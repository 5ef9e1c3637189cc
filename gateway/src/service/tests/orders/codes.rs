//! Codes of orders and merchants as pictures, and payments by merchants' codes.

use std::collections::BTreeSet;

use causeway_contracts::codec::Text;
use causeway_wallet::{
    codes::CodeId,
    offline::qr::{picture::Grey, reader},
};

use super::*;
use crate::service::{config::ConfigError, orders::short};

struct Fetched {
    status: u16,
    content_type: String,
    cache: String,
    body: Vec<u8>,
}

impl Shop {
    async fn fetch(&self, path: &str) -> Fetched {
        let app = self.office.app().await;
        let request = Ask::new("GET", path).by(&self.token).request().to_request();
        let response = test::call_service(&app, request).await;
        let header = |name: &str| {
            let value = response.headers().get(name).expect("a header");
            value.to_str().expect("a text").to_owned()
        };
        Fetched {
            status: response.status().as_u16(),
            content_type: header("content-type"),
            cache: header("cache-control"),
            body: test::read_body(response).await.to_vec(),
        }
    }

    async fn code_refused(&self, path: &str) -> (u16, String) {
        let found = self.fetch(path).await;
        let problem: Value = serde_json::from_slice(&found.body).expect("a problem");
        (found.status, problem["code"].as_str().expect("a code").to_owned())
    }

    async fn suspended(&self, is_suspended: bool) {
        let word = if is_suspended { "suspend" } else { "resume" };
        let path = format!("/v1/merchants/{}/{word}", self.merchant);
        assert_eq!(self.post(&path, word, json!({})).await.0, 200);
    }

    /// Somebody pays by the merchant's static code.
    fn walked_in(&self, amount: u64, transaction: u8) -> Entry {
        let memo = Purpose::Merchant(short(&self.merchant).parse::<CodeId>().expect("an id")).memo();
        Entry {
            memo: Text::new(memo).expect("short"),
            amount: Amount(amount),
            transaction: Some(TxId([transaction; 32])),
            ..self.sent(&format!("ord_{}", "0".repeat(32)), amount)
        }
    }

    async fn orders(&self) -> Vec<Value> {
        let page = self.get("/v1/orders").await;
        page["data"].as_array().expect("a list").clone()
    }
}

fn found_in(png: &[u8]) -> String {
    let picture = Grey::of_png(png).expect("a picture");
    String::from_utf8(reader::find(&picture).expect("a code")).expect("text")
}

#[actix_web::test]
async fn an_order_has_its_code_as_pictures_until_it_is_paid_or_over() {
    let shop = shop().await;
    let order = shop.order("A-1").await;
    let told = shop.state(&order).await;
    let code = told["code"].as_str().expect("a code");
    let [svg, png] = ["svg", "png"].map(|form| format!("/v1/orders/{order}/code.{form}"));
    let checkout = told["checkout_url"]
        .as_str()
        .and_then(|url| url.strip_prefix("https://gateway.example"));
    let on_page = format!("{}/code.svg", checkout.expect("of this gateway"));
    let found = shop.fetch(&png).await;
    assert_eq!(
        (found.status, found.content_type.as_str(), found.cache.as_str()),
        (200, "image/png", "no-store")
    );
    assert_eq!(found_in(&found.body), code);
    let drawn = causeway_wallet::codes::picture::svg(code).expect("drawn");
    for path in [&svg, &on_page] {
        let found = shop.fetch(path).await;
        assert_eq!(
            (found.status, found.content_type.as_str()),
            (200, "image/svg+xml"),
            "{path}"
        );
        assert_eq!(
            (found.cache.as_str(), found.body.as_slice()),
            ("no-store", drawn.as_bytes()),
            "{path}"
        );
    }
    let page = String::from_utf8(shop.fetch(checkout.expect("a page")).await.body).expect("text");
    assert!(page.contains(&drawn), "the page has the picture in it");
    let all = [&svg, &png, &on_page];
    shop.suspended(true).await;
    for path in all {
        assert_eq!(shop.code_refused(path).await, (409, "3013".to_owned()), "{path}");
    }
    shop.suspended(false).await;
    shop.pay(&order).await;
    for path in all {
        assert_eq!(shop.code_refused(path).await, (409, "3012".to_owned()), "{path}");
    }
    let page = String::from_utf8(shop.fetch(checkout.expect("a page")).await.body).expect("text");
    assert!(!page.contains("<svg"), "a paid order has no picture");
    assert_eq!(
        shop.code_refused("/v1/orders/ord_1/code.svg").await,
        (404, "1014".to_owned())
    );
    let stranger = "/checkout/AAAAAAAAAAAAAAAAAAAAAA/code.svg";
    assert_eq!(shop.code_refused(stranger).await, (404, "1014".to_owned()));
}

#[actix_web::test]
async fn a_merchant_has_a_code_of_any_amount() {
    let shop = shop().await;
    let stores = format!("/v1/merchants/{}/stores", shop.merchant);
    let (_, store) = shop
        .post(&stores, "s", json!({ "name": "Main street", "city": "Phuket" }))
        .await;
    let path = |form: &str, query: &str| format!("/v1/merchants/{}/code.{form}?{query}", shop.merchant);
    let found = shop.fetch(&path("text", "currency=EUR")).await;
    assert_eq!(
        (found.status, found.content_type.as_str(), found.cache.as_str()),
        (200, "text/plain; charset=utf-8", "no-store")
    );
    let text = String::from_utf8(found.body).expect("text");
    let operator = [shop.office.gateway.keys.operator_id()];
    let read = |text: &str| {
        causeway_wallet::codes::read(text, &operator, UnixSeconds(0))
            .expect("signed")
            .code
    };
    let code = read(&text);
    let gateway = &shop.office.gateway;
    assert_eq!(
        code.purpose,
        Purpose::Merchant(short(&shop.merchant).parse().expect("an id"))
    );
    assert_eq!(code.address, gateway.address(gateway.account_of(gateway.us())));
    assert_eq!(
        (code.currency(), code.merchant.city.as_str(), &code.store),
        (Some("EUR"), "Bangkok", &None)
    );
    assert_eq!(found_in(&shop.fetch(&path("png", "currency=EUR")).await.body), text);
    let drawn = causeway_wallet::codes::picture::svg(&text).expect("drawn");
    assert_eq!(shop.fetch(&path("svg", "currency=EUR")).await.body, drawn.as_bytes());
    let of_store = format!("currency=EUR&store={}", store["id"].as_str().expect("an id"));
    let found = shop.fetch(&path("text", &of_store)).await;
    let code = read(&String::from_utf8(found.body).expect("text"));
    assert_eq!(
        (code.merchant.city.as_str(), code.store.as_deref()),
        ("Phuket", Some("Main street"))
    );
    let rows = [
        ("", 400, "1010"),
        ("currency=eur", 400, "1010"),
        ("currency=EUR&amount=1", 400, "1010"),
        ("currency=XXX", 422, "1016"),
        ("currency=EUR&store=sto_1", 400, "1004"),
    ];
    for (query, status, code) in rows {
        assert_eq!(
            shop.code_refused(&path("svg", query)).await,
            (status, code.to_owned()),
            "{query}"
        );
    }
    shop.suspended(true).await;
    assert_eq!(
        shop.code_refused(&path("png", "currency=EUR")).await,
        (409, "3013".to_owned())
    );
}

#[actix_web::test]
async fn a_payment_to_a_merchant_makes_an_order_that_is_paid() {
    let shop = shop().await;
    let [first, second] = [shop.walked_in(725, 1), shop.walked_in(725, 2)];
    let time_ms = first.time_ms.0;
    assert!(shop.book(vec![first.clone(), second], time_ms).await);
    let orders = shop.orders().await;
    let states: Vec<_> = orders.iter().map(|order| (&order["state"], &order["amount"])).collect();
    assert_eq!(states, [(&json!("paid"), &eur("7.25")); 2]);
    let transactions: BTreeSet<_> = orders
        .iter()
        .map(|order| order["payment"]["transaction"].to_string())
        .collect();
    assert_eq!(transactions.len(), 2);
    assert_eq!(orders[0]["merchant"], shop.merchant.as_str());
    assert_eq!(orders[0]["strays"], json!([]));
    let mut events = shop.events().await;
    events.sort();
    assert_eq!(events, ["order.created", "order.created", "order.paid", "order.paid"]);
    // Booked again, and as time goes on, it changes nothing.
    assert!(!shop.book(vec![first.clone()], time_ms + 60_000).await);
    assert_eq!(shop.orders().await, orders);
    // It is refunded as others are.
    let refunds = format!("/v1/orders/{}/refunds", orders[0]["id"].as_str().expect("an id"));
    assert_eq!(shop.post(&refunds, "r", json!({ "amount": eur("7.25") })).await.0, 201);
}

#[actix_web::test]
async fn what_names_no_merchant_here_makes_no_order_and_a_suspended_ones_is_sent_back() {
    let shop = shop().await;
    let good = shop.walked_in(725, 1);
    let gateway = &shop.office.gateway;
    let memo = |text: String| Text::new(text).expect("short");
    let rows = [
        Entry {
            direction: Direction::Debit,
            ..good.clone()
        },
        Entry {
            kind: Kind::HoldPosted,
            ..good.clone()
        },
        Entry {
            account: gateway.account_of(ParticipantId::new("BANKC").expect("an id")),
            ..good.clone()
        },
        Entry {
            memo: memo(format!("merchant {}", CodeId([7; 16]))),
            ..good.clone()
        },
        Entry {
            memo: memo(good.memo.to_uppercase()),
            ..good.clone()
        },
        Entry {
            memo: memo("merchant 1".to_owned()),
            ..good.clone()
        },
    ];
    assert!(!shop.book(rows.to_vec(), good.time_ms.0).await);
    assert_eq!(shop.orders().await, Vec::<Value>::new());
    shop.suspended(true).await;
    assert!(shop.book(vec![good.clone()], good.time_ms.0).await);
    let [order] = &shop.orders().await[..] else {
        panic!("an order");
    };
    assert_eq!(
        (&order["state"], &order["strays"][0]["reason"]),
        (&json!("created"), &json!("merchant_suspended"))
    );
    assert_eq!(shop.jobs().await.len(), 1, "it is sent back");
    // With the next block it is over.
    assert!(shop.book(Vec::new(), good.time_ms.0 + 1).await);
    assert_eq!(shop.orders().await[0]["state"], "expired");
}

#[actix_web::test]
async fn more_pages_than_a_quarter_of_the_connections_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.toml");
    let read = |streams: usize| {
        let text = format!(
            "operator = \"TESTBANK\"\nwallet = \"w\"\noperator_key = \"a\"\ncustody_key = \"b\"\n\
             listen = \"127.0.0.1:0\"\npublic_url = \"https://gateway.example\"\n[acquiring]\nstreams = {streams}\n"
        );
        std::fs::write(&path, text).expect("written");
        Config::read(&path)
    };
    assert!(read(1_024).is_ok());
    assert!(matches!(read(1_025), Err(ConfigError::Streams(1_025))));
}
