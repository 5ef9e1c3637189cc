//! Merchants and their orders, paid by entries as the follower books them.

mod codes;

use causeway_contracts::{
    block::{Height, TimeMs},
    identity::{AccountId, ParticipantId},
    money::{Amount, Currency},
    transaction::{TxId, UnixSeconds},
};
use causeway_wallet::codes::Purpose;
use serde_json::json;
use sha2::Digest;

use super::*;
use crate::{
    bookkeeping::{Direction, Entry, HoldNews, Kind},
    service::{
        engine::paybacks,
        orders::{booked, expire_all, is_any_overdue, memo, named, walk_in},
        records::{
            events::is_kind,
            jobs,
            merchants::{self, Merchant, MerchantBody, MerchantStore, StoreBody},
            orders as stored_orders,
        },
    },
    store::StoreError,
};

const ACQUIRING: &str = "[acquiring]\n";

/// A merchant, a store and an order of it, without asking for them.
pub async fn stored(gateway: &Arc<Gateway>, client: &str, unique: &str) -> (String, String, String) {
    let now_ms = gateway.now_ms();
    let merchant = Merchant {
        id: format!("mer_{unique:0>32}"),
        client: client.to_owned(),
        suspended: false,
        created_ms: now_ms,
        body: MerchantBody {
            name: "Noodles & Co".to_owned(),
            city: "Bangkok".to_owned(),
            country: "TH".to_owned(),
            post_code: None,
            category: "5812".to_owned(),
            acceptor: "0".repeat(15),
            account: None,
            settlement: None,
        },
    };
    let store = MerchantStore {
        id: format!("sto_{unique}"),
        client: client.to_owned(),
        merchant: merchant.id.clone(),
        created_ms: now_ms,
        body: StoreBody {
            name: "Main street".to_owned(),
            city: None,
        },
    };
    let order = crate::acquiring::order::Order {
        client: client.to_owned(),
        merchant: merchant.id.clone(),
        expires_ms: now_ms + 86_400_000,
        ..crate::acquiring::order::tests::order()
    };
    let ids = (merchant.id.clone(), store.id.clone(), order.id.clone());
    let write = gateway.store.write::<_, StoreError, _>(move |sql| {
        merchants::add(sql, &merchant)?;
        merchants::add_store(sql, &store)?;
        stored_orders::add(sql, &order, &[1; 32])?;
        Ok(())
    });
    write.await.expect("stored");
    ids
}

pub struct Shop {
    pub office: Office,
    pub token: String,
    pub merchant: String,
}

async fn shop() -> Shop {
    shop_with(ACQUIRING).await
}

/// Its gateway has more in its configuration.
pub async fn shop_with(more: &str) -> Shop {
    let office = office(more).await;
    let (_, token) = office.client(&Scope::ALL).await;
    let mut shop = Shop {
        office,
        token,
        merchant: String::new(),
    };
    let merchant = json!({ "name": "Noodles & Co", "city": "Bangkok", "country": "TH", "category": "5812" });
    let (status, made) = shop.post("/v1/merchants", "m", merchant).await;
    assert_eq!(status, 201, "{made}");
    shop.merchant = made["id"].as_str().expect("an id").to_owned();
    shop
}

pub fn code(text: &str) -> Currency {
    Currency::new(text).expect("a code")
}

pub fn eur(value: &str) -> Value {
    json!({ "value": value, "currency": "EUR" })
}

