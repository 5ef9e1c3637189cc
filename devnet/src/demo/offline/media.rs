//! A payment from one device to another, by what both have.

use std::{fmt, path::Path, time::Instant};

use anyhow::{Context, bail};
use causeway_contracts::money::{Amount, text::format_amount};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    Paid, Town,
    person::{PURSE, Person},
};
use crate::demo::{PATIENCE, path, reader, wallet::Refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Medium {
    /// The payer's purse is a card in the payee's reader.
    Card,
    /// Each shows the other QR codes.
    Pictures,
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Card => "card",
            Self::Pictures => "QR codes",
        })
    }
}

/// Seconds for which a reader waits for a card.
const WAIT: &str = "30";

pub struct Pair<'a> {
    pub payer: &'a Person,
    pub payee: &'a Person,
}

impl Pair<'_> {
    /// A payment that both sides close. `folder` is a new one's name.
    pub async fn pay(&self, town: &Town<'_>, amount: Amount, medium: Medium, folder: &Path) -> anyhow::Result<Paid> {
        let started = Instant::now();
        let done = async {
            match medium {
                Medium::Card => self.by_card(town, amount).await,
                Medium::Pictures => self.by_pictures(amount, folder).await,
            }
        };
        let (payer, payee) = (self.payer.name, self.payee.name);
        let done = timeout(PATIENCE, done).await;
        done.with_context(|| format!("{payer} has not paid {payee} after {} s", PATIENCE.as_secs()))?
            .with_context(|| format!("{payer} pays {payee} by {medium}"))?;
        Ok(Paid {
            payer,
            payee,
            amount,
            medium,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    async fn by_card(&self, town: &Town<'_>, amount: Amount) -> anyhow::Result<()> {
        let amount = format_amount(amount, 2);
        let pin_file = path(&self.payer.pin_file)?;
        let card = ["card", PURSE, "--vpcd", &town.reader.vpcd, "--taps", "1"];
        let card = [&card[..], &["--confirm", &amount, "--pin-file", pin_file]].concat();
        let request = ["request", PURSE, &amount, "--reader", reader::NAME, "--wait", WAIT];
        let (said, received) = tokio::try_join!(self.payer.run_apart(&card), self.payee.run_apart(&request))?;
        expect(&said, "status", "paid")?;
        expect(&received, "received", true)
    }

    async fn by_pictures(&self, amount: Amount, folder: &Path) -> anyhow::Result<()> {
        let amount = format_amount(amount, 2);
        let [request, payment, receipt] = ["request", "payment", "receipt"].map(|what| {
            // A name that ends like this is a folder's.
            format!("{}/{what}/", folder.display())
        });
        let pin_file = path(&self.payer.pin_file)?;
        self.payee
            .run_apart(&["request", PURSE, &amount, "--out", &request])
            .await?;
        let pay = ["pay", PURSE, "--in", &request, "--out", &payment];
        let pay = [&pay[..], &["--yes", "--pin-file", pin_file]].concat();
        self.payer.run_apart(&pay).await?;
        let receive = ["receive", PURSE, "--in", &payment, "--out", &receipt];
        expect(&self.payee.run_apart(&receive).await?, "received", true)?;
        let settled = self.payer.run_apart(&["settle", PURSE, "--in", &receipt]).await?;
        expect(&settled, "status", "paid")
    }

    /// A payment by card that one of both purses must refuse; what the payee is told.
    pub async fn refused(&self, town: &Town<'_>, amount: Amount) -> anyhow::Result<Refusal> {
        let amount = format_amount(amount, 2);
        let pin_file = path(&self.payer.pin_file)?;
        let card = ["card", PURSE, "--vpcd", &town.reader.vpcd, "--confirm", &amount];
        let card = [&card[..], &["--pin-file", pin_file]].concat();
        let request = ["offline", "request", PURSE, &amount, "--reader", reader::NAME];
        let request = [&request[..], &["--wait", WAIT]].concat();
        // The card is taken away when the reader is done with it.
        tokio::select! {
            refusal = self.payee.device.refused(&request) => refusal,
            ended = self.payer.run_apart(&card) => {
                ended?;
                bail!("the purse left the reader before the payee was done");
            }
        }
    }
}

/// Something that a command printed must say this.
fn expect(printed: &[Value], name: &str, value: impl Into<Value>) -> anyhow::Result<()> {
    let value = value.into();
    if printed.iter().any(|object| object[name] == value) {
        return Ok(());
    }
    bail!("nothing in {printed:?} says {name} {value}")
}
