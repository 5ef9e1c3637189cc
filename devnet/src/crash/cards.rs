//! Payments by card: phones pay a merchant's orders at the second operator's gateway, which asks the first one's by ISO 8583,
//! while either is killed and the link between them is cut.

mod books;
mod faults;
mod limits;
mod till;
mod town;
mod verdict;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use tokio::time::sleep;

use self::{
    books::Books,
    faults::Fault,
    till::Till,
    town::{PHONES, Town},
    verdict::Verdict,
};
use super::{Options, Victims, insist::Over};
use crate::{
    draw::Draw,
    network::Network,
    progress,
    relay::{Pair, Relay},
    services::{Service, configs::CardRoute},
};

const ISSUER: Service = Service::Gateway(0);
const ACQUIRER: Service = Service::Gateway(1);

/// From the acquirer's gateway to the issuer's host.
const LINK: Pair = (1, 0);

/// Short, so that payments are taken back while the trial runs.
const ACQUIRER_MS: u64 = 1_500;
const ISSUER_MS: u64 = 1_200;

const PAUSE: Duration = Duration::from_millis(500);

/// Between the two gateways.
pub(super) struct CardLine {
    relay: Relay,
    address: SocketAddr,
}

impl CardLine {
    /// On a network that runs, before its gateways do.
    pub async fn open(network: &Network) -> anyhow::Result<Self> {
        let relay = Relay::open(&BTreeMap::from([(LINK, network.plan.base_port.cards())])).await?;
        let address = *relay
            .addresses()
            .get(&LINK)
            .context("the relay has a port for the link")?;
        Ok(Self { relay, address })
    }

    /// An error if the gateways do not talk through it, in which case no fault of it was one.
    fn check_used(&self) -> anyhow::Result<()> {
        let (there, back) = (self.relay.carried(LINK), self.relay.carried((LINK.1, LINK.0)));
        ensure!(
            there > 0 && back > 0,
            "{there} bytes have passed from the acquirer to the issuer by the link that is cut, and {back} back"
        );
        Ok(())
    }

    pub fn route(&self) -> CardRoute {
        CardRoute {
            relay: Some(self.address),
            acquirer_ms: ACQUIRER_MS,
            issuer_ms: Some(ISSUER_MS),
        }
    }
}

/// Whether everything holds. The last line printed is the verdict.
pub(super) async fn run(victims: &mut Victims, line: &CardLine, options: Options) -> anyhow::Result<bool> {
    let found = trial(victims, line, options).await;
    // Who has ended is why, whatever came of it.
    victims.check_running()?;
    let verdict = found?;
    println!("{verdict}");
    Ok(verdict.holds())
}

async fn trial(victims: &mut Victims, line: &CardLine, options: Options) -> anyhow::Result<Verdict> {
    let (town, phones) = Town::new(&victims.network).await?;
    let town = Arc::new(town);
    println!(
        "- {} kills and cuts by seed {}, while {} phones pay by card",
        options.kills,
        options.seed,
        phones.len()
    );
    let (over, end) = Over::new();
    let seed = |number: usize| options.seed.wrapping_mul(1_000).wrapping_add(500 + number as u64);
    let selling: Vec<_> = phones
        .into_iter()
        .enumerate()
        .map(|(number, phone)| {
            let till = Till::new(
                Arc::clone(&town),
                number / PHONES,
                phone,
                Draw::new(seed(number)),
                end.clone(),
            );
            tokio::spawn(till.sell())
        })
        .collect();
    strike(victims, &line.relay, options).await?;
    let until = over.tell();
    let mut tills = Vec::new();
    for till in selling {
        tills.push(till.await??);
    }
    let wait = progress::line("waiting for the end of all payments by card");
    try_join_all(tills.iter_mut().map(|till| till.close(until))).await?;
    settle(&town, until).await?;
    let limits = limits::check(&town, &mut tills, until).await?;
    let books = settle(&town, until).await?;
    wait.finish_and_clear();
    line.check_used()?;
    let mut verdict = books.verdict(&town, &tills)?;
    verdict.limits(limits);
    for gateway in [ISSUER, ACQUIRER] {
        verdict.reconciled(gateway, &victims.services.reconcile(gateway).await?);
    }
    Ok(verdict)
}

async fn strike(victims: &mut Victims, relay: &Relay, options: Options) -> anyhow::Result<()> {
    let mut draw = Draw::new(options.seed);
    let bar = progress::bar("kills and cuts", u64::from(options.kills));
    for _ in 0..options.kills {
        sleep(faults::pause(&mut draw)).await;
        victims.check_running()?;
        Fault::draw(&mut draw).strike(victims, relay).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Waits until nothing is under way any more.
async fn settle(town: &Town, until: Instant) -> anyhow::Result<Books> {
    loop {
        let read = Books::read(town).await;
        let is_over = Instant::now() >= until;
        match read {
            Ok(books) if is_over || books.open().is_none() => return Ok(books),
            Err(error) if is_over => return Err(error),
            // The last one that was killed is not back yet, or has forgotten its tokens' time.
            Err(_) => drop(town.renew().await),
            Ok(_) => {}
        }
        sleep(PAUSE).await;
    }
}