impl Shop {
    pub async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let app = self.office.app().await;
        answered(&app, Ask::new("POST", path).by(&self.token).once(key, body).request()).await
    }

    pub async fn refused(&self, path: &str, key: &str, body: Value) -> (u16, String) {
        let app = self.office.app().await;
        refused(&app, Ask::new("POST", path).by(&self.token).once(key, body).request()).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let app = self.office.app().await;
        let (status, found) = answered(&app, Ask::new("GET", path).by(&self.token).request()).await;
        assert_eq!(status, 200, "{path}: {found}");
        found
    }

    /// Of 10.00 EUR.
    pub async fn order(&self, reference: &str) -> String {
        let order = json!({ "merchant": self.merchant, "amount": eur("10.00"), "reference": reference });
        let (status, made) = self.post("/v1/orders", reference, order).await;
        assert_eq!((status, &made["state"]), (201, &json!("created")), "{made}");
        made["id"].as_str().expect("an id").to_owned()
    }

    pub async fn state(&self, order: &str) -> Value {
        self.get(&format!("/v1/orders/{order}")).await
    }

    /// As the follower does it with a block's entries. Whether there was news.
    pub async fn book(&self, entries: Vec<Entry>, time_ms: u64) -> bool {
        self.book_with(entries, Vec::new(), time_ms).await
    }

    /// The same, of a block that also says something of holds.
    pub async fn book_with(&self, entries: Vec<Entry>, holds: Vec<HoldNews>, time_ms: u64) -> bool {
        let gateway = Arc::clone(&self.office.gateway);
        let write = self.office.gateway.store.write::<_, StoreError, _>(move |sql| {
            crate::service::records::entries::add(sql, &entries)?;
            let entries = walk_in::with_orders(&gateway, sql, &entries)?;
            let has_news = booked(&gateway, sql, &entries, &holds)?;
            jobs::kick(sql, jobs::Kind::Follow, "follow", 0)?;
            let leased = jobs::claim(sql, jobs::Kind::Follow, "f", 1, 1)?;
            Ok((has_news, is_any_overdue(sql, time_ms)?, leased))
        });
        let (has_news, is_overdue, leased) = write.await.expect("booked");
        let all = expire_all(&self.office.gateway, &leased[0], time_ms);
        all.await.expect("expired");
        let release = move |sql: &mut dyn crate::store::Sql| jobs::release(sql, &leased[0], None);
        self.office
            .gateway
            .store
            .write::<_, StoreError, _>(release)
            .await
            .expect("released");
        has_news || is_overdue
    }

    /// Somebody sends so much for the order, in the block of now.
    pub fn sent(&self, order: &str, amount: u64) -> Entry {
        let gateway = &self.office.gateway;
        let payer = gateway.account_of(ParticipantId::new("BANKB").expect("an id"));
        Entry {
            account: gateway.account_of(gateway.us()),
            currency: code("EUR"),
            height: Height(7),
            index: 0,
            part: 0,
            time_ms: TimeMs(gateway.now_ms()),
            direction: Direction::Credit,
            amount: Amount(amount),
            kind: Kind::Transfer,
            counterparty: Some(payer),
            transaction: Some(TxId([9; 32])),
            contract: None,
            memo: memo(order),
        }
    }

    pub async fn pay(&self, order: &str) {
        let entry = self.sent(order, 1_000);
        let time_ms = entry.time_ms.0;
        assert!(self.book(vec![entry], time_ms).await);
    }

    /// As the job does it when its transaction is final.
    pub async fn ends(&self, payback: &str, how: Result<(TxId, Height), String>) {
        let (gateway, id) = (Arc::clone(&self.office.gateway), payback.to_owned());
        let write = self
            .office
            .gateway
            .store
            .write(move |sql| paybacks::ended(&gateway, sql, &id, how));
        write.await.expect("ended");
    }

    pub async fn jobs(&self) -> Vec<String> {
        let now_ms = self.office.gateway.now_ms();
        let read = self.office.gateway.store.write::<_, StoreError, _>(move |sql| {
            let due = jobs::claim(sql, jobs::Kind::Payback, "lease", 100, now_ms)?;
            Ok(due.into_iter().map(|leased| leased.id).collect())
        });
        read.await.expect("jobs")
    }

    pub async fn events(&self) -> Vec<String> {
        let page = self.get("/v1/events?limit=100").await;
        let told = page["data"].as_array().expect("a list");
        let told = told
            .iter()
            .map(|event| event["type"].as_str().expect("a type").to_owned());
        told.inspect(|kind| assert!(is_kind(kind), "{kind}")).collect()
    }
}

