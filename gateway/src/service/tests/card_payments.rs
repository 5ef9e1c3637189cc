//! Orders paid by card, asked of an issuer that listens here.

use std::{sync::Mutex, time::Duration};

use causeway_cards::{
    emv::tlv::{Tag, Writer},
    iso8583::Message,
    pan::luhn,
    qr::cpm::{Number, build},
};
use causeway_contracts::{
    block::{Height, TimeMs},
    identity::ParticipantId,
    money::Amount,
    transaction::TxId,
};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use super::{
    orders::{Shop, code, shop_with},
    *,
};
use crate::{
    acquiring::host::{
        Decision, Limits, Operation, Outcome, Request,
        server::{Authorizer, Settings, serve},
    },
    bookkeeping::{Direction, Kind},
    service::{
        card_routes::{CardRoutes, dialect},
        config::{CardRoute, Variant},
        records::{
            card_reversals,
            followed::{self, Followed},
            merchants,
        },
    },
    store::StoreError,
};

pub const BIN: &str = "990001";

pub fn digits(bin: &str) -> String {
    let numbers = (0..10).map(|check| format!("{bin}000000001{check}"));
    numbers
        .into_iter()
        .find(|number| luhn(number.as_bytes()))
        .expect("one of ten")
}

const CRYPTOGRAM: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn decimal(amount: u64) -> Vec<u8> {
    hex::decode(format!("{amount:012}")).expect("digits")
}

/// A tap that has agreed to so many minor units of EUR.
pub fn tap(bin: &str, amount: u64) -> Value {
    let mut chip = Writer::new();
    chip.primitive(Tag::of(0x9f02), &decimal(amount));
    chip.primitive(Tag::of(0x5f2a), &[0x09, 0x78]);
    chip.primitive(Tag::of(0x9f26), &CRYPTOGRAM);
    json!({ "entry": "tap", "track2": format!("{}D30122010000012345", digits(bin)), "chip": hex::encode(chip.into_bytes()) })
}

/// A customer's code that pays 20.00 EUR at most.
pub fn shown(bin: &str) -> Value {
    let number = digits(bin).parse().expect("a number");
    let most = decimal(2_000);
    let chip: [(Tag, &[u8]); 3] = [
        (Tag::of(0x9f02), &most),
        (Tag::of(0x5f2a), &[0x09, 0x78]),
        (Tag::of(0x9f26), &CRYPTOGRAM),
    ];
    json!({ "code": *build(&Number::Pan(&number), &chip).expect("a code") })
}

/// What an issuer was asked, and what it answers: nothing, if that is not there.
#[derive(Default)]
pub struct Issuer {
    pub seen: Mutex<Vec<(Operation, Message)>>,
    answer: Mutex<Option<Outcome>>,
}

impl Issuer {
    pub fn count(&self, operation: Operation) -> usize {
        let seen = self.seen.lock().expect("no panic");
        seen.iter().filter(|(known, _)| *known == operation).count()
    }

    pub fn will(&self, answer: Option<Outcome>) {
        *self.answer.lock().expect("no panic") = answer;
    }
}

impl Authorizer for Issuer {
    async fn decide(&self, request: Request) -> Decision {
        let answer = *self.answer.lock().expect("no panic");
        self.seen
            .lock()
            .expect("no panic")
            .push((request.operation, request.message));
        let Some(outcome) = answer else {
            return std::future::pending().await;
        };
        Decision {
            approval: Some(*b"A1B2C3"),
            ..outcome.into()
        }
    }
}

pub async fn listening(issuer: &Arc<Issuer>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let settings = Settings {
        limits: Limits {
            undecided_max: 64,
            remembered_max: 64,
        },
        connections_max: 8,
        idle: Duration::from_secs(60),
    };
    let serving = serve(listener, dialect(Variant::B, Vec::new()), settings, Arc::clone(issuer));
    (address, tokio::spawn(serving))
}

pub struct Counter {
    pub shop: Shop,
    pub issuer: Arc<Issuer>,
    pub host: JoinHandle<()>,
}

pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come");
}

/// Its issuer approves.
pub async fn counter() -> Counter {
    let issuer = Arc::new(Issuer::default());
    issuer.will(Some(Outcome::Approved));
    let (address, host) = listening(&issuer).await;
    let shop = shop_with(&format!(
        "[[acquiring.routes]]\nname = \"bankb\"\naddress = \"{address}\"\nvariant = \"b\"\nbins = [\"{BIN}\"]\n\
         acquirer_id = \"12345\"\nanswer_ms = 300\n"
    ))
    .await;
    shop.office.gateway.card_routes.start().expect("keys");
    let routes = &shop.office.gateway.card_routes;
    until("the link", async || {
        routes.link("bankb").is_some_and(|link| link.status().is_signed_on)
    })
    .await;
    Counter { shop, issuer, host }
}

