//! What `causeway-node db` does: looks at, copies and replaces a node's database. Nothing here touches the
//! consensus log or the sign record.

use std::{collections::BTreeMap, path::Path};

use anyhow::anyhow;
use causeway_contracts::merkle::Root;

use super::{Failure, database_folder, load_genesis};
use crate::{
    config::Config,
    exit::ExitStatus,
    store::{
        self, backup,
        check::{self, Summary},
    },
};

/// Checks the database of a node that is not running, and prints what was found.
pub fn check(config: &Config, json: bool) -> Result<(), Failure> {
    let genesis = load_genesis(&config.genesis)?;
    let summary = check::check(&database_folder(config), &genesis)?;
    if json {
        println!("{:#}", summary_json(&summary));
    } else {
        println!("{summary}");
    }
    if summary.is_sound() {
        return Ok(());
    }
    Err(Failure {
        status: ExitStatus::Database,
        reason: anyhow!(
            "the database is damaged; restore it from a copy, or run causeway-node db renew and let this node fetch the \
             chain from the other validators"
        ),
    })
}

/// Puts a new database in the place of a damaged or lost one; the node then catches up. Its keys, sign
/// record and consensus log stay as they are.
pub fn renew(config: &Config) -> Result<(), Failure> {
    let genesis = load_genesis(&config.genesis)?;
    let folder = database_folder(config);
    let moved = store::renew(&folder, &genesis)?;
    println!(
        "{} holds the genesis state; this node fetches the rest when it runs",
        folder.display()
    );
    say_where(moved.as_deref());
    Ok(())
}

fn say_where(moved: Option<&Path>) {
    if let Some(moved) = moved {
        println!(
            "what was there is in {}; remove it when it is not needed any more",
            moved.display()
        );
    }
}

/// Writes a snapshot of the state after the last block to a file. The node may be running.
pub fn export(config: &Config, file: &Path) -> Result<(), Failure> {
    let genesis = load_genesis(&config.genesis)?;
    let contents = backup::export(&database_folder(config), &genesis, file)?;
    println!(
        "{}: height {}, {} entries, {} bytes\nroot {}",
        file.display(),
        contents.height,
        contents.entries,
        contents.bytes,
        contents.root
    );
    Ok(())
}

/// Puts a database made from a snapshot in the place of the one that is there.
pub fn import(config: &Config, file: &Path, root: Option<Root>) -> Result<(), Failure> {
    let genesis = load_genesis(&config.genesis)?;
    let folder = database_folder(config);
    let (contents, moved) = backup::import(&folder, &genesis, file, root)?;
    println!(
        "{} holds the state after block {}; this node fetches the rest when it runs\nroot {}",
        folder.display(),
        contents.height,
        contents.root
    );
    if root.is_none() {
        println!(
            "if another made this file, compare the root with what it shows for more than one node, or give --root"
        );
    }
    say_where(moved.as_deref());
    Ok(())
}

/// Copies the whole database to a folder. The node may be running.
pub fn copy(config: &Config, to: &Path) -> Result<(), Failure> {
    let genesis = load_genesis(&config.genesis)?;
    let tip = backup::copy(&database_folder(config), &genesis, to)?;
    println!("{} holds all blocks up to {}", to.display(), tip.height);
    Ok(())
}

/// Puts a copy in the place of the database that is there.
pub fn restore(config: &Config, from: &Path) -> Result<(), Failure> {
    let genesis = load_genesis(&config.genesis)?;
    let folder = database_folder(config);
    let (tip, moved) = backup::restore(&folder, &genesis, from)?;
    println!(
        "{} holds all blocks up to {}; this node fetches the rest when it runs",
        folder.display(),
        tip.height
    );
    say_where(moved.as_deref());
    Ok(())
}

/// Sums are text, since a JSON number cannot be trusted with 128 bits.
fn summary_json(summary: &Summary) -> serde_json::Value {
    let sums: BTreeMap<_, _> = summary
        .sums
        .iter()
        .map(|(currency, sum)| (currency.to_string(), sum.map(|sum| sum.to_string())))
        .collect();
    let problems: Vec<_> = summary.problems.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "height": summary.tip.height,
        "beginning": summary.beginning,
        "time_ms": summary.tip.time_ms,
        "block": summary.tip.block,
        "state_hash": summary.tip.state_hash,
        "blocks": summary.blocks,
        "transactions": summary.transactions,
        "receipts": summary.receipts,
        "batches": summary.batches,
        "pending_batches": summary.pending,
        "state_entries": summary.state_entries,
        "accounts": summary.accounts,
        "sums": sums,
        "problem_count": summary.problem_count,
        "problems": problems,
    })
}
