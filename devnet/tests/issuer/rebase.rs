//! `causeway offline rebase`, which is stopped after each of its steps and run again.

use causeway_contracts::offline::{
    ids::{PurseId, Seq},
    registration::{PurseClass, RegistrationTerms},
};
use causeway_wallet::{clock, offline::issuer::client::Registration};
use serde_json::json;

use crate::{
    town::Town,
    wallets::{Person, open_town},
};

const REFUSED: Option<i32> = Some(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_purse_is_rebased_however_often_the_command_is_stopped() {
    let mut town = open_town().await;
    let anna = Person::new(&town, "anna");
    let bert = Person::new(&town, "bert");
    anna.creates(&[]);
    bert.creates(&["--merchant"]);
    assert_eq!(anna.does("rebase", &[])["rebased"], false);
    anna.does("load", &["100.00"]);
    without_service(&mut town, &anna).await;
    open_requests(&anna);
    payment_without_outcome(&anna, &bert);
    let before = anna.purse().info.purse;
    let drawn = anna.purse().element.state().successor().expect("it is drawn by now");
    let registered = stopped_after_registering(&town, &anna).await;
    let told = anna.does("rebase", &[]);
    assert_eq!(
        (&told["purse"], &told["before"], &told["resumed"]),
        (&json!(registered), &json!(before), &json!(true))
    );
    let purse = anna.purse();
    let state = purse.element.state();
    assert_eq!((state.id(), state.certificate().body.key), (registered, drawn));
    assert_eq!((state.counters().seq, state.balance().0), (Seq(0), 0));
    drop(purse);
    stopped_before_it_said_so(&anna, before, registered);
    // The successor is a purse as others are.
    anna.does("load", &["20.00"]);
    assert_eq!(anna.balance(), 2_000);
    let told = anna.does("rebase", &[]);
    assert_eq!(
        (&told["before"], &told["redeemed"]),
        (&json!(registered), &json!("2000"))
    );
    bert.does("rebase", &[]);
    let class = bert.purse().element.state().certificate().body.class;
    assert_eq!(class, PurseClass::Merchant.class());
    town.stop().await;
}

/// Nothing is redeemed that could not be gone on with.
async fn without_service(town: &mut Town, anna: &Person) {
    town.kill_service();
    anna.fails("rebase", &[]);
    assert_eq!(anna.balance(), 10_000);
    assert_eq!(anna.purse().element.state().successor(), None);
    town.start_service().await;
    crate::town::eventually("the service is ready", async || town.issuer.about().await.ok()).await;
}

fn open_requests(anna: &Person) {
    let out = anna.path("asked.hex");
    let asked = anna.does("request", &["1.00", "--out", &out]);
    let (status, said) = anna.fails("rebase", &[]);
    assert_eq!(status, REFUSED, "{said}");
    assert!(said.contains("1 open requests"), "{said}");
    let id = asked["request"].as_str().expect("its id");
    anna.does("cancel", &[id]);
    assert_eq!(anna.balance(), 10_000);
}

/// What is not spent is redeemed, and the purse stays what it is until the payee has spoken.
fn payment_without_outcome(anna: &Person, bert: &Person) {
    let (asked, paid) = (bert.path("asked.hex"), bert.path("paid.hex"));
    let pin = anna.path("pin");
    bert.does("request", &["12.50", "--out", &asked]);
    anna.does("pay", &["--in", &asked, "--out", &paid, "--yes", "--pin-file", &pin]);
    let before = anna.purse().info.purse;
    let (status, said) = anna.fails("rebase", &[]);
    assert_eq!(status, REFUSED, "{said}");
    assert!(said.contains("1 payments and redemptions"), "{said}");
    assert_eq!(anna.purse().info.purse, before);
    assert_eq!(anna.balance(), 0);
    bert.does("receive", &["--in", &paid]);
    bert.does("evidence", &[]);
}

/// As a run leaves it that is stopped once the service has its successor.
async fn stopped_after_registering(town: &Town, anna: &Person) -> PurseId {
    let mut purse = anna.purse();
    let customer = town.customer("anna");
    let terms = RegistrationTerms {
        genesis: town.network.genesis.hash(),
        currency: purse.info.currency,
        account: customer.id,
        public_key: purse.element.state().successor().expect("it is drawn"),
        class: PurseClass::Purse,
        time_ms: clock::now_ms(),
    };
    let signature = purse.element.run(|state| state.successor_signature(&terms));
    let prefix = town.network.genesis.address_prefix;
    let registration = Registration::with(&terms, prefix, &customer.key, signature.expect("it signs"));
    let certificate = town.issuer.register(&registration).await.expect("registered");
    certificate.body.purse
}

/// The element is the successor, and `purse.toml` is as it was just before that.
fn stopped_before_it_said_so(anna: &Person, before: PurseId, now: PurseId) {
    let path = anna.path("purses/anna/purse.toml");
    let told = std::fs::read_to_string(&path).expect("it is there");
    let [before, now] = [before, now].map(|id| id.to_string());
    let stopped = format!("{}successor = \"{now}\"\n", told.replace(&now, &before));
    std::fs::write(&path, stopped).expect("written");
    let again = anna.does("rebase", &[]);
    assert_eq!((&again["rebased"], &again["purse"]), (&json!(false), &json!(now)));
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), told);
}
