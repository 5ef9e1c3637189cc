//! Where the passphrase comes from: a file, the environment, or the terminal.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use causeway_wallet::durable;
use zeroize::Zeroizing;

const VARIABLE: &str = "CAUSEWAY_PASSPHRASE";
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Has no `Debug`.
pub struct Passphrase {
    file: Option<PathBuf>,
}

impl Passphrase {
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    /// For a key that exists.
    pub fn for_key(&self, name: &str) -> anyhow::Result<Zeroizing<String>> {
        match self.given()? {
            Some(passphrase) => Ok(passphrase),
            None => ask(&format!("Passphrase of key {name}: ")),
        }
    }

    /// For a purse that exists.
    pub fn for_purse(&self, name: &str) -> anyhow::Result<Zeroizing<String>> {
        match self.given()? {
            Some(passphrase) => Ok(passphrase),
            None => ask(&format!("Passphrase of purse {name}: ")),
        }
    }

    /// For the device of this wallet.
    pub fn for_device(&self) -> anyhow::Result<Zeroizing<String>> {
        match self.given()? {
            Some(passphrase) => Ok(passphrase),
            None => ask("Passphrase of the device: "),
        }
    }

    /// For a key to be made; asked for twice.
    pub fn for_new_key(&self, name: &str) -> anyhow::Result<Zeroizing<String>> {
        self.for_new(&format!("key {name}"))
    }

    /// For a key or a purse to be made; asked for twice.
    pub fn for_new(&self, what: &str) -> anyhow::Result<Zeroizing<String>> {
        if let Some(passphrase) = self.given()? {
            return Ok(passphrase);
        }
        let first = ask(&format!("New passphrase for {what}: "))?;
        let second = ask("Once more: ")?;
        if first != second {
            bail!("the two passphrases differ; nothing was changed");
        }
        Ok(first)
    }

    fn given(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        if let Some(path) = &self.file {
            return first_line(path).map(Some);
        }
        match std::env::var(VARIABLE) {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(error) => Err(error).context(VARIABLE),
        }
    }
}

/// Of a file with a secret in it.
pub fn first_line(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = Zeroizing::new(durable::read_text(path, FILE_BYTES_MAX)?);
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}

fn ask(question: &str) -> anyhow::Result<Zeroizing<String>> {
    let instead = format!("there is no terminal to ask for the passphrase; use --passphrase-file or {VARIABLE}");
    prompt(question, &instead)
}

/// Asks on the terminal, without showing what is typed. `instead` is the error where there is none.
pub fn prompt(question: &str, instead: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!("{instead}");
    }
    let text = rpassword::prompt_password(question).context("cannot read from the terminal")?;
    Ok(Zeroizing::new(text))
}
