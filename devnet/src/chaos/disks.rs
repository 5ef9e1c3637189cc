//! Reads what stopped validators have on their disks. Of one whose database begins with a snapshot, the blocks
//! before it are those of another one that has the whole history: their ids follow from the snapshot's block.

use std::path::Path;

use anyhow::{Context, bail};
use causeway_contracts::{
    block::{BlockId, Height},
    genesis::Genesis,
    identity::AccountId,
    ledger::receipt::{Outcome, Subject},
    money::{Balance, Currency},
    transaction::TxId,
};
use causeway_node::store::{Expect, Reader, Store, check};

use super::books::Disk;
use crate::{genesis::validator_name, network::Network, teller::Customer};

/// Whose balances are read.
pub struct Accounts<'a> {
    pub customers: &'a [Customer],
    pub currency: Currency,
}

/// A block's id, and which of its transactions were applied.
type Receipted = (BlockId, Vec<(TxId, bool)>);

/// All validators' disks, one after the other. First each goes through all that `causeway-node db check`
/// looks at: hashes, certificates, roots of receipts, sums. Then every receipt is counted.
pub async fn read(network: &Network, accounts: Accounts<'_>) -> anyhow::Result<Vec<Disk>> {
    let ids: Vec<_> = accounts.customers.iter().map(|customer| customer.id).collect();
    let mut found = Vec::new();
    for validator in 0..network.plan.validators {
        let folder = network.folder.validator(validator).database();
        let (genesis, ids, currency) = (network.genesis.clone(), ids.clone(), accounts.currency);
        let name = validator_name(validator);
        let read = move || read_one(name, &folder, &genesis, &ids, currency);
        found.push(tokio::task::spawn_blocking(read).await??);
    }
    let longest = found
        .iter()
        .filter(|own| own.snapshot.is_none())
        .max_by_key(|own| own.blocks.len());
    let history = longest.context("no validator has the whole history")?.blocks.clone();
    Ok(found.into_iter().map(|own| own.completed(&history)).collect())
}

/// What one validator has.
struct Own {
    name: String,
    /// The height of the snapshot that it began with: its first block, without receipts.
    snapshot: Option<Height>,
    blocks: Vec<Receipted>,
    balances: Vec<Balance>,
    unsound: Option<String>,
}

impl Own {
    fn completed(self, history: &[Receipted]) -> Disk {
        let mut disk = Disk {
            name: self.name,
            blocks: Vec::new(),
            receipts: Default::default(),
            balances: self.balances,
            unsound: self.unsound,
        };
        let (mut before, mut after) = (&[][..], &self.blocks[..]);
        if let Some(height) = self.snapshot {
            let count = usize::try_from(height.0).expect("so many blocks were made");
            before = history.get(..count).unwrap_or(history);
            let known = before.last().map(|(id, _)| *id);
            let own = after.first().map(|(id, _)| *id);
            after = &after[1..];
            if known != own {
                disk.unsound = Some(format!(
                    "its first block, {height}, is another than in the whole history"
                ));
            }
        }
        for (id, receipts) in before.iter().chain(after) {
            disk.blocks.push(*id);
            for (transaction, applied) in receipts {
                let found = disk.receipts.entry(*transaction).or_default();
                match applied {
                    true => found.applied += 1,
                    false => found.rejected += 1,
                }
            }
        }
        disk
    }
}

fn read_one(
    name: String,
    folder: &Path,
    genesis: &Genesis,
    accounts: &[AccountId],
    currency: Currency,
) -> anyhow::Result<Own> {
    let of = || format!("the database of {name}");
    let summary = check::check(folder, genesis).with_context(of)?;
    let (store, opened) = Store::open(folder, genesis, Expect::Existing).with_context(of)?;
    let reader = store.reader();
    let snapshot = (summary.beginning > Height::GENESIS).then_some(summary.beginning);
    let heights = (summary.beginning.0.max(1)..=opened.ledger.tip().height.0).map(Height);
    let has_receipts = |height| height > summary.beginning;
    let blocks = heights.map(|height| read_block(&reader, height, has_receipts(height)).with_context(of));
    let blocks = blocks.collect::<Result<_, _>>()?;
    let mut balances = Vec::new();
    for account in accounts {
        if let (_, Some(view)) = reader.account(account)? {
            let own = view.balances.iter().find(|balance| balance.currency == currency);
            balances.push(own.map_or(Balance::ZERO, |balance| balance.available));
        }
    }
    Ok(Own {
        snapshot,
        blocks,
        balances,
        unsound: unsound(&summary),
        name,
    })
}

fn read_block(reader: &Reader, height: Height, has_receipts: bool) -> anyhow::Result<Receipted> {
    let Some(stored) = reader.block(height)? else {
        bail!("there is no block {height}");
    };
    if !has_receipts {
        return Ok((stored.block.id(), Vec::new()));
    }
    let receipts = reader.receipts(height)?;
    let receipts = receipts.with_context(|| format!("there are no receipts of block {height}"))?;
    let receipts = receipts.into_iter().filter_map(|receipt| match receipt.subject {
        Subject::Transaction(id) => Some((id, matches!(receipt.outcome, Outcome::Applied))),
        Subject::System { .. } => None,
    });
    Ok((stored.block.id(), receipts.collect()))
}

fn unsound(summary: &check::Summary) -> Option<String> {
    if let Some(problem) = summary.problems.first() {
        return Some(format!("{} problems, the first: {problem}", summary.problem_count));
    }
    let unbalanced = summary.sums.iter().find(|(_, sum)| **sum != Some(0));
    unbalanced.map(|(currency, _)| format!("its balances of {currency} do not add up to zero"))
}