#[actix_web::test]
async fn a_merchant_has_stores_terminals_and_orders() {
    let shop = shop().await;
    let stores = format!("/v1/merchants/{}/stores", shop.merchant);
    let (status, store) = shop.post(&stores, "s", json!({ "name": "Main street" })).await;
    assert_eq!(status, 201);
    let terminals = format!("/v1/stores/{}/terminals", store["id"].as_str().expect("an id"));
    let (status, terminal) = shop.post(&terminals, "t", json!({ "label": "till 1" })).await;
    assert_eq!(
        (status, terminal["number"].as_str().map(str::len)),
        (201, Some(8)),
        "{terminal}"
    );
    let merchant = shop.get(&format!("/v1/merchants/{}", shop.merchant)).await;
    assert_eq!(
        (&merchant["state"], merchant["acceptor"].as_str().map(str::len)),
        (&json!("active"), Some(15))
    );
    for (list, one) in [
        (stores.as_str(), &store),
        (&terminals, &terminal),
        ("/v1/merchants", &merchant),
    ] {
        assert_eq!(shop.get(list).await["data"], json!([one]), "{list}");
    }
    let order = json!({
        "merchant": shop.merchant, "terminal": terminal["id"], "amount": eur("12.50"), "reference": "A 1",
        "description": "Two bowls", "expires_in": 60,
    });
    let (status, made) = shop.post("/v1/orders", "o", order.clone()).await;
    assert_eq!((status, &made["store"]), (201, &store["id"]), "{made}");
    let id = made["id"].as_str().expect("an id");
    assert_eq!(named(made["memo"].as_str().expect("a memo")).as_deref(), Some(id));
    assert_eq!(made["memo"].as_str().map(str::len), Some("order ".len() + 22));
    for query in [
        "",
        "?reference=A%201",
        "?state=created",
        &format!("?merchant={}", shop.merchant),
    ] {
        assert_eq!(
            shop.get(&format!("/v1/orders{query}")).await["data"],
            json!([made]),
            "{query}"
        );
    }
    for query in ["?reference=A", "?state=paid", "?merchant=mer_1"] {
        assert_eq!(
            shop.get(&format!("/v1/orders{query}")).await["data"],
            json!([]),
            "{query}"
        );
    }
    let code = made["code"].as_str().expect("a code");
    let operator = [shop.office.gateway.keys.operator_id()];
    let now = UnixSeconds(shop.office.gateway.now_ms() / 1_000);
    let scanned = causeway_wallet::codes::read(code, &operator, now)
        .expect("it is signed by the operator")
        .code;
    assert_eq!(Some(scanned.purpose.memo().as_str()), made["memo"].as_str());
    assert_eq!(Some(scanned.address.to_string().as_str()), made["pay_to"].as_str());
    assert!(matches!(scanned.purpose, Purpose::Order { amount, .. } if amount == "12.50"));
    // The same key is the same order; the same reference is not another.
    assert_eq!(shop.post("/v1/orders", "o", order.clone()).await, (201, made.clone()));
    assert_eq!(shop.refused("/v1/orders", "p", order).await, (409, "3015".to_owned()));
    assert_eq!(shop.events().await, ["order.created"]);
}

