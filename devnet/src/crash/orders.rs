//! Clients who send remittances and do not give up: whatever has no answer is sent again, the same with the same key.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    insist::{Answer, End, PAUSE, insist, insist_until_near},
    receiver::Receiver,
};
use crate::{
    draw::Draw,
    network::Network,
    services::{
        Service,
        api::{Api, text},
    },
    teller::Teller,
};

/// What is sent in each remittance, in cents.
const CENTS: std::ops::RangeInclusive<u64> = 100..=5_000;

/// What the sender has, in cents.
pub const FUNDS_CENTS: u64 = 100_000_000;

/// Beneficiaries, and what becomes of what they are sent.
pub const BENEFICIARIES: [&str; 4] = ["TESTACCEPT", "TESTREFUSE", "TESTRETURN", "TESTIGNORE"];

/// Until makers quote.
const PATIENCE: Duration = Duration::from_secs(90);

/// A client on one side, with its customer's account.
pub struct Party {
    pub api: Api,
    pub account: String,
    /// Of the webhook receiver.
    pub place: &'static str,
}

impl Party {
    /// Of the sender and of the beneficiaries, who are told of everything by webhooks.
    pub async fn both(network: &Network, receiver: &Receiver) -> anyhow::Result<[Self; 2]> {
        let sender = Self::make(
            network,
            receiver,
            0,
            "sender",
            json!({ "party": { "name": "Anna Schmidt" } }),
        )
        .await?;
        let aliases = |name: &str| json!([{ "kind": "merchant", "value": name }]);
        let first = json!({ "party": { "name": "Somchai Jaidee" }, "aliases": aliases(BENEFICIARIES[0]) });
        let beneficiary = Self::make(network, receiver, 1, "beneficiary", first).await?;
        for name in &BENEFICIARIES[1..] {
            let customer = json!({
                "party": { "name": format!("Somchai {name}") },
                "aliases": aliases(name),
                "external": *name == "TESTRETURN",
            });
            beneficiary.api.post("/v1/customers", &customer).await?;
        }
        fund(network, &sender).await?;
        Ok([sender, beneficiary])
    }

    async fn make(
        network: &Network,
        receiver: &Receiver,
        index: u16,
        place: &'static str,
        customer: Value,
    ) -> anyhow::Result<Self> {
        let folder = network.folder.service(Service::Gateway(index));
        let api = Api::open(&folder.client()).await?;
        let made = api.post("/v1/customers", &customer).await?;
        let account = text(&made, "/accounts/0/id")?.to_owned();
        let webhook = api.post("/v1/webhooks", &json!({ "url": receiver.url(place) })).await?;
        receiver.expect(place, text(&webhook, "/secret")?)?;
        Ok(Self { api, account, place })
    }
}

async fn fund(network: &Network, sender: &Party) -> anyhow::Result<()> {
    use causeway_contracts::{
        identity::{Address, ParticipantId},
        money::{Amount, Currency},
    };
    use causeway_wallet::client::Client;
    let account = sender.api.get(&format!("/v1/accounts/{}", sender.account)).await?;
    let address: Address = text(&account, "/address")?.parse()?;
    let client = Client::new(network.genesis.clone(), network.api_urls())?;
    let (operator, currency) = (ParticipantId::new("BANKA")?, Currency::new("EUR")?);
    let bar = indicatif::ProgressBar::hidden();
    Teller::new(network, &client)
        .fund(operator, currency, &[address.account], Amount(FUNDS_CENTS), &bar)
        .await
}

/// Makers that have just been started do not quote until what they promised before is over.
pub async fn wait_for_quotes(sender: &Party) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let quoted = sender.api.post("/v1/quotes", &quote(&sender.account, 100)).await;
        match quoted {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= until => return Err(error),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

pub fn quote(account: &str, cents: u64) -> Value {
    json!({
        "account": account,
        "source": { "currency": "EUR", "value": format!("{}.{:02}", cents / 100, cents % 100) },
        "target": { "currency": "THB" },
    })
}

pub fn order(quote: &str, beneficiary: &str) -> Value {
    json!({
        "quote": quote,
        "beneficiary": {
            "party": { "name": "Somchai" },
            "account": { "merchant": beneficiary },
            "operator": "BANKB",
        },
    })
}

/// Ids of remittances that clients were told are made, each by a request of its own.
#[derive(Default)]
pub struct Orders(Mutex<Vec<String>>);

impl Orders {
    pub fn add(&self, id: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One after another, until nothing is broken any more.
pub(super) async fn send(
    parties: std::sync::Arc<[Party; 2]>,
    orders: std::sync::Arc<Orders>,
    mut draw: Draw,
    end: End,
) -> anyhow::Result<()> {
    let api = &parties[0].api;
    while !end.is_near() {
        let beneficiary = BENEFICIARIES[draw.below(BENEFICIARIES.len())];
        let cents = draw.number(CENTS);
        let quote = quote(&parties[0].account, cents);
        let quoted = insist_until_near(api, "/v1/quotes", &quote, &end).await?;
        let Some(quote) = quoted.and_then(Answer::done) else {
            continue;
        };
        let order = order(text(&quote, "/id")?, beneficiary);
        // To the end, also when it is time to stop: an order without an answer may be made.
        let Some(made) = insist(api, "/v1/remittances", &order, &end).await?.done() else {
            continue;
        };
        let id = text(&made, "/id")?.to_owned();
        orders.add(id.clone());
        if draw.below(4) == 0 {
            sleep(draw.milliseconds(0..=300)).await;
            // 200 or 409: the ledger decides, and the books say which.
            let path = format!("/v1/remittances/{id}/cancel");
            insist_until_near(api, &path, &json!({}), &end).await?;
        }
        sleep(draw.milliseconds(0..=200)).await;
    }
    Ok(())
}
