//! The wallet as people use it: the program `causeway`, with a folder of its own.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, bail};
use causeway_contracts::{identity::Address, transaction::TxId};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{path, printed::Printed};
use crate::{fleet::sibling, network::Network};

#[derive(Clone)]
pub struct Wallet {
    binary: PathBuf,
    home: PathBuf,
    passphrase: String,
    /// What the program is run with, such as one that takes it to another network.
    enter: Vec<String>,
    /// Where what it prints is kept, if it is.
    printed: Option<Printed>,
}

/// A command that did not do what it was told.
#[derive(Debug)]
pub struct Refusal {
    pub status: Option<i32>,
    /// To people.
    pub said: String,
}

/// What a batch says while it runs.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    Summary { summary: Value },
    Finished(Finished),
}

#[derive(Debug, Deserialize)]
pub struct Finished {
    pub line: u64,
    pub id: TxId,
    /// `applied` or `rejected`; anything else has no receipt.
    pub outcome: String,
    pub reason: Option<String>,
    pub latency_ms: Option<f64>,
}

/// A batch that is being paid.
pub struct Batch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Wallet {
    pub fn new(home: PathBuf) -> anyhow::Result<Self> {
        let mut passphrase = [0; 16];
        getrandom::fill(&mut passphrase)?;
        Ok(Self {
            binary: sibling("CAUSEWAY_WALLET", "causeway")?,
            home,
            passphrase: hex::encode(passphrase),
            enter: Vec::new(),
            printed: None,
        })
    }

    /// The same wallet, which keeps what it prints.
    pub fn printing(self, printed: &Printed) -> Self {
        Self {
            printed: Some(printed.clone()),
            ..self
        }
    }

    /// Makes it, for this network.
    pub async fn init(&self, network: &Network) -> anyhow::Result<()> {
        let (genesis, urls) = (network.folder.genesis(), network.api_urls());
        let mut init = vec!["init", "--genesis", path(&genesis)?];
        init.extend(urls.iter().flat_map(|url| ["--node", url]));
        self.run(&init).await.map(drop)
    }

    /// A new account under a new key, both of this name, opened by an operator whose key the wallet has from now on.
    pub async fn open_account(&self, network: &Network, operator: &str, name: &str) -> anyhow::Result<Address> {
        let operator_key = network.folder.key(&format!("{operator}.key"));
        let import = ["keys", "import", operator, "--seed-file", path(&operator_key)?];
        self.run(&import).await?;
        self.run(&["keys", "new", name]).await?;
        let open = ["account", "open", "--operator", operator, "--operator-key", operator];
        let own = ["--key", name, "--tier", "0", "--label", name];
        let opened = self.run(&[&open[..], &own].concat()).await?;
        Ok(text(&opened, "address")?.parse()?)
    }

    /// The same wallet in another folder.
    pub fn at(&self, home: PathBuf) -> Self {
        Self { home, ..self.clone() }
    }

    /// The same wallet, its program run with this before it.
    pub fn within(&self, enter: &[String]) -> Self {
        Self {
            enter: enter.to_vec(),
            ..self.clone()
        }
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.enter.split_first() {
            None => Command::new(&self.binary),
            Some((first, others)) => {
                let mut command = Command::new(first);
                command.args(others).arg(&self.binary);
                command
            }
        };
        command
            .arg("--home")
            .arg(&self.home)
            .arg("--json")
            .args(arguments)
            .env("CAUSEWAY_PASSPHRASE", &self.passphrase)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs one command to its end, which must be a good one, and gives what it printed.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        let output = self
            .command(arguments)
            .output()
            .await
            .context("cannot start the wallet")?;
        if let Some(printed) = &self.printed {
            printed.keep(&output)?;
        }
        if !output.status.success() {
            bail!(
                "`causeway {}` ended with {}: {}",
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
        values
            .collect::<Result<_, _>>()
            .with_context(|| format!("`causeway {}`", arguments.join(" ")))
    }

    /// Runs one command to its end, which must be no good one.
    pub async fn refused(&self, arguments: &[&str]) -> anyhow::Result<Refusal> {
        let output = self.command(arguments).output().await;
        let output = output.context("cannot start the wallet")?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() {
            bail!(
                "`causeway {}` is done, and should have been refused",
                arguments.join(" ")
            );
        }
        Ok(Refusal {
            status: output.status.code(),
            said,
        })
    }

    /// What an account of the wallet has available, in minor units, by the word of enough validators.
    pub async fn available(&self, account: &str, currency: &str) -> anyhow::Result<u64> {
        let shown = self.run(&["account", "show", account]).await?;
        let shown = shown.first().context("the wallet prints the account")?;
        let balances = shown["account"]["balances"].as_array();
        let of_currency = balances.into_iter().flatten().find(|it| it["currency"] == currency);
        let available = of_currency.and_then(|balance| balance["available"].as_str());
        Ok(available.unwrap_or("0").parse()?)
    }

    /// `causeway pay --batch`, with each proof in `receipts` and its messages in `log`.
    pub fn pay_batch(
        &self,
        file: &Path,
        from: &str,
        rate: u64,
        receipts: &Path,
        log: PathBuf,
    ) -> anyhow::Result<Batch> {
        let mut command = self.command(&["pay", "--batch"]);
        command
            .arg(file)
            .args(["--from", from, "--rate", &rate.to_string(), "--receipts"])
            .arg(receipts);
        let messages = File::create(&log).with_context(|| log.display().to_string())?;
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(messages)
            .spawn()
            .context("cannot start the wallet")?;
        let stdout = child.stdout.take().context("the wallet's output is piped")?;
        Ok(Batch {
            child,
            lines: BufReader::new(stdout).lines(),
            log,
        })
    }
}

/// The first text of this name that a command printed.
pub fn text(printed: &[Value], name: &str) -> anyhow::Result<String> {
    let found = printed.iter().find_map(|value| value.get(name)?.as_str());
    Ok(found.with_context(|| format!("the wallet prints {name}"))?.to_owned())
}

impl Batch {
    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        let Some(line) = self.lines.next_line().await? else {
            return Ok(None);
        };
        let event = serde_json::from_str(&line).with_context(|| format!("the wallet printed '{line}'"))?;
        Ok(Some(event))
    }

    /// How it ended, and what it said to people.
    pub async fn end(mut self) -> anyhow::Result<(ExitStatus, String)> {
        let status = self.child.wait().await?;
        let said = std::fs::read_to_string(&self.log).with_context(|| self.log.display().to_string())?;
        Ok((status, said))
    }
}
