//! `causeway-devnet`: see `--help`.

mod arguments;

use std::process::ExitCode;

use anyhow::bail;
use causeway_devnet::{
    act::{self, Act},
    attack, bench, cards_bench, chaos, crash, demo, fleet,
    folder::{Folder, Trial},
    instances,
    load::{Loader, Offer},
    network::Network,
    progress, remit, services, status, swap,
    up::{self, Options, StopSignals},
};
use clap::Parser;

use self::arguments::{Arguments, Command, Part, Place};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(status) => status,
        Err(error) => {
            eprintln!("causeway-devnet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up {
            place,
            validators,
            base_port,
            detach,
        } => {
            let options = Options {
                validators,
                base_port,
                detach,
            };
            up::run(Folder::open_or_create(&place.dir)?, options).await?;
        }
        Command::Status { place } => {
            let network = network(&place)?;
            print!("{}", status::table(&network).await?);
            print!("\n{}", status::services(&network)?);
        }
        Command::Down { place } => down(&network(&place)?).await?,
        Command::Reset { place } => reset(&place).await?,
        Command::Demo {
            place,
            base_port,
            rate,
            seconds,
        } => {
            let options = demo::Options {
                base_port,
                offer: Offer { rate, seconds },
            };
            let ended = trial(&place, async |folder| demo::run(folder, options).await).await;
            return Ok(match ended {
                Ok(()) => {
                    println!("demo: ok");
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    println!("demo: failed: {}", first_line(&error));
                    ExitCode::FAILURE
                }
            });
        }
        Command::Chaos {
            place,
            minutes,
            seed,
            validators,
            base_port,
            rate,
        } => {
            let options = chaos::Options {
                minutes,
                seed,
                validators,
                base_port,
                rate,
            };
            let holds = trial(&place, async |folder| chaos::run(folder, options).await).await?;
            return Ok(status_of(holds));
        }
        Command::Crash {
            place,
            kills,
            seed,
            only,
            base_port,
        } => {
            let options = crash::Options {
                kills,
                seed,
                base_port,
                only: only.map(Part::of_trial),
            };
            let holds = trial(&place, async |folder| crash::run(folder, options).await).await?;
            return Ok(status_of(holds));
        }
        Command::Instances { place, base_port } => {
            trial(&place, async |folder| instances::run(folder, base_port).await).await?;
            println!("instances: ok");
        }
        Command::Remit {
            place,
            rate,
            seconds,
            validators,
            base_port,
        } => {
            let options = remit::Options {
                rate,
                seconds,
                validators,
                base_port,
            };
            trial(&place, async |folder| remit::run(folder, options).await).await?;
        }
        Command::CardsBench {
            place,
            rate,
            transfers,
            seconds,
            validators,
            beyond_ms,
            base_port,
        } => {
            let options = cards_bench::Options {
                rate,
                transfers,
                seconds,
                validators,
                beyond_ms,
                base_port,
            };
            let holds = trial(&place, async |folder| cards_bench::run(folder, options).await).await?;
            return Ok(status_of(holds));
        }
        Command::Offline { place, base_port } => {
            trial(&place, async |folder| act::run(folder, Act::Offline, base_port).await).await?;
            println!("offline: ok");
        }
        Command::Acquiring { place, base_port } => {
            trial(&place, async |folder| act::run(folder, Act::Acquiring, base_port).await).await?;
            println!("acquiring: ok");
        }
        Command::Swap { place, base_port } => {
            trial(&place, async |folder| swap::run(folder, base_port).await).await?;
            println!("swap: ok");
        }
        Command::Attack {
            place,
            rate,
            seconds,
            rounds,
            requests,
            connections,
            validators,
            base_port,
        } => {
            let options = attack::Options {
                offer: Offer { rate, seconds },
                rounds,
                requests,
                connections: connections as usize,
                validators,
                base_port,
            };
            let holds = trial(&place, async |folder| attack::run(folder, options).await).await?;
            return Ok(status_of(holds));
        }
        Command::Bench { place, bench } => {
            let options = bench.options(&place);
            let holds = trial(&place, async |folder| bench::run(folder, options).await).await?;
            return Ok(status_of(holds));
        }
        Command::Load {
            place,
            rate,
            seconds,
            accounts,
            json,
        } => load(&network(&place)?, accounts, Offer { rate, seconds }, json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn network(place: &Place) -> anyhow::Result<Network> {
    let folder = Folder::open(&place.dir)?;
    let files = folder.network();
    if !files.is_complete() {
        bail!(
            "no network was made in {} yet; `causeway-devnet up` makes one",
            folder.path().display()
        );
    }
    Network::load(files)
}

/// Runs what has a network of its own until its end, or a signal.
async fn trial<T>(place: &Place, run: impl AsyncFnOnce(&Folder) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let folder = Folder::open_or_create(&place.dir)?;
    let mut signals = StopSignals::listen()?;
    // Dropping it ends its validators.
    tokio::select! {
        ended = run(&folder) => ended,
        () = signals.received() => bail!("stopped by a signal before its end"),
    }
}

fn status_of(holds: bool) -> ExitCode {
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a program that reads the demo's last line gets of an error, such as one with a validator's log.
fn first_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or_default().to_owned()
}

async fn down(network: &Network) -> anyhow::Result<()> {
    // They ask validators until their end.
    let (others, mut forced) = services::stop_running(&network.folder).await?;
    let (count, killed) = fleet::stop_running(&network.folder, network.plan).await?;
    forced.extend(killed);
    match (count + others, forced.as_slice()) {
        (0, _) => println!("nothing was running"),
        (_, []) => println!("{count} validators and {others} services stopped cleanly"),
        _ => println!(
            "{count} validators and {others} services stopped; killed, since they did not stop: {}",
            forced.join(", ")
        ),
    }
    Ok(())
}

async fn reset(place: &Place) -> anyhow::Result<()> {
    let folder = Folder::open(&place.dir)?;
    let lock = folder.lock()?;
    if folder.network().is_complete() {
        down(&Network::load(folder.network())?).await?;
    }
    chaos::clear(&folder).await?;
    for trial in [
        Trial::Demo,
        Trial::Crash,
        Trial::Instances,
        Trial::Remit,
        Trial::CardsBench,
        Trial::Offline,
        Trial::Acquiring,
        Trial::Attack,
        Trial::Bench,
        Trial::Swap,
        Trial::SwapOther,
    ] {
        fleet::clear(&folder, trial).await?;
    }
    let path = folder.path().to_owned();
    folder.reset()?;
    drop(lock);
    println!("deleted the devnet in {}", path.display());
    Ok(())
}

async fn load(network: &Network, accounts: u32, offer: Offer, json: bool) -> anyhow::Result<()> {
    if fleet::running(&network.folder, network.plan)?.is_empty() {
        bail!("no validator is running; `causeway-devnet up` starts them");
    }
    let loader = Loader::prepare(network, accounts).await?;
    let bar = progress::bar("payments", offer.rate * offer.seconds);
    let report = loader.run(offer, &bar).await?;
    bar.finish_and_clear();
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    print!("{}", report.table());
    for loss in report.losses() {
        println!("{loss}");
    }
    Ok(())
}
