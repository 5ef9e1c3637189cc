//! Puts a validator together: reads what it is given, opens what it owns, starts its actors, and
//! stops them when asked to.

mod assembly;
mod bootstrap;
pub mod continuing;
pub mod database;
mod disk;
mod failure;
mod member;
mod open_files;
mod server;

use std::{
    fs,
    io::{self, IsTerminal},
    sync::mpsc,
    thread,
    time::Duration,
};

use actix_rt::{Arbiter, System};
use anyhow::{Context as _, anyhow};
use causeway_consensus::Stop;
use causeway_contracts::{block::Height, ledger::Ledger, protocol::ProtocolVersion};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    assembly::{Arbiters, start_actors},
    member::{database_folder, log_folder},
};
pub use self::{
    failure::Failure,
    member::{Member, identify, init, load_genesis},
};
use crate::{
    actors::{api::ApiServer, network},
    config::Config,
    exit::{self, ExitStatus},
    log::{Absent, DiskFolder, Files, Recovered},
    store::{self, Expect, Opened, Store, kept::KeptSnapshots},
};

/// How a validator is run, besides its configuration.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// Vote although the sign record is missing.
    pub trust_missing_sign_record: bool,
    /// The last version of the protocol that it implements: this program's, or in a drill an earlier one.
    pub known: ProtocolVersion,
}

/// Runs the validator until SIGINT or SIGTERM; and, so that a profiler sees a whole network as one process, others
/// beside it, which have nothing in common with it but the process. What ends one of them ends all.
pub fn run(config: Config, beside: Vec<Config>, options: RunOptions) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(config.log.to_filter())
        .with_writer(io::stderr)
        // Where the log cannot be written, nor can a complaint about it, and that would be a panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let others: Vec<_> = beside
        .into_iter()
        .map(|config| {
            let thread = thread::Builder::new().name("validator".to_owned());
            let run = move || {
                run_one(config, options)
                    .unwrap_or_else(|failure| exit::stop(failure.status, &format!("{:#}", failure.reason)))
            };
            thread.spawn(run).map_err(Failure::bug)
        })
        .collect::<Result<_, _>>()?;
    run_one(config, options)?;
    for other in others {
        other
            .join()
            .map_err(|_| Failure::bug(anyhow!("a validator beside this one has panicked; see above")))?;
    }
    Ok(())
}

fn run_one(config: Config, options: RunOptions) -> Result<(), Failure> {
    let member = identify(&config)?;
    tracing::info!(
        validator = %member.id,
        observer = member.is_observer,
        network = %member.genesis.name,
        genesis = %member.genesis.hash(),
        "starting"
    );
    let system = System::new();
    system.block_on(async move {
        let running = start(config, member, options).await?;
        wait_for_signal().await?;
        tracing::info!("stopping");
        running.stop().await;
        tracing::info!("stopped");
        Ok(())
    })
}

async fn wait_for_signal() -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::bug)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::bug)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// What runs. The actors run as long as the process; the listeners are stopped first.
struct Running {
    api: ApiServer,
    network: network::Running,
    arbiters: Vec<Arbiter>,
    store: Store,
}

impl Running {
    async fn stop(self) {
        self.api.stop().await;
        self.network.arbiter.stop();
        end(self.arbiters);
        // Whatever is queued gets written; what is not yet final is sent again by its clients.
        self.store.sync().await;
        drop(self.store);
        wait_for_databases();
    }
}

/// Actors that have not let go of the database by then are left to the end of the process.
const END_TIME_MAX: Duration = Duration::from_secs(5);

fn wait_for_databases() {
    if !store::wait_until_closed(END_TIME_MAX) {
        tracing::warn!("a database is still in use");
    }
}

/// Ends the actors and waits for it: a database that another thread closes while the process exits can
/// abort it, and the status would be lost.
fn end(arbiters: Vec<Arbiter>) {
    for arbiter in &arbiters {
        arbiter.stop();
    }
    let (ended, wait) = mpsc::channel();
    thread::spawn(move || {
        for arbiter in arbiters {
            if arbiter.join().is_err() {
                tracing::error!("an actor panicked");
            }
        }
        // Nobody waits any more after END_TIME_MAX.
        ended.send(()).ok();
    });
    if wait.recv_timeout(END_TIME_MAX).is_err() {
        tracing::warn!("actors are still at work");
    }
}

/// What a validator has on disk.
struct Opening {
    files: Files,
    recovered: Recovered,
    store: Store,
    opened: Opened,
}

fn kept_snapshots(config: &Config) -> KeptSnapshots {
    KeptSnapshots::new(&config.data.join("snapshots"), config.limits.disk_free_bytes_min)
}

fn open(config: &Config, member: &Member, options: RunOptions) -> Result<Opening, Failure> {
    let log = log_folder(config, &member.id);
    // First, since the disk may be full of it.
    if let Err(error) = kept_snapshots(config).clean() {
        tracing::warn!(%error, "cannot remove a snapshot that was not finished");
    }
    fs::create_dir_all(&log)
        .with_context(|| format!("cannot make the data folder {}", log.display()))
        .map_err(Failure::config)?;
    let folder = database_folder(config);
    // An observer's key has never signed anything that counts.
    let absent = if options.trust_missing_sign_record || member.is_observer {
        Absent::Create
    } else {
        Absent::Observe
    };
    let files = DiskFolder::open(&log)?;
    let (files, recovered) = Files::open(files, member.genesis.hash(), member.id, absent)?;
    if recovered.dropped_bytes > 0 {
        let bytes = recovered.dropped_bytes;
        tracing::warn!(
            bytes,
            "dropped from the consensus log or sign record what a crash left half-written"
        );
    }
    // A validator that has signed or logged anything has had a database.
    let took_part = !recovered.log.is_empty() || recovered.record.height() > Height::GENESIS;
    let expect = if took_part {
        Expect::Existing
    } else {
        Expect::NewOrExisting
    };
    let (store, opened) = Store::open(&folder, &member.genesis, expect)?;
    check_version(&opened.ledger, options.known)?;
    Ok(Opening {
        files,
        recovered,
        store,
        opened,
    })
}

/// A program that does not know the rules of the next height must not begin it.
fn check_version(ledger: &Ledger, known: ProtocolVersion) -> Result<(), Failure> {
    let needed = ledger.next_version();
    if needed <= known {
        return Ok(());
    }
    let from = ledger.tip().height.next();
    Err(Failure {
        status: ExitStatus::Outdated,
        reason: Stop::NeedsVersion { needed, known, from }.into(),
    })
}

async fn start(config: Config, member: Member, options: RunOptions) -> Result<Running, Failure> {
    let opening = open(&config, &member, options)?;
    let arbiters = Arbiters::start();
    match start_actors(config, member, opening, &arbiters, options.known).await {
        Ok((api, network, store)) => Ok(Running {
            api,
            network,
            arbiters: arbiters.into(),
            store,
        }),
        Err(failure) => {
            end(arbiters.into());
            wait_for_databases();
            Err(failure)
        }
    }
}
