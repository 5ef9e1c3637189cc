//! Settlements of merchants: made of what the follower books, paid by a ledger that these tests play, and killed between.

mod kills;

use causeway_contracts::{
    block::Height,
    ledger::rejection::Rejection,
    money::{Amount, Currency},
    settlement::Part,
    transaction::{Action, SignedTransaction, TxId},
};
use causeway_wallet::client::Delivery;
use serde_json::json;

use super::{
    orders::{Shop, eur, shop_with},
    *,
};
use crate::{
    acquiring::{
        order::tests::account,
        settlement::{Agreement, DAY_MS, Kind, Movement, Schedule},
    },
    iso20022::{
        inspection::{SchemaVerdict, inspect},
        rules::RuleYear,
        schema::folder::Schemas,
    },
    maker::pricing::BasisPoints,
    service::{
        engine::settlements::{Sent, pay},
        records::{
            jobs::{self, Leased},
            merchants::{self, Merchant},
            movements,
        },
        settlements::{Closed, close},
    },
    store::{Sql, StoreError},
};

const ACQUIRING: &str = "bic = \"BANKDEFFXXX\"\n[acquiring]\n";

/// A settlement of the merchant's, without asking for it.
pub async fn stored(gateway: &Arc<Gateway>, client: &str, merchant: &str) -> String {
    let (shared, client, id) = (Arc::clone(gateway), client.to_owned(), merchant.to_owned());
    let write = gateway.store.write::<_, StoreError, _>(move |sql| {
        let merchant = merchants::find(sql, &client, &id)?.expect("a merchant");
        let euro = Currency::new("EUR").expect("a code");
        settled(&shared, sql, merchant, (Amount(1_000), euro), Amount::ZERO)
    });
    write.await.expect("stored")
}

/// That of one capture, by terms with this fixed fee; gives its id.
pub fn settled(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    mut merchant: Merchant,
    (amount, currency): (Amount, Currency),
    fee: Amount,
) -> Result<String, StoreError> {
    let part = Part {
        to: account("BANKC"),
        basis_points: 10_000,
    };
    let fixed = [(currency, fee)].into();
    let terms = Agreement::new(Schedule::T1, fixed, BasisPoints::NONE, vec![part]);
    merchant.body.settlement = Some(terms.expect("terms"));
    merchants::save(sql, &merchant)?;
    let movement = Movement {
        kind: Kind::Capture,
        order: "ord_1".to_owned(),
        reference: String::new(),
        at_ms: 0,
        amount,
        transaction: TxId([1; 32]).to_string(),
    };
    movements::add(sql, "ord_1", &merchant.id, currency, &movement)?;
    Ok(close(gateway, sql, &merchant.id, None)?.made.remove(0).id)
}

impl Shop {
    pub fn address(&self, participant: &str) -> String {
        let id = causeway_contracts::identity::ParticipantId::new(participant).expect("an id");
        let gateway = &self.office.gateway;
        gateway.address(gateway.account_of(id)).to_string()
    }

    /// Two tenths of 9,000, and the rest.
    fn terms(&self, schedule: &str) -> Value {
        json!({ "settlement": {
            "schedule": schedule,
            "payout_account": self.address("BANKC"),
            "fee": { "fixed": [eur("0.10")], "bp": 150 },
            "splits": [{ "account": self.address("BANKD"), "bp": 1_000 }],
        } })
    }

    pub async fn put(&self, body: Value) -> (u16, Value) {
        let app = self.office.app().await;
        let path = format!("/v1/merchants/{}/terms", self.merchant);
        answered(&app, Ask::new("PUT", &path).by(&self.token).request().set_json(body)).await
    }

    pub async fn settle_now(&self, key: &str) -> Value {
        let path = format!("/v1/merchants/{}/settle", self.merchant);
        let (status, made) = self.post(&path, key, json!({})).await;
        assert_eq!(status, 200, "{made}");
        made["data"].clone()
    }

    /// As the merchant's job does it.
    async fn close(&self, over_ms: u64) -> Closed {
        let (gateway, merchant) = (Arc::clone(&self.office.gateway), self.merchant.clone());
        let write = self
            .office
            .gateway
            .store
            .write::<_, StoreError, _>(move |sql| close(&gateway, sql, &merchant, Some(over_ms)));
        write.await.expect("closed")
    }

