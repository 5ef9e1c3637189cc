//! `causeway-gateway card-keys`.

use std::{io, path::PathBuf};

use causeway_gateway::{
    acquiring::hsm::KeyName,
    service::{
        card_keys::{self, CardKeysError, KeyRow, Section, State},
        config::{Config, ConfigError},
    },
};
use clap::{Subcommand, ValueEnum};

use super::args::ConfigFile;

#[derive(Debug, Subcommand)]
pub enum CardKeys {
    /// Make those of the issuer's own keys that are not there yet
    ///
    /// They are those of issuing.keys. Keys that another institution has too come by `wrapping`, `share` and `import`.
    Generate {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Print all keys; the exit status is 1 if one that the configuration names is absent
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Take on the wrapping key that two institutions have, by its components
    ///
    /// One side makes it: --make writes a component to each file, of which one officer each brings it to the other side, who reads
    /// them by --from. No officer has the key, and both sides see by its check value that they have the same. The files are in clear:
    /// delete them when both have it.
    #[command(group(clap::ArgGroup::new("components").required(true)))]
    Wrapping {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        place: Place,
        /// Make the key, and a component in each of these new files
        #[arg(long, value_name = "FILE", num_args = 2..=4, group = "components")]
        make: Vec<PathBuf>,
        /// Read a component from each of these files
        #[arg(long, value_name = "FILE", num_args = 2..=4, group = "components")]
        from: Vec<PathBuf>,
    },
    /// Make a key that the other side of a link gets too, in a key block
    Share {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        place: Place,
        /// A new file for the block (TR-31, version D)
        #[arg(long, value_name = "FILE")]
        block: PathBuf,
        /// The wrapping key; that of the configuration if it is absent
        #[arg(long, value_name = "NAME")]
        under: Option<KeyName>,
    },
    /// Take on the key of a key block
    Import {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        place: Place,
        /// The block (TR-31, version D)
        #[arg(long, value_name = "FILE")]
        block: PathBuf,
        /// The wrapping key; that of the configuration if it is absent
        #[arg(long, value_name = "NAME")]
        under: Option<KeyName>,
    },
    /// Delete a key that only one side has, or that is to come anew
    ///
    /// As after a `share` that was killed before its block was written. What is made with the key's name then is another key.
    Delete {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        place: Place,
        /// As `list` shows it, so that no other key is deleted
        #[arg(long, value_name = "HEX")]
        check_value: String,
    },
}

/// Which key.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// As the configuration calls it
    name: KeyName,
    /// Whose hsm has it, if both sections have one
    #[arg(long, value_enum)]
    section: Option<In>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum In {
    Issuing,
    Acquiring,
}

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Keys(#[from] CardKeysError),
    #[error("cannot print")]
    Print(#[source] io::Error),
}

/// Whether all keys that the configuration names are there, if it is a list.
pub fn run(command: CardKeys) -> Result<bool, CommandError> {
    match command {
        CardKeys::Generate { config } => {
            for module in card_keys::modules(&Config::read(&config.config)?)? {
                print(&module.generate()?)?;
            }
            Ok(true)
        }
        CardKeys::List { config } => {
            let mut are_there = true;
            for module in card_keys::modules(&Config::read(&config.config)?)? {
                let rows = module.list()?;
                are_there &= rows.iter().all(|row| row.state != State::Absent);
                print(&rows)?;
            }
            Ok(are_there)
        }
        CardKeys::Wrapping {
            config,
            place,
            make,
            from,
        } => one(&config, &place, |module| {
            if make.is_empty() {
                module.assemble(&place.name, &from)
            } else {
                module.make_wrapping(&place.name, &make)
            }
        }),
        CardKeys::Share {
            config,
            place,
            block,
            under,
        } => one(&config, &place, |module| module.share(&place.name, under, &block)),
        CardKeys::Import {
            config,
            place,
            block,
            under,
        } => one(&config, &place, |module| module.import(&place.name, under, &block)),
        CardKeys::Delete {
            config,
            place,
            check_value,
        } => one(&config, &place, |module| module.delete(&place.name, &check_value)),
    }
}

fn one(
    config: &ConfigFile,
    place: &Place,
    what: impl FnOnce(&card_keys::CardKeys) -> Result<KeyRow, CardKeysError>,
) -> Result<bool, CommandError> {
    let section = place.section.map(|section| match section {
        In::Issuing => Section::Issuing,
        In::Acquiring => Section::Acquiring,
    });
    let all = card_keys::modules(&Config::read(&config.config)?)?;
    let module = card_keys::module_of(all, section, &place.name)?;
    print(&[what(&module)?])?;
    Ok(true)
}

fn print(rows: &[KeyRow]) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    for row in rows {
        serde_json::to_writer(&mut out, row).map_err(|error| CommandError::Print(error.into()))?;
        io::Write::write_all(&mut out, b"\n").map_err(CommandError::Print)?;
    }
    Ok(())
}
