//! The banks of a network of one validator: their gateways, their money in euro, and whether their books are right.

use std::{future::pending, process::Command};

use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    money::Currency,
};
use causeway_devnet::{
    fleet::Lifetime,
    network::Network,
    services::{Programs, Service, Services, configs::Settings},
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
    let key = network.seed.key(participant);
    let view = wallet.account(&account, &key).await.unwrap().unwrap();
    let euros = view.balances.iter().find(|balance| balance.currency == euro());
    euros.map_or((0, 0), |balance| (balance.available.0, i128::from(balance.held.0)))
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
pub fn reconcile(network: &Network, gateway: Service) {
    let mut command = Command::new(program("causeway-gateway"));
    let config = network.folder.service(gateway).config();
    command.arg("reconcile").arg("--config").arg(config);
    command.arg("--passphrase-file").arg(network.folder.passphrase());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
