//! What can be typed.

pub mod device;
pub mod offline;
pub mod purses;
pub mod settlement;

use std::{num::NonZeroU32, path::PathBuf, str::FromStr};

use anyhow::Context;
use causeway_contracts::{
    codec::Text,
    committee::Validator,
    identity::{IdentityCommitment, ParticipantId, WeightedKey},
    keys::PublicKey,
    money::Currency,
    registry::NodeName,
    settlement::MerchantCategory,
    transaction::TxId,
};
use causeway_wallet::exit;
use clap::{Parser, Subcommand};

/// Pay on a Causeway network, and prove that you have paid.
///
/// The wallet trusts no node: it believes a payment only by a proof that a quorum of the network's
/// validators has signed, and an account only by equal answers of enough of them.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, after_help = FIRST_STEPS, after_long_help = after_long_help())]
pub struct Args {
    /// The wallet's folder [default: ~/.causeway]
    #[arg(long, global = true, env = "CAUSEWAY_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,

    /// Read the passphrase from the first line of a file, instead of asking for it; the variable
    /// CAUSEWAY_PASSPHRASE does the same
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,

    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,

    #[command(subcommand)]
    pub command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  causeway init --genesis genesis.toml --node http://127.0.0.1:27200
  causeway keys new mine
  causeway pay cwdev1... 12.50 EUR --memo \"thank you\"";

fn after_long_help() -> String {
    format!("{FIRST_STEPS}\n\n{}", exit::table())
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a wallet for the network of a genesis file, or renew its nodes and its trust
    ///
    /// By this you vouch for the genesis file: its validators are trusted from now on. Get it from
    /// someone you trust, and compare the hash that is shown.
    Init {
        /// The network's genesis file
        #[arg(long, value_name = "FILE")]
        genesis: PathBuf,
        /// A validator's API, such as http://127.0.0.1:27200; give several, best all of them
        #[arg(long, value_name = "URL", required = true)]
        node: Vec<String>,
    },
    /// Make, list, import and export keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Open, show and list accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Names for addresses
    #[command(subcommand)]
    Contacts(ContactsCommand),
    /// Change validators, nodes, the protocol and the council itself (for the council)
    #[command(subcommand)]
    Council(CouncilCommand),
    /// Create money in an account (for issuers)
    Issue(Issue),
    /// Pay one, or many from a CSV file
    Pay(Pay),
    /// Set money aside, to be paid or returned later
    #[command(subcommand)]
    Hold(settlement::HoldCommand),
    /// Set money aside under conditions
    #[command(subcommand)]
    Escrow(settlement::EscrowCommand),
    /// Money for a purpose, that another may spend
    #[command(subcommand)]
    Allowance(settlement::AllowanceCommand),
    /// Consent to being drawn on: subscriptions, bills
    #[command(subcommand)]
    Mandate(settlement::MandateCommand),
    /// Ask for a payment, and answer one who asks
    #[command(subcommand)]
    Request(settlement::RequestCommand),
    /// Pay several at once, all or none
    Split(settlement::Split),
    /// Offer to exchange (for liquidity providers)
    #[command(subcommand)]
    Quote(settlement::QuoteCommand),
    /// Exchange by a quote: both sides at once
    Exchange(settlement::Exchange),
    /// Standing offers in the books of the ledger
    #[command(subcommand)]
    Offer(settlement::OfferCommand),
    /// Pay in one currency what arrives in another, through the books
    #[command(subcommand)]
    Path(settlement::PathCommand),
    /// Owe each other, and pay one amount in the end (for operators)
    #[command(subcommand)]
    Netting(settlement::NettingCommand),
    /// Reference rates between currencies
    #[command(subcommand)]
    Rate(settlement::RateCommand),
    /// Look at any contract
    #[command(subcommand)]
    Contract(settlement::ContractCommand),
    /// Pay where there is no network
    #[command(subcommand)]
    Offline(offline::OfflineCommand),
    /// Look at a merchant's payment code in a picture: whom it pays, how much and what for
    ///
    /// A code that was altered, is over or that no operator of the wallet's network has signed is refused.
    Scan {
        /// A PNG file with the code in it
        #[arg(value_name = "FILE.png")]
        file: PathBuf,
        /// Pay the order that the code is of, once, from this account, by label or address; without it, nothing is paid
        #[arg(long, value_name = "ACCOUNT")]
        pay: Option<String>,
    },
    /// Pay with this phone at terminals
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Show a code that a merchant reads and is paid by, once, within a minute
    ///
    /// It uses up one of the device's keys. The code is shown in the terminal, unless told otherwise.
    Code(device::Code),
    /// Look at a transaction that another wallet has written to a file, and sign it
    Sign(Sign),
    /// Send a transaction from a file, when all have signed it
    Send { file: PathBuf },
    /// Fetch the proof of what became of a transaction
    Receipt {
        /// The transaction's id
        tx: TxId,
        /// Where to write the proof; to the terminal if absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check a proof, without any network
    Verify {
        /// A file that `causeway receipt` or `causeway pay --receipts` wrote
        proof: PathBuf,
        /// Trust this genesis file's validators instead of those that the wallet has pinned
        #[arg(long, value_name = "FILE")]
        genesis: Option<PathBuf>,
    },
    /// What this wallet has sent, newest last; batches have their journals
    History {
        /// Only the last so many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Look at an address
    #[command(subcommand)]
    Address(AddressCommand),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, clap::Args)]
pub struct Sign {
    pub file: PathBuf,
    /// A key of this wallet that agrees; without one, the transaction is only shown
    #[arg(long = "key", value_name = "NAME")]
    pub keys: Vec<String>,
    /// Sign this transaction and no other, as it was shown before; asked for where there is no terminal to confirm it
    #[arg(long, value_name = "TX", requires = "keys")]
    pub id: Option<TxId>,
}

impl Command {
    /// Whether running it again may move money again.
    pub fn pays(&self) -> bool {
        matches!(
            self,
            Self::Pay(_)
                | Self::Issue(_)
                | Self::Account(AccountCommand::Open(_))
                | Self::Hold(_)
                | Self::Escrow(_)
                | Self::Allowance(_)
                | Self::Mandate(_)
                | Self::Request(_)
                | Self::Split(_)
                | Self::Exchange(_)
                | Self::Offer(_)
                | Self::Path(_)
                | Self::Netting(_)
                | Self::Send { .. }
                | Self::Scan { pay: Some(_), .. }
                | Self::Offline(offline::OfflineCommand::Purse(
                    purses::PurseCommand::Load { .. } | purses::PurseCommand::Request(_)
                ))
        )
    }
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key from new words, or the next key of words that are there
    New {
        name: String,
        /// How many words: 12 or 24
        #[arg(long, default_value = "24", value_parser = ["12", "24"])]
        words: String,
        /// Use the words of this key, with the next free index, instead of new ones
        #[arg(long, value_name = "NAME", conflicts_with = "words")]
        same_words_as: Option<String>,
        /// Show the words even where the output is not a terminal
        #[arg(long)]
        show_words: bool,
    },
    /// List keys with their public keys
    List,
    /// Bring in a key: from words (asked for, or from a file), or from a 32-byte seed in hexadecimal
    Import {
        name: String,
        /// A file with the words
        #[arg(long, value_name = "FILE", conflicts_with = "seed_file")]
        words_file: Option<PathBuf>,
        /// A file with 64 hexadecimal digits
        #[arg(long, value_name = "FILE")]
        seed_file: Option<PathBuf>,
        /// Which of the words' keys
        #[arg(long, default_value_t = 0, conflicts_with = "seed_file")]
        index: u32,
    },
    /// Show a key's public key, or its words
    Export {
        name: String,
        /// Show the words: whoever reads them can spend everything
        #[arg(long)]
        words: bool,
        /// Confirm with the text "show my words", instead of being asked for it
        #[arg(long, value_name = "TEXT", requires = "words")]
        confirm: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Open an account at an operator, with the operator's key
    Open(Open),
    /// Add an account that was opened elsewhere
    Add {
        /// Its address; or name a participant for its own account
        #[arg(required_unless_present = "participant")]
        address: Option<String>,
        #[arg(long, value_name = "ID", conflicts_with = "address")]
        participant: Option<ParticipantId>,
        /// The key that signs for it
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
        #[arg(long)]
        label: Option<String>,
    },
    /// Show an account's balances, as enough validators agree on them
    Show {
        /// Label or address; may be left out if there is only one
        account: Option<String>,
        /// Sign the request with this key: the account's own, its operator's, or an issuer's
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
    },
    /// List this wallet's accounts
    List,
    /// Say what kind of business an account's owner has (for its operator)
    Category {
        /// Label, contact or address
        account: String,
        /// Four digits of ISO 18245; none if absent
        #[arg(value_name = "MCC", value_parser = settlement::category)]
        category: Option<MerchantCategory>,
        /// The operator that serves the account
        #[arg(long, value_name = "ID")]
        operator: ParticipantId,
        /// The operator's key
        #[arg(long, value_name = "NAME")]
        operator_key: String,
    },
}

#[derive(Debug, clap::Args)]
pub struct Open {
    /// The operator that serves the account
    #[arg(long, value_name = "ID")]
    pub operator: ParticipantId,
    /// The operator's key
    #[arg(long, value_name = "NAME")]
    pub operator_key: String,
    /// The key that will sign for the account; may be left out if there is only one besides the operator's
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    /// How much is known of the holder: 0 is uncapped (companies), higher numbers have lower caps
    #[arg(long, default_value_t = 2)]
    pub tier: u8,
    /// A name for the account in this wallet
    #[arg(long)]
    pub label: Option<String>,
    /// The operator's salted hash of what it knows of the holder; random if absent
    #[arg(long, value_name = "HEX")]
    pub identity: Option<IdentityCommitment>,
}

/// Each is signed with keys of the wallet that together reach the council's threshold.
#[derive(Debug, Subcommand)]
pub enum CouncilCommand {
    /// Change who votes, from the second block after the one in which it is final on
    ///
    /// Those who keep their power must be more than two thirds of the old set and of the new one; so at most
    /// one of four changes at a time. Take keys from their owners, not from a node.
    Validators {
        /// A validator's public key, with its power if that is not 1: ed25519:... or ed25519:...=2. Its node must
        /// be registered with it
        #[arg(long, value_name = "KEY[=POWER]")]
        set: Vec<SetValidator>,
        /// The public key of a validator that is to leave
        #[arg(long, value_name = "KEY", required_unless_present = "set")]
        remove: Vec<PublicKey>,
        #[command(flatten)]
        signers: Signers,
    },
    /// Register a node, or replace what is registered under its name
    ///
    /// Without a validator key it observes: it follows the chain and answers for reading. To give a
    /// validator another key, register the node with both, change the validators, and register it with the new
    /// one alone.
    SetNode {
        /// What the node is called
        name: NodeName,
        /// Its network key, ed25519:...
        #[arg(long, value_name = "KEY")]
        network_key: PublicKey,
        /// Where it is dialled, such as /ip4/127.0.0.1/tcp/27100
        #[arg(long)]
        address: Text<128>,
        /// Its validator key; twice while one follows the other
        #[arg(long, value_name = "KEY")]
        validator_key: Vec<PublicKey>,
        #[command(flatten)]
        signers: Signers,
    },
    /// Take a node out of the registry: the others no longer talk to it
    RemoveNode {
        name: NodeName,
        #[command(flatten)]
        signers: Signers,
    },
    /// Set the next version of the protocol in force from a height on, in place of what was scheduled before
    ///
    /// First have every operator install a program that implements it: /v1/status says which does. A node that does
    /// not stops before that height.
    ScheduleProtocol {
        /// One above the version in force
        version: u16,
        /// The first height of the new version, at least 64 ahead; choose one that lies days ahead
        #[arg(long)]
        height: u64,
        #[command(flatten)]
        signers: Signers,
    },
    /// Take back the version that is scheduled and not in force yet
    WithdrawProtocol {
        #[command(flatten)]
        signers: Signers,
    },
    /// Replace the council's own keys, from the next transaction on
    ///
    /// Name all members, those who stay too. Needs version 2 of the protocol. If too few of the new keys can be
    /// used, nobody can undo it.
    SetCouncil {
        /// A member's public key, with its weight if that is not 1: ed25519:... or ed25519:...=2
        #[arg(long = "member", value_name = "KEY[=WEIGHT]", required = true)]
        members: Vec<Member>,
        /// Signatures of this weight together act for the council
        #[arg(long)]
        threshold: u32,
        #[command(flatten)]
        signers: Signers,
    },
}

#[derive(Debug, clap::Args)]
pub struct Signers {
    /// A council member's key in this wallet; as often as the threshold needs
    #[arg(long = "key", value_name = "NAME", required = true)]
    pub keys: Vec<String>,
}

/// A member of the council with the weight of its signature.
#[derive(Debug, Clone)]
pub struct Member(pub WeightedKey);

impl FromStr for Member {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (key, weight) = match text.split_once('=') {
            Some((key, weight)) => (
                key,
                weight.parse().context("the weight is a whole number from 1 to 65535")?,
            ),
            None => (text, 1),
        };
        Ok(Self(WeightedKey {
            key: key.parse()?,
            weight,
        }))
    }
}

/// A validator with its power.
#[derive(Debug, Clone)]
pub struct SetValidator(pub Validator);

impl FromStr for SetValidator {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (key, power) = match text.split_once('=') {
            Some((key, power)) => (key, power.parse().context("the power is a whole number from 1 on")?),
            None => (text, 1),
        };
        anyhow::ensure!(
            power > 0,
            "the power is a whole number from 1 on; --remove takes a validator out"
        );
        Ok(Self(Validator {
            key: key.parse()?,
            power,
        }))
    }
}

#[derive(Debug, Subcommand)]
pub enum ContactsCommand {
    /// Give an address a name
    Add { name: String, address: String },
    /// List names and addresses
    List,
    /// Add all of a CSV file with the columns name,address
    Import { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum AddressCommand {
    /// Say whether an address is good, and if not, what is wrong with it
    Check { address: String },
}

#[derive(Debug, clap::Args)]
pub struct Issue {
    /// Address or contact that receives it
    pub to: String,
    /// Such as 1000.00
    pub amount: String,
    pub currency: Currency,
    /// The issuer's key
    #[arg(long, value_name = "NAME")]
    pub key: String,
    /// Up to 140 bytes that everyone can read
    #[arg(long, default_value = "")]
    pub memo: String,
}

#[derive(Debug, clap::Args)]
pub struct Pay {
    /// Address or contact that is paid
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    pub to: Option<String>,
    /// Such as 12.50
    #[arg(required_unless_present = "batch")]
    pub amount: Option<String>,
    /// Such as EUR
    #[arg(required_unless_present = "batch")]
    pub currency: Option<Currency>,
    /// The account that pays, by label or address; may be left out if there is only one
    #[arg(long, value_name = "ACCOUNT")]
    pub from: Option<String>,
    /// Up to 140 bytes that everyone can read
    #[arg(long, value_name = "TEXT", default_value = "", conflicts_with = "batch")]
    pub memo: String,
    /// Pay every line of a CSV file with the columns beneficiary,amount,currency,reference
    ///
    /// The file is checked as a whole first. Each line is paid exactly once, however often the
    /// command is stopped and run again: FILE.journal beside it remembers what was signed.
    #[arg(long, value_name = "FILE")]
    pub batch: Option<PathBuf>,
    /// Pay the good lines of the file though it has bad ones
    #[arg(long, requires = "batch")]
    pub skip_bad: bool,
    /// Write each payment's proof to DIR/<txid>.json
    #[arg(long, value_name = "DIR", requires = "batch")]
    pub receipts: Option<PathBuf>,
    /// Offer this many payments a second; as fast as they go if absent
    #[arg(long, value_name = "N", requires = "batch")]
    pub rate: Option<NonZeroU32>,
}
