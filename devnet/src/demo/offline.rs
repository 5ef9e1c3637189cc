//! The act of the purses: money is loaded from an account into a purse, all validators are stopped, and it goes from
//! purse to purse by cards and by pictures; when the network is back, it is redeemed. Then the same with a purse that was
//! copied: both copies pay, both payees are paid, the copy is proved and refused from then on. Wallets, purses and the
//! ledger must agree to the unit.

mod books;
mod copied;
mod media;
mod person;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, bail};
use causeway_contracts::{
    money::{Amount, Currency, text::format_amount},
    offline::ids::PurseId,
};
use causeway_wallet::client::Client;
use futures::future::try_join_all;
use serde::Serialize;
use tokio::time::timeout;

use self::{books::Books, media::Medium, person::Person};
use super::{PATIENCE, POLL, reader::CardReader, report::Report};
use crate::{fleet::Fleet, network::Network, services::ISSUERS};

/// What A's account has to begin with, and what of it is loaded.
const GIVEN: Amount = Amount(20_000);
const LOADED: Amount = Amount(10_000);

/// Who pays whom while there is no network. The first is above what a purse pays without its PIN.
const PAYMENTS: [(usize, usize, Amount, Medium); 4] = [
    (A, B, Amount(5_500), Medium::Card),
    (B, C, Amount(2_000), Medium::Pictures),
    (A, B, Amount(1_250), Medium::Pictures),
    (B, C, Amount(725), Medium::Card),
];

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const NAMES: [&str; 3] = ["A", "B", "C"];

/// What the act came to, for the table. Amounts are minor units.
#[derive(Debug, Default, Serialize)]
pub struct Offline {
    pub currency: String,
    pub loaded: Amount,
    pub payments: Vec<Paid>,
    /// Whether the kernel kept all that paid from reaching any network.
    pub devices_apart: bool,
    /// Of purses, accounts, and what is held for A's purse, by who has it.
    pub after_redemptions: Option<Books>,
    pub copied: Option<copied::Copied>,
    pub seconds: f64,
}

/// A payment from purse to purse.
#[derive(Debug, Serialize)]
pub struct Paid {
    pub payer: &'static str,
    pub payee: &'static str,
    pub amount: Amount,
    pub medium: Medium,
    /// From the request until both have closed it.
    pub seconds: f64,
}

/// Where all of it takes place.
pub struct Town<'a> {
    network: &'a Network,
    client: &'a Client,
    /// For wallets, pictures and the reader's messages.
    place: PathBuf,
    currency: Currency,
    reader: CardReader,
}

/// `place` is an empty folder of the act's own. Of the services, the issuer's must run.
pub async fn run(fleet: &mut Fleet, client: &Client, place: PathBuf, report: &mut Report) -> anyhow::Result<()> {
    let started = Instant::now();
    std::fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    let network = fleet.network().clone();
    let reader = CardReader::start(&place).await?;
    let town = Town {
        network: &network,
        client,
        currency: Currency::new(ISSUERS[0].currency)?,
        place,
        reader,
    };
    let mut found = Offline {
        currency: town.currency.to_string(),
        loaded: LOADED,
        devices_apart: town.reader.is_apart(),
        ..Offline::default()
    };
    let acted = town.act(fleet, &mut found, report).await;
    found.seconds = started.elapsed().as_secs_f64();
    report.offline = Some(found);
    // The first error is the one to tell.
    let stopped = town.reader.stop().await;
    acted.and(stopped)
}