impl Counter {
    pub async fn pay(&self, order: &str, key: &str, body: Value) -> (u16, Value) {
        let path = if body["code"].is_null() { "card" } else { "present" };
        self.shop.post(&format!("/v1/orders/{order}/{path}"), key, body).await
    }

    /// All blocks before that are booked.
    pub async fn follow_until(&self, time_ms: u64) {
        let time_ms = TimeMs(time_ms);
        let followed = Followed {
            height: Height(9),
            time_ms,
            since_ms: time_ms,
            unsettled: Default::default(),
        };
        let store = &self.shop.office.gateway.store;
        let booked = store.write::<_, StoreError, _>(move |sql| followed::save(sql, &followed));
        booked.await.expect("booked");
    }

    pub async fn reversals(&self) -> usize {
        let read = self
            .shop
            .office
            .gateway
            .store
            .read::<_, StoreError, _>(|sql| card_reversals::of_route(sql, "bankb", u64::MAX));
        read.await.expect("reversals").len()
    }
}

pub fn field(message: &Message, field: u8) -> String {
    message.text(field).unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn an_approved_card_has_one_message_and_the_ledger_says_paid() {
    let counter = counter().await;
    let order = counter.shop.order("A").await;
    let (status, answer) = counter.pay(&order, "k", tap(BIN, 1_000)).await;
    let masked = format!("{BIN}******{}", &digits(BIN)[12..]);
    assert_eq!((status, &answer["outcome"]), (200, &json!("approved")), "{answer}");
    assert_eq!(
        (
            &answer["code"],
            &answer["meaning"],
            &answer["approval"],
            &answer["masked"]
        ),
        (&json!("00"), &json!("approved"), &json!("A1B2C3"), &json!(masked))
    );
    {
        let seen = counter.issuer.seen.lock().expect("no panic");
        let (_, message) = &seen[0];
        let expected = [
            (2, digits(BIN)),
            (3, "000000".to_owned()),
            (4, "000000001000".to_owned()),
            (11, "000001".to_owned()),
            (18, "5812".to_owned()),
            (22, "072".to_owned()),
            (32, "12345".to_owned()),
            (37, answer["rrn"].as_str().expect("a reference").to_owned()),
            (41, "00000000".to_owned()),
            (43, format!("{:<25}{:<13}TH", "Noodles & Co", "Bangkok")),
            (48, crate::service::orders::memo(&order).to_string()),
            (49, "978".to_owned()),
        ];
        for (number, value) in expected {
            assert_eq!(field(message, number), value, "field {number}");
        }
        assert_eq!(field(message, 42).len(), 15);
        assert!(field(message, 35).starts_with(&digits(BIN)));
        assert!(message.get(55).is_some_and(|chip| chip.ends_with(&CRYPTOGRAM)));
    }
    // The same request again is the same answer, and no message; another is refused while the first is not booked.
    assert_eq!(counter.pay(&order, "k", tap(BIN, 1_000)).await, (status, answer));
    let again = counter.pay(&order, "k2", tap(BIN, 1_000)).await;
    assert_eq!((again.0, &again.1["code"]), (409, &json!("3021")));
    assert_eq!(counter.issuer.count(Operation::Purchase), 1);
    assert_eq!(counter.shop.state(&order).await["state"], json!("created"));
    counter.shop.pay(&order).await;
    let paid = counter.shop.state(&order).await;
    assert_eq!(
        (&paid["state"], &paid["attempts"][0]["outcome"]),
        (&json!("paid"), &json!("approved"))
    );
    assert_eq!(counter.reversals().await, 0);
    // It goes back to who has paid: the cardholder's account.
    let (status, refund) = counter
        .shop
        .post(&format!("/v1/orders/{order}/refunds"), "r", json!({}))
        .await;
    assert_eq!((status, &refund["state"]), (201, &json!("pending")), "{refund}");
    // No table has the number, in any form but the masked one.
    assert_nothing_of(&counter.shop, &digits(BIN)).await;
}

/// In all columns of all tables, text or bytes.
pub async fn assert_nothing_of(shop: &Shop, number: &str) {
    let number = number.to_owned();
    let read = shop.office.gateway.store.read::<_, StoreError, _>(move |sql| {
        let tables = sql.query("SELECT name FROM sqlite_master WHERE type = 'table'", &[])?;
        for table in &tables {
            let table = table.text(0)?;
            let columns = sql.query(&format!("SELECT name FROM pragma_table_info('{table}')"), &[])?;
            for column in &columns {
                let column = column.text(0)?;
                for form in [number.clone(), hex::encode(&number)] {
                    let found = sql.query(
                        &format!("SELECT 1 FROM {table} WHERE CAST({column} AS TEXT) LIKE $1 OR hex({column}) LIKE $2"),
                        &[(&format!("%{form}%")).into(), (&format!("%{form}%")).into()],
                    )?;
                    assert!(found.is_empty(), "{table}.{column}");
                }
            }
        }
        assert!(tables.len() > 20);
        Ok(())
    });
    read.await.expect("tables");
}

#[actix_web::test]
async fn a_declined_order_can_be_paid_by_another_card_or_a_code() {
    let counter = counter().await;
    let order = counter.shop.order("A").await;
    counter.issuer.will(Some(Outcome::InsufficientFunds));
    let (status, answer) = counter.pay(&order, "a", tap(BIN, 1_000)).await;
    assert_eq!(
        (status, &answer["outcome"], &answer["code"]),
        (200, &json!("declined"), &json!("51"))
    );
    assert!(
        answer["approval"].is_null() && answer["meaning"] == "insufficient funds",
        "{answer}"
    );
    assert_eq!(counter.reversals().await, 0);
    counter.issuer.will(Some(Outcome::Approved));
    let (_, answer) = counter.pay(&order, "b", shown(BIN)).await;
    assert_eq!(answer["outcome"], json!("approved"), "{answer}");
    let seen = counter.issuer.seen.lock().expect("no panic");
    assert_eq!(field(&seen[1].1, 22), "032");
    assert_eq!(field(&seen[1].1, 11), "000002");
}

#[actix_web::test]
async fn what_cannot_be_paid_by_this_card_is_asked_of_nobody() {
    let counter = counter().await;
    let shop = &counter.shop;
    let order = shop.order("A").await;
    let path = format!("/v1/orders/{order}/card");
    let with = |field: &str, value: &str| {
        let mut body = tap(BIN, 1_000);
        body[field] = json!(value);
        body
    };
    let rows = [
        ("no route", tap("990002", 1_000), 422, "4003"),
        ("another amount", tap(BIN, 999), 409, "4004"),
        ("no track", with("track2", "9900010000000012"), 400, "1004"),
        ("no chip data", with("chip", "9f"), 400, "1004"),
        ("another entry", with("entry", "swipe"), 400, "1001"),
        ("no such terminal", with("terminal", "ter_1"), 400, "1004"),
        ("another field", with("pin", "1234"), 400, "1001"),
    ];
    for (at, (what, body, status, code)) in rows.into_iter().enumerate() {
        let refused = shop.refused(&path, &format!("k{at}"), body).await;
        assert_eq!(refused, (status, code.to_owned()), "{what}");
    }
    // What is wrong is told without the number.
    let (_, told) = shop.post(&path, "n", with("entry", &digits(BIN))).await;
    assert!(!told.to_string().contains(&digits(BIN)), "{told}");
    let code_of_other = shop
        .refused(&format!("/v1/orders/{order}/present"), "c", json!({ "code": "AAAA" }))
        .await;
    assert_eq!(code_of_other, (400, "1004".to_owned()));
    let merchant = shop.merchant.clone();
    let suspend = |on: bool| {
        let merchant = merchant.clone();
        shop.office
            .gateway
            .store
            .write::<_, StoreError, _>(move |sql| merchants::set_suspended(sql, &merchant, on).map(drop))
    };
    suspend(true).await.expect("suspended");
    assert_eq!(
        shop.refused(&path, "s", tap(BIN, 1_000)).await,
        (409, "3013".to_owned())
    );
    suspend(false).await.expect("resumed");
    let expires = {
        let order = order.clone();
        shop.office.gateway.store.write::<_, StoreError, _>(move |sql| {
            let mut order = crate::service::records::orders::locked(sql, &order)?.expect("an order");
            order.expires_ms = 1;
            crate::service::records::orders::save(sql, &order)
        })
    };
    expires.await.expect("saved");
    assert_eq!(
        shop.refused(&path, "e", tap(BIN, 1_000)).await,
        (409, "3012".to_owned())
    );
    // An issuer that is gone was not asked, and the same request may be sent again.
    let other = shop.order("B").await;
    counter.host.abort();
    let routes = &shop.office.gateway.card_routes;
    until("the end", async || {
        routes.link("bankb").is_some_and(|link| !link.status().is_signed_on)
    })
    .await;
    let gone = counter.pay(&other, "g", tap(BIN, 1_000)).await;
    assert_eq!((gone.0, &gone.1["code"]), (503, &json!("2009")), "{}", gone.1);
    assert_eq!(shop.state(&other).await["attempts"], json!([]));
    assert_eq!(counter.issuer.count(Operation::Purchase), 0);
}

#[actix_web::test]
async fn a_payment_without_an_answer_is_reversed_also_after_a_restart() {
    let counter = counter().await;
    let order = counter.shop.order("A").await;
    counter.issuer.will(None);
    let (status, answer) = counter.pay(&order, "k", tap(BIN, 1_000)).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("unknown")), "{answer}");
    assert_eq!(counter.reversals().await, 1);
    let busy = counter.pay(&order, "k2", tap(BIN, 1_000)).await;
    assert_eq!((busy.0, &busy.1["code"]), (409, &json!("3021")));
    // The process dies, and the one after it reaches the issuer elsewhere.
    counter.host.abort();
    let next = Arc::new(Issuer::default());
    next.will(Some(Outcome::Approved));
    let (address, _host) = listening(&next).await;
    let gateway = &counter.shop.office.gateway;
    let route = CardRoute {
        address,
        ..gateway.config.card_routing.routes[0].clone()
    };
    let routes = CardRoutes::new(&[route], &gateway.store, None);
    routes.start().expect("no keys");
    until("the reversal's end", async || counter.reversals().await == 0).await;
    let purchase = counter.issuer.seen.lock().expect("no panic")[0].1.clone();
    let seen = next.seen.lock().expect("no panic").remove(0);
    assert_eq!(
        (seen.0, field(&seen.1, 11)),
        (Operation::Reversal, field(&purchase, 11))
    );
    let original = crate::acquiring::host::elements_of(&purchase).to_field();
    assert_eq!(field(&seen.1, 90), original);
    assert!(!seen.1.has(2) && !seen.1.has(35) && !seen.1.has(55));
    assert_nothing_of(&counter.shop, &digits(BIN)).await;
    // The issuer may have paid, and taken it back, in blocks that are not booked yet: another payment would come second.
    let early = counter.pay(&order, "k3", tap(BIN, 1_000)).await;
    assert_eq!((early.0, &early.1["code"]), (409, &json!("3021")));
    counter.follow_until(gateway.now_ms() + 2_000).await;
    // Its issuer would be asked, if it were there.
    let late = counter.pay(&order, "k4", tap(BIN, 1_000)).await;
    assert_eq!((late.0, &late.1["code"]), (503, &json!("2009")), "{}", late.1);
}

