//! What can be typed.

use std::path::PathBuf;

use causeway_gateway::{identifiers::bic::Bic, iso20022::rules::RuleYear};
use clap::{Parser, Subcommand, ValueEnum, builder::PossibleValuesParser};

/// The gateway between an operator's systems and a Causeway network.
#[derive(Debug, Parser)]
#[command(name = "causeway-gateway", version, after_help = STATUSES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

const STATUSES: &str = "\
Exit statuses of inspect and crypto:
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
    /// Compute what issuers and acquirers of cards do, under test keys only
    ///
    /// Parameters are read from standard input, one JSON object a line, and as many answers are printed. Keys are in clear:
    /// none that protects anything may be given. docs/inspect.md has the parameters.
    Crypto {
        /// What to compute
        #[arg(value_parser = PossibleValuesParser::new(causeway_cards::crypto::command::names()))]
        name: String,
    },
    /// Be a merchant's terminal: a reader of cards and phones, or of the codes that customers show
    ///
    /// Prints JSON. With --order, the payment is asked for at a gateway, whose answer is printed too.
    #[command(subcommand)]
    Pos(super::pos::Pos),
    /// Write a configuration, and make its database
    Init {
        #[command(flatten)]
        config: ConfigFile,
        /// The participant whose gateway it is
        #[arg(long)]
        operator: String,
        /// The folder of a wallet of the network, with both keys in it
        #[arg(long, value_name = "DIR")]
        wallet: PathBuf,
        /// The name of the participant's key in the wallet; that of the participant if it is absent
        #[arg(long, value_name = "NAME")]
        operator_key: Option<String>,
        /// The name of the key from which those of customers' accounts are made
        #[arg(long, value_name = "NAME", default_value = "custody")]
        custody_key: String,
        /// Address and port
        #[arg(long, default_value = "127.0.0.1:27600")]
        listen: String,
        /// By which clients name the gateway; http:// and the address it listens on if it is absent
        #[arg(long, value_name = "URL")]
        public_url: Option<String>,
        /// sqlite:PATH, or the URL of a PostgreSQL
        #[arg(long, default_value = "sqlite:gateway.db")]
        database: String,
    },
    /// Run the gateway until it is stopped
    ///
    /// docs/remittance.md has the configuration and an example. The passphrase of the keys is in CAUSEWAY_PASSPHRASE, or
    /// in a file.
    Run {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        passphrase: PassphraseFile,
    },
    /// Make the database of a configuration, or bring it to this program's version
    Migrate {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Compare what is booked and remembered here with the ledger
    ///
    /// Prints one JSON object a line for each difference, and a last one with counts: amounts are in minor units. It may
    /// be asked while the gateway runs, and needs one that follows the ledger. The exit status is 0 if all is equal, 1
    /// if not, 2 if that could not be found out.
    Reconcile {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        passphrase: PassphraseFile,
    },
    /// Manage the keys of cards and links in the security module that the configuration names
    ///
    /// Prints JSON, one object a line: `name`, `state` (made, there, absent), `purpose`, `algorithm` and `check_value`. Keys are
    /// never printed. A gateway that runs sees what is changed here when it is started anew. docs/acquiring.md says who does what.
    #[command(subcommand)]
    CardKeys(super::card_keys::CardKeys),
    /// Manage who may use the API
    #[command(subcommand)]
    Clients(Clients),
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

/// Where the gateway's configuration is.
#[derive(Debug, clap::Args)]
pub struct ConfigFile {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    pub config: PathBuf,
}

/// Where the passphrase of the wallet's keys is, if not in CAUSEWAY_PASSPHRASE.
#[derive(Debug, clap::Args)]
pub struct PassphraseFile {
    /// Read the passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Clients {
    /// Add a client, and print its id and its secret, once
    Add {
        #[command(flatten)]
        config: ConfigFile,
        /// For people
        #[arg(long)]
        name: String,
        /// What it may do, separated by spaces, such as 'quotes:write remittances:read'; `all` for everything but admin
        #[arg(long)]
        scopes: String,
        /// A JWK set, by whose keys it may prove who it is (private_key_jwt)
        #[arg(long, value_name = "FILE")]
        jwks: Option<PathBuf>,
        /// By which messages of ISO 20022 name it; it gets those of incoming remittances only if it has one
        #[arg(long)]
        bic: Option<Bic>,
    },
    /// Print all clients, one JSON object a line
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Refuse a client from now on
    Disable {
        #[command(flatten)]
        config: ConfigFile,
        id: String,
    },
    /// Serve a client again
    Enable {
        #[command(flatten)]
        config: ConfigFile,
        id: String,
    },
    /// Add a secret by which a client signs requests (RFC 9421, hmac-sha256), and print it and its id, once
    Secret {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        passphrase: PassphraseFile,
        id: String,
    },
    /// Add a public key by which a client signs requests (RFC 9421), and print the id by which it names it
    Key {
        #[command(flatten)]
        config: ConfigFile,
        id: String,
        /// Ed25519, 64 hexadecimal digits
        key: String,
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
    /// Merchants' payment codes, EMVCo MPM
    Qr(Values),
    /// Customers' payment codes, EMVCo CPM, in base64
    ///
    /// Card numbers are shown in part, chip data is opened.
    Cpm(Values),
    /// Messages of cards, ISO 8583, in hexadecimal digits, those of variant A also as they are
    ///
    /// Card numbers are shown in part, tracks and PIN blocks not at all.
    Iso8583 {
        /// How they are written: a all text, b binary
        #[arg(long, value_enum, default_value = "a")]
        variant: Variant,
        #[command(flatten)]
        values: Values,
    },
    /// Data objects of cards, BER-TLV as EMV has it, in hexadecimal digits
    ///
    /// Card numbers are shown in part, tracks and PINs not at all.
    Tlv(Values),
    /// Commands to cards and their responses, in hexadecimal digits
    Apdu(Values),
    /// Card numbers, of which no more than the first six and last four digits are shown
    Pan(Values),
}

#[derive(Debug, clap::Args)]
pub struct Values {
    /// One value a line; without it, from standard input
    #[arg(value_name = "VALUE-FILE")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Variant {
    A,
    B,
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
