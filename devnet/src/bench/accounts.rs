//! The accounts that pay each other. Their keys come from a seed, so that a run can be repeated.
//!
//! The first of them are in the genesis, whose file has room for [`GENESIS_MAX`]; the others are opened on
//! the network before anything is measured.

use causeway_contracts::{
    block::GenesisHash,
    genesis::OpeningAccount,
    identity::{AccountId, ParticipantId, Tier},
    keys::SecretKey,
    money::{Amount, Currency},
};
use causeway_wallet::client::Client;

use super::parallel;
use crate::{
    genesis::{OPERATORS, Seed},
    load::FUNDS,
    network::Network,
    progress,
    teller::{Customer, Teller},
};

/// About 300 bytes each, of the 64 MiB that a genesis file may have.
pub const GENESIS_MAX: u32 = 150_000;

/// So many are opened in one go on the network.
const OPENED_TOGETHER: u32 = 65_536;

pub struct Accounts {
    seed: Seed,
    genesis: GenesisHash,
    ids: Vec<AccountId>,
}

fn operator() -> ParticipantId {
    ParticipantId::new(OPERATORS[0].0).expect("written in a valid form")
}

pub fn currency() -> Currency {
    Currency::new("CNY").expect("a code of the devnet")
}

fn name(index: u64) -> String {
    format!("bench-{index}")
}

fn customer(seed: &Seed, genesis: &GenesisHash, index: u64) -> Customer {
    // Of tier 1, which has no caps.
    Customer::of(seed, genesis, &name(index), operator(), Tier(1))
}

/// Those that a network is made with.
pub fn in_genesis(seed: &Seed, count: u32) -> Vec<OpeningAccount> {
    let nowhere = GenesisHash([0; 32]);
    let open = |index| customer(seed, &nowhere, index).in_genesis(currency(), FUNDS);
    parallel::each(0..u64::from(count.min(GENESIS_MAX)), open)
}

impl Accounts {
    /// The accounts of a network that was made with [`in_genesis`]; those beyond it are not open yet.
    pub fn new(network: &Network, count: u32) -> Self {
        let (seed, genesis) = (network.seed.clone(), network.genesis.origin());
        let ids = parallel::each(0..u64::from(count), |index| customer(&seed, &genesis, index).id);
        Self { seed, genesis, ids }
    }

    /// Opens those that the genesis had no room for.
    pub async fn open_rest(&self, network: &Network) -> anyhow::Result<()> {
        let count = u32::try_from(self.ids.len())?;
        if count <= GENESIS_MAX {
            return Ok(());
        }
        let client = Client::new(network.genesis.clone(), network.api_urls())?;
        let teller = Teller::new(network, &client);
        for first in (GENESIS_MAX..count).step_by(OPENED_TOGETHER as usize) {
            let end = first.saturating_add(OPENED_TOGETHER).min(count);
            let bar = progress::bar("opening accounts", u64::from(end - first));
            let open = |index| customer(&self.seed, &self.genesis, index);
            let customers = parallel::each(u64::from(first)..u64::from(end), open);
            teller.open_with(&customers, currency(), FUNDS, &bar).await?;
            bar.finish_and_clear();
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn id(&self, index: usize) -> AccountId {
        self.ids[index]
    }

    /// Of the account's key; worked out, since ten million keys take more memory than there may be.
    pub fn key(&self, index: usize) -> SecretKey {
        Customer::key_of(&self.seed, &name(index as u64))
    }
}

/// What one payment moves, in minor units.
pub const PAYMENT: Amount = Amount(1);

#[cfg(test)]
mod tests {
    use causeway_contracts::genesis::Genesis;

    use crate::bench::trial;

    #[test]
    fn a_genesis_with_many_accounts_reads_back_as_it_was() {
        let (_place, network) = trial::network(600);
        assert_eq!(network.genesis.accounts.len(), 600);
        assert_eq!(Genesis::parse(&network.genesis.to_toml()).unwrap(), network.genesis);
    }
}
