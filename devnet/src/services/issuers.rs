//! The services that sign for purses: their keys and accounts, and the currencies that are opened for purses.

use anyhow::{Context, bail};
use causeway_contracts::{
    identity::{AccountId, ParticipantId, Tier},
    keys::SecretKey,
    ledger::{receipt::Outcome, rejection::Rejection},
    money::{Amount, Currency},
    offline::{action::OfflineAction, issuer::KeyRole},
    transaction::Action,
};
use causeway_wallet::client::Client;

use super::{ISSUERS, Service};
use crate::{
    folder,
    genesis::issuer_of,
    network::Network,
    teller::{Customer, Teller},
};

/// In minor units: what is set aside for purses that owe more than was loaded.
pub const GUARANTEE: Amount = Amount(10_000_000);

/// The file with the key of the account by which a service submits.
pub const ACCOUNT_KEY: &str = "account.key";

const ROLES: [KeyRole; 3] = [KeyRole::Certificate, KeyRole::Grant, KeyRole::Beacon];

/// The file with a service's key, in its folder.
pub const fn key_file(role: KeyRole) -> &'static str {
    match role {
        KeyRole::Certificate => "certificate.key",
        KeyRole::Grant => "grant.key",
        KeyRole::Beacon => "beacon.key",
    }
}

/// The account by which a service submits what it signs. It needs no money.
pub fn account(network: &Network, index: u16) -> anyhow::Result<Customer> {
    customer(network, index, &Service::Issuer(index).name())
}

/// The account whose money guarantees what purses owe.
pub fn fund(network: &Network, index: u16) -> anyhow::Result<Customer> {
    customer(network, index, &format!("{}-fund", Service::Issuer(index).name()))
}

fn customer(network: &Network, index: u16, name: &str) -> anyhow::Result<Customer> {
    let operator = ParticipantId::new(ISSUERS[usize::from(index)].operator)?;
    Ok(Customer::new(network, name, operator, Tier(0)))
}

fn key_seed(network: &Network, index: u16, role: KeyRole) -> [u8; 32] {
    let name = format!("{}/{}", Service::Issuer(index).name(), key_file(role));
    network.seed.key_seed(&name)
}

/// Writes the services' keys, and opens their currencies for purses where that has not been done.
pub async fn open(network: &Network, client: &Client, services: &[Service]) -> anyhow::Result<()> {
    let teller = Teller::new(network, client);
    for service in services {
        let Service::Issuer(index) = *service else { continue };
        write_keys(network, index)?;
        let (account, fund) = (account(network, index)?, fund(network, index)?);
        let operator = network.seed.key(fund.operator.as_str());
        // Whoever signs has to be there before.
        let accounts = vec![account.opening(), fund.opening()];
        let outcome = teller.act_at_once(accounts, [&operator]).await?;
        let code = ISSUERS[usize::from(index)].currency;
        settled(outcome, Rejection::AccountExists).with_context(|| format!("the accounts of the service of {code}"))?;

        let currency = Currency::new(code)?;
        let issuer = network.seed.key(issuer_of(currency).as_str());
        let outcome = teller
            .act_at_once(opening(network, index, currency, fund.id), [&issuer, &fund.key])
            .await?;
        settled(outcome, Rejection::PursesOpen).with_context(|| format!("the opening of {code} for purses"))?;
    }
    Ok(())
}

/// An error unless it was applied now or, by the reason of its refusal, before. It is applied as a whole.
fn settled(outcome: Outcome, before: Rejection) -> anyhow::Result<()> {
    match outcome {
        Outcome::Applied => Ok(()),
        Outcome::Rejected { reason, .. } if reason == before => Ok(()),
        Outcome::Rejected { action, reason } => bail!("the ledger refused action {action}: {reason}"),
    }
}

/// The currency with its three keys, and money that guarantees: for one transaction.
fn opening(network: &Network, index: u16, currency: Currency, fund: AccountId) -> Vec<Action> {
    let open = OfflineAction::OpenCurrency { currency, fund };
    let keys = ROLES.map(|role| OfflineAction::SetServiceKey {
        currency,
        key: SecretKey::from_seed(&key_seed(network, index, role)).public_key(),
        role,
    });
    let guarantee = OfflineAction::FundGuarantee {
        fund,
        currency,
        amount: GUARANTEE,
    };
    let issue = Action::Issue {
        currency,
        to: fund,
        amount: GUARANTEE,
    };
    let offline = [open].into_iter().chain(keys).chain([guarantee]);
    let offline = offline.map(|action| Action::Offline(Box::new(action)));
    [issue].into_iter().chain(offline).collect()
}

fn write_keys(network: &Network, index: u16) -> anyhow::Result<()> {
    let service = Service::Issuer(index);
    let place = network.folder.service(service);
    let write = |file: &str, seed: [u8; 32]| folder::write_secret(&place.path().join(file), &hex::encode(seed));
    write(ACCOUNT_KEY, Customer::seed_of(&network.seed, &service.name()))?;
    for role in ROLES {
        write(key_file(role), key_seed(network, index, role))?;
    }
    Ok(())
}
