//! Reads what stopped validators have on their disks.

use std::path::Path;

use anyhow::{Context, bail};
use causeway_contracts::{
    block::Height,
    genesis::Genesis,
    identity::AccountId,
    ledger::receipt::{Outcome, Subject},
    money::{Balance, Currency},
};
use causeway_node::store::{Expect, Store, check};

use super::books::Disk;
use crate::{genesis::validator_name, network::Network, teller::Customer};

/// Whose balances are read.
pub struct Accounts<'a> {
    pub customers: &'a [Customer],
    pub currency: Currency,
}

/// All validators' disks, one after the other. First each goes through all that `causeway-node db check`
/// looks at: hashes, certificates, roots of receipts, sums. Then every receipt is counted.
pub async fn read(network: &Network, accounts: Accounts<'_>) -> anyhow::Result<Vec<Disk>> {
    let ids: Vec<_> = accounts.customers.iter().map(|customer| customer.id).collect();
    let mut disks = Vec::new();
    for validator in 0..network.plan.validators {
        let folder = network.folder.validator(validator).database();
        let (genesis, ids, currency) = (network.genesis.clone(), ids.clone(), accounts.currency);
        let name = validator_name(validator);
        let read = move || read_one(name, &folder, &genesis, &ids, currency);
        disks.push(tokio::task::spawn_blocking(read).await??);
    }
    Ok(disks)
}

fn read_one(
    name: String,
    folder: &Path,
    genesis: &Genesis,
    accounts: &[AccountId],
    currency: Currency,
) -> anyhow::Result<Disk> {
    let of = || format!("the database of {name}");
    let summary = check::check(folder, genesis).with_context(of)?;
    let unsound = unsound(&summary);
    let (store, opened) = Store::open(folder, genesis, Expect::Existing).with_context(of)?;
    let reader = store.reader();
    let tip = opened.ledger.tip().height;
    let mut disk = Disk {
        name: name.clone(),
        blocks: Vec::new(),
        receipts: Default::default(),
        balances: Vec::new(),
        unsound,
    };
    for height in (1..=tip.0).map(Height) {
        let (Some(stored), Some(receipts)) = (reader.block(height)?, reader.receipts(height)?) else {
            bail!("{} has no block {height}", of());
        };
        disk.blocks.push(stored.block.id());
        for receipt in receipts {
            let Subject::Transaction(id) = receipt.subject;
            let found = disk.receipts.entry(id).or_default();
            match receipt.outcome {
                Outcome::Applied => found.applied += 1,
                Outcome::Rejected { .. } => found.rejected += 1,
            }
        }
    }
    for account in accounts {
        if let (_, Some(view)) = reader.account(account)? {
            let own = view.balances.iter().find(|balance| balance.currency == currency);
            disk.balances
                .push(own.map_or(Balance::ZERO, |balance| balance.available));
        }
    }
    Ok(disk)
}

fn unsound(summary: &check::Summary) -> Option<String> {
    if let Some(problem) = summary.problems.first() {
        return Some(format!("{} problems, the first: {problem}", summary.problem_count));
    }
    let unbalanced = summary.sums.iter().find(|(_, sum)| **sum != Some(0));
    unbalanced.map(|(currency, _)| format!("its balances of {currency} do not add up to zero"))
}
