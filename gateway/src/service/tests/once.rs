use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::json;

use super::*;
use crate::{
    remittance::{
        Beginning, Remittance,
        order::{Order, Party},
        state::{Side, Standing},
    },
    service::{
        api::{self, customers, remittances},
        records::{
            bulks,
            quotes::{self, Quote, QuoteBody},
            remittances as stored, webhooks,
        },
    },
    store::StoreError,
};

/// One object of each kind that a client can have, by the kind's place in paths.
pub async fn everything(office: &Office, client: &str) -> BTreeMap<&'static str, String> {
    let gateway = &office.gateway;
    let now_ms = gateway.now_ms();
    let party = Party {
        name: "Anna Schmidt".to_owned(),
        address: None,
        lei: None,
    };
    let new = customers::NewCustomer {
        client: client.to_owned(),
        unique: "01".to_owned(),
        party: party.clone(),
        aliases: Vec::new(),
        iban: None,
        external: false,
    };
    let (customer, account) = customers::make(gateway, new, now_ms).await.expect("a customer");
    let code = |text| causeway_contracts::money::Currency::new(text).expect("a code");
    let amount = causeway_contracts::money::Amount(100);
    let quote = Quote {
        id: "quote_01".to_owned(),
        client: client.to_owned(),
        used_by: None,
        expires_ms: now_ms + 60_000,
        body: QuoteBody {
            created_ms: now_ms,
            account: account.id.clone(),
            signed: None,
            maker: None,
            mid: None,
            rate: None,
            source: code("EUR"),
            target: code("EUR"),
            sent: amount,
            delivered: amount,
            maker_fee: Default::default(),
            fee: Default::default(),
            hold_seconds: 60,
        },
    };
    let address: causeway_contracts::identity::Address = account.address.parse().expect("an address");
    let money = gateway.exponents.write(amount, code("EUR")).expect("known");
    let order = Order {
        uetr: "174c245f-2682-4291-ad67-2a41e530cd27".to_owned(),
        sender_operator: gateway.us(),
        beneficiary_operator: gateway.us(),
        sender: party.clone(),
        sender_account: address,
        beneficiary: party,
        beneficiary_account: address.to_string(),
        deliver_to: address,
        source: money.clone(),
        target: money,
        reserve_until: causeway_contracts::transaction::UnixSeconds(now_ms / 1000 + 60),
        hold_seconds: 60,
        end_to_end_id: None,
        purpose: None,
        reference: None,
    };
    let remittance = Remittance {
        is_screened: true,
        ..Remittance::begin(Beginning {
            id: "rem_01".to_owned(),
            client: client.to_owned(),
            side: Side::Sender,
            order_text: serde_json::to_string(&order).expect("a text"),
            order,
            account: account.id.clone(),
            source: amount,
            target: amount,
            now_ms,
        })
    };
    remittances::add(gateway, remittance, None).await.expect("a remittance");
    let webhook = webhooks::Webhook {
        id: "wh_01".to_owned(),
        client: client.to_owned(),
        disabled: false,
        body: webhooks::WebhookBody {
            url: "https://receiver.example/".to_owned(),
            kinds: Vec::new(),
            secrets: Vec::new(),
            made_by: String::new(),
            old_until_ms: 0,
            disabled_why: None,
            created_ms: now_ms,
        },
    };
    let owner = client.to_owned();
    let bulk = bulks::Bulk {
        id: "bulk_01".to_owned(),
        client: client.to_owned(),
        created_ms: now_ms,
        completed: false,
        atomic: false,
        intent: None,
    };
    let (merchant, store, order) = super::orders::stored(gateway, client, "01").await;
    let settlement = super::settlements::stored(gateway, client, &merchant).await;
    let dispute = super::disputes::stored(gateway, client, &order).await;
    let (card, device) = super::cards::stored(gateway, client, &account.id).await;
    let event = gateway
        .store
        .write::<_, StoreError, _>(move |sql| {
            quotes::add(sql, &quote)?;
            webhooks::add(sql, &webhook)?;
            bulks::add(sql, &bulk, &[])?;
            let row = sql.query_one("SELECT id FROM events WHERE client = $1", &[(&owner).into()])?;
            row.map(|row| row.text(0).map(str::to_owned)).transpose()
        })
        .await
        .expect("stored")
        .expect("the remittance's event");
    BTreeMap::from([
        ("customers", customer.id),
        ("accounts", account.id),
        ("cards", card),
        ("devices", device),
        ("quotes", "quote_01".to_owned()),
        ("remittances", "rem_01".to_owned()),
        ("webhooks", "wh_01".to_owned()),
        ("events", event),
        ("merchants", merchant),
        ("stores", store),
        ("settlements", settlement),
        ("disputes", dispute),
        ("orders", order),
        ("bulk", "bulk_01".to_owned()),
    ])
}

