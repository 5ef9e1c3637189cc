//! A till and its customer's phone: sells one thing after another, presents the phone until the order is paid, and does not
//! give up.

mod held;
pub(super) mod sale;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use causeway_gateway::acquiring::order::Capture;
use serde_json::{Value, json};
use tokio::time::sleep;

use self::sale::{Refund, Sale, Told};
use super::{
    PAUSE,
    town::{Town, eur},
};
use crate::{
    crash::insist::{Answer, End, insist},
    draw::Draw,
    phone::Phone,
    services::api::text,
};

/// What is sold, in cents.
const CENTS: std::ops::RangeInclusive<u64> = 100..=2_000;

/// For an order in the middle of the faults; what is left open is paid after the last of them.
const PRESENTED_MAX: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(6);

/// Longer than the trial.
const ORDER_SECONDS: u32 = 86_400;

pub(super) struct Till {
    town: Arc<Town>,
    /// Which customer's the phone is.
    pub holder: usize,
    phone: Phone,
    draw: Draw,
    end: End,
    pub sales: Vec<Sale>,
}

/// What presenting a phone comes to.
enum Presented {
    Answered(Told),
    /// The order is not open any more.
    NotOpen,
    /// Another payment by card was not decided for so long, or too many were tried.
    NotNow,
}

impl Till {
    pub fn new(town: Arc<Town>, holder: usize, phone: Phone, draw: Draw, end: End) -> Self {
        Self {
            town,
            holder,
            phone,
            draw,
            end,
            sales: Vec::new(),
        }
    }

    /// Until nothing is broken any more.
    pub async fn sell(mut self) -> anyhow::Result<Self> {
        while !self.end.is_near() {
            let cents = self.draw.number(CENTS);
            let capture = match self.draw.below(4) {
                0 => Capture::Manual,
                _ => Capture::Automatic,
            };
            let sale = self.order(cents, capture).await?;
            let mut is_approved = false;
            for _ in 0..PRESENTED_MAX {
                is_approved = self.pay(sale, Instant::now() + PATIENCE).await?;
                if is_approved || self.end.is_near() {
                    break;
                }
            }
            if is_approved && capture == Capture::Manual {
                self.decide(sale, Instant::now() + PATIENCE).await?;
            }
            if is_approved && self.sales[sale].brings() > 0 && self.draw.below(4) == 0 {
                self.refund(sale).await?;
            }
            sleep(self.draw.milliseconds(0..=200)).await;
        }
        Ok(self)
    }

    /// Its place among the sales.
    pub async fn order(&mut self, cents: u64, capture: Capture) -> anyhow::Result<usize> {
        let body = json!({
            "merchant": self.town.merchant,
            "terminal": self.town.terminal,
            "amount": eur(cents),
            "expires_in": ORDER_SECONDS,
            "capture": capture,
        });
        match insist(&self.town.shop, "/v1/orders", &body, &self.end).await? {
            Answer::Done(made) => {
                let order = text(&made, "/id")?.to_owned();
                self.sales.push(Sale::new(order, cents, capture));
                Ok(self.sales.len() - 1)
            }
            other => bail!("an order came to {other:?}"),
        }
    }

    /// The last that was made, whose card was declined.
    pub async fn cancel_last(&self) -> anyhow::Result<()> {
        let order = &self.sales.last().context("one was made")?.order;
        match insist(
            &self.town.shop,
            &format!("/v1/orders/{order}/cancel"),
            &json!({}),
            &self.end,
        )
        .await?
        {
            Answer::Done(order) if order["state"] == "cancelled" => Ok(()),
            other => bail!("a cancellation came to {other:?}"),
        }
    }

    /// Presents the phone once. Whether the payment is approved.
    pub async fn pay(&mut self, sale: usize, until: Instant) -> anyhow::Result<bool> {
        match self.present(sale, until).await? {
            Presented::Answered(told) => {
                let is_approved = told.outcome == "approved";
                self.sales[sale].told.push(told);
                Ok(is_approved)
            }
            Presented::NotOpen | Presented::NotNow => Ok(false),
        }
    }

