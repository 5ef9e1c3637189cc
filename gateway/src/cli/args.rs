//! What can be typed.

use std::path::PathBuf;

use causeway_gateway::iso20022::rules::RuleYear;
use clap::{Parser, Subcommand, ValueEnum};

/// The gateway between an operator's systems and a Causeway network.
#[derive(Debug, Parser)]
#[command(name = "causeway-gateway", version, after_help = STATUSES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const STATUSES: &str = "\
Exit statuses of inspect:
  0  everything is valid
  1  something is not
  2  the command line is wrong, or something could not be read or printed";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say of messages and identifiers whether they are valid, and every reason why not
    ///
    /// Prints JSON, one object a line: `valid`, and `reasons`, each with a `code` that stays the same
    /// and a sentence.
    #[command(subcommand)]
    Inspect(Inspect),
    /// Quote as a liquidity provider, by reference rates and a spread, until it is stopped
    ///
    /// Takers ask by POST /v1/quotes; docs/maker.md has the configuration and an example. The passphrase of the
    /// account's key is in CAUSEWAY_PASSPHRASE, or in a file.
    Maker {
        /// The configuration
        #[arg(long, value_name = "FILE", default_value = "maker.toml")]
        config: PathBuf,
        /// Read the passphrase from the first line of a file
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Inspect {
    /// ISO 20022 messages: well-formed XML, schema, and the usage rules of CBPR+
    Iso20022 {
        /// The year of the usage rules
        #[arg(long, value_enum, default_value = "2026")]
        rules: Year,
        /// The folder of ISO's schemas, each named after its message: pacs.008.001.08.xsd
        ///
        /// Without one, the verdict by schema is `unsupported`.
        #[arg(long, env = "CAUSEWAY_ISO20022_SCHEMAS", value_name = "DIR")]
        schemas: Option<PathBuf>,
        /// One message each; without any, one message from standard input
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Account numbers, ISO 13616
    Iban(Values),
    /// Codes of institutions, ISO 9362
    Bic(Values),
    /// Codes of legal entities, ISO 17442
    Lei(Values),
}

#[derive(Debug, clap::Args)]
pub struct Values {
    /// One value a line; without it, from standard input
    #[arg(value_name = "VALUE-FILE")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Year {
    #[value(name = "2025")]
    Y2025,
    #[value(name = "2026")]
    Y2026,
}

impl From<Year> for RuleYear {
    fn from(year: Year) -> Self {
        match year {
            Year::Y2025 => Self::Y2025,
            Year::Y2026 => Self::Y2026,
        }
    }
}
