//! What can be typed of purses: payments between two devices without a network, and what a purse does with one.

use std::{net::SocketAddr, path::PathBuf};

use causeway_contracts::money::Currency;
use causeway_wallet::offline::card::vpcd;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum PurseCommand {
    /// Make a purse, whose money is an account's, by the service of its currency's issuer
    Create(Create),
    /// Put an account's money into its purse
    Load {
        purse: String,
        /// Such as 100.00
        amount: String,
    },
    /// Ask for a payment, by a reader of cards, a picture or a sound
    ///
    /// With --reader, the payer's purse is held to it and the whole payment is made. If that is torn, it is held to
    /// the reader again; the same command once more goes on with the same request.
    Request(Request),
    /// Pay what another purse asks for
    ///
    /// The same request again gives the same payment again, and pays nothing more.
    Pay(Pay),
    /// Take a payment, and give its receipt
    ///
    /// The same payment again gives the same receipt.
    Receive {
        purse: String,
        #[command(flatten)]
        medium: In,
        /// Where the receipt goes; to standard output, as hexadecimal, if absent
        #[arg(long, value_name = "MEDIUM")]
        out: Option<PathBuf>,
    },
    /// Take the payee's receipt for a payment, or the void by which the money is this purse's again
    Settle {
        purse: String,
        #[command(flatten)]
        medium: In,
    },
    /// Take a request back: nothing is accepted for it any more
    ///
    /// Of one that was answered before, it gives that answer again.
    Cancel {
        purse: String,
        /// Its id, or the first 8 digits or more
        request: String,
        /// Where the void for the payer goes; to standard output, as hexadecimal, if absent
        #[arg(long, value_name = "MEDIUM")]
        out: Option<PathBuf>,
    },
    /// Hold a purse to a reader of cards, to pay: a virtual one, of pcscd with vsmartcard-vpcd
    Card(Card),
    /// Show what is in a purse, or which purses there are
    Status { purse: Option<String> },
    /// Pay what is in a purse to an account
    ///
    /// Safe to run again, whatever happened.
    Redeem {
        purse: String,
        /// The account that is paid, by label or address; the purse's own if absent
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },
    /// Redeem what is in a purse, and go on under another key and id
    ///
    /// Its hops, counters and limits begin anew. Run the same command again if it was stopped.
    Rebase { purse: String },
    /// Tell the issuer what the purse has done, hear what became of it, and get the next certificate
    Sync { purse: String },
    /// Tell the ledger what the purse was paid, so that it is known before it is redeemed
    Evidence { purse: String },
    /// Take a lost purse out of use
    ///
    /// Works without its file. What is left in it is refunded when it has expired.
    ReportLost {
        /// A purse's name, or its id
        purse: String,
        /// Whose money is in it, where the wallet does not know the purse
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
    },
}

/// A `.png` file or a folder is QR codes, a `.wav` file is sound, any other is hexadecimal digits.
#[derive(Debug, Args)]
pub struct In {
    /// What is read: a .png file or a folder of QR codes, a .wav file, or a file of hexadecimal digits
    #[arg(long = "in", value_name = "MEDIUM")]
    pub place: PathBuf,
    /// Wait this long for what is not there yet
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub wait: u32,
}

#[derive(Debug, Args)]
pub struct PinFile {
    /// Read the PIN from the first line of a file, instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Create {
    /// Its name in this wallet
    pub purse: String,
    /// Whose money is in it, by label or address; may be left out if there is only one
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Such as EUR
    #[arg(long)]
    pub currency: Currency,
    /// The service of the currency's issuer, such as http://127.0.0.1:27700
    #[arg(long, value_name = "URL")]
    pub issuer: String,
    /// It is paid, and pays nobody: what it gets is redeemed
    #[arg(long)]
    pub merchant: bool,
    #[command(flatten)]
    pub pin: PinFile,
}

#[derive(Debug, Args)]
pub struct Request {
    pub purse: String,
    /// Such as 12.50
    pub amount: String,
    /// Up to 40 bytes that the payer reads
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub memo: String,
    /// A reader of PC/SC, by a part of its name
    #[arg(long, required_unless_present = "out", conflicts_with = "out")]
    pub reader: Option<String>,
    /// How long to wait for the payer's purse
    #[arg(long, value_name = "SECONDS", default_value_t = 60, conflicts_with = "out")]
    pub wait: u32,
    /// Where the request goes: a .png file or a folder of QR codes, a .wav file, or a file of hexadecimal digits
    #[arg(long, value_name = "MEDIUM")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Pay {
    pub purse: String,
    #[command(flatten)]
    pub medium: In,
    /// Where the payment goes: a .png file or a folder of QR codes, a .wav file, or a file of hexadecimal digits
    #[arg(long, value_name = "MEDIUM")]
    pub out: PathBuf,
    /// Pay without asking
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub pin: PinFile,
}

#[derive(Debug, Args)]
pub struct Card {
    pub purse: String,
    /// Where the virtual reader listens
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from(([127, 0, 0, 1], vpcd::PORT)))]
    pub vpcd: SocketAddr,
    /// End after so many payments; if absent, go on until you stop it with Ctrl-C
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub taps: Option<u32>,
    /// Pay up to this amount each time without asking
    #[arg(long, value_name = "AMOUNT")]
    pub confirm: Option<String>,
    #[command(flatten)]
    pub pin: PinFile,
}
