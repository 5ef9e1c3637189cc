//! Cards and devices over HTTP, and what they are permitted, with cryptograms made by the phone's application and a
//! terminal's kernel.

mod counted;
mod verified;

use std::path::Path;

use causeway_cards::{
    crypto::{cvv::CardData, key::TdesKey, pin::Pin, pin_block},
    emv::{
        applet::{Applet, LimitedUseKey, Step, Token},
        kernel::{Kernel, Next, Outcome as Tap, Terminal, Transaction},
    },
    iso8583::{Message, MessageType},
};
use causeway_contracts::{
    identity::Address,
    money::{Amount, Currency},
};
use serde_json::json;
use zeroize::Zeroizing;

use super::*;
use crate::{
    acquiring::{
        host::{Operation, Outcome, Request},
        hsm::{Algorithm, Hsm, KeySpec, Purpose, SoftwareHsm},
        issuer::{Card, CardStatus, Device, DeviceStatus, Expiry, Limits},
        link_key::{
            ModuleKey,
            tests::{name, put},
        },
        pin_keys::PinKeys,
    },
    service::{
        issuing::{self, permit},
        records::cards::{
            self, StoredCard, StoredNumber,
            devices::{self, StoredDevice},
            payments,
        },
    },
    store::StoreError,
};

pub const ISSUING: &str = "[issuing]\nbin = \"990000\"\ntoken_bin = \"990001\"\n\
    keys = { cards = \"cards\", devices = \"devices\", cvv = \"cvv\", pin = \"pin\", pin_verification = \"pvk\" }\n";

const PIN_KEY: [u8; 16] = [0x23; 16];

pub fn hsm(folder: &Path) -> Arc<dyn Hsm> {
    let sealing = [7; 32];
    std::fs::write(folder.join("sealing"), hex::encode(sealing)).expect("written");
    let hsm = SoftwareHsm::open(&folder.join("keys"), Zeroizing::new(sealing)).expect("a module");
    let keys = [
        ("cards", Purpose::CryptogramMaster, [0x11; 16]),
        ("devices", Purpose::CryptogramMaster, [0x12; 16]),
        ("cvv", Purpose::Cvv, [0x13; 16]),
        ("pin", Purpose::Pin, PIN_KEY),
        ("pvk", Purpose::PinVerification, [0x15; 16]),
    ];
    for (name, purpose, key) in keys {
        let spec = KeySpec {
            purpose,
            algorithm: Algorithm::Tdes,
            exportable: false,
        };
        let half = [0x40; 16];
        let other = std::array::from_fn::<_, 16, _>(|at| key[at] ^ half[at]);
        hsm.assemble(&name.parse().expect("a name"), spec, &[&half, &other])
            .expect("a key");
    }
    Arc::new(hsm)
}

/// A card and a device of it, without asking for them.
pub async fn stored(gateway: &Arc<Gateway>, client: &str, account: &str) -> (String, String) {
    let number = |id: &str, digits: &[u8]| StoredNumber {
        hash: gateway.keys.number_hash(digits),
        sealed: gateway.keys.seal(&cards::place(id), digits).expect("random bytes"),
    };
    let expiry = Expiry::parse("9912").expect("an expiry");
    let card = StoredCard {
        number: number("crd_01", b"9900000000000009"),
        card: Card {
            id: "crd_01".to_owned(),
            client: client.to_owned(),
            account: account.to_owned(),
            status: CardStatus::Active,
            expiry,
            sequence: 0,
            currency: Currency::new("EUR").expect("a code"),
            limits: Limits {
                payment: Amount(1),
                day: Amount(1),
                refused_categories: Vec::new(),
                manual_entry: false,
            },
            pin: None,
            pin_tries_left: 3,
            wrong_values: 0,
            counter: 0,
            created_ms: 0,
        },
    };
    let device = StoredDevice {
        client: client.to_owned(),
        number: number("dev_01", b"9900010000000008"),
        device: Device {
            id: "dev_01".to_owned(),
            card: "crd_01".to_owned(),
            status: DeviceStatus::Active,
            expiry,
            sequence: 0,
            batches: Vec::new(),
            counter: 0,
            created_ms: 0,
        },
    };
    let write = gateway.store.write::<_, StoreError, _>(move |sql| {
        cards::add(sql, &card)?;
        devices::add(sql, &device)
    });
    assert!(write.await.expect("stored"));
    ("crd_01".to_owned(), "dev_01".to_owned())
}

