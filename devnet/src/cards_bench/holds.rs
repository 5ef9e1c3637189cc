//! What the ledger holds of cardholders' accounts when all authorisations have their answers.

use std::time::{Duration, Instant};

use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    money::Amount,
};
use causeway_wallet::client::Client;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::sleep;

use super::cards::CENTS;
use crate::{ledger, network::Network, services::GATEWAYS};

/// Validators may be some blocks behind the one that an answer came of.
const PATIENCE: Duration = Duration::from_secs(10);

/// Questions to validators at the same time.
const TOGETHER: usize = 8;

/// What is to be held, and what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holds {
    pub approved: u64,
    pub held: Amount,
}

impl Holds {
    /// Looks until they are as they should be, or will not be.
    pub async fn read(network: &Network, accounts: &[AccountId], approved: u64) -> anyhow::Result<Self> {
        let client = Client::new(network.genesis.clone(), network.api_urls())?;
        let until = Instant::now() + PATIENCE;
        loop {
            let held = held(network, &client, accounts).await?;
            let holds = Self { approved, held };
            if holds.is_right() || Instant::now() >= until {
                return Ok(holds);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    pub fn expected(self) -> Amount {
        Amount(self.approved * CENTS)
    }

    pub fn is_right(self) -> bool {
        self.held == self.expected()
    }
}

async fn held(network: &Network, client: &Client, accounts: &[AccountId]) -> anyhow::Result<Amount> {
    let issuer = ParticipantId::new(GATEWAYS[0].id)?;
    let all: Vec<_> = stream::iter(accounts)
        .map(|account| ledger::balance(network, client, *account, issuer, "EUR"))
        .buffered(TOGETHER)
        .try_collect()
        .await?;
    Ok(Amount(all.iter().map(|balance| balance.held.0).sum()))
}
