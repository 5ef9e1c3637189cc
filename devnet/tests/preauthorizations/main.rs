//! A merchant of one bank authorizes orders by a card of the other one's on a devnet with one validator, and captures and voids them:
//! on the ledger each is done once, whichever gateway is killed.

#[path = "../common/mod.rs"]
mod common;
#[path = "../cards/phone.rs"]
mod phone;

use std::{future::pending, process::Command, time::Duration};

use causeway_contracts::{
    identity::{AccountId, Address, ParticipantId},
    money::{Amount, Currency},
};
use causeway_devnet::{
    fleet::{Fleet, Lifetime},
    folder,
    network::Network,
    services::{
        Programs, Service, Services,
        api::{Api, text},
        cards,
        configs::Settings,
    },
    teller::Teller,
};
use causeway_wallet::client::Client;
use common::program;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use self::phone::Phone;

/// Where free ports are looked for.
const BASE_PORT: u16 = 45_000;

const FUNDS: u64 = 50_000;

const ISSUER: Service = Service::Gateway(0);
const ACQUIRER: Service = Service::Gateway(1);

/// Looked at so often, ten times a second.
const LOOKS: u32 = 600;

/// In euro cents: the cardholder's, of which some is held, and the acquirer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Money {
    available: i128,
    held: i128,
    acquirer: i128,
}

struct Town {
    network: Network,
    services: Services,
    wallet: Client,
    shop: Api,
    merchant: String,
    holder: AccountId,
    phone: Phone,
    _fleet: Fleet,
    _dir: tempfile::TempDir,
}

fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

fn eur(value: &str) -> Value {
    json!({ "value": value, "currency": "EUR" })
}

fn id(text: &str) -> ParticipantId {
    ParticipantId::new(text).unwrap()
}

/// A customer's account with [`FUNDS`], and a phone that stands for its card.
async fn customer(network: &Network, wallet: &Client) -> (AccountId, Phone) {
    let bank = Api::open(&network.folder.service(ISSUER).client()).await.unwrap();
    let customer = json!({ "party": { "name": "Anna Schmidt" } });
    let customer = bank.post("/v1/customers", &customer).await.unwrap();
    let address: Address = text(&customer, "/accounts/0/address").unwrap().parse().unwrap();
    let account = text(&customer, "/accounts/0/id").unwrap();
    let card = json!({ "account": account, "limit_payment": eur("1000.00"), "limit_day": eur("3000.00") });
    let card = bank.post("/v1/cards", &card).await.unwrap();
    let devices = format!("/v1/cards/{}/devices", text(&card, "/id").unwrap());
    let phone = Phone::new(&bank.post(&devices, &json!({})).await.unwrap());
    let (teller, bar) = (Teller::new(network, wallet), ProgressBar::hidden());
    let holders = [address.account];
    let funded = teller.fund(id("BANKA"), euro(), &holders, Amount(FUNDS), &bar);
    funded.await.unwrap();
    (address.account, phone)
}

