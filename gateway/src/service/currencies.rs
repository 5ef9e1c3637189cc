//! The network's currencies: those that there are when a gateway starts, and those that the council makes while it runs.
//! Which there are, one node may say; what each is, more than f of the validators must.

use std::{collections::BTreeSet, time::Duration};

use causeway_contracts::{governance::CurrencyRecord, money::Currency};
use causeway_wallet::client::{Client, ClientError};
use tokio::time::sleep;

use super::context::Gateway;
use crate::money::Exponents;

/// So often it is asked whether there are more.
pub const ASK_EVERY: Duration = Duration::from_secs(10);

/// So many are learned at a time: a node that makes currencies up costs no more.
const LEARNED_MAX: usize = 64;

/// `first`: those of the genesis. A node that leaves some out hides at most those that came later.
pub(super) async fn of_network(
    ledger: &Client,
    first: impl Iterator<Item = Currency>,
) -> Result<Exponents, ClientError> {
    let exponents = Exponents::default();
    let codes: BTreeSet<_> = told(ledger).await?.into_iter().chain(first).collect();
    for code in codes {
        if let Some(known) = ledger.currency(code).await? {
            exponents.learn(known.code, known.exponent);
        }
    }
    Ok(exponents)
}

async fn told(ledger: &Client) -> Result<Vec<Currency>, ClientError> {
    let told: Vec<CurrencyRecord> = ledger.ask("/v1/currencies").await?;
    Ok(told.into_iter().map(|record| record.code).collect())
}

/// Whether its digits are known then.
pub(super) async fn learn(gateway: &Gateway, currency: Currency) -> Result<bool, ClientError> {
    if gateway.exponents.is_known(currency) {
        return Ok(true);
    }
    let found = gateway.ledger.currency(currency).await?;
    if let Some(found) = &found {
        gateway.exponents.learn(currency, found.exponent);
        tracing::info!(%currency, exponent = found.exponent, "the network has a new currency");
    }
    Ok(found.is_some())
}

async fn learn_all(gateway: &Gateway) -> Result<(), ClientError> {
    let told = told(&gateway.ledger).await?;
    let new = told.into_iter().filter(|code| !gateway.exponents.is_known(*code));
    for code in new.take(LEARNED_MAX) {
        learn(gateway, code).await?;
    }
    Ok(())
}

/// Learns of new ones until it is dropped.
pub(super) async fn keep_up(gateway: &Gateway) {
    loop {
        sleep(ASK_EVERY).await;
        if let Err(error) = learn_all(gateway).await {
            tracing::warn!(
                error = error.to_string(),
                "the network does not say which currencies it has"
            );
        }
    }
}
