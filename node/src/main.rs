//! `causeway-node`: runs a validator, and looks after its keys and its database.

use std::{path::PathBuf, process::ExitCode};

use causeway_contracts::{
    merkle::Root,
    protocol::{PROTOCOL_MAX, PROTOCOL_MIN, ProtocolVersion},
};
use causeway_node::{
    config::Config,
    engine::{self, Failure, RunOptions, continuing, database},
    exit::{self, ExitStatus},
    keyfile,
};
use clap::{Parser, Subcommand};

/// A validator of a Causeway network.
///
/// Exit status: 0 stopped when asked to; 2 bad arguments; 10 configuration or key file; 11 genesis
/// file, or a database of another network; 12 an address that cannot be listened on; 13 database
/// missing, corrupt or of another version; 14 a write that safety depends on failed (full disk);
/// 15 the result of a certified block differs from its header; 16 the council has set a version of the
/// protocol in force that this program does not implement; 70 a bug.
#[derive(Parser)]
#[command(name = "causeway-node", version, verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the data folder of a new validator, once: its key must not have signed anything yet.
    /// A validator that is run without it, or that has lost it, signs nothing until it has caught up
    /// with more than two thirds of the others.
    Init {
        #[arg(long)]
        config: PathBuf,
    },
    /// Runs the validator until it is asked to stop (SIGINT or SIGTERM).
    Run {
        #[arg(long)]
        config: PathBuf,
        /// For profiling: run another validator too in this process. May be given more than once.
        #[arg(long, hide = true, value_name = "CONFIG")]
        beside: Vec<PathBuf>,
        /// Vote although the sign record is missing. Only if this validator's key has certainly
        /// not signed anything since the last backup: two different votes fork the network.
        #[arg(long)]
        trust_missing_sign_record: bool,
        /// For drills: behave as a program that implements versions of the protocol up to this one only.
        #[arg(long, hide = true, value_parser = clap::value_parser!(u16).range(i64::from(PROTOCOL_MIN.0)..=i64::from(PROTOCOL_MAX.0)))]
        protocol_max: Option<u16>,
    },
    /// Checks all of a configuration, its genesis file and its keys, as `run` does, and says what would run.
    CheckConfig {
        #[arg(long)]
        config: PathBuf,
    },
    /// Makes or shows a key file.
    #[command(subcommand)]
    Keys(Keys),
    /// Looks at a genesis file, or makes the one of a network that continues another.
    #[command(subcommand)]
    Genesis(GenesisCommand),
    /// Looks after a node's database. The node must not be running, unless it says otherwise.
    #[command(subcommand)]
    Db(Db),
}

#[derive(Subcommand)]
enum Keys {
    /// Makes a new key, writes it to a file and prints its public key.
    New {
        #[arg(long)]
        out: PathBuf,
    },
    /// Prints the public key of a key file.
    Show { file: PathBuf },
}

#[derive(Subcommand)]
enum GenesisCommand {
    /// Checks a genesis file and prints its hash, which names the network.
    Hash { file: PathBuf },
    /// Emergency restart, step 1: writes the genesis of a network that continues this node's, with new
    /// validators, from its last block on. For the council, when more validators are lost for good than
    /// can be; the node must not be running. See docs/operations.md.
    Continue {
        #[arg(long)]
        config: PathBuf,
        /// A TOML file with [[validators]] as in a genesis file.
        #[arg(long)]
        validators: PathBuf,
        #[arg(long)]
        out: PathBuf,
    },
    /// Step 2: adds the signature of a member of the council.
    Sign {
        file: PathBuf,
        #[arg(long)]
        key: PathBuf,
    },
    /// Step 3: makes the database of a validator of the new network from one of the old network, after
    /// checking that the genesis is about the very state in it, and that its council has signed it.
    Adopt {
        /// The new network's.
        #[arg(long)]
        config: PathBuf,
        #[arg(long)]
        old_genesis: PathBuf,
        /// A database folder of a validator of the old network, or a copy of one.
        #[arg(long)]
        old_database: PathBuf,
    },
}

