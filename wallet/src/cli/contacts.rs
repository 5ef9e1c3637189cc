//! `causeway contacts` and `causeway address`.

use std::path::Path;

use anyhow::Context;
use causeway_contracts::identity::{Address, AddressError};
use causeway_wallet::{durable, payee::Contacts};
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
        Err(error) => return Err(Finding::BadInput(anyhow::anyhow!("{}", what_is_wrong(text.trim(), &error))).into()),
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

/// The mistakes that people make, by name.
fn what_is_wrong(text: &str, error: &AddressError) -> String {
    let has = |test: fn(char) -> bool| text.chars().any(test);
    if text.is_empty() {
        return "the address is empty".to_owned();
    }
    if text.chars().any(char::is_whitespace) {
        return "an address has no spaces or line breaks in it".to_owned();
    }
    if has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_uppercase()) {
        return "an address is all in small or all in capital letters".to_owned();
    }
    if let AddressError::Prefix(_) | AddressError::Length(_) = error {
        return error.to_string();
    }
    let lower = text.to_lowercase();
    let Some(data) = ["cw1", "cwdev1"].iter().find_map(|start| lower.strip_prefix(start)) else {
        return "an address begins with cw1 or cwdev1".to_owned();
    };
    // 20 bytes are 32 characters, and the checksum six.
    let length = data.chars().count();
    if length != 38 {
        let (much, by) = if length < 38 {
            ("short", 38 - length)
        } else {
            ("long", length - 38)
        };
        let plural = if by == 1 { "" } else { "s" };
        return format!("it is {by} character{plural} too {much}");
    }
    if let Some(stranger) = data.chars().find(|c| !"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(*c)) {
        return format!("addresses have no '{stranger}' after their beginning; was it misread?");
    }
    "its checksum is wrong: at least one character is mistyped".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_address_is_told_by_its_mistake() {
        let good = Address {
            prefix: causeway_contracts::identity::AddressPrefix::Devnet,
            account: causeway_contracts::identity::AccountId([7; 20]),
        }
        .to_string();
        let check = |text: String, expected: &str| {
            let error = text.parse::<Address>().expect_err(&text);
            let told = what_is_wrong(&text, &error);
            assert!(told.contains(expected), "{text}: {told}");
        };
        assert!(good.parse::<Address>().is_ok());
        check(String::new(), "empty");
        check(good.replace("cwdev", "cwdev "), "spaces");
        check(
            format!("{}X", &good[..good.len() - 1]),
            "all in small or all in capital",
        );
        check(good[..good.len() - 2].to_owned(), "2 characters too short");
        check(format!("{good}q"), "1 character too long");
        check(format!("bc1{}", &good[6..]), "begins with cw1 or cwdev1");
        let last = if good.ends_with('q') { 'p' } else { 'q' };
        check(format!("{}{last}", &good[..good.len() - 1]), "mistyped");
        check(format!("{}b", &good[..good.len() - 1]), "no 'b'");
    }
}
