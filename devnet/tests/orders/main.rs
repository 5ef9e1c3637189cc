//! Orders of a merchant at a gateway of a devnet with one validator: paid by a wallet that names them, refunded, sent back
//! when they do not count, and in the books to the unit.

#[path = "../common/banks.rs"]
mod banks;
#[path = "../common/mod.rs"]
mod common;
mod settled;

use std::{process::Command, time::Duration};

use causeway_contracts::{identity::Address, ledger::receipt::Outcome, money::Amount, transaction::Action};
use causeway_devnet::{
    network::Network,
    services::{
        Service,
        api::{Api, text},
        configs::Settings,
    },
    teller::Teller,
};
use causeway_wallet::{client::Client, payment};
use common::program;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use self::banks::{eur, euro, id, own_account};

/// Where free ports are looked for.
const BASE_PORT: u16 = 49_000;

/// Looked at so often, ten times a second.
const LOOKS: u32 = 300;

struct Town {
    network: Network,
    wallet: Client,
    api: Api,
    merchant: String,
}

impl Town {
    /// The other bank's own account pays.
    async fn pay(&self, order: &Value, amount: u64) {
        let to: Address = text(order, "/pay_to").unwrap().parse().unwrap();
        let payment = payment::Payment {
            from: own_account(&self.network, "BANKB"),
            to: to.account,
            currency: euro(),
            amount: Amount(amount),
            memo: payment::memo(text(order, "/memo").unwrap().to_owned()).unwrap(),
        };
        let key = self.network.seed.key("BANKB");
        let signed = payment.sign(self.wallet.genesis(), &key).unwrap();
        let (_, verified) = self.wallet.submit(&signed).await.unwrap();
        assert_eq!(verified.outcome, Outcome::Applied);
    }

    async fn order(&self) -> Value {
        let order = json!({ "merchant": self.merchant, "amount": eur("10.00") });
        self.api.post("/v1/orders", &order).await.unwrap()
    }

    async fn becomes(&self, order: &Value, good: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/v1/orders/{}", text(order, "/id").unwrap());
        for _ in 0..LOOKS {
            let now = self.api.get(&path).await.unwrap();
            if good(&now) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{}", self.api.get(&path).await.unwrap());
    }

    /// What the banks have, in minor units.
    async fn balance(&self, participant: &str) -> i128 {
        let own = own_account(&self.network, participant);
        banks::balance(&self.network, &self.wallet, own, participant).await.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_by_its_memo_and_refunded_and_what_does_not_count_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (_folder, network) = common::network(dir.path(), BASE_PORT);
    let fleet = common::start(&network).await;
    let settings = Settings {
        services: vec![Service::Gateway(0)],
        ..Settings::default()
    };
    let services = banks::start(&network, &settings).await;
    let wallet = Client::new(network.genesis.clone(), network.api_urls()).unwrap();
    let api = Api::open(&network.folder.service(Service::Gateway(0)).client())
        .await
        .unwrap();
    let merchant = json!({ "name": "Noodles & Co", "city": "Berlin", "country": "DE", "category": "5812" });
    let merchant = api.post("/v1/merchants", &merchant).await.unwrap();
    let town = Town {
        merchant: text(&merchant, "/id").unwrap().to_owned(),
        network,
        wallet,
        api,
    };
    let (teller, bar) = (Teller::new(&town.network, &town.wallet), ProgressBar::hidden());
    let payer = own_account(&town.network, "BANKB");
    let issue = Action::Issue {
        currency: euro(),
        to: payer,
        amount: Amount(100_000),
    };
    teller.act(id("CBEUR"), &[issue], &bar).await.unwrap();
    let before = [town.balance("BANKA").await, town.balance("BANKB").await];

    let order = town.order().await;
    town.pay(&order, 1_000).await;
    town.becomes(&order, |now| now["state"] == "paid").await;
    let refunds = format!("/v1/orders/{}/refunds", text(&order, "/id").unwrap());
    town.api
        .post(&refunds, &json!({ "amount": eur("4.00") }))
        .await
        .unwrap();
    let refunded = town.becomes(&order, |now| now["state"] == "partially_refunded").await;
    assert_eq!(refunded["refunded"], eur("4.00"));
    // Twice, and of another amount: both come back whole.
    town.pay(&order, 1_000).await;
    let other = town.order().await;
    town.pay(&other, 999).await;
    for (order, reason) in [(&order, "duplicate"), (&other, "wrong_amount")] {
        let told = town.becomes(order, |now| now["strays"][0]["state"] == "settled").await;
        assert_eq!(told["strays"][0]["reason"], reason, "{told}");
    }
    let after = [town.balance("BANKA").await, town.balance("BANKB").await];
    assert_eq!([after[0] - before[0], after[1] - before[1]], [600, -600], "to the unit");
    receipt(&town, &order, dir.path()).await;
    banks::reconcile(&services, Service::Gateway(0)).await;
    drop((services, fleet));
}

/// The checkout page's receipt is a proof that anybody can check.
async fn receipt(town: &Town, order: &Value, dir: &std::path::Path) {
    let url = format!("{}/receipt", text(order, "/checkout_url").unwrap());
    let proof = reqwest::get(&url).await.unwrap();
    assert_eq!(proof.status(), 200);
    let file = dir.join("receipt.json");
    std::fs::write(&file, proof.bytes().await.unwrap()).unwrap();
    let genesis = town.network.folder.genesis();
    let mut verify = Command::new(program("causeway"));
    let verify = verify
        .args(["verify", "--genesis"])
        .arg(genesis)
        .arg(&file)
        .output()
        .unwrap();
    assert!(verify.status.success(), "{verify:?}");
}