    /// Jobs of settlements that are due, also those whose gateway has died.
    async fn leased(&self) -> Vec<Leased> {
        let now_ms = self.office.gateway.now_ms();
        let write = self.office.gateway.store.write::<_, StoreError, _>(move |sql| {
            sql.execute(
                "UPDATE jobs SET lease_until_ms = 0, due_ms = 0 WHERE id LIKE 'stl_%'",
                &[],
            )?;
            let due = jobs::claim(sql, jobs::Kind::Settlement, "lease", 100, now_ms)?;
            Ok(due.into_iter().filter(|leased| leased.id.starts_with("stl_")).collect())
        });
        write.await.expect("jobs")
    }

    /// Whatever the ledger says of each settlement that is not paid yet. What was sent.
    async fn pay_all(&self, says: Sent) -> Vec<SignedTransaction> {
        let mut sent = Vec::new();
        for leased in self.leased().await {
            let mut all = Vec::new();
            let send = |signed: SignedTransaction, _: Delivery| {
                all.push(signed);
                async move { says }
            };
            pay(Arc::clone(&self.office.gateway), leased, send).await.expect("done");
            sent.extend(all);
        }
        sent
    }

    async fn text(&self, path: &str) -> String {
        let app = self.office.app().await;
        let request = Ask::new("GET", path).by(&self.token).request().to_request();
        let response = test::call_service(&app, request).await;
        assert_eq!(response.status(), 200, "{path}");
        String::from_utf8(test::read_body(response).await.to_vec()).expect("a text")
    }
}

fn applied() -> Sent {
    Sent::Applied {
        height: Height(11),
        time_ms: 1_800_000_000_000,
    }
}

/// Who gets how much, in minor units.
fn transfers(signed: &SignedTransaction) -> Vec<u64> {
    let amount = |action: &Action| match action {
        Action::Transfer { amount, .. } => amount.0,
        other => panic!("{other:?}"),
    };
    signed.transaction.actions.iter().map(amount).collect()
}

#[actix_web::test]
async fn a_day_is_settled_when_it_is_over_with_its_fees_refunds_and_splits() {
    let shop = shop_with(ACQUIRING).await;
    assert_eq!(shop.put(shop.terms("t1")).await.0, 200);
    let [first, second] = [shop.order("A-1").await, shop.order("=A-2").await];
    shop.pay(&first).await;
    shop.pay(&second).await;
    let (_, refund) = shop
        .post(
            &format!("/v1/orders/{first}/refunds"),
            "r",
            json!({ "amount": eur("4.00"), "reference": "R" }),
        )
        .await;
    shop.ends(refund["id"].as_str().expect("an id"), Ok((TxId([7; 32]), Height(8))))
        .await;
    let now_ms = shop.office.gateway.now_ms();
    let closed = shop.close(now_ms).await;
    assert!(
        closed.made.is_empty() && closed.next_ms > Some(now_ms),
        "the day is not over"
    );
    let closed = shop.close(now_ms + DAY_MS).await;
    assert_eq!((closed.made.len(), closed.more), (1, false));
    assert!(shop.close(now_ms + DAY_MS).await.made.is_empty(), "once");
    let sent = shop.pay_all(applied()).await;
    // 20.00, less 0.10 and 0.15 twice, less 4.00: 15.50, of which a tenth is the other's.
    assert_eq!(sent.iter().map(transfers).collect::<Vec<_>>(), [[1_395, 155]]);
    let id = &closed.made[0].id;
    assert_eq!(sent[0].transaction.memo.to_string(), format!("settlement {id}"));
    let told = shop.get(&format!("/v1/settlements/{id}")).await;
    assert_eq!(
        (&told["state"], &told["movements"], &told["number"]),
        (&json!("paid"), &json!(3), &json!(1))
    );
    assert_eq!(
        (&told["captured"], &told["fees"], &told["refunded"]),
        (&eur("20.00"), &eur("0.50"), &eur("4.00"))
    );
    assert_eq!((&told["paid"], &told["carried_forward"]), (&eur("15.50"), &eur("0.00")));
    assert_eq!(told["transaction"], json!(sent[0].id().to_string()));
    let date = told["date"].as_str().expect("a date");
    for (query, count) in [
        (String::new(), 1),
        (format!("?merchant={}&date={date}", shop.merchant), 1),
        ("?date=1970-01-01".to_owned(), 0),
        ("?merchant=mer_1".to_owned(), 0),
    ] {
        let page = shop.get(&format!("/v1/settlements{query}")).await;
        assert_eq!(page["data"].as_array().map(Vec::len), Some(count), "{query}");
    }
    assert_eq!(shop.events().await.last().map(String::as_str), Some("settlement.paid"));
    let file = shop.text(&format!("/v1/settlements/{id}/file.csv")).await;
    assert_eq!(file.lines().count(), 1 + 3 + 2, "{file}");
    assert!(
        file.contains(",'=A-2,") && file.contains(&format!("-13.95,{}", sent[0].id())),
        "{file}"
    );
    assert_eq!(shop.text(&format!("/v1/settlements/{id}/file.csv")).await, file);
    camt053(&shop, id).await;
}

