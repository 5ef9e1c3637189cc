//! The service of an issuer on a devnet with one validator, asked over HTTP: purses register, load, pay and sync, one is
//! revoked, and the service and the validator are killed in between.

#[path = "../common/mod.rs"]
mod common;
mod device;
mod rebase;
mod redeem;
mod town;
mod wallets;

use causeway_contracts::{
    money::Amount,
    offline::{
        action::{OfflineAction, Revoker},
        ids::{KeyId, ListVersion, LoadCounter, RevocationEntry, Serial},
        issuer::KeyRole,
        message::Message,
        messages::{Beacon, RevocationDelta},
        registration::PurseClass,
        signed::Signed,
    },
};

use device::Device;
use town::{Town, eventually};

const LOAD: Amount = Amount(10_000);

#[tokio::test(flavor = "multi_thread")]
async fn a_purse_registers_loads_pays_and_syncs_whatever_is_killed_in_between() {
    let mut town = Town::make().await;
    town.start_service().await;
    let error = town.issuer.about().await.expect_err("the currency is not open");
    assert_eq!(error.code(), Some("not_ready"), "{error}");
    town.open_currency().await;
    let about = eventually("the service is ready", async || town.issuer.about().await.ok()).await;
    assert_eq!((about.exponent, about.limits.payment), (2, Amount(50_000)));

    let mut anna = register(&town, "anna", PurseClass::Purse).await;
    let mut bert = register(&town, "bert", PurseClass::Merchant).await;
    load(&town, &mut anna, 1).await;
    pay(&town, &mut anna, &mut bert).await;
    let list = revoke(&town, &mut anna).await;
    killed(&mut town, &anna, &mut bert, &list).await;
    without_validators(&mut town, &mut bert).await;
    town.stop().await;
}

/// A new purse, whose registration comes twice and gives the same, and not for a key that is not the account's.
async fn register(town: &Town, name: &'static str, class: PurseClass) -> Device {
    let (seed, registration) = town.registration(name, class, name);
    let certificate = town.issuer.register(&registration).await.expect("it is registered");
    assert_eq!(certificate.body.class, class.class());
    assert_eq!(
        town.issuer.register(&registration).await.expect("the same"),
        certificate
    );
    let (_, forged) = town.registration(name, class, "desk");
    let error = town.issuer.register(&forged).await.expect_err("another's key");
    assert_eq!(error.code(), Some("not_its_key"), "{error}");
    Device::new(name, seed, certificate, town.keys().await)
}

/// The owner loads; the grant comes by itself.
async fn load(town: &Town, purse: &mut Device, counter: u32) {
    let request = purse.run(|state| state.load_request(LOAD, town::nonce()));
    let action = OfflineAction::Load {
        account: town.customer(purse.name).id,
        request,
    };
    let counter = LoadCounter(counter);
    assert_eq!(town.issuer.grant(purse.state.id(), counter).await.expect("none"), None);
    town.act(action, &[town.customer(purse.name).key.clone()]).await;
    let ask = async || town.issuer.grant(purse.state.id(), counter).await.ok().flatten();
    let grant = eventually("the grant is there", ask).await;
    assert_eq!(grant.body.amount, LOAD);
    let before = purse.state.balance();
    purse.run(|state| state.accept_grant(&grant));
    assert_eq!(purse.state.balance().0, before.0 + LOAD.0);
}