#[actix_web::test]
async fn a_payment_that_its_issuer_takes_back_leaves_the_order_reversed() {
    let counter = counter().await;
    let shop = &counter.shop;
    let order = shop.order("A").await;
    let gateway = &shop.office.gateway;
    let taken = |order: &str| crate::bookkeeping::Entry {
        account: gateway.account_of(gateway.us()),
        currency: code("EUR"),
        height: Height(8),
        index: 0,
        part: 0,
        time_ms: TimeMs(gateway.now_ms()),
        direction: Direction::Debit,
        amount: Amount(1_000),
        kind: Kind::Collection,
        counterparty: Some(gateway.account_of(ParticipantId::new("BANKB").expect("an id"))),
        transaction: Some(TxId([8; 32])),
        contract: None,
        memo: crate::service::orders::memo(order)
            .replace("order", "reversal")
            .parse()
            .expect("a memo"),
    };
    counter.issuer.will(None);
    let (_, answer) = counter.pay(&order, "k", tap(BIN, 1_000)).await;
    assert_eq!(answer["outcome"], json!("unknown"));
    shop.pay(&order).await;
    assert_eq!(shop.state(&order).await["state"], json!("paid"));
    // A transfer with such a memo, or a part, takes nothing back.
    let now = gateway.now_ms();
    let mut other = taken(&order);
    other.kind = Kind::Transfer;
    assert!(!shop.book(vec![other], now).await);
    assert!(
        shop.book(
            vec![crate::bookkeeping::Entry {
                height: Height(9),
                ..taken(&order)
            }],
            now
        )
        .await
    );
    let reversed = shop.state(&order).await;
    assert_eq!(reversed["state"], json!("reversed"), "{reversed}");
    assert!(shop.events().await.contains(&"order.reversed".to_owned()));
    let refused = shop
        .refused(&format!("/v1/orders/{order}/refunds"), "r", json!({}))
        .await;
    assert_eq!(refused, (409, "3012".to_owned()));
    // An order that was paid by a wallet is not taken back by anybody.
    let by_wallet = shop.order("B").await;
    let mut sent = shop.sent(&by_wallet, 1_000);
    sent.height = Height(10);
    assert!(shop.book(vec![sent], now).await);
    let mut taken = taken(&by_wallet);
    taken.height = Height(11);
    assert!(!shop.book(vec![taken], now).await);
    assert_eq!(shop.state(&by_wallet).await["state"], json!("paid"));
}