#[actix_web::test]
async fn orders_that_are_not_well_made_have_a_code_each() {
    let shop = shop().await;
    let with = |change: &str, value: Value| {
        let mut order = json!({ "merchant": shop.merchant, "amount": eur("1.00") });
        order[change] = value;
        order
    };
    let rows = [
        (with("merchant", json!("mer_1")), 422, "5004"),
        (with("amount", eur("0.00")), 422, "1017"),
        (with("amount", eur("1.001")), 422, "1017"),
        (with("amount", json!({ "value": "1", "currency": "XXX" })), 422, "1016"),
        (with("store", json!("sto_1")), 400, "1004"),
        (with("terminal", json!("ter_1")), 400, "1004"),
        (with("expires_in", json!(29)), 400, "1004"),
        (with("expires_in", json!(86_401)), 400, "1004"),
        (with("expires_in", json!(-1)), 400, "1001"),
        (with("reference", json!("")), 400, "1004"),
        (with("description", json!("x".repeat(141))), 400, "1004"),
        (with("more", json!(1)), 400, "1001"),
    ];
    for (at, (order, status, code)) in rows.into_iter().enumerate() {
        let found = shop.refused("/v1/orders", &format!("k{at}"), order.clone()).await;
        assert_eq!(found, (status, code.to_owned()), "{order}");
    }
    let merchant = |change: &str, value: Value| {
        let mut merchant = json!({ "name": "Shop", "city": "Bangkok", "country": "TH", "category": "5812" });
        merchant[change] = value;
        merchant
    };
    let rows = [
        ("name", json!("x".repeat(26))),
        ("name", json!("Café")),
        ("city", json!("")),
        ("country", json!("ZZ")),
        ("category", json!("58a2")),
        ("account", json!("acc_1")),
    ];
    for (at, (change, value)) in rows.into_iter().enumerate() {
        let found = shop
            .refused("/v1/merchants", &format!("m{at}"), merchant(change, value))
            .await;
        assert_eq!(found, (400, "1004".to_owned()), "{change}");
    }
    let office = office("").await;
    let app = office.app().await;
    let (_, token) = office.client(&Scope::ALL).await;
    let ask = |path| Ask::new("POST", path).by(&token).once("k", json!({}));
    for path in ["/v1/merchants", "/v1/orders"] {
        let request = ask(path).request().set_json(merchant("name", json!("Shop")));
        let (status, code) = refused(&app, request).await;
        assert!(
            status == 501 && code == "2007" || path == "/v1/orders" && code == "1001",
            "{path}: {status} {code}"
        );
    }
}

#[actix_web::test]
async fn an_order_is_paid_by_its_entry_and_refunded_in_parts() {
    let shop = shop().await;
    let order = shop.order("A-1").await;
    shop.pay(&order).await;
    let paid = shop.state(&order).await;
    assert_eq!(
        (&paid["state"], &paid["payment"]["amount"]),
        (&json!("paid"), &eur("10.00"))
    );
    let refunds = format!("/v1/orders/{order}/refunds");
    let ask = |amount: &str, reference: &str| json!({ "amount": eur(amount), "reference": reference });
    let (status, first) = shop.post(&refunds, "a", ask("4.00", "R-1")).await;
    assert_eq!((status, &first["state"]), (201, &json!("pending")), "{first}");
    // The merchant's reference says which refund is meant, whatever the key.
    assert_eq!(shop.post(&refunds, "b", ask("4.00", "R-1")).await, (201, first.clone()));
    assert_eq!(
        shop.refused(&refunds, "c", ask("5.00", "R-1")).await,
        (409, "3015".to_owned())
    );
    assert_eq!(
        shop.refused(&refunds, "d", ask("6.01", "R-2")).await,
        (409, "3014".to_owned())
    );
    let baht = json!({ "amount": { "value": "1.00", "currency": "THB" } });
    assert_eq!(shop.refused(&refunds, "e", baht).await, (400, "1004".to_owned()));
    let first = first["id"].as_str().expect("an id").to_owned();
    assert_eq!(shop.jobs().await, std::slice::from_ref(&first));
    shop.ends(&first, Ok((TxId([1; 32]), Height(8)))).await;
    // Again, after a crash: nothing more happens.
    shop.ends(&first, Ok((TxId([1; 32]), Height(8)))).await;
    let order_now = shop.state(&order).await;
    assert_eq!(
        (&order_now["state"], &order_now["refunded"]),
        (&json!("partially_refunded"), &eur("4.00"))
    );
    // One that fails leaves all that is left for the next.
    let (_, failing) = shop.post(&refunds, "f", json!({})).await;
    assert_eq!(failing["amount"], eur("6.00"));
    let failing = failing["id"].as_str().expect("an id").to_owned();
    shop.ends(&failing, Err("the ledger refuses it".to_owned())).await;
    let (_, last) = shop.post(&refunds, "g", json!({ "reason": "cold soup" })).await;
    shop.ends(last["id"].as_str().expect("an id"), Ok((TxId([2; 32]), Height(9))))
        .await;
    let order_now = shop.state(&order).await;
    assert_eq!(
        (&order_now["state"], &order_now["refunding"]),
        (&json!("refunded"), &eur("0.00"))
    );
    assert_eq!(order_now["refunds"].as_array().map(Vec::len), Some(3));
    let refused = shop.refused(&refunds, "h", json!({})).await;
    assert_eq!(refused, (409, "3012".to_owned()));
    let expected = [
        "order.created",
        "order.paid",
        "order.refund_requested",
        "order.partially_refunded",
        "order.refund_requested",
        "order.refund_failed",
        "order.refund_requested",
        "order.refunded",
    ];
    assert_eq!(shop.events().await, expected);
}

