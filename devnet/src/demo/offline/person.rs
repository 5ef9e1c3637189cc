//! Somebody with an account, and with a purse on a device that may have no network.

use std::path::PathBuf;

use anyhow::Context;
use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    money::{Amount, text::format_amount},
    offline::ids::PurseId,
};
use indicatif::ProgressBar;
use serde_json::Value;

use super::{Town, purse_id};
use crate::{
    demo::{
        path,
        wallet::{Wallet, text},
    },
    folder,
    services::{ISSUERS, Service},
    teller::Teller,
};

/// The name of everyone's purse in the wallet.
pub const PURSE: &str = "purse";

const PIN: &str = "4711";

pub struct Person {
    pub name: &'static str,
    /// Where the network is, if there is one.
    pub wallet: Wallet,
    /// The same where the reader is, and no network.
    pub device: Wallet,
    pub account: AccountId,
    pub purse: PurseId,
    pub pin_file: PathBuf,
}

impl Person {
    /// Makes a wallet, an account and a purse, all by the wallet's own commands.
    pub async fn open(town: &Town<'_>, name: &'static str) -> anyhow::Result<Self> {
        let network = town.network;
        let wallet = Wallet::new(town.place.join(format!("wallet-{name}")))?;
        wallet.init(network).await?;
        let address = wallet.open_account(network, ISSUERS[0].operator, name).await?;

        let pin_file = town.place.join(format!("pin-{name}"));
        folder::write_secret(&pin_file, &format!("{PIN}\n"))?;
        let (currency, issuer) = (
            town.currency.to_string(),
            Service::Issuer(0).url(network.plan.base_port),
        );
        let create = ["offline", "create", PURSE, "--account", name, "--currency", &currency];
        let created = wallet
            .run(&[&create[..], &["--issuer", &issuer, "--pin-file", path(&pin_file)?]].concat())
            .await?;
        let device = wallet.within(&town.reader.enter);
        Ok(Self {
            name,
            wallet,
            device,
            account: address.account,
            purse: purse_id(&text(&created, "purse")?)?,
            pin_file,
        })
    }

    /// Gives the account money, as its bank would.
    pub async fn fund(&self, town: &Town<'_>, amount: Amount) -> anyhow::Result<()> {
        let operator = ParticipantId::new(ISSUERS[0].operator)?;
        let teller = Teller::new(town.network, town.client);
        let bar = ProgressBar::hidden();
        teller
            .fund(operator, town.currency, &[self.account], amount, &bar)
            .await
    }

    pub async fn load(&self, amount: Amount) -> anyhow::Result<()> {
        let amount = format_amount(amount, 2);
        self.run(&["load", PURSE, &amount]).await.map(drop)
    }

    /// A command of purses, where the network is.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        self.wallet.run(&[&["offline"], arguments].concat()).await
    }

    /// A command of purses, where there is none.
    pub async fn run_apart(&self, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        self.device.run(&[&["offline"], arguments].concat()).await
    }

    /// What is in the purse and not promised to anyone, by the purse's own word; of what it signed, nothing may be
    /// left without an end.
    pub async fn purse_balance(&self) -> anyhow::Result<Amount> {
        let shown = self.run(&["status", PURSE]).await?;
        let shown = shown.first().context("the wallet prints the purse")?;
        anyhow::ensure!(
            shown["pending"] == 0,
            "the purse of {} has {} payments without an end",
            self.name,
            shown["pending"]
        );
        serde_json::from_value(shown["balance"].clone()).context("the wallet prints the purse's balance")
    }
}