/// By ISO's schemas, where they are; and by the rules of CBPR+.
async fn camt053(shop: &Shop, id: &str) {
    let text = shop.text(&format!("/v1/settlements/{id}/camt053")).await;
    let folder = std::env::var_os("CAUSEWAY_ISO20022_SCHEMAS");
    let mut schemas = folder.map(|folder| Schemas::open(std::path::Path::new(&folder)).expect("a folder of schemas"));
    let found = inspect(text.as_bytes(), RuleYear::Y2025, schemas.as_mut()).expect("the schemas are usable");
    assert!(found.valid, "{:#?}\n{text}", found.reasons);
    if schemas.is_some() {
        assert_eq!(found.schema, SchemaVerdict::Valid, "{text}");
    }
    for part in [
        "<Amt Ccy=\"EUR\">13.95</Amt>",
        "<TtlDbtNtries><NbOfNtries>4</NbOfNtries><Sum>20.00</Sum>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[actix_web::test]
async fn each_capture_is_settled_at_once_and_what_goes_back_is_netted_with_the_next() {
    let shop = shop_with(ACQUIRING).await;
    assert_eq!(shop.put(shop.terms("t0")).await.0, 200);
    let first = shop.order("A-1").await;
    shop.pay(&first).await;
    assert_eq!(shop.close(0).await.made.len(), 1);
    let sent = shop.pay_all(applied()).await;
    assert_eq!(sent.iter().map(transfers).collect::<Vec<_>>(), [[878, 97]]);
    let (_, refund) = shop.post(&format!("/v1/orders/{first}/refunds"), "r", json!({})).await;
    shop.ends(refund["id"].as_str().expect("an id"), Ok((TxId([7; 32]), Height(8))))
        .await;
    assert!(shop.close(0).await.made.is_empty(), "a refund waits for a capture");
    for (reference, brought, paid) in [("A-2", "0.00", "0.00"), ("A-3", "0.25", "9.50")] {
        let order = shop.order(reference).await;
        shop.pay(&order).await;
        let made = shop.settle_now(reference).await;
        assert_eq!(
            (&made[0]["brought_forward"], &made[0]["paid"]),
            (&eur(brought), &eur(paid)),
            "{made}"
        );
    }
    let sent = shop.pay_all(applied()).await;
    assert_eq!(sent.iter().map(transfers).collect::<Vec<_>>(), [[855, 95]]);
}

#[actix_web::test]
async fn without_terms_money_stays_until_there_are_some() {
    let shop = shop_with(ACQUIRING).await;
    let order = shop.order("A-1").await;
    shop.pay(&order).await;
    let settle = format!("/v1/merchants/{}/settle", shop.merchant);
    assert_eq!(shop.refused(&settle, "a", json!({})).await, (409, "3018".to_owned()));
    assert!(shop.close(u64::MAX / 4).await.made.is_empty());
    let (status, merchant) = shop.put(shop.terms("t1")).await;
    assert_eq!(
        (status, &merchant["settlement"]),
        (200, &shop.terms("t1")["settlement"]),
        "{merchant}"
    );
    assert_eq!(shop.settle_now("b").await.as_array().map(Vec::len), Some(1));
    assert_eq!(shop.settle_now("c").await, json!([]), "each movement once");
    // Without terms again.
    let (_, merchant) = shop.put(json!({})).await;
    assert_eq!(merchant.get("settlement"), None);
    assert_eq!(shop.refused(&settle, "d", json!({})).await, (409, "3018".to_owned()));
}

/// Whoever writes terms after a settlement was made does not get its money.
#[actix_web::test]
async fn a_settlement_is_paid_to_whom_the_terms_named_when_it_was_made() {
    let shop = shop_with(ACQUIRING).await;
    shop.put(shop.terms("t1")).await;
    let order = shop.order("A-1").await;
    shop.pay(&order).await;
    let made = shop.settle_now("a").await;
    let mut terms = shop.terms("t1");
    terms["settlement"]["payout_account"] = json!(shop.address("BANKD"));
    terms["settlement"]["splits"] = json!([]);
    assert_eq!(shop.put(terms).await.0, 200);
    let sent = shop.pay_all(Sent::Refused(Rejection::AccountNotActive)).await;
    let again = shop.pay_all(applied()).await;
    for signed in [&sent[0], &again[0]] {
        assert_eq!(transfers(signed), [878, 97]);
    }
    let told = shop
        .get(&format!("/v1/settlements/{}", made[0]["id"].as_str().expect("an id")))
        .await;
    assert_eq!(
        (&told["payouts"], told.get("redirected_at")),
        (&made[0]["payouts"], None)
    );
}

#[actix_web::test]
async fn a_payout_that_is_refused_goes_elsewhere_if_an_officer_says_so() {
    let shop = shop_with(ACQUIRING).await;
    shop.put(shop.terms("t1")).await;
    let order = shop.order("A-1").await;
    shop.pay(&order).await;
    let made = shop.settle_now("a").await;
    let path = format!("/v1/settlements/{}", made[0]["id"].as_str().expect("an id"));
    let redirect = format!("{path}/redirect");
    let other_state = (409, "3024".to_owned());
    assert_eq!(
        shop.refused(&redirect, "r1", json!({})).await,
        other_state,
        "not refused"
    );
    let refused = shop.pay_all(Sent::Refused(Rejection::AccountNotActive)).await;
    let told = shop.get(&path).await;
    assert_eq!(told["state"], "pending");
    let problem = told["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("refuses"), "{told}");
    assert_eq!(shop.put(json!({})).await.0, 200);
    assert_eq!(shop.refused(&redirect, "r2", json!({})).await, (409, "3018".to_owned()));
    let mut terms = shop.terms("t1");
    terms["settlement"]["splits"] = json!([]);
    assert_eq!(shop.put(terms).await.0, 200);
    // What was sent is sent again as long as its end is not known, and goes nowhere else meanwhile.
    let unknown = shop.pay_all(Sent::Unknown).await;
    assert_ne!(refused[0].id(), unknown[0].id());
    assert_eq!(shop.refused(&redirect, "r3", json!({})).await, other_state, "under way");
    let known = shop.pay_all(Sent::Refused(Rejection::AccountNotActive)).await;
    assert_eq!(unknown, known);
    let (status, told) = shop.post(&redirect, "r4", json!({})).await;
    assert_eq!(
        (status, &told["paid"], told.get("problem")),
        (200, &eur("9.75"), None),
        "{told}"
    );
    assert!(told["redirected_at"].is_string(), "{told}");
    let sent = shop.pay_all(applied()).await;
    assert_eq!(transfers(&sent[0]), [975]);
    let told = shop.get(&path).await;
    assert_eq!(told["state"], "paid");
    assert_eq!(told["payouts"][0]["account"], json!(shop.address("BANKC")));
    assert_eq!(shop.pay_all(applied()).await, [], "it is paid once");
    assert_eq!(shop.refused(&redirect, "r5", json!({})).await, other_state, "paid");
}

#[actix_web::test]
async fn terms_that_are_not_well_made_are_refused() {
    let shop = shop_with(ACQUIRING).await;
    let with = |path: &str, value: Value| {
        let mut terms = shop.terms("t1");
        *terms.pointer_mut(&format!("/settlement{path}")).expect("a place") = value;
        terms
    };
    let split = |participant: &str, bp: u32| json!({ "account": shop.address(participant), "bp": bp });
    let many: Vec<_> = (0..16).map(|_| split("BANKD", 1)).collect();
    let us = shop.office.gateway.us().to_string();
    let rows = [
        (with("/schedule", json!("t2")), 400, "1001"),
        (with("/payout_account", json!("cwdev1")), 400, "1004"),
        (with("/payout_account", json!(shop.address(&us))), 400, "1004"),
        (with("/fee/bp", json!(10_000)), 400, "1004"),
        (with("/fee/fixed", json!([eur("1"), eur("2")])), 400, "1004"),
        (with("/fee/fixed", json!([eur("0.001")])), 422, "1017"),
        (with("/splits", json!([split("BANKC", 1)])), 400, "1004"),
        (with("/splits", json!([split("BANKD", 0)])), 400, "1004"),
        (with("/splits", json!([split("BANKD", 10_000)])), 400, "1004"),
        (with("/splits", json!(many)), 400, "1004"),
    ];
    for (terms, status, code) in rows {
        let (found, body) = shop.put(terms.clone()).await;
        assert_eq!((found, &body["code"]), (status, &json!(code)), "{terms}: {body}");
    }
    let merchant = json!({
        "name": "Shop", "city": "Bangkok", "country": "TH", "category": "5812", "account": "acc_1",
        "settlement": shop.terms("t1")["settlement"],
    });
    assert_eq!(
        shop.refused("/v1/merchants", "x", merchant).await,
        (400, "1004".to_owned())
    );
}