#[actix_web::test]
async fn money_that_a_payer_sends_pays_an_order_however_it_comes() {
    let shop = shop().await;
    for kind in [Kind::Transfer, Kind::Path, Kind::Split, Kind::Request, Kind::Spend] {
        let order = shop.order(&format!("{kind:?}")).await;
        let entry = Entry {
            kind,
            ..shop.sent(&order, 1_000)
        };
        assert!(shop.book(vec![entry.clone()], entry.time_ms.0).await);
        assert_eq!(shop.state(&order).await["state"], "paid", "{kind:?}");
    }
}

#[actix_web::test]
async fn what_does_not_count_is_sent_back() {
    let shop = shop().await;
    let order = shop.order("A-1").await;
    let now_ms = shop.office.gateway.now_ms();
    let at = |entry: Entry, index| Entry { index, ..entry };
    let wrong = at(shop.sent(&order, 999), 1);
    let dear = Entry {
        currency: code("THB"),
        ..at(shop.sent(&order, 1_000), 2)
    };
    let twice = [at(shop.sent(&order, 1_000), 3), at(shop.sent(&order, 1_000), 4)];
    let tx = |entry: Entry, byte| Entry {
        transaction: Some(TxId([byte; 32])),
        ..entry
    };
    let [first, second] = twice;
    let entries = vec![tx(wrong, 1), tx(dear, 2), tx(first, 3), tx(second, 4)];
    assert!(shop.book(entries.clone(), now_ms).await);
    let told = shop.state(&order).await;
    assert_eq!(told["state"], "paid");
    let mut reasons: Vec<_> = told["strays"].as_array().expect("a list").iter().collect();
    reasons.sort_by_key(|stray| stray["transaction"].as_str().map(str::to_owned));
    let reasons: Vec<_> = reasons
        .iter()
        .map(|stray| stray["reason"].as_str().expect("a reason"))
        .collect();
    assert_eq!(reasons, ["wrong_amount", "wrong_currency", "duplicate"]);
    let due = shop.jobs().await;
    assert_eq!(due.len(), 3);
    // The same entries, if they are ever booked again, send nothing back twice.
    shop.book(entries, now_ms).await;
    let again = shop.state(&order).await;
    assert_eq!(
        (&again["version"], &again["strays"]),
        (&told["version"], &told["strays"])
    );
    for (payback, how) in due.iter().zip([
        Ok((TxId([7; 32]), Height(9))),
        Err("closed".to_owned()),
        Err(String::new()),
    ]) {
        shop.ends(payback, how).await;
    }
    let told = shop.state(&order).await;
    assert_eq!((&told["state"], &told["refunded"]), (&json!("paid"), &eur("0.00")));
    let events = shop.events().await;
    let count = |kind: &str| events.iter().filter(|event| *event == kind).count();
    assert_eq!((count("order.stray_returned"), count("order.stray_failed")), (1, 2));
}

