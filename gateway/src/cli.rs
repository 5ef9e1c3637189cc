//! The command line: reads it, does what it says, and turns what came of it into an exit status.

mod args;
mod inspect;
mod maker;

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
    let exit = match command {
        Command::Inspect(what) => match inspect::run(what) {
            Ok(true) => Exit::AllValid,
            Ok(false) => Exit::SomeInvalid,
            Err(error) => {
                report(&error);
                Exit::Error
            }
        },
        Command::Maker {
            config,
            passphrase_file,
        } => match maker::run(&config, passphrase_file.as_deref()) {
            Ok(()) => Exit::AllValid,
            Err(error) => {
                report(&error);
                Exit::Error
            }
        },
    };
    ExitCode::from(exit as u8)
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
