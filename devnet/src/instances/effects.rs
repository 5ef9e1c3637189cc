//! What there is of what was asked for: in the lists of both processes, on the ledger, among events and webhooks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use anyhow::{Context, ensure};
use causeway_contracts::identity::{AccountId, Address};
use causeway_wallet::client::Client;
use serde_json::Value;

use super::crowd;
use crate::{
    crash::{books::listed, orders::Party, receiver::Receiver},
    network::Network,
    services::{
        GATEWAYS,
        api::{Api, text},
    },
};

pub struct Effects {
    customers: Vec<Value>,
    remittances: usize,
    holds: usize,
    events: usize,
    /// By event, how often it has come to each of the two parties.
    webhooks: [BTreeMap<String, u32>; 2],
}

impl Effects {
    /// An error if there is more or less than one of something.
    pub async fn count(
        network: &Network,
        instances: &[Arc<Api>; 2],
        parties: &[Party; 2],
        receiver: &Receiver,
    ) -> anyhow::Result<Self> {
        for path in [
            "/v1/customers?limit=100",
            "/v1/remittances?limit=100",
            "/v1/events?limit=100",
        ] {
            let [one, other] = [instances[0].get(path).await?, instances[1].get(path).await?];
            ensure!(one == other, "{path} is not the same of both");
        }
        let sender = &parties[0];
        let remittances = listed(&sender.api, "/v1/remittances", "cursor").await?;
        let events = listed(&sender.api, "/v1/events", "after").await?;
        for remittance in &remittances {
            told_once(remittance, &events)?;
        }
        let holds = holds(network, sender).await?;
        let reserved = remittances.iter().filter(|one| was(one, "reserved")).count();
        ensure!(
            holds == reserved,
            "{reserved} remittances were reserved, and the ledger has {holds} holds"
        );
        Ok(Self {
            customers: listed(&sender.api, "/v1/customers", "cursor").await?,
            remittances: remittances.len(),
            holds,
            events: events.len(),
            webhooks: [receiver.arrivals(parties[0].place), receiver.arrivals(parties[1].place)],
        })
    }

    /// Each of those that all clients have asked for is one customer, with an account that is open.
    pub fn customers(&self, count: u64) -> anyhow::Result<()> {
        for number in 0..count {
            let name = crowd::customer(number);
            let mut named = self
                .customers
                .iter()
                .filter(|one| one["party"]["name"] == name.as_str());
            let one = named.next().with_context(|| format!("{name} is no customer"))?;
            ensure!(named.next().is_none(), "{name} is a customer twice");
            ensure!(one["accounts"].as_array().is_some_and(|all| all.len() == 1), "{one}");
        }
        Ok(())
    }

    /// As long as no process has died, none is sent twice.
    pub fn webhooks_came_once(&self) -> anyhow::Result<()> {
        let twice = self.webhooks.iter().flatten().find(|(_, times)| **times > 1);
        if let Some((event, times)) = twice {
            anyhow::bail!("{event} came {times} times");
        }
        Ok(())
    }
}

fn timeline(remittance: &Value) -> impl Iterator<Item = &str> {
    let moments = remittance["timeline"].as_array().into_iter().flatten();
    moments.map(|moment| moment["state"].as_str().unwrap_or_default())
}

fn was(remittance: &Value, state: &str) -> bool {
    timeline(remittance).any(|was| was == state)
}

/// One event for each line of its timeline, in their order.
fn told_once(remittance: &Value, events: &[Value]) -> anyhow::Result<()> {
    let id = text(remittance, "/id")?;
    let about = events.iter().filter(|event| event["data"]["id"] == id);
    let told: Vec<_> = about.map(|event| event["type"].as_str().unwrap_or_default()).collect();
    let expected: Vec<_> = timeline(remittance)
        .map(|state| format!("remittance.{state}"))
        .collect();
    ensure!(told == expected, "{id} was {expected:?}, and told of as {told:?}");
    let transactions = remittance["timeline"].as_array().into_iter().flatten();
    let transactions: Vec<_> = transactions
        .filter_map(|moment| moment["transaction"].as_str())
        .collect();
    let distinct: BTreeSet<_> = transactions.iter().collect();
    ensure!(distinct.len() == transactions.len(), "{id} has a transaction twice");
    Ok(())
}

/// Of the sender's account, as the ledger has them: open ones, and those that have ended within the day.
async fn holds(network: &Network, sender: &Party) -> anyhow::Result<usize> {
    let account = sender.api.get(&format!("/v1/accounts/{}", sender.account)).await?;
    let address: Address = text(&account, "/address")?.parse()?;
    contracts(network, &address.account).await
}

async fn contracts(network: &Network, account: &AccountId) -> anyhow::Result<usize> {
    let client = Client::new(network.genesis.clone(), network.api_urls())?;
    let key = network.seed.key(GATEWAYS[0].id);
    let (mut count, mut after) = (0, None);
    loop {
        let page = client.contracts(account, after, &key).await?;
        count += page.contracts.len();
        after = page.contracts.last().copied();
        if !page.has_more || after.is_none() {
            return Ok(count);
        }
    }
}

impl fmt::Display for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let came = |side: usize| self.webhooks[side].values().sum::<u32>();
        let distinct = |side: usize| self.webhooks[side].len();
        write!(
            f,
            "{} customers, {} remittances, {} holds on the ledger, {} events, {} webhooks that came {} times",
            self.customers.len(),
            self.remittances,
            self.holds,
            self.events,
            distinct(0) + distinct(1),
            came(0) + came(1),
        )
    }
}
