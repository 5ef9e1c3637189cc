//! A customer of the bank that issues cards.

use causeway_contracts::{
    identity::{AccountId, Address},
    money::Amount,
};
use causeway_devnet::{
    network::Network,
    phone::Phone,
    services::api::{Api, text},
    teller::Teller,
};
use causeway_wallet::client::Client;
use indicatif::ProgressBar;
use serde_json::json;

use crate::banks::{eur, euro, id};

/// With so many euro cents in an account; its id comes with it.
pub async fn customer(network: &Network, wallet: &Client, bank: &Api, cents: u64) -> (AccountId, String) {
    let customer = json!({ "party": { "name": "Anna Schmidt" } });
    let customer = bank.post("/v1/customers", &customer).await.unwrap();
    let address: Address = text(&customer, "/accounts/0/address").unwrap().parse().unwrap();
    let (teller, bar) = (Teller::new(network, wallet), ProgressBar::hidden());
    let holders = [address.account];
    let funded = teller.fund(id("BANKA"), euro(), &holders, Amount(cents), &bar);
    funded.await.unwrap();
    (address.account, text(&customer, "/accounts/0/id").unwrap().to_owned())
}

/// A card of the account with these limits, and a phone that pays like it.
pub async fn card(bank: &Api, account: &str, payment: &str, day: &str) -> Phone {
    let card = json!({ "account": account, "limit_payment": eur(payment), "limit_day": eur(day) });
    let card = bank.post("/v1/cards", &card).await.unwrap();
    let devices = format!("/v1/cards/{}/devices", text(&card, "/id").unwrap());
    Phone::new(&bank.post(&devices, &json!({})).await.unwrap()).unwrap()
}