#[actix_web::test]
async fn strays_beyond_a_number_and_those_that_fail_wait_for_an_officer() {
    let shop = shop().await;
    let order = shop.order("A-1").await;
    let dust = |at: u32| Entry {
        index: at,
        transaction: Some(TxId([at as u8; 32])),
        ..shop.sent(&order, 1)
    };
    let entries: Vec<_> = (1..=25).map(dust).collect();
    let time_ms = entries[0].time_ms.0;
    assert!(shop.book(entries.clone(), time_ms).await);
    let told = shop.state(&order).await;
    let of = |state: &str| {
        let strays = told["strays"].as_array().expect("a list").iter();
        strays.filter(|stray| stray["state"] == state).count()
    };
    assert_eq!((of("pending"), of("kept")), (20, 5));
    let events = shop.events().await;
    assert_eq!(
        events.iter().filter(|event| *event == "order.stray_received").count(),
        20
    );
    let due = shop.jobs().await;
    assert_eq!(due.len(), 20);
    shop.ends(&due[0], Err("the account is frozen".to_owned())).await;
    let kept = shop.get("/v1/strays?state=kept&limit=3").await;
    assert_eq!(
        (kept["data"].as_array().map(Vec::len), kept["has_more"].as_bool()),
        (Some(3), Some(true))
    );
    let failed = shop.get("/v1/strays?state=failed").await;
    assert_eq!(failed["data"][0]["problem"], "the account is frozen");
    let now = [kept["data"][0]["id"].as_str(), failed["data"][0]["id"].as_str()];
    for id in now.map(|id| id.expect("an id")) {
        let path = format!("/v1/strays/{id}/return");
        // Also when it is asked again.
        for key in ["a", "b"] {
            let (status, stray) = shop.post(&path, &format!("{id}{key}"), json!({})).await;
            assert_eq!((status, &stray["state"]), (200, &json!("pending")), "{stray}");
            assert_eq!(stray.get("problem"), None);
        }
        let job = id.to_owned();
        let read = shop.office.gateway.store.read::<_, StoreError, _>(move |sql| {
            let row = sql.query_one("SELECT kicks FROM jobs WHERE id = $1", &[(&job).into()])?;
            row.map(|row| row.int(0)).transpose()
        });
        let was_tried = i64::from(id == due[0]);
        assert_eq!(read.await.expect("read"), Some(was_tried), "its job is due, once");
        shop.ends(id, Ok((TxId([7; 32]), Height(9)))).await;
        assert_eq!(
            shop.post(&path, &format!("{id}c"), json!({})).await.1["state"],
            "settled"
        );
    }
    let refunds = format!("/v1/orders/{order}/refunds");
    shop.pay(&order).await;
    let (_, refund) = shop.post(&refunds, "r", json!({})).await;
    let path = format!("/v1/strays/{}/return", refund["id"].as_str().expect("an id"));
    assert_eq!(shop.refused(&path, "s", json!({})).await, (404, "1014".to_owned()));
}

#[actix_web::test]
async fn an_order_in_a_currency_that_is_newer_than_this_gateways_start_is_shown_and_refunded() {
    let shop = shop().await;
    let order = shop.order("A-1").await;
    let id = order.clone();
    let write = shop.office.gateway.store.write::<_, StoreError, _>(move |sql| {
        let mut order = stored_orders::any(sql, &id)?.expect("it is there");
        (order.currency, order.exponent) = (code("NEW"), 3);
        stored_orders::save(sql, &order)
    });
    write.await.expect("stored");
    let entry = Entry {
        currency: code("NEW"),
        ..shop.sent(&order, 1_000)
    };
    assert!(shop.book(vec![entry.clone()], entry.time_ms.0).await);
    let dust = Entry {
        currency: code("DUST"),
        index: 1,
        ..entry.clone()
    };
    assert!(shop.book(vec![dust], entry.time_ms.0).await);
    let new = |value: &str| json!({ "value": value, "currency": "NEW" });
    let paid = shop.state(&order).await;
    assert_eq!(
        (&paid["state"], &paid["payment"]["amount"]),
        (&json!("paid"), &new("1.000"))
    );
    assert_eq!(paid["strays"][0].get("amount"), None);
    let refunds = format!("/v1/orders/{order}/refunds");
    let (status, refund) = shop.post(&refunds, "r", json!({ "amount": new("0.001") })).await;
    assert_eq!((status, &refund["amount"]), (201, &new("0.001")), "{refund}");
    let left = shop.post(&refunds, "s", json!({ "amount": new("1.000") })).await.1;
    assert_eq!(left["details"]["left"], new("0.999"), "{left}");
    let path = paid["checkout_url"]
        .as_str()
        .and_then(|url| url.strip_prefix("https://gateway.example"));
    let app = shop.office.app().await;
    let page = test::call_service(
        &app,
        Ask::new("GET", path.expect("of this gateway")).request().to_request(),
    )
    .await;
    assert_eq!(page.status(), 200);
}

