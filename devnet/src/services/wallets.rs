//! The wallets of gateways and makers: an operator's key and one for custody, or a maker's own.

use anyhow::Context;
use causeway_contracts::identity::{ParticipantId, Tier};
use causeway_wallet::{
    home::{AccountEntry, Home},
    keystore::Secret,
};

use super::{GATEWAYS, MAKERS, Service};
use crate::{
    folder::{self, NetworkFolder},
    network::Network,
    teller::Customer,
};

/// The key from which those of customers' accounts are made.
pub const CUSTODY_KEY: &str = "custody";

/// Of a maker's account and of its key.
pub const MAKER: &str = "maker";

/// A maker's account. Nothing caps its tier.
pub fn maker_customer(network: &Network, index: u16) -> anyhow::Result<Customer> {
    let operator = ParticipantId::new(MAKERS[usize::from(index)].operator)?;
    Ok(Customer::new(network, &Service::Maker(index).name(), operator, Tier(0)))
}

/// Makes those that are not there, and tells those that are where the validators listen now.
pub fn make(network: &Network, services: &[Service]) -> anyhow::Result<()> {
    let passphrase = passphrase(&network.folder)?;
    for &service in services.iter().filter(|service| service.has_wallet()) {
        let root = network.folder.service(service).wallet();
        let home = Home::init(&root, &network.folder.genesis(), network.api_urls())
            .with_context(|| format!("the wallet of {}", service.name()))?;
        let add = |name: &str, seed: [u8; 32]| -> anyhow::Result<()> {
            let keystore = home.keystore();
            if !keystore.list()?.iter().any(|entry| entry.name == name) {
                keystore.add(name, &Secret::Seed(seed.into()), &passphrase)?;
            }
            Ok(())
        };
        match service {
            Service::Gateway(index) | Service::Instance(index) => {
                let operator = GATEWAYS[usize::from(index)].id;
                add(operator, network.seed.key_seed(operator))?;
                let custody = format!("{CUSTODY_KEY}/{operator}");
                add(CUSTODY_KEY, network.seed.key_seed(&custody))?;
            }
            Service::Maker(index) => {
                let customer = maker_customer(network, index)?;
                add(MAKER, Customer::seed_of(&network.seed, &service.name()))?;
                if home.accounts()?.is_empty() {
                    home.add_account(AccountEntry {
                        label: MAKER.to_owned(),
                        address: customer.id.address(network.genesis.address_prefix),
                        key: MAKER.to_owned(),
                    })?;
                }
            }
            // Its keys are files.
            Service::Issuer(_) => {}
        }
    }
    Ok(())
}

/// Drawn when it is first asked for.
fn passphrase(folder: &NetworkFolder) -> anyhow::Result<String> {
    let path = folder.passphrase();
    if !path.exists() {
        let mut drawn = [0; 16];
        getrandom::fill(&mut drawn)?;
        folder::write_secret(&path, &format!("{}\n", hex::encode(drawn)))?;
    }
    Ok(folder::read(&path)?.lines().next().unwrap_or_default().to_owned())
}
