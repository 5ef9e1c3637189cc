//! The command line: reads it, does what it says, and turns what came of it into an exit status.

mod args;
mod card_keys;
mod crypto;
mod inspect;
mod lines;
mod maker;
mod passphrase;
mod pos;
mod service;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Args, Command};

/// What a command came to. Statuses 0 and 1 are of what was inspected, 2 is of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    AllValid = 0,
    SomeInvalid = 1,
    Error = 2,
}

pub fn main() -> ExitCode {
    // clap ends a wrong command line with 2, too.
    let Args { command } = Args::parse();
    if let Err(error) = causeway_wallet::core_dumps::forbid() {
        eprintln!("causeway-gateway: cannot forbid core dumps, in which keys and numbers of cards would be: {error}");
        return ExitCode::from(Exit::Error as u8);
    }
    let done = match command {
        Command::Inspect(what) => inspect::run(what).map_err(boxed),
        Command::Crypto { name } => crypto::run(&name).map_err(boxed),
        Command::Pos(command) => {
            if let pos::Pos::Look = command {
                return pos::look();
            }
            pos::run(command).map_err(boxed)
        }
        Command::Maker {
            config,
            passphrase_file,
        } => maker::run(&config, passphrase_file.as_deref())
            .map(|()| true)
            .map_err(boxed),
        Command::Init {
            config,
            operator,
            wallet,
            operator_key,
            custody_key,
            listen,
            public_url,
            database,
        } => {
            let settings = service::Settings {
                operator_key: operator_key.unwrap_or_else(|| operator.clone()),
                operator,
                wallet,
                custody_key,
                public_url: public_url.unwrap_or_else(|| format!("http://{listen}")),
                listen,
                database,
            };
            service::init(&config.config, &settings).map(|()| true).map_err(boxed)
        }
        Command::Run { config, passphrase } => {
            let done = service::run(&config.config, passphrase.passphrase_file.as_deref());
            done.map(|()| true).map_err(boxed)
        }
        Command::Migrate { config } => service::migrate(&config.config).map(|()| true).map_err(boxed),
        Command::Reconcile { config, passphrase } => {
            service::reconcile(&config.config, passphrase.passphrase_file.as_deref()).map_err(boxed)
        }
        Command::CardKeys(what) => card_keys::run(what).map_err(boxed),
        Command::Clients(what) => service::clients(what).map(|()| true).map_err(boxed),
    };
    let exit = match done {
        Ok(true) => Exit::AllValid,
        Ok(false) => Exit::SomeInvalid,
        Err(error) => {
            report(&*error);
            Exit::Error
        }
    };
    ExitCode::from(exit as u8)
}

fn boxed(error: impl std::error::Error + 'static) -> Box<dyn std::error::Error> {
    Box::new(error)
}

fn report(error: &dyn std::error::Error) {
    let mut line = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    eprintln!("{line}");
}
