//! The banks of a network of one validator: their gateways, their money in euro, and whether their books are right.

use std::future::pending;

use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    money::Currency,
};
use causeway_devnet::{
    fleet::Lifetime,
    ledger,
    network::Network,
    services::{Programs, Service, Services, configs::Settings, differences},
};
use causeway_wallet::client::Client;
use serde_json::{Value, json};

use crate::common::program;

pub fn euro() -> Currency {
    Currency::new("EUR").unwrap()
}

pub fn eur(value: &str) -> Value {
    json!({ "value": value, "currency": "EUR" })
}

pub fn id(text: &str) -> ParticipantId {
    ParticipantId::new(text).unwrap()
}

/// A bank's own.
pub fn own_account(network: &Network, participant: &str) -> AccountId {
    AccountId::of_participant(&network.genesis.origin(), id(participant))
}

/// In euro cents, available and held, as the participant with this key is told.
pub async fn balance(network: &Network, wallet: &Client, account: AccountId, participant: &str) -> (i128, i128) {
    let found = ledger::balance(network, wallet, account, id(participant), "EUR")
        .await
        .unwrap();
    (found.available, i128::from(found.held.0))
}

pub async fn start(network: &Network, settings: &Settings) -> Services {
    let programs = Programs {
        gateway: program("causeway-gateway"),
        wallet: program("causeway"),
    };
    let services = Services::start(network, programs, Lifetime::Ours, settings, pending());
    services.await.unwrap()
}

/// A gateway's books agree with the ledger.
pub async fn reconcile(services: &Services, gateway: Service) {
    let checked = services.reconcile(gateway).await.unwrap();
    assert_eq!(differences(gateway, &checked), None);
}