#[actix_web::test]
async fn all_orders_that_are_overdue_expire_with_one_block() {
    let shop = shop().await;
    let order = shop.order("A-1").await;
    let write = shop.office.gateway.store.write::<_, StoreError, _>(move |sql| {
        let order = stored_orders::any(sql, &order)?.expect("it is there");
        for at in 0..250_u8 {
            let more = crate::acquiring::order::Order {
                id: format!("ord_{at:032x}"),
                reference: None,
                ..order.clone()
            };
            assert!(stored_orders::add(sql, &more, &[at; 32])?);
        }
        Ok(())
    });
    write.await.expect("stored");
    let ends_ms = shop.office.gateway.now_ms() + 1_000_000;
    assert!(shop.book(Vec::new(), ends_ms).await);
    assert_eq!(shop.get("/v1/orders?state=created").await["data"], json!([]));
    assert!(!shop.book(Vec::new(), ends_ms).await);
}

#[actix_web::test]
async fn orders_are_cancelled_expire_and_are_not_paid_by_others_money() {
    let shop = shop().await;
    let [cancelled, expired, open] = [shop.order("A").await, shop.order("B").await, shop.order("C").await];
    let cancel = format!("/v1/orders/{cancelled}/cancel");
    let (status, told) = shop.post(&cancel, "x", json!({})).await;
    assert_eq!((status, &told["state"]), (200, &json!("cancelled")));
    shop.pay(&cancelled).await;
    assert_eq!(shop.state(&cancelled).await["strays"][0]["reason"], "late");
    // Money that leaves, that comes to another account, that a contract brings, or that names no order here.
    let good = shop.sent(&open, 1_000);
    let other = AccountId::of_participant(
        shop.office.gateway.genesis(),
        ParticipantId::new("BANKC").expect("an id"),
    );
    let by = |kind| Entry { kind, ..good.clone() };
    let rows = [
        Entry {
            direction: Direction::Debit,
            ..good.clone()
        },
        Entry {
            account: other,
            ..good.clone()
        },
        by(Kind::HoldPosted),
        by(Kind::Escrow),
        by(Kind::Collection),
        by(Kind::Exchange),
        by(Kind::Issue),
        by(Kind::Fee),
        Entry {
            memo: memo("ord_00000000000000000000000000000001"),
            ..good.clone()
        },
        Entry {
            memo: crate::service::orders::return_memo(&open),
            ..good.clone()
        },
    ];
    assert!(!shop.book(rows.to_vec(), good.time_ms.0).await);
    assert_eq!(shop.state(&open).await["version"], 1);
    // Time passes by blocks alone.
    let ends_ms = good.time_ms.0 + 900_000;
    assert!(!shop.book(Vec::new(), ends_ms - 10_000).await);
    let suspend = format!("/v1/merchants/{}/suspend", shop.merchant);
    assert!(shop.state(&open).await["code"].is_string());
    assert_eq!(shop.post(&suspend, "y", json!({})).await.1["state"], "suspended");
    assert_eq!(shop.state(&open).await.get("code"), None, "nobody is to pay it");
    let order = json!({ "merchant": shop.merchant, "amount": eur("1.00") });
    assert_eq!(
        shop.refused("/v1/orders", "z", order.clone()).await,
        (409, "3013".to_owned())
    );
    shop.pay(&open).await;
    assert_eq!(shop.state(&open).await["strays"][0]["reason"], "merchant_suspended");
    assert!(shop.book(Vec::new(), ends_ms + 10_000).await);
    for order in [&expired, &open] {
        assert_eq!(shop.state(order).await["state"], "expired");
        let cancel = format!("/v1/orders/{order}/cancel");
        assert_eq!(shop.refused(&cancel, "w", json!({})).await, (409, "3012".to_owned()));
    }
    let resume = format!("/v1/merchants/{}/resume", shop.merchant);
    assert_eq!(shop.post(&resume, "y", json!({})).await.1["state"], "active");
    assert_eq!(shop.post("/v1/orders", "zz", order).await.0, 201);
}

