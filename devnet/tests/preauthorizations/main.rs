//! A merchant of one bank authorizes orders by a card of the other one's on a devnet with one validator, and captures and voids them:
//! on the ledger each is done once, whichever gateway is killed.

#[path = "../common/banks.rs"]
mod banks;
#[path = "../common/mod.rs"]
mod common;
#[path = "../cards/customer.rs"]
mod customer;

use std::time::Duration;

use causeway_contracts::identity::AccountId;
use causeway_devnet::{
    fleet::Fleet,
    network::Network,
    phone::Phone,
    services::{
        Service, Services,
        api::{Api, text},
        configs::Settings,
    },
};
use causeway_wallet::client::Client;
use serde_json::{Value, json};

use self::{
    banks::{eur, own_account},
    customer::{card, customer},
};

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
        let services = banks::start(&network, &settings).await;
        let bank = Api::open(&network.folder.service(ISSUER).client()).await.unwrap();
        let (holder, account) = customer(&network, &wallet, &bank, FUNDS).await;
        let phone = card(&bank, &account, "1000.00", "3000.00").await;
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

    async fn money(&self) -> Money {
        let balance = |account, participant| banks::balance(&self.network, &self.wallet, account, participant);
        let (available, held) = balance(self.holder, "BANKA").await;
        Money {
            available,
            held,
            acquirer: balance(own_account(&self.network, "BANKB"), "BANKB").await.0,
        }
    }

    /// Of 30.00 EUR, held by the cardholder's issuer when this ends.
    async fn authorized(&mut self) -> Value {
        let order = json!({ "merchant": self.merchant, "amount": eur("30.00"), "capture": "manual" });
        let order = self.shop.post("/v1/orders", &order).await.unwrap();
        let tap = self.phone.tap(3_000).unwrap();
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
}

fn path(order: &Value, what: &str) -> String {
    format!("/v1/orders/{}{what}", text(order, "/id").unwrap())
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
    for gateway in [ISSUER, ACQUIRER] {
        banks::reconcile(&town.services, gateway).await;
    }
}
