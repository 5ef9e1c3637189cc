//! `crash`: remittances of every kind between two gateways while gateways and validators are killed at moments drawn from
//! a seed, and a check of everything that clients were told against what the ledger and the databases have.

pub mod books;
pub mod orders;
pub mod receiver;

use std::{
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tokio::{sync::watch, time::sleep};

use self::{
    books::Books,
    orders::{Orders, Party},
    receiver::Receiver,
};
use crate::{
    draw::Draw,
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{Folder, Trial},
    network::{Network, Plan},
    ports::BasePort,
    progress,
    services::{Programs, Service, Services, configs::Settings},
};

/// Where free ports are looked for: past those of other trials.
const BASE_PORT: u16 = 29_200;

const VALIDATORS: u16 = 4;

/// Remittances under way at the same time.
const SENDERS: usize = 8;

/// Short, so that what is ignored expires while the trial runs.
const HOLD_SECONDS: u32 = 30;

/// After the last kill, everything comes to its end within this.
const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub kills: u32,
    pub seed: u64,
    pub base_port: Option<u16>,
}

/// Whether everything holds. The last line printed is the verdict; an error came before there was one.
pub async fn run(folder: &Folder, options: Options) -> anyhow::Result<bool> {
    let _lock = folder.lock()?;
    fleet::clear(folder, Trial::Crash).await?;
    let plan = Plan {
        validators: VALIDATORS,
        base_port: BasePort::chosen(options.base_port, BASE_PORT, VALIDATORS)?,
    };
    let network = Network::create(folder.network_of(Trial::Crash), plan)?;
    let mut fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
    let receiver = Receiver::start(plan.base_port.webhooks())?;
    let settings = Settings {
        hold_seconds: HOLD_SECONDS,
        ..Settings::default()
    };
    let mut services = Services::start(&network, Programs::find()?, Lifetime::Ours, &settings, pending()).await?;
    let parties = Arc::new(Party::both(&network, &receiver).await?);
    orders::wait_for_quotes(&parties[0]).await?;
    println!(
        "- {} kills by seed {}, while {SENDERS} remittances are under way",
        options.kills, options.seed
    );
    let (stop, stopped) = watch::channel(false);
    let orders = Arc::new(Orders::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let seed = options.seed.wrapping_mul(1_000).wrapping_add(number as u64);
            tokio::spawn(orders::send(
                Arc::clone(&parties),
                Arc::clone(&orders),
                Draw::new(seed),
                stopped.clone(),
            ))
        })
        .collect();
    kill(&mut fleet, &mut services, options).await?;
    stop.send(true).context("the senders have ended by themselves")?;
    for sender in senders {
        sender.await??;
    }
    let books = settle(&parties, &orders, &receiver).await?;
    let verdict = books.verdict()?;
    println!("{verdict}");
    let forced = services.stop().await?;
    ensure!(
        forced.is_empty(),
        "killed, since they did not stop: {}",
        forced.join(", ")
    );
    fleet.stop().await?;
    Ok(verdict.holds())
}

/// One at a time, so that the network always has a quorum: a gateway, or a validator.
async fn kill(fleet: &mut Fleet, services: &mut Services, options: Options) -> anyhow::Result<()> {
    let mut draw = Draw::new(options.seed);
    let bar = progress::bar("kills", u64::from(options.kills));
    for _ in 0..options.kills {
        sleep(draw.milliseconds(20..=900)).await;
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