#[actix_web::test]
async fn invariant_a_hundred_who_send_the_same_have_one_effect() {
    let office = office("[limits]\nrequests_per_second = 10000\nburst = 10000\n").await;
    let app = office.app().await;
    let (_, token) = office.client(&[Scope::WebhooksWrite]).await;
    let body = json!({ "url": "https://receiver.example/events" });
    let ask = || {
        Ask::new("POST", "/v1/webhooks")
            .by(&token)
            .once("same", body.clone())
            .request()
    };
    let answers = join_all((0..100).map(|_| answered(&app, ask()))).await;
    let made: Vec<_> = answers.iter().filter(|(status, _)| *status == 201).collect();
    let (_, first) = made.first().expect("one is made");
    assert!(made.iter().all(|(_, body)| body == first));
    for (status, body) in &answers {
        assert!(
            *status == 201 || (*status, &body["code"]) == (409, &json!("3002")),
            "{status} {body}"
        );
    }
    // And so it stays, the secret included, which is shown once.
    assert_eq!(answered(&app, ask()).await, (201, (*first).clone()));
    let (_, list) = answered(&app, Ask::new("GET", "/v1/webhooks").by(&token).request()).await;
    assert_eq!(list["data"].as_array().expect("a list").len(), 1);
}

#[actix_web::test]
async fn a_key_is_for_one_request_of_one_client_at_one_path() {
    let office = office("").await;
    let app = office.app().await;
    let (_, token) = office.client(&[Scope::WebhooksWrite]).await;
    let (_, other) = office.client(&[Scope::WebhooksWrite]).await;
    let post = |token: &str, key: &str, url: &str| {
        let ask = Ask::new("POST", "/v1/webhooks")
            .by(token)
            .once(key, json!({ "url": url }));
        ask.request()
    };
    let (one, two) = ("https://receiver.example/1", "https://receiver.example/2");
    assert_eq!(answered(&app, post(&token, "k", one)).await.0, 201);
    assert_eq!(refused(&app, post(&token, "k", two)).await, (422, "3001".to_owned()));
    assert_eq!(answered(&app, post(&other, "k", two)).await.0, 201);
    // What was refused for its form is not kept: the key is free.
    let bad = refused(&app, post(&token, "l", "ftp://receiver.example/")).await;
    assert_eq!(bad, (400, "1004".to_owned()));
    assert_eq!(answered(&app, post(&token, "l", two)).await.0, 201);
}

#[actix_web::test]
async fn two_attempts_at_one_object_tell_of_the_same() {
    let office = office("").await;
    let gateway = &office.gateway;
    let new = || customers::NewCustomer {
        client: "a".to_owned(),
        unique: "01".to_owned(),
        party: Party {
            name: "Anna Schmidt".to_owned(),
            address: None,
            lei: None,
        },
        aliases: Vec::new(),
        iban: None,
        external: false,
    };
    let (first, account) = customers::make(gateway, new(), 1_000).await.expect("a customer");
    let (again, _) = customers::make(gateway, new(), 2_000).await.expect("the same");
    assert_eq!(
        (again.created_ms, &again.body.party.name),
        (1_000, &first.body.party.name)
    );
    // Neither knows of the other when it begins.
    let quote = |now_ms| {
        let asked = api::quotes::Asked {
            id: "quote_01".to_owned(),
            client: "a".to_owned(),
            now_ms,
        };
        let body = json!({
            "account": account.id,
            "source": { "currency": "EUR", "value": "10.00" },
            "target": { "currency": "EUR" },
        });
        let body = serde_json::from_value(body).expect("a request");
        async move { api::quotes::make(gateway, asked, body).await.expect("a quote") }
    };
    let quotes = join_all((0..8).map(|late| quote(gateway.now_ms() + late))).await;
    let told: Vec<_> = quotes
        .iter()
        .map(|quote| (quote.body.created_ms, quote.expires_ms))
        .collect();
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
}

/// As if every gateway had died between what it did and keeping its answer.
async fn forget_answers(office: &Office) {
    let forgotten = office.gateway.store.write::<_, StoreError, _>(|sql| {
        sql.execute(
            "UPDATE idempotency SET status = NULL, answer = NULL, running_until_ms = 0",
            &[],
        )
    });
    assert!(forgotten.await.expect("a database") > 0);
}

#[actix_web::test]
async fn what_was_done_and_not_answered_is_answered_when_it_is_asked_again() {
    let office = office("").await;
    let app = office.app().await;
    let (client, token) = office.client(&[Scope::WebhooksWrite, Scope::Admin]).await;
    let made = everything(&office, &client).await;
    let held = made["remittances"].clone();
    let hold = office.gateway.store.write::<_, StoreError, _>(move |sql| {
        let mut remittance = stored::any(sql, &held)?.expect("it is there");
        remittance.standing = Standing::held(Side::Sender);
        stored::save(sql, &remittance)
    });
    hold.await.expect("saved");
    let rotate = format!("/v1/webhooks/{}/rotate", made["webhooks"]);
    let decide = format!("/v1/remittances/{}/compliance", made["remittances"]);
    let asked = [
        ("/v1/webhooks", json!({ "url": "https://receiver.example/" }), "secret"),
        (&rotate, json!({}), "secret"),
        (&decide, json!({ "decision": "release" }), "version"),
    ];
    for (path, body, same) in asked {
        let ask = || Ask::new("POST", path).by(&token).once("again", body.clone()).request();
        let (status, first) = answered(&app, ask()).await;
        assert!(status < 300 && !first[same].is_null(), "{path}: {status} {first}");
        forget_answers(&office).await;
        assert_eq!(answered(&app, ask()).await, (status, first), "{path}");
    }
}
