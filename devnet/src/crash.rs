//! `crash`: money under way between two gateways while gateways and validators are killed at moments drawn from a seed, and
//! a check of everything that clients were told against what the ledger and the databases have. First remittances of every
//! kind, then payments by card.

pub mod books;
mod cards;
mod insist;
pub mod orders;
pub mod receiver;
pub mod remittances;

use std::future::pending;

use anyhow::ensure;

use self::{cards::CardLine, receiver::Receiver};
use crate::{
    fleet::{self, Fleet, Lifetime, node_binary},
    folder::{Folder, Trial},
    network::{Network, Plan},
    ports::BasePort,
    services::{Programs, Service, Services, configs::Settings},
};

/// Where free ports are looked for: past those of other trials.
const BASE_PORT: u16 = 29_200;

const VALIDATORS: u16 = 4;

/// Short, so that what is ignored expires while the trial runs.
const HOLD_SECONDS: u32 = 30;

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Remittances,
    Cards,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// In each part.
    pub kills: u32,
    pub seed: u64,
    pub base_port: Option<u16>,
    /// Both, unless it says which.
    pub only: Option<Part>,
}

impl Options {
    fn has(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

/// What parts break.
struct Victims {
    network: Network,
    fleet: Fleet,
    services: Services,
}

impl Victims {
    /// An error if something has ended that nobody killed.
    fn check_running(&mut self) -> anyhow::Result<()> {
        self.services.check_running()?;
        self.fleet.check_running()
    }

    async fn stop(self) -> anyhow::Result<()> {
        let mut wrong = self.services.stop().await?;
        wrong.extend(self.fleet.stop().await?);
        ensure!(wrong.is_empty(), "did not stop as they should: {}", wrong.join(", "));
        Ok(())
    }
}

/// Whether everything holds. Each part's last line is its verdict; an error came before there was one.
pub async fn run(folder: &Folder, options: Options) -> anyhow::Result<bool> {
    let _lock = folder.lock()?;
    fleet::clear(folder, Trial::Crash).await?;
    let plan = Plan {
        validators: VALIDATORS,
        base_port: BasePort::chosen(options.base_port, BASE_PORT, VALIDATORS)?,
    };
    let network = Network::create(folder.network_of(Trial::Crash), plan)?;
    let fleet = Fleet::start(network.clone(), node_binary()?, Lifetime::Ours, pending()).await?;
    let receiver = Receiver::start(plan.base_port.webhooks())?;
    let line = CardLine::open(&network).await?;
    let settings = Settings {
        hold_seconds: HOLD_SECONDS,
        services: match options.only {
            Some(Part::Cards) => vec![Service::Gateway(0), Service::Gateway(1)],
            _ => Service::REMITTANCE.to_vec(),
        },
        card_route: line.route(),
        ..Settings::default()
    };
    let services = Services::start(&network, Programs::find()?, Lifetime::Ours, &settings, pending()).await?;
    let mut victims = Victims {
        network,
        fleet,
        services,
    };
    let mut holds = true;
    if options.has(Part::Remittances) {
        holds &= remittances::run(&mut victims, &receiver, options).await?;
    }
    if options.has(Part::Cards) {
        holds &= cards::run(&mut victims, &line, options).await?;
    }
    victims.stop().await?;
    Ok(holds)
}