/// Of two payments one is accepted and one is voided; the payer hears of neither but from the service.
async fn pay(town: &Town, anna: &mut Device, bert: &mut Device) {
    let paid = bert.ask(1_250);
    let bundle = anna.pay(&paid, bert);
    bert.run(|state| state.accept(&bundle));
    let voided = bert.ask(3_000);
    anna.pay(&voided, bert);
    bert.run(|state| state.cancel_request(voided.id()));
    assert_eq!((anna.state.balance(), anna.pending()), (Amount(5_750), 2));

    // The ledger has not heard the payee: all stays as it is.
    let first = anna.upload(&[]);
    let answer = town.issuer.sync(anna.state.id(), &first).await.expect("an answer");
    let again = town.issuer.sync(anna.state.id(), &first).await.expect("an answer");
    let certificates = [&answer, &again].map(|bytes| certificate_of(bytes));
    assert_eq!(certificates[0], certificates[1]);
    anna.hear(&answer);
    assert_eq!((anna.serial(), anna.pending()), (Serial(2), 2));
    assert_eq!(anna.state.certificate().body.paid_max, Amount(200_000 + 4_250));

    let upload = bert.upload(&[paid.into(), voided.into()]);
    let answer = town.issuer.sync(bert.state.id(), &upload).await.expect("an answer");
    bert.hear(&answer);
    let upload = anna.upload(&[]);
    let answer = town.issuer.sync(anna.state.id(), &upload).await.expect("an answer");
    anna.hear(&answer);
    assert_eq!(
        (anna.serial(), anna.pending(), anna.state.balance()),
        (Serial(3), 0, Amount(8_750))
    );
    // An answer that was given long ago is not given again.
    let error = town.issuer.sync(anna.state.id(), &first).await.expect_err("too old");
    assert_eq!(error.code(), Some("serial"), "{error}");
}

fn certificate_of(answer: &[u8]) -> Message {
    let mut messages = Message::read_all(answer, 1 << 16).expect("messages");
    messages.pop().expect("the last is the certificate")
}

type News = (Signed<Beacon>, Vec<Signed<RevocationDelta>>);

async fn news(town: &Town) -> Option<News> {
    let bytes = town.issuer.news(ListVersion(0)).await.ok()?;
    let mut messages = Message::read_all(&bytes, 1 << 16).expect("messages").into_iter();
    let Some(Message::Beacon(beacon)) = messages.next() else {
        return None;
    };
    let deltas = messages.map(|message| match message {
        Message::RevocationDelta(delta) => delta,
        other => panic!("no delta: {other:?}"),
    });
    Some((beacon, deltas.collect()))
}

/// The owner reports it lost. Gives the deltas that there are then.
async fn revoke(town: &Town, anna: &mut Device) -> Vec<Signed<RevocationDelta>> {
    let owner = town.customer(anna.name);
    let action = OfflineAction::RevokePurse {
        by: Revoker::Owner(owner.id),
        purse: anna.state.id(),
    };
    town.act(action, std::slice::from_ref(&owner.key)).await;
    let entry = RevocationEntry::purse(anna.state.id());
    let (beacon, deltas) = eventually("the purse is listed", async || {
        let (beacon, deltas) = news(town).await?;
        let is_listed = deltas.iter().any(|delta| delta.body.entries.contains(&entry));
        is_listed.then_some((beacon, deltas))
    })
    .await;
    let key = town.service_key(KeyRole::Beacon);
    assert_eq!(beacon.body.issuer, KeyId::of(&key));
    beacon.verify(&key).expect("signed");
    deltas.iter().for_each(|delta| delta.verify(&key).expect("signed"));
    let upload = anna.upload(&[]);
    let error = town.issuer.sync(anna.state.id(), &upload).await.expect_err("revoked");
    assert_eq!(error.code(), Some("revoked"), "{error}");
    deltas
}

/// Killed, and once more without its state: it says what it said, and goes on.
async fn killed(town: &mut Town, anna: &Device, bert: &mut Device, list: &[Signed<RevocationDelta>]) {
    let granted = async |town: &Town| {
        let granted = town.issuer.grant(anna.state.id(), LoadCounter(1)).await;
        granted.expect("it answers").expect("a grant").to_bytes()
    };
    let grant = granted(town).await;
    for counter in [1, 2] {
        town.kill_service();
        if counter == 2 {
            std::fs::remove_file(town.state().join("cursor.json")).expect("it was there");
        }
        town.start_service().await;
        eventually("the service is ready", async || town.issuer.about().await.ok()).await;
        assert_eq!(granted(town).await, grant);
        load(town, bert, counter).await;
        let (_, deltas) = news(town).await.expect("there is a beacon");
        assert_eq!(deltas, list);
    }
}

/// While there is no validator the service says so, and then goes on.
async fn without_validators(town: &mut Town, bert: &mut Device) {
    town.stop_validators().await;
    let error = town
        .issuer
        .grant(bert.state.id(), LoadCounter(3))
        .await
        .expect_err("nobody knows");
    assert_eq!(error.code(), Some("ledger"), "{error}");
    town.start_validators().await;
    load(town, bert, 3).await;
}
