//! That each card's limit of the day is used by just what it has paid: a cent more than is left is declined, and the rest is
//! approved.

use std::time::Instant;

use anyhow::ensure;
use causeway_gateway::acquiring::order::Capture;
use tokio::time::sleep;

use super::{PAUSE, Town, books::Books, till::Till, town::FUNDS};

/// Field 39: the limit of the day.
const OVER_LIMIT: &str = "65";

/// Whether cards' limits are as they should be.
pub(super) enum Limits {
    /// How many are right, and what is wrong with the others.
    LookedAt { right: usize, wrong: Vec<String> },
    /// The day of UTC has changed since the first payment, and limits with it.
    NewDay,
}

/// After the last fault.
pub(super) async fn check(town: &Town, tills: &mut [Till], until: Instant) -> anyhow::Result<Limits> {
    let (mut right, mut wrong) = (0, Vec::new());
    for (holder, paid) in Books::read(town).await?.paid()?.into_iter().enumerate() {
        let till = tills.iter_mut().find(|till| till.holder == holder);
        let Some(till) = till else { continue };
        ensure!(
            paid < FUNDS,
            "customer {holder} has paid all that the card may pay in a day"
        );
        let answers = answers(till, FUNDS - paid, until).await?;
        if answers == [OVER_LIMIT, "00"] {
            right += 1;
        } else {
            let [above, rest] = answers;
            wrong.push(format!(
                "customer {holder}'s card has paid {paid} cents: all that is left of its limit was answered {rest}, and a cent more {above}"
            ));
        }
    }
    // All before was on one day if this is the same.
    Ok(if town.is_new_day() {
        Limits::NewDay
    } else {
        Limits::LookedAt { right, wrong }
    })
}

/// To a cent more than is left, and then to all that is left.
///
/// What was taken back gives back its use when the issuer has ended its reversal. If it was killed meanwhile, that is only when
/// the lease of who is gone is over.
async fn answers(till: &mut Till, left: u64, until: Instant) -> anyhow::Result<[String; 2]> {
    loop {
        let answers = [code(till, left + 1, until).await?, code(till, left, until).await?];
        if answers != [OVER_LIMIT, OVER_LIMIT] || Instant::now() >= until {
            return Ok(answers);
        }
        sleep(PAUSE).await;
    }
}

/// What the issuer answers to a payment of so much, once it says whether it is approved. What it declines is cancelled.
async fn code(till: &mut Till, cents: u64, until: Instant) -> anyhow::Result<String> {
    let sale = till.order(cents, Capture::Automatic).await?;
    loop {
        till.pay(sale, until).await?;
        let told = till.sales[sale].told.last().filter(|told| told.outcome != "unknown");
        match told.map(|told| told.code.clone()) {
            Some(code) => {
                if code == OVER_LIMIT {
                    till.cancel_last().await?;
                }
                return Ok(code);
            }
            None if Instant::now() >= until => return Ok("none".to_owned()),
            None => sleep(PAUSE).await,
        }
    }
}