fn pin_keys(gateway: &Gateway) -> Arc<PinKeys> {
    Arc::new(issuing::pin_keys(gateway, None).expect("the issuer's key"))
}

struct Bank {
    office: Office,
    token: String,
    card: String,
    address: String,
}

async fn bank() -> Bank {
    bank_with("").await
}

/// More of the section `issuing`, in TOML.
async fn bank_with(more: &str) -> Bank {
    let office = office(&format!("{ISSUING}{more}")).await;
    let (client, token) = office.client(&Scope::ALL).await;
    let new = crate::service::api::customers::NewCustomer {
        client,
        unique: "01".to_owned(),
        party: crate::remittance::order::Party {
            name: "Anna Schmidt".to_owned(),
            address: None,
            lei: None,
        },
        aliases: Vec::new(),
        iban: None,
        external: false,
    };
    let made = crate::service::api::customers::make(&office.gateway, new, 0).await;
    let (_, account) = made.expect("a customer");
    let mut bank = Bank {
        office,
        token,
        card: String::new(),
        address: account.address,
    };
    let body = json!({ "account": account.id, "limit_payment": eur("50.00"), "limit_day": eur("80.00"),
        "refused_categories": ["7995"], "manual_entry": true });
    let (status, made) = bank.post("/v1/cards", "c", body).await;
    assert_eq!(status, 201, "{made}");
    bank.card = format!("/v1/cards/{}", made["id"].as_str().expect("an id"));
    bank
}

fn eur(value: &str) -> Value {
    json!({ "value": value, "currency": "EUR" })
}

impl Bank {
    async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let app = self.office.app().await;
        answered(&app, Ask::new("POST", path).by(&self.token).once(key, body).request()).await
    }

    /// What may not be there in clear: the card's number.
    async fn number(&self) -> String {
        let (status, shown) = self.post(&format!("{}/reveal", self.card), "r", json!({})).await;
        assert_eq!(status, 200, "{shown}");
        shown["number"].as_str().expect("a number").to_owned()
    }

    async fn ask(&self, message: &Message) -> Result<(), Outcome> {
        self.ask_at(message, self.office.gateway.now_ms()).await
    }

    async fn ask_at(&self, message: &Message, now_ms: u64) -> Result<(), Outcome> {
        let pin_keys = pin_keys(&self.office.gateway);
        let permitted = permit(
            &self.office.gateway,
            &pin_keys,
            &id("a", message),
            &request(message),
            now_ms,
        )
        .await
        .map_err(|declined| declined.outcome)?;
        let address: Address = self.address.parse().expect("an address");
        assert_eq!(permitted.account, address.account);
        assert!(self.card.ends_with(&permitted.card));
        assert_eq!(permitted.chip_answer.is_some(), message.has(55));
        Ok(())
    }
}

/// The authorisation's, of a link.
fn id(link: &str, message: &Message) -> String {
    format!("{link}/{:?}", message.duplicate_key())
}

fn request(message: &Message) -> Request {
    Request {
        operation: Operation::Purchase,
        key: message.duplicate_key(),
        original: None,
        message: message.clone(),
    }
}

