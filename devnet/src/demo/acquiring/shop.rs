//! The merchant: its orders at its bank's gateway, its terminal, and what it is told.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use causeway_contracts::money::{Amount, text::format_amount};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{ANSWER_MS, CURRENCY};
use crate::{
    demo::{
        PATIENCE, POLL, path,
        printed::Printed,
        reader::{self, CardReader},
    },
    fleet::sibling,
    folder,
    network::Network,
    services::{
        Service,
        api::{Api, text},
        merchant::{self, Merchant},
    },
};

/// Whose merchant it is.
pub const ACQUIRER: Service = merchant::GATEWAY;

/// Seconds for which a terminal waits for a phone.
const WAIT: &str = "30";

/// A reversal that has not come to an order by then has come before its payment.
const REVERSED_WITHIN: Duration = Duration::from_millis(4 * ANSWER_MS);

pub struct Shop {
    api: Api,
    officer: Api,
    pub merchant: Merchant,
    url: String,
    token: PathBuf,
    printed: Printed,
}

pub struct Order {
    pub id: String,
    pub reference: &'static str,
    pub memo: String,
    pub amount: Amount,
}

/// What came of asking for a card's payment.
pub struct Told {
    /// Of the terminal's program, if there was one.
    status: Option<i32>,
    answer: Value,
}

impl Told {
    /// An error unless the answer and the program's status say this.
    pub fn must_be(&self, outcome: &str) -> anyhow::Result<()> {
        let status = if outcome == "approved" { 0 } else { 2 };
        let is_it = self.answer["outcome"] == outcome && self.status.is_none_or(|ended| ended == status);
        ensure!(
            is_it,
            "the terminal should be told {outcome}, and its program ended with {:?} and was told {}",
            self.status,
            self.answer
        );
        Ok(())
    }
}

