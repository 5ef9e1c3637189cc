//! `causeway offline redeem`, of money that came back, and of money whose load the ledger does not know.

use causeway_contracts::{
    money::Amount,
    offline::{
        ids::{Epoch, Id16, KeyId, LoadCounter},
        issuer::KeyRole,
        message::Message,
        messages::{Grant, Request},
        purse::pin::Consent,
        registration::PurseClass,
        signed::Signed,
    },
};
use serde_json::json;

use crate::{
    device::Device,
    register,
    town::Town,
    wallets::{Person, open_town},
};

/// The ledger heard of a payment before its payee voided it: it must not take for spent twice what came back.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_back_is_redeemed_though_the_ledger_knows_that_it_was_paid() {
    let town = open_town().await;
    let (anna, bert) = (Person::new(&town, "anna"), Person::new(&town, "bert"));
    anna.creates(&[]);
    bert.creates(&["--merchant"]);
    anna.does("load", &["100.00"]);
    let [asked, paid, void, pin] = ["asked.hex", "paid.hex", "void.hex", "pin"].map(|name| anna.path(name));
    let request = bert.does("request", &["30.00", "--out", &asked]);
    anna.does("pay", &["--in", &asked, "--out", &paid, "--yes", "--pin-file", &pin]);
    assert_eq!(anna.does("sync", &[])["settled"], 0);
    let id = request["request"].as_str().expect("its id");
    bert.does("cancel", &[id, "--out", &void]);
    anna.does("settle", &["--in", &void]);
    assert_eq!(anna.balance(), 10_000);
    let told = anna.does("redeem", &[]);
    assert_eq!(
        (&told["redeemed"], &told["paid"], &told["balance"]),
        (&json!("10000"), &json!("10000"), &json!("0"))
    );
    // Nothing is proved against it.
    anna.does("sync", &[]);
    town.stop().await;
}

/// What the issuer's service granted is paid, though the ledger never had the load: here the service's key has signed what no
/// load stands behind.
#[tokio::test(flavor = "multi_thread")]
async fn money_whose_load_the_ledger_does_not_know_is_owed_by_the_guarantee() {
    let town = open_town().await;
    let mut anna = register(&town, "anna", PurseClass::Purse).await;
    let bert = Person::new(&town, "bert");
    bert.creates(&["--merchant"]);
    let grant = granted(&anna);
    anna.run(|state| state.accept_grant(&grant));
    let [asked, paid] = ["asked.hex", "paid.hex"].map(|name| bert.path(name));
    bert.does("request", &["12.50", "--out", &asked]);
    let request = one_request(&asked);
    let payee = bert.purse().element.state().certificate().clone();
    let bundle = anna.run(|state| state.pay(&request, &payee, Consent::Pin));
    std::fs::write(&paid, hex::encode(bundle)).expect("written");
    bert.does("receive", &["--in", &paid]);
    assert_eq!(bert.balance(), 1_250);
    let told = bert.does("redeem", &[]);
    assert_eq!(
        (&told["redeemed"], &told["paid"], &told["waits"]),
        (&json!("1250"), &json!("0"), &json!("1250"))
    );
    town.stop().await;
}

/// Purses that know the issuer's first keys alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_purse_goes_on_after_its_issuer_has_replaced_a_key() {
    let mut town = open_town().await;
    let anna = Person::new(&town, "anna");
    anna.creates(&[]);
    anna.does("load", &["100.00"]);
    town.replace_grant_key().await;
    anna.does("load", &["20.00"]);
    assert_eq!(anna.balance(), 12_000);
    let bert = Person::new(&town, "bert");
    bert.creates(&["--merchant"]);
    let [asked, paid, pin] = ["asked.hex", "paid.hex", "pin"].map(|name| anna.path(name));
    bert.does("request", &["110.00", "--out", &asked]);
    anna.does("pay", &["--in", &asked, "--out", &paid, "--yes", "--pin-file", &pin]);
    bert.does("receive", &["--in", &paid]);
    anna.does("sync", &[]);
    assert_eq!(bert.does("redeem", &[])["paid"], "11000");
    town.stop().await;
}

fn granted(purse: &Device) -> Signed<Grant> {
    let own = &purse.state.certificate().body;
    let key = Town::service_secret(KeyRole::Grant);
    let grant = Grant {
        issuer: KeyId::of(&key.public_key()),
        load: Id16([7; 16]),
        purse: own.purse,
        load_counter: LoadCounter(1),
        amount: Amount(5_000),
        currency: own.currency,
        epoch: own.not_before,
        expiry: Epoch(own.not_before.0 + 720),
    };
    Signed::sign(grant, &key).expect("sound")
}

/// A medium's first message is the request.
fn one_request(medium: &str) -> Signed<Request> {
    let text = std::fs::read_to_string(medium).expect("it is there");
    let bytes = hex::decode(text.trim()).expect("hexadecimal digits");
    let messages = Message::read_all(&bytes, 4096).expect("messages");
    match messages.into_iter().next() {
        Some(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}