fn message(trace: u32, amount: u64, entry: &str) -> Message {
    let mut message = Message::new(MessageType::FINANCIAL);
    let fields = [
        (3, "000000".to_owned()),
        (4, format!("{amount:012}")),
        (11, format!("{trace:06}")),
        (12, "120000".to_owned()),
        (13, "1130".to_owned()),
        (18, "5812".to_owned()),
        (22, entry.to_owned()),
        (41, "TERM0001".to_owned()),
        (49, "978".to_owned()),
    ];
    for (field, value) in fields {
        message.set(field, value.as_bytes()).expect("short");
    }
    message
}

/// The wallet's application, with what it was given.
fn phone(given: &Value) -> Applet {
    let text = |name: &str| given[name].as_str().expect("a text");
    let key = |key: &Value| LimitedUseKey {
        counter: u16::try_from(key["atc"].as_u64().expect("a counter")).expect("16 bits"),
        key: TdesKey::new(&hex::decode(key["key"].as_str().expect("a key")).expect("hexadecimal")).expect("16 bytes"),
    };
    let token = Token::new(text("token"), text("expiry"), 0).expect("a token");
    let keys = given["keys"].as_array().expect("keys").iter().map(key);
    Applet::new(token, 1, keys.collect(), 0).expect("an application")
}

fn tap(applet: &mut Applet, amount: u64) -> Tap {
    let terminal = Terminal {
        country: 276,
        kind: 0x22,
        capabilities: [0xe0, 0xb8, 0xc8],
        contactless_max: 100_000,
        verified_from: 100_000,
        has_online_pin: true,
        has_signature: false,
        applications: Terminal::default_applications(),
    };
    let transaction = Transaction {
        amount,
        other_amount: 0,
        currency: 978,
        date: [26, 11, 30],
        kind: 0,
        unpredictable: [1, 2, 3, 4],
    };
    applet.reset();
    let (mut kernel, mut command) = Kernel::start(terminal, transaction).expect("a tap");
    loop {
        let answer = match applet.command(&command.to_bytes()) {
            Step::Answer(response) => response,
            Step::Save(unsaved) => unsaved.saved(),
        };
        match kernel.on_response(&answer.to_bytes()) {
            Next::Command(next) => command = next,
            Next::Finished(outcome) => return outcome,
            Next::Failed(failure) => panic!("{failure}"),
        }
    }
}

fn tapped(applet: &mut Applet, trace: u32, amount: u64) -> Message {
    let tap = tap(applet, amount);
    let mut message = message(trace, amount, "071");
    message.set(35, tap.track_2.as_bytes()).expect("short");
    message.set(55, &tap.de55).expect("short");
    message
}

/// The same with another cryptogram.
fn altered(message: &Message) -> Message {
    let mut data = message.get(55).expect("chip data").to_vec();
    let cryptogram = data.windows(3).position(|it| it == [0x9f, 0x26, 8]);
    data[cryptogram.expect("a cryptogram") + 3] ^= 1;
    let mut altered = message.clone();
    altered.set(55, &data).expect("short");
    altered
}

