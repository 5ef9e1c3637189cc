//! Remittances of every kind between the two gateways, until the last kill.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{
    Options, VALIDATORS, Victims,
    books::{Books, Verdict},
    insist::{Over, PATIENCE},
    orders::{self, Orders, Party},
    receiver::Receiver,
};
use crate::{draw::Draw, progress, services::Service};

/// Remittances under way at the same time.
const SENDERS: usize = 8;

/// Whether everything holds. The last line printed is the verdict.
pub(super) async fn run(victims: &mut Victims, receiver: &Receiver, options: Options) -> anyhow::Result<bool> {
    let found = trial(victims, receiver, options).await;
    // Who has ended is why, whatever came of it.
    victims.check_running()?;
    let verdict = found?;
    println!("{verdict}");
    Ok(verdict.holds())
}

async fn trial(victims: &mut Victims, receiver: &Receiver, options: Options) -> anyhow::Result<Verdict> {
    let parties = Arc::new(Party::both(&victims.network, receiver).await?);
    orders::wait_for_quotes(&parties[0]).await?;
    println!(
        "- {} kills by seed {}, while {SENDERS} remittances are under way",
        options.kills, options.seed
    );
    let (over, end) = Over::new();
    let orders = Arc::new(Orders::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let seed = options.seed.wrapping_mul(1_000).wrapping_add(number as u64);
            tokio::spawn(orders::send(
                Arc::clone(&parties),
                Arc::clone(&orders),
                Draw::new(seed),
                end.clone(),
            ))
        })
        .collect();
    kill(victims, options).await?;
    over.tell();
    for sender in senders {
        sender.await??;
    }
    settle(&parties, &orders, receiver).await?.verdict()
}

/// One at a time, so that the network always has a quorum: a gateway, or a validator.
async fn kill(victims: &mut Victims, options: Options) -> anyhow::Result<()> {
    let mut draw = Draw::new(options.seed);
    let bar = progress::bar("kills", u64::from(options.kills));
    for _ in 0..options.kills {
        sleep(draw.milliseconds(20..=900)).await;
        victims.check_running()?;
        let Victims { fleet, services, .. } = &mut *victims;
        match draw.below(10) {
            victim @ 0..=7 => {
                let gateway = Service::Gateway((victim % 2) as u16);
                services.kill(gateway).await?;
                sleep(draw.milliseconds(0..=400)).await;
                services.restart(gateway)?;
            }
            _ => {
                let validator = draw.below(usize::from(VALIDATORS)) as u16;
                fleet.kill(validator).await?;
                sleep(draw.milliseconds(0..=400)).await;
                fleet.restart(validator).await?;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Waits until nothing is under way any more, and all webhooks have come.
pub async fn settle(parties: &[Party; 2], orders: &Orders, receiver: &Receiver) -> anyhow::Result<Books> {
    let until = Instant::now() + PATIENCE;
    let line = progress::line("waiting for the end of all remittances");
    loop {
        let books = match Books::read(parties, orders, receiver).await {
            Ok(books) => books,
            // The last one that was killed is not back yet.
            Err(_) if Instant::now() < until => {
                sleep(Duration::from_millis(500)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let open = books.open();
        if open.is_none() || Instant::now() >= until {
            line.finish_and_clear();
            if let Some(open) = open {
                println!("  after {} s {open}", PATIENCE.as_secs());
            }
            return Ok(books);
        }
        sleep(Duration::from_millis(500)).await;
    }
}