    async fn present(&mut self, sale: usize, until: Instant) -> anyhow::Result<Presented> {
        let (path, body) = self.request(sale).await?;
        loop {
            match insist(&self.town.shop, &path, &body, &self.end).await? {
                Answer::Done(view) => {
                    return Ok(Presented::Answered(Told {
                        attempt: text(&view, "/id")?.to_owned(),
                        outcome: text(&view, "/outcome")?.to_owned(),
                        code: view["code"].as_str().unwrap_or("none").to_owned(),
                    }));
                }
                Answer::Refused(problem) => match text(&problem, "/code")? {
                    "3012" => return Ok(Presented::NotOpen),
                    "3010" => return Ok(Presented::NotNow),
                    "3021" if Instant::now() >= until => return Ok(Presented::NotNow),
                    "3021" => sleep(PAUSE).await,
                    _ => bail!("a payment by card came to {problem}"),
                },
            }
        }
    }

    /// A tap, or a code.
    async fn request(&mut self, sale: usize) -> anyhow::Result<(String, Value)> {
        if self.phone.keys_left() == 0 {
            let path = format!("/v1/devices/{}/keys", self.phone.device());
            match insist(&self.town.bank, &path, &json!({}), &self.end).await? {
                Answer::Done(given) => self.phone.renew(&given)?,
                other => bail!("new keys came to {other:?}"),
            }
        }
        let Sale { order, cents, .. } = &self.sales[sale];
        if self.draw.coin() {
            let code = self.phone.code(*cents)?;
            return Ok((format!("/v1/orders/{order}/present"), json!({ "code": code })));
        }
        let tap = self.phone.tap(*cents)?;
        let body = json!({ "entry": "tap", "track2": *tap.track_2, "chip": hex::encode(&tap.de55) });
        Ok((format!("/v1/orders/{order}/card"), body))
    }

    /// Some or all of it, once its payment is booked.
    async fn refund(&mut self, sale: usize) -> anyhow::Result<()> {
        let (order, paid) = (&self.sales[sale].order, self.sales[sale].brings());
        let part = if self.draw.coin() {
            paid
        } else {
            self.draw.number(1..=paid)
        };
        let path = format!("/v1/orders/{order}/refunds");
        let body = json!({ "amount": eur(part), "reference": format!("of {sale}") });
        let until = Instant::now() + PATIENCE;
        loop {
            match insist(&self.town.shop, &path, &body, &self.end).await? {
                Answer::Refused(problem) if problem["code"] == "3012" && Instant::now() < until => sleep(PAUSE).await,
                Answer::Refused(problem) => {
                    ensure!(problem["code"] == "3012", "a refund came to {problem}");
                    return Ok(());
                }
                Answer::Done(made) => {
                    let id = text(&made, "/id")?.to_owned();
                    self.sales[sale].refunds.push(Refund { id, cents: part });
                    return Ok(());
                }
            }
        }
    }

    /// Has all paid that is open, and decides about what is held.
    pub async fn close(&mut self, until: Instant) -> anyhow::Result<()> {
        for sale in 0..self.sales.len() {
            while Instant::now() < until && self.bring_on(sale, until).await? {}
        }
        Ok(())
    }

    /// A step. Whether there may be another.
    async fn bring_on(&mut self, sale: usize, until: Instant) -> anyhow::Result<bool> {
        let path = format!("/v1/orders/{}", self.sales[sale].order);
        let Ok(order) = self.town.shop.get(&path).await else {
            // Its token may be too old; if the gateway is away, the next look says so again.
            let _away = self.town.renew().await;
            sleep(PAUSE).await;
            return Ok(true);
        };
        match text(&order, "/state")? {
            "created" => {
                if !self.pay(sale, until).await? {
                    sleep(PAUSE).await;
                }
            }
            "authorized" if self.sales[sale].decision.is_none() => self.decide(sale, until).await?,
            "authorized" => sleep(PAUSE).await,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