#[actix_web::test]
async fn a_tap_is_permitted_once_and_its_keys_are_the_same_when_asked_again() {
    let bank = bank().await;
    let path = format!("{}/devices", bank.card);
    let (status, given) = bank.post(&path, "d", json!({})).await;
    assert_eq!(
        (status, given["keys"].as_array().map(Vec::len)),
        (201, Some(10)),
        "{given}"
    );
    assert_eq!(bank.post(&path, "d", json!({})).await, (201, given.clone()));
    let mut applet = phone(&given);
    let first = tapped(&mut applet, 1, 1_000);
    assert_eq!(bank.ask(&first).await, Ok(()));
    // The same message is permitted as it was; its cryptogram in another one is not.
    assert_eq!(bank.ask(&first).await, Ok(()));
    let mut replayed = first.clone();
    replayed.set(11, b"000002").expect("short");
    assert_eq!(bank.ask(&replayed).await, Err(Outcome::CryptogramWrong));
    // Nor is the message itself from another acquirer.
    let (other, asked) = (id("b", &first), request(&first));
    let pin_keys = pin_keys(&bank.office.gateway);
    let elsewhere = permit(
        &bank.office.gateway,
        &pin_keys,
        &other,
        &asked,
        bank.office.gateway.now_ms(),
    );
    assert_eq!(elsewhere.await.err(), Some(Outcome::CryptogramWrong.into()));
    let mut more = tapped(&mut applet, 3, 1_000);
    more.set(4, b"000000001001").expect("short");
    assert_eq!(bank.ask(&more).await, Err(Outcome::InvalidAmount));
    let right = tapped(&mut applet, 4, 1_000);
    assert_eq!(bank.ask(&altered(&right)).await, Err(Outcome::CryptogramWrong));
    // A wrong cryptogram has not used up its counter.
    assert_eq!(bank.ask(&right).await, Ok(()));
    // Keys are good for seven days.
    let late = tapped(&mut applet, 5, 1_000);
    let then = bank.office.gateway.now_ms() + 7 * 86_400_000;
    assert_eq!(bank.ask_at(&late, then).await, Err(Outcome::ExpiredCard));
    assert_eq!(bank.ask(&late).await, Ok(()));
    let device = given["device"].as_str().expect("an id");
    let keys = format!("/v1/devices/{device}/keys");
    let (status, next) = bank.post(&keys, "k", json!({})).await;
    assert_eq!((status, next["keys"][0]["atc"].as_u64()), (200, Some(11)), "{next}");
    assert_eq!(bank.post(&keys, "k", json!({})).await, (200, next.clone()));
    assert_eq!(bank.ask(&tapped(&mut phone(&next), 6, 1_000)).await, Ok(()));
    // Of counters that were never given, a cryptogram is none.
    let mut forged = next.clone();
    forged["keys"] = json!([{ "atc": 21, "key": next["keys"][0]["key"] }]);
    assert_eq!(
        bank.ask(&tapped(&mut phone(&forged), 7, 1_000)).await,
        Err(Outcome::CryptogramWrong)
    );
    let (status, _) = bank.post(&format!("/v1/devices/{device}/block"), "b", json!({})).await;
    assert_eq!(status, 200);
    let last = tapped(
        &mut phone(&json!({ "keys": [next["keys"][1]], "token": next["token"], "expiry": next["expiry"] })),
        8,
        1_000,
    );
    assert_eq!(bank.ask(&last).await, Err(Outcome::RestrictedCard));
}

