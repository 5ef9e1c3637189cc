//! Where the passphrase comes from: a file, the environment, or the terminal.

use std::{io::IsTerminal, path::PathBuf};

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
            None => prompt(&format!("Passphrase of key {name}: ")),
        }
    }

    /// For a key to be made; asked for twice.
    pub fn for_new_key(&self, name: &str) -> anyhow::Result<Zeroizing<String>> {
        if let Some(passphrase) = self.given()? {
            return Ok(passphrase);
        }
        let first = prompt(&format!("New passphrase for key {name}: "))?;
        let second = prompt("Once more: ")?;
        if first != second {
            bail!("the two passphrases differ; nothing was changed");
        }
        Ok(first)
    }

    fn given(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        if let Some(path) = &self.file {
            let text = Zeroizing::new(durable::read_text(path, FILE_BYTES_MAX)?);
            let line = text.lines().next().unwrap_or_default();
            return Ok(Some(Zeroizing::new(line.to_owned())));
        }
        match std::env::var(VARIABLE) {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(error) => Err(error).context(VARIABLE),
        }
    }
}

/// Asks on the terminal, without showing what is typed.
pub fn prompt(question: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the passphrase; use --passphrase-file or {VARIABLE}");
    }
    let text = rpassword::prompt_password(question).context("cannot read from the terminal")?;
    Ok(Zeroizing::new(text))
}
