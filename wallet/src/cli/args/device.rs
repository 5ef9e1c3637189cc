//! What can be typed of the phone that an issuer has given a token.

use std::{net::SocketAddr, path::PathBuf};

use causeway_wallet::offline::card::vpcd;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Keep what an issuer gives this phone: the number that stands for a card, and its first keys
    ///
    /// The file has them in clear: delete it afterwards.
    Add {
        /// From the issuer
        file: PathBuf,
    },
    /// Show the counter, how many keys are left and until when; of the number, the first six and last four digits
    Status,
    /// Take more keys from an issuer's file
    ///
    /// The file has them in clear: delete it afterwards.
    Keys {
        /// From the issuer, for this device
        file: PathBuf,
    },
    /// Take the device out of this wallet, with its keys
    Remove,
    /// Hold this phone to a virtual reader, at which a terminal is paid
    Tap(Tap),
}

#[derive(Debug, Args)]
pub struct Tap {
    /// Where the virtual reader listens
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from(([127, 0, 0, 1], vpcd::PORT)))]
    pub reader: SocketAddr,
    /// End after so many payments; if absent, go on until you stop it with Ctrl-C
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub taps: Option<u32>,
    /// Pay at most this much each time, in the device's currency, such as 50.00
    #[arg(long, value_name = "AMOUNT")]
    pub max: Option<String>,
    /// The phone is unlocked: the next payment, and it only, says that its holder was verified. A locked one does not pay
    /// what a terminal wants that for
    #[arg(long)]
    pub unlock: bool,
}

#[derive(Debug, Args)]
pub struct Code {
    /// At most this much is to be paid by it, in the device's currency, such as 50.00
    #[arg(long, value_name = "AMOUNT")]
    pub max: Option<String>,
    /// Write it to this PNG file
    #[arg(long, value_name = "FILE")]
    pub png: Option<PathBuf>,
    /// Write it to this SVG file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}