#[actix_web::test]
async fn limits_states_and_categories_are_refused_with_their_outcome() {
    let bank = bank().await;
    let number = bank.number().await;
    let typed = |trace: u32, amount: u64| {
        let mut message = message(trace, amount, "011");
        message.set(2, number.as_bytes()).expect("short");
        let expiry = Expiry::after(bank.office.gateway.now_ms(), 4).to_string();
        message.set(14, expiry.as_bytes()).expect("short");
        message
    };
    assert_eq!(bank.ask(&typed(1, 5_001)).await, Err(Outcome::OverAmountLimit));
    assert_eq!(bank.ask(&typed(2, 5_000)).await, Ok(()));
    assert_eq!(bank.ask(&typed(3, 3_001)).await, Err(Outcome::OverFrequencyLimit));
    // What was declined after all is given back, once.
    let name = id("a", &typed(2, 5_000));
    for is_first in [true, false] {
        let name = name.clone();
        let released = bank
            .office
            .gateway
            .store
            .write(move |sql| payments::release(sql, &name));
        assert_eq!(released.await.expect("written"), is_first);
    }
    assert_eq!(bank.ask(&typed(2, 5_000)).await, Err(Outcome::InvalidTransaction));
    assert_eq!(bank.ask(&typed(4, 5_000)).await, Ok(()));
    assert_eq!(bank.ask(&typed(4, 4_999)).await, Err(Outcome::DuplicateTransmission));
    assert_eq!(bank.ask(&typed(5, 3_000)).await, Ok(()));
    assert_eq!(bank.ask(&typed(6, 1)).await, Err(Outcome::OverFrequencyLimit));
    let tomorrow = bank.office.gateway.now_ms() + 86_400_000;
    assert_eq!(bank.ask_at(&typed(7, 1), tomorrow).await, Ok(()));
    let with = |field: u8, value: &str| {
        let mut message = typed(8, 1);
        message.set(field, value.as_bytes()).expect("short");
        message
    };
    assert_eq!(
        bank.ask_at(&with(18, "7995"), tomorrow).await,
        Err(Outcome::NotPermittedToCardholder)
    );
    assert_eq!(
        bank.ask_at(&with(49, "764"), tomorrow).await,
        Err(Outcome::InvalidCurrency)
    );
    assert_eq!(
        bank.ask_at(&with(2, "9900000000000009"), tomorrow).await,
        Err(Outcome::InvalidCard)
    );
    assert_eq!(
        bank.ask_at(&with(2, "4111111111111111"), tomorrow).await,
        Err(Outcome::NoSuchIssuer)
    );
    assert_eq!(
        bank.ask_at(&with(14, "2611"), tomorrow).await,
        Err(Outcome::ExpiredCard)
    );
    let state = async |what: &str| bank.post(&format!("{}/{what}", bank.card), what, json!({})).await;
    assert_eq!(state("block").await.0, 200);
    assert_eq!(bank.ask_at(&typed(9, 1), tomorrow).await, Err(Outcome::RestrictedCard));
    assert_eq!(state("unblock").await.0, 200);
    assert_eq!(bank.ask_at(&typed(9, 1), tomorrow).await, Ok(()));
    assert_eq!(state("lost").await.1["state"], json!("lost"));
    assert_eq!(bank.ask_at(&typed(10, 1), tomorrow).await, Err(Outcome::LostCard));
    let app = bank.office.app().await;
    let unblock = format!("{}/unblock", bank.card);
    let again = Ask::new("POST", &unblock).by(&bank.token).once("again", json!({}));
    assert_eq!(refused(&app, again.request()).await, (409, "3017".to_owned()));
}

/// A purchase with a typed number and a PIN under this key.
fn with_pin(trace: u32, number: &str, pin: &str, key: [u8; 16]) -> Message {
    let mut message = message(trace, 10, "011");
    let expiry = Expiry::after(causeway_wallet::clock::now_ms().0, 4).to_string();
    message.set(2, number.as_bytes()).expect("short");
    message.set(14, expiry.as_bytes()).expect("short");
    let key = TdesKey::new(&key).expect("16 bytes");
    let pin = Pin::new(pin).expect("a PIN");
    let block = pin_block::encipher(&key, pin_block::Format::Iso0, &pin, number, &[0; 16]).expect("a block");
    message.set(52, &block).expect("short");
    message
}

#[actix_web::test]
async fn pins_come_under_either_key_while_it_changes() {
    let bank = bank().await;
    let gateway = &bank.office.gateway;
    let number = bank.number().await;
    let set = bank
        .post(&format!("{}/pin", bank.card), "p", json!({ "pin": "1234" }))
        .await;
    assert_eq!(set.0, 200, "{}", set.1);
    let (hsm, new) = (gateway.hsm.as_ref().expect("a module"), [0x45; 16]);
    put(hsm, "pin.1", Purpose::Pin, &new);
    let keys = pin_keys(gateway);
    let ask = async |trace: u32, pin: &str, key: [u8; 16]| {
        let message = with_pin(trace, &number, pin, key);
        let permitted = permit(gateway, &keys, &id("a", &message), &request(&message), gateway.now_ms()).await;
        permitted.map(drop).map_err(|declined| declined.outcome)
    };
    assert_eq!(
        ask(1, "1234", new).await,
        Err(Outcome::WrongPin),
        "nobody has offered it"
    );
    keys.offer(ModuleKey::new(Arc::clone(hsm), name("pin.1")));
    assert_eq!(
        ask(2, "1234", PIN_KEY).await,
        Ok(()),
        "the offer may not have been answered"
    );
    assert_eq!(ask(3, "1234", new).await, Ok(()));
    assert_eq!(ask(4, "4321", new).await, Err(Outcome::WrongPin));
    assert_eq!(ask(5, "1234", PIN_KEY).await, Ok(()), "for a while");
    assert_eq!(ask(6, "1234", [0x67; 16]).await, Err(Outcome::WrongPin));
}