#[derive(Subcommand)]
enum Db {
    /// Reads everything and checks it: hashes, certificates, and that each currency sums to zero.
    Check {
        #[arg(long)]
        config: PathBuf,
        #[arg(long)]
        json: bool,
    },
    /// Replaces a damaged or lost database by an empty one, which the node fills from the other
    /// validators when it runs. What was there is moved aside.
    Renew {
        #[arg(long)]
        config: PathBuf,
    },
    /// Writes the state after the last block to a file, a snapshot, from which another node can go on.
    /// The node may be running.
    Export {
        #[arg(long)]
        config: PathBuf,
        /// A file that there is not yet.
        #[arg(long)]
        out: PathBuf,
    },
    /// Puts the state of a snapshot in the place of the database, which is moved aside; the node fetches
    /// later blocks when it runs. It then has no receipts of earlier ones.
    Import {
        #[arg(long)]
        config: PathBuf,
        /// What `export` wrote.
        #[arg(long)]
        from: PathBuf,
        /// Refuse a snapshot with another root than this, 64 hexadecimal digits.
        #[arg(long)]
        root: Option<Root>,
    },
    /// Copies the whole database to a folder. The node may be running.
    Backup {
        #[arg(long)]
        config: PathBuf,
        /// A folder that there is not yet.
        #[arg(long)]
        out: PathBuf,
    },
    /// Puts a copy that `backup` made in the place of the database, which is moved aside; the node fetches
    /// later blocks when it runs.
    Restore {
        #[arg(long)]
        config: PathBuf,
        #[arg(long)]
        from: PathBuf,
    },
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        // A validator that goes on after a bug could sign what it must not.
        exit::stop(
            ExitStatus::Bug,
            &format!(
                "a bug, please report it: {panic}\n{}",
                std::backtrace::Backtrace::force_capture()
            ),
        );
    }));
    match execute(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { status, reason }) => {
            eprintln!("causeway-node: {reason:#}");
            ExitCode::from(status as u8)
        }
    }
}

fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init { config } => {
            println!("made {}", engine::init(&load(&config)?)?.display());
            Ok(())
        }
        Command::Run {
            config,
            beside,
            trust_missing_sign_record,
            protocol_max,
        } => engine::run(
            load(&config)?,
            beside.iter().map(|config| load(config)).collect::<Result<_, _>>()?,
            RunOptions {
                trust_missing_sign_record,
                known: protocol_max.map_or(PROTOCOL_MAX, ProtocolVersion),
            },
        ),
        Command::CheckConfig { config } => {
            let member = engine::identify(&load(&config)?)?;
            println!(
                "validator {} ({}) of network {} with genesis {}",
                member.id,
                member.name(),
                member.genesis.name,
                member.genesis.hash()
            );
            Ok(())
        }
        Command::Keys(Keys::New { out }) => {
            println!("{}", keyfile::create(&out).map_err(Failure::config)?.public_key());
            Ok(())
        }
        Command::Keys(Keys::Show { file }) => {
            println!("{}", keyfile::read(&file).map_err(Failure::config)?.public_key());
            Ok(())
        }
        Command::Genesis(GenesisCommand::Hash { file }) => {
            println!("{}", continuing::genesis_hash(&file)?);
            Ok(())
        }
        Command::Genesis(GenesisCommand::Continue {
            config,
            validators,
            out,
        }) => continuing::continue_network(&load(&config)?, &validators, &out),
        Command::Genesis(GenesisCommand::Sign { file, key }) => continuing::sign_genesis(&file, &key),
        Command::Genesis(GenesisCommand::Adopt {
            config,
            old_genesis,
            old_database,
        }) => continuing::adopt_database(&load(&config)?, &old_genesis, &old_database),
        Command::Db(Db::Check { config, json }) => database::check(&load(&config)?, json),
        Command::Db(Db::Renew { config }) => database::renew(&load(&config)?),
        Command::Db(Db::Export { config, out }) => database::export(&load(&config)?, &out),
        Command::Db(Db::Import { config, from, root }) => database::import(&load(&config)?, &from, root),
        Command::Db(Db::Backup { config, out }) => database::copy(&load(&config)?, &out),
        Command::Db(Db::Restore { config, from }) => database::restore(&load(&config)?, &from),
    }
}

fn load(path: &std::path::Path) -> Result<Config, Failure> {
    Config::load(path).map_err(Failure::config)
}
