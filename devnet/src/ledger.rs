//! What the ledger says of an account.

use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    money::{Amount, Currency},
};
use causeway_wallet::client::Client;

use crate::network::Network;

/// In minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    pub available: i128,
    pub held: Amount,
}

/// By the word of enough validators. `reader` is a participant who may know it.
pub async fn balance(
    network: &Network,
    client: &Client,
    account: AccountId,
    reader: ParticipantId,
    currency: &str,
) -> anyhow::Result<Balance> {
    let view = client.account(&account, &network.seed.key(reader.as_str())).await?;
    let currency = Currency::new(currency)?;
    let balances = view.iter().flat_map(|view| view.balances.iter());
    let mut own = balances.filter(|balance| balance.currency == currency);
    Ok(own.next().map_or_else(Balance::default, |balance| Balance {
        available: balance.available.0,
        held: balance.held,
    }))
}

/// What is not held of it.
pub async fn available(
    network: &Network,
    client: &Client,
    account: AccountId,
    reader: ParticipantId,
    currency: &str,
) -> anyhow::Result<i128> {
    Ok(balance(network, client, account, reader, currency).await?.available)
}
