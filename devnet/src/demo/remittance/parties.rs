//! Who takes part: a sender at one gateway, payees at the other, and the clients that act for them.

use anyhow::Context;
use causeway_contracts::{
    identity::{Address, ParticipantId},
    money::{Amount, Currency},
};
use causeway_wallet::client::Client;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{Api, text};
use crate::{network::Network, services::Service, teller::Teller};

pub const PAYEE: &str = "Somchai Jaidee";
pub const PHONE: &str = "+66812345678";

/// Gateways in test mode know what the payees of some names do.
pub const IGNORES: &str = "Malee Ignores";
pub const REFUSES: &str = "Niran Refuses";

/// What the sender has to begin with, in cents.
pub const FUNDS: Amount = Amount(500_000);

pub struct Parties {
    pub sender_api: Api,
    pub payee_api: Api,
    /// Ids at the gateways.
    pub sender_account: String,
    pub payee_account: String,
}

impl Parties {
    pub async fn make(network: &Network, client: &Client) -> anyhow::Result<Self> {
        let open = async |index| Api::open(&network.folder.service(Service::Gateway(index)).client()).await;
        let (sender_api, payee_api) = (open(0).await?, open(1).await?);
        let sender = json!({
            "party": { "name": "Anna Schmidt", "address": { "town": "Berlin", "country": "DE" } },
        });
        let sender = sender_api.post("/v1/customers", &sender).await?;
        let mut payees = Vec::new();
        for (name, kind, value) in [
            (PAYEE, "phone", PHONE),
            (IGNORES, "merchant", "TESTIGNORE"),
            (REFUSES, "merchant", "TESTREFUSE"),
        ] {
            let payee = json!({
                "party": { "name": name, "address": { "town": "Bangkok", "country": "TH" } },
                "aliases": [{ "kind": kind, "value": value }],
            });
            payees.push(payee_api.post("/v1/customers", &payee).await?);
        }
        let address: Address = text(&sender, "/accounts/0/address")?.parse()?;
        let (operator, euro) = (ParticipantId::new("BANKA")?, Currency::new("EUR")?);
        let teller = Teller::new(network, client);
        teller
            .fund(operator, euro, &[address.account], FUNDS, &ProgressBar::hidden())
            .await?;
        Ok(Self {
            sender_api,
            payee_api,
            sender_account: account(&sender)?,
            payee_account: account(payees.first().context("there are payees")?)?,
        })
    }
}

fn account(customer: &Value) -> anyhow::Result<String> {
    Ok(text(customer, "/accounts/0/id")?.to_owned())
}
