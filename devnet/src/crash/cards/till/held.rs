//! What becomes of money that a card's issuer holds for an order.

use std::time::Instant;

use anyhow::bail;
use serde_json::json;
use tokio::time::sleep;

use super::{
    Till,
    sale::{Decision, Sale},
};
use crate::{
    crash::{
        cards::{PAUSE, town::eur},
        insist::{Answer, insist},
    },
    services::api::text,
};

impl Till {
    /// Captures all or some of it, or voids it, when it is booked. By `until` it may not be.
    pub(super) async fn decide(&mut self, sale: usize, until: Instant) -> anyhow::Result<()> {
        let Sale { order, cents, .. } = &self.sales[sale];
        let (what, body, captured) = match self.draw.below(3) {
            0 => ("void", json!({}), None),
            1 => ("capture", json!({}), Some(*cents)),
            _ => {
                let part = self.draw.number(1..=*cents);
                ("capture", json!({ "amount": eur(part) }), Some(part))
            }
        };
        let path = format!("/v1/orders/{order}/{what}");
        loop {
            match insist(&self.town.shop, &path, &body, &self.end).await? {
                Answer::Done(made) => {
                    let advice = text(&made, "/id")?.to_owned();
                    self.sales[sale].decision = Some(Decision { advice, captured });
                    return Ok(());
                }
                Answer::Refused(problem) if problem["code"] != "3012" => bail!("a {what} came to {problem}"),
                Answer::Refused(_) if Instant::now() >= until => return Ok(()),
                Answer::Refused(_) => sleep(PAUSE).await,
            }
        }
    }
}