#[actix_web::test]
async fn three_wrong_pins_are_all_that_are_looked_at() {
    let bank = bank().await;
    let number = bank.number().await;
    let set = format!("{}/pin", bank.card);
    let (status, shown) = bank.post(&set, "p", json!({ "pin": "1234" })).await;
    assert_eq!((status, &shown["has_pin"]), (200, &json!(true)), "{shown}");
    let app = bank.office.app().await;
    let short = Ask::new("POST", &set)
        .by(&bank.token)
        .once("s", json!({ "pin": "123" }));
    assert_eq!(refused(&app, short.request()).await, (400, "1004".to_owned()));
    // What is wrong with a body is told without the PIN.
    let (_, refusal) = bank.post(&set, "p", json!({ "pin": 918_273 })).await;
    assert_eq!(refusal["code"], "1001");
    assert!(!refusal.to_string().contains("918273"), "{refusal}");
    let with = |trace: u32, pin: &str| with_pin(trace, &number, pin, PIN_KEY);
    let wrong = Err(Outcome::WrongPin);
    assert_eq!(bank.ask(&with(1, "1234")).await, Ok(()));
    assert_eq!(bank.ask(&with(2, "1235")).await, wrong);
    // One that only begins like it is another.
    assert_eq!(bank.ask(&with(3, "12345")).await, wrong);
    assert_eq!(bank.ask(&with(4, "1234")).await, Ok(()));
    for trace in 5..8 {
        assert_eq!(bank.ask(&with(trace, "4321")).await, wrong);
    }
    assert_eq!(bank.ask(&with(8, "1234")).await, Err(Outcome::PinTriesExceeded));
    assert_eq!(bank.post(&set, "p", json!({ "pin": "1234" })).await.0, 200);
    let mut garbage = with(9, "1234");
    garbage.set(52, &[0; 8]).expect("short");
    assert_eq!(bank.ask(&garbage).await, wrong);
    assert_eq!(bank.ask(&with(10, "1234")).await, Ok(()));
}

/// Of the numbers, keys and PINs nothing is in the database, nor in what it keeps beside it.
#[actix_web::test]
async fn invariant_no_number_key_or_pin_is_on_the_disk() {
    let bank = bank().await;
    let number = bank.number().await;
    let (_, given) = bank.post(&format!("{}/devices", bank.card), "d", json!({})).await;
    bank.post(&format!("{}/pin", bank.card), "p", json!({ "pin": "918273645546" }))
        .await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let key = text(&given["keys"][0]["key"]);
    let secrets = [number, text(&given["token"]), key.clone(), "918273645546".to_owned()];
    let found = |secret: &[u8]| {
        let files = std::fs::read_dir(bank.office._folder.path()).expect("a folder");
        let files = files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.is_file());
        let mut all = files.map(|path| std::fs::read(path).expect("readable"));
        all.any(|bytes| bytes.windows(secret.len()).any(|window| window == secret))
    };
    // What is there in clear is found.
    assert!(found(b"crd_"));
    for secret in &secrets {
        assert!(!found(secret.as_bytes()));
        assert!(!found(&hex::decode(secret).expect("digits")));
    }
}