impl Town<'_> {
    async fn act(&self, fleet: &mut Fleet, found: &mut Offline, report: &mut Report) -> anyhow::Result<()> {
        let people = try_join_all(NAMES.map(|name| Person::open(self, name))).await?;
        people[A].fund(self, GIVEN).await?;
        people[A].load(LOADED).await?;
        self.beacon().await?;
        println!("  A has loaded {}, and the issuer's beacon is out", self.money(LOADED));

        self.stop_network(fleet, &people[A], report).await?;
        for (number, (payer, payee, amount, medium)) in (1..).zip(PAYMENTS) {
            let folder = self.place.join(format!("payment-{number}"));
            let pair = media::Pair {
                payer: &people[payer],
                payee: &people[payee],
            };
            let paid = pair.pay(self, amount, medium, &folder).await?;
            println!("  {}", self.line(&paid));
            found.payments.push(paid);
        }

        fleet.restart_all().await?;
        for who in [C, B] {
            people[who].run(&["redeem", person::PURSE]).await?;
        }
        for person in &people {
            person.run(&["sync", person::PURSE]).await?;
        }
        let books = Books::read(self, &people).await?;
        books.check(&Books::expected(), "after the redemptions", report);
        println!("  the network is back; B and C have redeemed: {books}");
        found.after_redemptions = Some(books);

        found.copied = Some(copied::run(self, fleet, &people, report).await?);
        Ok(())
    }

    /// Stops all validators. What needs them says so, and does nothing.
    async fn stop_network(&self, fleet: &mut Fleet, one: &Person, report: &mut Report) -> anyhow::Result<()> {
        fleet.stop_all().await?;
        let answering = fleet.observer().statuses().await.iter().flatten().count();
        report.check(answering == 0, || format!("{answering} stopped validators answer"));
        let refused = one.wallet.refused(&["account", "show", one.name]).await?;
        report.check(refused.status == Some(4), || {
            format!("without a network, `causeway account show` ends with {refused:?}")
        });
        let refused = one.wallet.refused(&["offline", "load", person::PURSE, "1.00"]).await?;
        report.check(refused.status == Some(4), || {
            format!("without a network, `causeway offline load` ends with {refused:?}")
        });
        println!("  all validators are stopped");
        Ok(())
    }

    /// Until the ledger has a beacon of the issuer's.
    async fn beacon(&self) -> anyhow::Result<()> {
        self.wait("a beacon", async || {
            let view = self.client.purse_currency(self.currency).await?;
            Ok(view.and_then(|view| view.beacon).map(drop))
        })
        .await
    }

    async fn wait<T>(&self, what: &str, look: impl AsyncFn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
        let looked = timeout(PATIENCE, async {
            loop {
                if let Some(found) = look().await? {
                    return anyhow::Ok(found);
                }
                tokio::time::sleep(POLL).await;
            }
        });
        match looked.await {
            Ok(found) => found,
            Err(_) => bail!(
                "the issuer's service has not brought {what} after {} s",
                PATIENCE.as_secs()
            ),
        }
    }

    fn money(&self, amount: Amount) -> String {
        format!("{} {}", format_amount(amount, 2), self.currency)
    }

    fn line(&self, paid: &Paid) -> String {
        format!(
            "{} pays {} {} by {}: {:.1} s",
            paid.payer,
            paid.payee,
            self.money(paid.amount),
            paid.medium,
            paid.seconds
        )
    }
}

impl Offline {
    /// For the table.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let money = |amount| format!("{} {}", format_amount(amount, 2), self.currency);
        let apart = if self.devices_apart {
            ", all validators stopped, devices without a network"
        } else {
            ", all validators stopped"
        };
        let mut rows = vec![("purses", format!("{} loaded{apart}", money(self.loaded)))];
        rows.extend(self.payments.iter().map(|paid| {
            let text = format!(
                "{} to {}: {} by {} in {:.1} s",
                paid.payer,
                paid.payee,
                money(paid.amount),
                paid.medium,
                paid.seconds
            );
            ("", text)
        }));
        rows.extend(
            self.after_redemptions
                .iter()
                .map(|books| ("redeemed", books.to_string())),
        );
        rows.extend(self.copied.iter().flat_map(|copied| copied.rows(money)));
        rows
    }
}

/// As the ledger writes it.
fn purse_id(text: &str) -> anyhow::Result<PurseId> {
    let mut id = [0; 8];
    hex::decode_to_slice(text, &mut id).with_context(|| format!("'{text}' is no purse's id"))?;
    Ok(PurseId(id))
}
