//! `causeway contacts` and `causeway address`.

use std::path::Path;

use anyhow::Context;
use causeway_contracts::identity::Address;
use causeway_wallet::{
    durable,
    payee::{Contacts, Mistake},
};
use serde_json::json;

use super::{Finding, args::ContactsCommand, output::say, wallet::Wallet};

const IMPORT_BYTES_MAX: u64 = 64 * 1024 * 1024;

pub fn run(wallet: &Wallet, command: ContactsCommand) -> anyhow::Result<()> {
    let mut contacts = wallet.home()?.contacts()?;
    match command {
        ContactsCommand::Add { name, address } => {
            contacts.add(&name, &address)?;
            contacts.save()?;
        }
        ContactsCommand::List => {
            for (name, address) in contacts.iter() {
                if wallet.json {
                    say!("{}", json!({ "name": name, "address": address }));
                } else {
                    say!("{name:<24} {address}");
                }
            }
        }
        ContactsCommand::Import { file } => {
            let count = import(&mut contacts, &file).map_err(Finding::BadInput)?;
            contacts.save()?;
            if wallet.json {
                say!("{}", json!({ "imported": count }));
            } else {
                say!("{count} contacts imported.");
            }
        }
    }
    Ok(())
}

/// All or nothing: the first bad line is the error.
fn import(contacts: &mut Contacts, file: &Path) -> anyhow::Result<usize> {
    let bytes = durable::read(file, IMPORT_BYTES_MAX)?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes.as_slice());
    let name = || file.display().to_string();
    let heading = reader.headers().with_context(name)?;
    anyhow::ensure!(
        heading.iter().eq(["name", "address"]),
        "{}: the first line must name the columns: name,address",
        name()
    );
    let mut count = 0;
    for record in reader.records() {
        let record = record.with_context(name)?;
        let line = record.position().map_or(0, csv::Position::line);
        contacts
            .add(&record[0], &record[1])
            .with_context(|| format!("{}, line {line}", name()))?;
        count += 1;
    }
    Ok(count)
}

pub fn check(wallet: &Wallet, text: &str) -> anyhow::Result<()> {
    let address: Address = match text.trim().parse() {
        Ok(address) => address,
        Err(_) => return Err(Finding::BadInput(Mistake::of(text.trim()).into()).into()),
    };
    // Without a wallet, any network's address is good.
    let here = wallet.home().ok().map(|home| home.genesis().address_prefix);
    if let Some(prefix) = here.filter(|prefix| *prefix != address.prefix) {
        let error = anyhow::anyhow!(
            "a good address, but of another network: this wallet's begin with {}1",
            prefix.as_str()
        );
        return Err(Finding::BadInput(error).into());
    }
    if wallet.json {
        say!(
            "{}",
            json!({ "address": address, "account": address.account, "good": true })
        );
    } else {
        say!("{address} is a good address.");
    }
    Ok(())
}