#[actix_web::test]
async fn the_checkout_page_shows_an_order_and_nothing_of_it_is_markup() {
    let shop = shop().await;
    let order = json!({
        "merchant": shop.merchant, "amount": eur("10.00"), "description": "<script>alert(1)</script>", "reference": "<b>",
    });
    let (_, made) = shop.post("/v1/orders", "o", order).await;
    let id = made["id"].as_str().expect("an id");
    let url = made["checkout_url"].as_str().expect("an address");
    let path = url
        .strip_prefix("https://gateway.example")
        .expect("of this gateway")
        .to_owned();
    let app = shop.office.app().await;
    let page = async |path: &str| {
        let response = test::call_service(&app, Ask::new("GET", path).request().to_request()).await;
        let policy = response.headers().get("content-security-policy");
        let policy = policy.map(|policy| policy.to_str().expect("a text").to_owned());
        let status = response.status().as_u16();
        let body = test::read_body(response).await;
        (
            status,
            policy.unwrap_or_default(),
            String::from_utf8(body.to_vec()).expect("a text"),
        )
    };
    let (status, policy, html) = page(&path).await;
    assert_eq!(status, 200);
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .expect("a nonce");
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    assert!(html.contains(&format!("<script nonce=\"{nonce}\">")) && !policy.contains("script-src 'unsafe"));
    for text in [
        "Noodles &amp; Co",
        "10.00 EUR",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;b&gt;",
        "http-equiv",
    ] {
        assert!(html.contains(text), "{text}: {html}");
    }
    assert!(html.contains(made["memo"].as_str().expect("a memo")) && html.contains("Waiting for the payment"));
    assert_ne!(page(&path).await.1, policy, "a nonce is used once");
    assert_eq!(
        refused(&app, Ask::new("GET", &format!("{path}/receipt")).request()).await,
        (404, "1014".to_owned())
    );
    shop.pay(id).await;
    let (_, _, html) = page(&path).await;
    assert!(
        html.contains(">Paid<") && html.contains("/receipt\"") && !html.contains("http-equiv"),
        "{html}"
    );
    assert!(!html.contains("Pay with your wallet"));
    // Its proof is the network's to give, which nobody can reach.
    let receipt = refused(&app, Ask::new("GET", &format!("{path}/receipt")).request()).await;
    assert_eq!(receipt, (503, "2003".to_owned()));
    assert_eq!(page("/checkout/AAAAAAAAAAAAAAAAAAAAAA").await.0, 404);
    assert_eq!(page("/checkout/1").await.0, 404);
    // An open page is told once, since nothing changes any more.
    let (status, _, told) = page(&format!("{path}/events")).await;
    assert_eq!(
        (status, told.as_str()),
        (200, "event: order\ndata: {\"state\":\"paid\",\"version\":2}\n\n")
    );
}

#[actix_web::test]
async fn so_many_pages_are_told_of_changes_and_no_more() {
    let office = office("[acquiring]\nstreams = 1\n").await;
    let (client, _) = office.client(&[Scope::OrdersRead]).await;
    let (_, _, order) = stored(&office.gateway, &client, "01").await;
    let hash: [u8; 32] = sha2::Sha256::digest(office.gateway.keys.checkout(&order)).into();
    let write = office.gateway.store.write::<_, StoreError, _>(move |sql| {
        sql.execute("UPDATE orders SET checkout = $1", &[hash.as_slice().into()])
    });
    write.await.expect("written");
    let path = format!(
        "{}/events",
        crate::service::orders::views::checkout_path(&office.gateway, &order)
    );
    let app = office.app().await;
    let ask = || Ask::new("GET", &path).request().to_request();
    let first = test::call_service(&app, ask()).await;
    assert_eq!(first.status(), 200);
    assert_eq!(test::call_service(&app, ask()).await.status(), 503);
    drop(first);
    assert_eq!(test::call_service(&app, ask()).await.status(), 200);
}
