//! `causeway keys`.

use std::io::IsTerminal;

use anyhow::{Context, bail};
use causeway_wallet::{
    durable,
    home::Home,
    keystore::{
        KeyEntry, Origin, Secret, WordCount,
        derivation::{path, path_text},
    },
};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    args::KeysCommand,
    output::{note, say},
    passphrase,
    wallet::Wallet,
};

/// What must be typed before words are shown.
const CONFIRMATION: &str = "show my words";

const SECRET_FILE_BYTES_MAX: u64 = 4096;

pub fn run(wallet: &Wallet, command: KeysCommand) -> anyhow::Result<()> {
    let home = wallet.home()?;
    match command {
        KeysCommand::New {
            name,
            words,
            same_words_as,
            show_words,
        } => {
            let secret = match &same_words_as {
                Some(other) => sibling(wallet, &home, other)?,
                None if words == "12" => Secret::generate(WordCount::Twelve)?,
                None => Secret::generate(WordCount::TwentyFour)?,
            };
            let entry = add(wallet, &home, &name, &secret)?;
            print_entry(wallet, &entry);
            if same_words_as.is_none() {
                offer_words(&name, &secret, show_words && !wallet.json);
            }
            Ok(())
        }
        KeysCommand::List => list(wallet, &home),
        KeysCommand::Import {
            name,
            words_file,
            seed_file,
            index,
        } => {
            let secret = match (words_file, seed_file) {
                (_, Some(path)) => {
                    let text = Zeroizing::new(durable::read_text(&path, SECRET_FILE_BYTES_MAX)?);
                    Secret::from_seed_text(&text).with_context(|| path.display().to_string())?
                }
                (Some(path), None) => {
                    let text = Zeroizing::new(durable::read_text(&path, SECRET_FILE_BYTES_MAX)?);
                    Secret::from_words(&text, index).with_context(|| path.display().to_string())?
                }
                (None, None) => {
                    let instead = "there is no terminal to ask for the words; use --words-file or --seed-file";
                    Secret::from_words(&passphrase::prompt("The 12 or 24 words: ", instead)?, index)?
                }
            };
            let entry = add(wallet, &home, &name, &secret)?;
            print_entry(wallet, &entry);
            Ok(())
        }
        KeysCommand::Export { name, words, confirm } => {
            if !words {
                print_entry(wallet, &home.keystore().entry(&name)?);
                return Ok(());
            }
            confirmed(confirm)?;
            let secret = wallet.open_secret(&home, &name)?;
            let Some(words) = secret.words() else {
                bail!("key {name} was imported as a seed and has no words");
            };
            if wallet.json {
                say!("{}", json!({ "name": name, "words": words.as_str() }));
            } else {
                say!("{}", words.as_str());
            }
            Ok(())
        }
    }
}

/// The next key of another key's words.
fn sibling(wallet: &Wallet, home: &Home, other: &str) -> anyhow::Result<Secret> {
    let secret = wallet.open_secret(home, other)?;
    let known: Vec<_> = home.keystore().list()?.into_iter().map(|key| key.public_key).collect();
    // Which indexes are taken shows in the public keys, whatever the files are called.
    for index in 0.. {
        let Some(candidate) = secret.sibling(index) else {
            break;
        };
        if !known.contains(&candidate.signing_key().public_key()) {
            return Ok(candidate);
        }
    }
    bail!("key {other} was imported as a seed and has no words");
}

fn add(wallet: &Wallet, home: &Home, name: &str, secret: &Secret) -> anyhow::Result<KeyEntry> {
    let passphrase = wallet.passphrase.for_new_key(name)?;
    let keystore = home.keystore();
    keystore.add(name, secret, &passphrase)?;
    Ok(keystore.entry(name)?)
}

fn list(wallet: &Wallet, home: &Home) -> anyhow::Result<()> {
    let keys = home.keystore().list()?;
    if keys.is_empty() && !wallet.json {
        say!("No keys yet; make one with `causeway keys new NAME`.");
    }
    for entry in &keys {
        print_entry(wallet, entry);
    }
    Ok(())
}

fn print_entry(
    wallet: &Wallet,
    KeyEntry {
        name,
        public_key,
        origin,
    }: &KeyEntry,
) {
    let origin = match origin {
        Origin::Words { index } => path_text(&path(*index)),
        Origin::Seed => "seed".to_owned(),
    };
    if wallet.json {
        say!(
            "{}",
            json!({ "name": name, "public_key": public_key, "origin": origin })
        );
    } else {
        say!("{name:<16} {public_key}  {origin}");
    }
}

// Words end up in a pipe, and so perhaps in a log, only if that was asked for.
fn offer_words(name: &str, secret: &Secret, asked: bool) {
    let words = secret.words().filter(|_| asked || std::io::stdout().is_terminal());
    match words {
        Some(words) => {
            say!("\nWrite these words down and keep them where only you can read them.");
            say!("They are the only way back to this key, and whoever has them has its money:\n");
            say!("{}", words.as_str());
        }
        None => note!("Write its words down: `causeway keys export {name} --words` shows them."),
    }
}

fn confirmed(given: Option<String>) -> anyhow::Result<()> {
    let typed = match given {
        Some(text) => text,
        None => {
            note!("Whoever reads the words can spend everything that the key can.");
            note!("Type \"{CONFIRMATION}\" to go on:");
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            line
        }
    };
    if typed.trim() != CONFIRMATION {
        bail!("not confirmed; the text is \"{CONFIRMATION}\"");
    }
    Ok(())
}