/// The program of gateways and terminals, run with this before it.
pub fn gateway_command(enter: &[String]) -> anyhow::Result<Command> {
    let program = sibling("CAUSEWAY_GATEWAY", "causeway-gateway")?;
    let mut command = match enter.split_first() {
        None => Command::new(program),
        Some((first, others)) => {
            let mut command = Command::new(first);
            command.args(others).arg(program);
            command
        }
    };
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

impl Shop {
    pub async fn open(network: &Network, place: &Path, printed: Printed) -> anyhow::Result<Self> {
        let folder = network.folder.service(ACQUIRER);
        let api = Api::open(&folder.client()).await?;
        let token = place.join("merchant.token");
        folder::write_secret(&token, &format!("{}\n", api.token()))?;
        Ok(Self {
            api,
            officer: Api::open(&folder.admin()).await?,
            merchant: Merchant::read(&folder)?,
            url: ACQUIRER.url(network.plan.base_port),
            token,
            printed,
        })
    }

    pub async fn order(&self, amount: Amount, reference: &'static str) -> anyhow::Result<Order> {
        let asked = json!({
            "merchant": self.merchant.merchant,
            "terminal": self.merchant.terminal,
            "amount": { "value": format_amount(amount, 2), "currency": CURRENCY },
            "reference": reference,
        });
        let made = self.api.post("/v1/orders", &asked).await?;
        Ok(Order {
            id: text(&made, "/id")?.to_owned(),
            reference,
            memo: text(&made, "/memo")?.to_owned(),
            amount,
        })
    }

    /// A picture of the order's code.
    pub async fn code(&self, order: &Order) -> anyhow::Result<Vec<u8>> {
        self.api.get_bytes(&format!("/v1/orders/{}/code.png", order.id)).await
    }

    /// Scans the code that a customer shows.
    pub async fn scan(&self, picture: &Path, order: &Order) -> anyhow::Result<Told> {
        self.terminal(&[], &["scan", path(picture)?], order).await
    }

    /// Waits for a phone at the reader.
    pub async fn tap(&self, reader: &CardReader, order: &Order) -> anyhow::Result<Told> {
        let amount = format_amount(order.amount, 2);
        let tap = ["tap", "--amount", &amount, "--currency", CURRENCY];
        let tap = [&tap[..], &["--reader", reader::NAME, "--timeout", WAIT]].concat();
        self.terminal(&reader.enter_with_network(), &tap, order).await
    }

    /// Asks with what a card's chip has given: a body of `/v1/orders/{id}/card`.
    pub async fn card(&self, given: &Value, order: &Order) -> anyhow::Result<Told> {
        let answer = self.api.post(&format!("/v1/orders/{}/card", order.id), given).await?;
        Ok(Told { status: None, answer })
    }

    async fn terminal(&self, enter: &[String], what: &[&str], order: &Order) -> anyhow::Result<Told> {
        let mut command = gateway_command(enter)?;
        command.arg("pos").args(what);
        command.args(["--order", &order.id, "--url", &self.url]);
        command.arg("--token-file").arg(&self.token);
        command.args(["--terminal", &self.merchant.terminal]);
        let output = command.output().await.context("cannot start the terminal")?;
        self.printed.keep(&output)?;
        let printed = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
        let printed: Vec<Value> = printed.collect::<Result<_, _>>().context("the terminal prints JSON")?;
        // First what it has read, then what it was told.
        match <[Value; 2]>::try_from(printed) {
            Ok([_, answer]) => Ok(Told {
                status: output.status.code(),
                answer,
            }),
            Err(printed) => bail!(
                "the terminal ended with {} and asked for nothing, after {printed:?}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }

    pub async fn shown(&self, order: &Order) -> anyhow::Result<Value> {
        self.api.get(&format!("/v1/orders/{}", order.id)).await
    }

    pub async fn becomes(&self, order: &Order, state: &str) -> anyhow::Result<()> {
        let is_it = |shown: &Value| shown["state"] == state;
        let path = format!("/v1/orders/{}", order.id);
        let (shown, is_in_time) = self.look(&path, PATIENCE, is_it).await?;
        ensure!(is_in_time, "the order is to be {state}: {shown}");
        Ok(())
    }

    /// Whether what was paid for it was taken back; or else it was never paid.
    pub async fn is_reversed(&self, order: &Order) -> anyhow::Result<bool> {
        let is_it = |shown: &Value| shown["state"] == "reversed";
        let path = format!("/v1/orders/{}", order.id);
        let (shown, is_reversed) = self.look(&path, REVERSED_WITHIN, is_it).await?;
        ensure!(
            is_reversed || shown["state"] == "created",
            "the order is neither reversed nor open: {shown}"
        );
        Ok(is_reversed)
    }

    /// What the gateway says at a path once it is good, or in the end; and whether it is.
    async fn look(&self, path: &str, within: Duration, good: impl Fn(&Value) -> bool) -> anyhow::Result<(Value, bool)> {
        let until = Instant::now() + within;
        loop {
            let shown = self.api.get(path).await?;
            let is_good = good(&shown);
            if is_good || Instant::now() >= until {
                return Ok((shown, is_good));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Sends some of it back, until that is booked.
    pub async fn refund(&self, order: &Order, amount: Amount) -> anyhow::Result<()> {
        let asked = json!({ "amount": { "value": format_amount(amount, 2), "currency": CURRENCY } });
        let path = format!("/v1/orders/{}/refunds", order.id);
        self.api.post(&path, &asked).await?;
        self.becomes(order, "partially_refunded").await
    }

    /// All that is open, by an officer's wish, once it is paid out.
    pub async fn settle(&self) -> anyhow::Result<Vec<Value>> {
        let path = format!("/v1/merchants/{}/settle", self.merchant.merchant);
        let made = self.officer.post(&path, &json!({})).await?;
        ensure!(made["has_more"] == false, "the act has few movements");
        let mut paid = Vec::new();
        for settlement in made["data"].as_array().into_iter().flatten() {
            let path = format!("/v1/settlements/{}", text(settlement, "/id")?);
            let is_paid = |shown: &Value| shown["state"] == "paid";
            let (shown, is_in_time) = self.look(&path, PATIENCE, is_paid).await?;
            ensure!(is_in_time, "the settlement is to be paid: {shown}");
            paid.push(shown);
        }
        Ok(paid)
    }

    /// A settlement's file.
    pub async fn file(&self, settlement: &Value) -> anyhow::Result<Vec<u8>> {
        let path = format!("/v1/settlements/{}/file.csv", text(settlement, "/id")?);
        self.api.get_bytes(&path).await
    }
}