impl Town {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (_folder, network) = common::network(dir.path(), BASE_PORT);
        let fleet = common::start(&network).await;
        let wallet = Client::new(network.genesis.clone(), network.api_urls()).unwrap();
        let settings = Settings {
            services: vec![ISSUER, ACQUIRER],
            ..Settings::default()
        };
        let programs = Programs {
            gateway: program("causeway-gateway"),
            wallet: program("causeway"),
        };
        let services = Services::start(&network, programs, Lifetime::Ours, &settings, pending());
        let mut services = services.await.unwrap();
        route(&network, &mut services).await;
        let (holder, phone) = customer(&network, &wallet).await;
        let shop = Api::open(&network.folder.service(ACQUIRER).client()).await.unwrap();
        let merchant = json!({ "name": "Hotel Berlin", "city": "Berlin", "country": "DE", "category": "7011" });
        let merchant = shop.post("/v1/merchants", &merchant).await.unwrap();
        Self {
            merchant: text(&merchant, "/id").unwrap().to_owned(),
            network,
            services,
            wallet,
            shop,
            holder,
            phone,
            _fleet: fleet,
            _dir: dir,
        }
    }

    async fn balance(&self, account: AccountId, participant: &str) -> (i128, i128) {
        let key = self.network.seed.key(participant);
        let view = self.wallet.account(&account, &key).await.unwrap().unwrap();
        let euros = view.balances.iter().find(|balance| balance.currency == euro());
        euros.map_or((0, 0), |balance| (balance.available.0, i128::from(balance.held.0)))
    }

    async fn money(&self) -> Money {
        let acquirer = AccountId::of_participant(&self.network.genesis.origin(), id("BANKB"));
        let (available, held) = self.balance(self.holder, "BANKA").await;
        Money {
            available,
            held,
            acquirer: self.balance(acquirer, "BANKB").await.0,
        }
    }

    /// Of 30.00 EUR, held by the cardholder's issuer when this ends.
    async fn authorized(&mut self) -> Value {
        let order = json!({ "merchant": self.merchant, "amount": eur("30.00"), "capture": "manual" });
        let order = self.shop.post("/v1/orders", &order).await.unwrap();
        let tap = self.phone.tap(3_000);
        let body = json!({ "entry": "tap", "track2": *tap.track_2, "chip": hex::encode(&tap.de55) });
        let answer = self.tapped(&order, &body).await;
        assert_eq!(answer["outcome"], "approved", "{answer}");
        self.becomes(&order, |now| now["state"] == "authorized").await
    }

    /// The link between the gateways may not be there yet: then nobody was asked.
    async fn tapped(&self, order: &Value, body: &Value) -> Value {
        let key = text(order, "/id").unwrap();
        for _ in 0..LOOKS {
            let (status, answer) = self.shop.try_post(&path(order, "/card"), body, key).await.unwrap();
            if (status, &answer["code"]) != (503, &json!("2009")) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the issuer cannot be reached");
    }

    async fn becomes(&self, order: &Value, good: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..LOOKS {
            if let Ok(now) = self.shop.get(&path(order, "")).await
                && good(&now)
            {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{:?}", self.shop.get(&path(order, "")).await);
    }

    /// While its issuer hears nothing, the acquirer's gateway is asked, and killed.
    async fn ask_and_kill(&mut self, order: &Value, what: &str, body: Value) {
        self.services.kill(ISSUER).await.unwrap();
        let advice = self.shop.post(&path(order, what), &body).await.unwrap();
        assert_eq!(advice["state"], "pending", "{advice}");
        self.services.kill(ACQUIRER).await.unwrap();
        self.services.restart(ACQUIRER).unwrap();
        self.services.restart(ISSUER).unwrap();
        self.services.wait_healthy().await.unwrap();
    }

    /// Both gateways' books agree with the ledger.
    fn reconcile(&self) {
        for service in [ISSUER, ACQUIRER] {
            let mut command = Command::new(program("causeway-gateway"));
            let config = self.network.folder.service(service).config();
            command.arg("reconcile").arg("--config").arg(config);
            command.arg("--passphrase-file").arg(self.network.folder.passphrase());
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }
}

fn path(order: &Value, what: &str) -> String {
    format!("/v1/orders/{}{what}", text(order, "/id").unwrap())
}

/// The acquirer asks the issuer's host, unless it does already.
async fn route(network: &Network, services: &mut Services) {
    let file = network.folder.service(ACQUIRER).config();
    let config = folder::read(&file).unwrap();
    if config.contains("[[acquiring.routes]]") {
        return;
    }
    let route = format!(
        "\n[[acquiring.routes]]\nname = \"banka\"\naddress = \"{}\"\nvariant = \"a\"\nbins = [\"{}\", \"{}\"]\n\
         acquirer_id = \"27100\"\n",
        network.plan.base_port.cards(),
        cards::BIN,
        cards::TOKEN_BIN,
    );
    folder::write(&file, &format!("{config}{route}")).unwrap();
    services.kill(ACQUIRER).await.unwrap();
    services.restart(ACQUIRER).unwrap();
    services.wait_healthy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_card_holds_for_an_order_is_captured_or_voided_once_whoever_is_killed() {
    let mut town = Town::new().await;
    let before = town.money().await;
    assert_eq!((before.available, before.held), (i128::from(FUNDS), 0));
    let holding = |money: Money| Money {
        available: money.available - 3_000,
        held: 3_000,
        ..money
    };
    let paid = |money: Money, cents| Money {
        available: money.available - cents,
        acquirer: money.acquirer + cents,
        ..money
    };

    let order = town.authorized().await;
    assert_eq!(
        (town.money().await, &order["payment"]["amount"]),
        (holding(before), &eur("30.00"))
    );
    town.shop
        .post(&path(&order, "/capture"), &json!({ "amount": eur("25.50") }))
        .await
        .unwrap();
    let order = town.becomes(&order, |now| now["state"] == "paid").await;
    let first = paid(before, 2_550);
    assert_eq!(
        (town.money().await, &order["payment"]["amount"]),
        (first, &eur("25.50"))
    );

    let order = town.authorized().await;
    town.ask_and_kill(&order, "/capture", json!({})).await;
    town.becomes(&order, |now| now["state"] == "paid").await;
    let second = paid(first, 3_000);
    assert_eq!(town.money().await, second);

    let order = town.authorized().await;
    assert_eq!(town.money().await, holding(second));
    town.ask_and_kill(&order, "/void", json!({})).await;
    let is_over = |now: &Value| now["state"] == "voided" && now["advices"][0]["state"] == "approved";
    let order = town.becomes(&order, is_over).await;
    let last = order["timeline"].as_array().and_then(|moments| moments.last()).unwrap();
    assert_eq!((town.money().await, &last["reason"]), (second, &json!("requested")));
    town.reconcile();
}
