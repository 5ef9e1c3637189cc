//! That each card's limit of the day is used by just what it has paid: a cent more than is left is declined, and the rest is
//! approved.

use std::time::Instant;

use anyhow::ensure;
use causeway_gateway::acquiring::order::Capture;

use super::{Town, books::Books, till::Till, town::FUNDS};

/// Field 39: the limit of the day.
const OVER_LIMIT: &str = "65";

/// How many cards' limits are as they should be, and what is wrong with the others.
#[derive(Default)]
pub(super) struct Limits {
    pub right: usize,
    pub wrong: Vec<String>,
}

/// After the last fault.
pub(super) async fn check(town: &Town, tills: &mut [Till], until: Instant) -> anyhow::Result<Limits> {
    let mut limits = Limits::default();
    let books = Books::read(town).await?;
    let Some(used) = books.paid_today()? else {
        limits
            .wrong
            .push("the day of UTC has changed, and limits with it: they were not looked at".to_owned());
        return Ok(limits);
    };
    for (holder, used) in used.into_iter().enumerate() {
        let till = tills.iter_mut().find(|till| till.holder == holder);
        let Some(till) = till else { continue };
        ensure!(
            used < FUNDS,
            "customer {holder} has paid all that the card may pay in a day"
        );
        let above = code(till, FUNDS - used + 1, until).await?;
        till.cancel_last().await?;
        let rest = code(till, FUNDS - used, until).await?;
        if (above.as_str(), rest.as_str()) == (OVER_LIMIT, "00") {
            limits.right += 1;
        } else {
            limits.wrong.push(format!(
                "customer {holder}'s card has paid {used} cents: all that is left of its limit was answered {rest}, and a cent more {above}"
            ));
        }
    }
    Ok(limits)
}

/// What the issuer answers to a payment of so much.
async fn code(till: &mut Till, cents: u64, until: Instant) -> anyhow::Result<String> {
    let sale = till.order(cents, Capture::Automatic).await?;
    till.pay(sale, until).await?;
    let told = till.sales[sale].told.last();
    Ok(told.map_or("none", |told| &told.code).to_owned())
}
