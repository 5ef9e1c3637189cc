//! People of the town with wallets, whose purses are made and used by commands.

use std::process::{Command, Output, Stdio};

use causeway_devnet::teller::Customer;
use causeway_wallet::{
    home::{AccountEntry, Home},
    keystore::Secret,
    offline::purses::Purse,
};
use serde_json::Value;

use crate::{
    common,
    town::{Town, eventually},
};

pub const PASSPHRASE: &str = "open sesame";

pub struct Person {
    name: &'static str,
    issuer: String,
    folder: tempfile::TempDir,
}

impl Person {
    pub fn new(town: &Town, name: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::init(folder.path(), &town.network.folder.genesis(), town.network.api_urls());
        let home = home.expect("a wallet");
        let seed = Customer::seed_of(&town.network.seed, name);
        home.keystore()
            .add(name, &Secret::Seed(seed.into()), PASSPHRASE)
            .expect("a key");
        home.add_account(AccountEntry {
            label: name.to_owned(),
            address: town.customer(name).id.address(town.network.genesis.address_prefix),
            key: name.to_owned(),
        })
        .expect("an account");
        std::fs::write(folder.path().join("pin"), "4711\n").expect("written");
        Self {
            name,
            issuer: town.url(),
            folder,
        }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    /// `causeway offline COMMAND PURSE ARGS --json`, of the purse that has the person's name.
    pub fn command(&self, command: &str, args: &[&str]) -> Command {
        let mut process = Command::new(common::program("causeway"));
        process
            .args(["offline", command, self.name, "--json"])
            .args(args)
            .env("CAUSEWAY_HOME", self.folder.path())
            .env("CAUSEWAY_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null());
        process
    }

    fn run(&self, command: &str, args: &[&str]) -> Output {
        self.command(command, args).output().expect("it runs")
    }

    /// What it prints.
    pub fn does(&self, command: &str, args: &[&str]) -> Value {
        let output = self.run(command, args);
        assert!(output.status.success(), "{} {command} {args:?}: {output:?}", self.name);
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// What it says besides, if it ends otherwise than well.
    pub fn fails(&self, command: &str, args: &[&str]) -> (Option<i32>, String) {
        let output = self.run(command, args);
        assert!(!output.status.success(), "{} {command} {args:?}: {output:?}", self.name);
        let said = [output.stderr, output.stdout].concat();
        (output.status.code(), String::from_utf8(said).expect("UTF-8"))
    }

    pub fn creates(&self, more: &[&str]) -> Value {
        let pin = self.path("pin");
        let args = ["--currency", "EUR", "--issuer", &self.issuer, "--pin-file", &pin];
        self.does("create", &[&args, more].concat())
    }

    /// Only while no command has it.
    pub fn purse(&self) -> Purse {
        let home = Home::open(self.folder.path()).expect("a wallet");
        home.purses().open(self.name, PASSPHRASE).expect("it opens")
    }

    pub fn balance(&self) -> u64 {
        self.purse().element.state().balance().0
    }
}

/// With its currency open and its service there.
pub async fn open_town() -> Town {
    let mut town = Town::make().await;
    town.start_service().await;
    town.open_currency().await;
    eventually("the service is ready", async || town.issuer.about().await.ok()).await;
    town
}
