//! What the ledger says of an account.

use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    money::Currency,
};
use causeway_wallet::client::Client;

use crate::network::Network;

/// In minor units, what is available, by the word of enough validators. `reader` is a participant who may know it.
pub async fn available(
    network: &Network,
    client: &Client,
    account: AccountId,
    reader: ParticipantId,
    currency: &str,
) -> anyhow::Result<i128> {
    let view = client.account(&account, &network.seed.key(reader.as_str())).await?;
    let currency = Currency::new(currency)?;
    let balances = view.iter().flat_map(|view| view.balances.iter());
    let mut own = balances.filter(|balance| balance.currency == currency);
    Ok(own.next().map_or(0, |balance| balance.available.0))
}
