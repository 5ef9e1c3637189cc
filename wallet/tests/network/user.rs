//! Who runs the program, with a wallet of a network that is made up.

use std::{
    fs,
    path::PathBuf,
    process::{Output, Stdio},
};

use causeway_contracts::identity::AccountId;
use tokio::process::Command;

use crate::mock::{Behaviour, Network, PAYER_SEED};

pub struct User {
    pub network: Network,
    pub folder: tempfile::TempDir,
    /// Which of the wallets in the folder.
    pub home: String,
}

impl User {
    /// With a wallet for the network, and the payer's key and account in it.
    pub async fn new(behaviours: [Behaviour; 4]) -> Self {
        let user = Self {
            network: Network::start(behaviours).await,
            folder: tempfile::tempdir().expect("a temporary folder"),
            home: "home".to_owned(),
        };
        user.init().await;
        let seed = user.write("seed", &hex::encode(PAYER_SEED));
        user.good(&["keys", "import", "payer", "--seed-file", &seed]).await;
        let prefix = user.network.genesis.address_prefix;
        let address = user.network.payer.address(prefix).to_string();
        user.good(&["account", "add", &address, "--key", "payer", "--label", "main"])
            .await;
        user
    }

    /// Makes the wallet.
    pub async fn init(&self) {
        let genesis = self.write("genesis.toml", &self.network.genesis.to_toml());
        let mut init = vec!["init", "--genesis", &genesis];
        for node in &self.network.nodes {
            init.extend(["--node", node]);
        }
        self.good(&init).await;
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("written");
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
        command
            .args(args)
            .env("CAUSEWAY_HOME", self.path(&self.home))
            .env("CAUSEWAY_PASSPHRASE", "open sesame")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().await.expect("it runs")
    }

    pub async fn good(&self, args: &[&str]) -> String {
        let output = self.run(args).await;
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// The error text of a run that must end with this status.
    pub async fn fails(&self, status: i32, args: &[&str]) -> String {
        let output = self.run(args).await;
        assert_eq!(output.status.code(), Some(status), "{args:?}: {output:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    pub fn payee(&self, number: u8) -> String {
        let id = AccountId([number; 20]);
        id.address(self.network.genesis.address_prefix).to_string()
    }
}
