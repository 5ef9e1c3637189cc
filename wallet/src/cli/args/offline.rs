//! What can be typed of payments without a network.

use std::path::PathBuf;

use causeway_wallet::offline::sound;
use clap::{Args, Subcommand, ValueEnum};

use super::purses::PurseCommand;

#[derive(Debug, Subcommand)]
pub enum OfflineCommand {
    /// Carry bytes from screen to camera
    #[command(subcommand)]
    Qr(QrCommand),
    /// Carry bytes from loudspeaker to microphone, as WAV files
    #[command(subcommand)]
    Sound(SoundCommand),
    /// Run the service of a currency's issuer, which signs for purses
    Issuer(Issuer),
    #[command(flatten)]
    Purse(PurseCommand),
}

#[derive(Debug, Args)]
pub struct Issuer {
    /// What it is run with: docs/offline.md says what is in it
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum QrCommand {
    /// Show a payload as a QR code, or as a moving picture if it is long
    ///
    /// In the terminal, unless told otherwise. Up to 858 bytes are one code; more are frames, which
    /// begin again until you stop them with Ctrl-C.
    Show(Show),
    /// Read what a picture, or the frames in a folder, say
    Scan(Scan),
    /// Find the code in pixels from standard input: what `scan` starts for each picture
    #[command(hide = true)]
    Look,
}

/// How bytes are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    Hex,
    Base64,
    Binary,
}

#[derive(Debug, Args)]
pub struct PayloadIn {
    /// The file with the payload; `-` for standard input
    #[arg(default_value = "-", value_name = "PAYLOAD")]
    pub file: PathBuf,
    /// What is in it
    #[arg(long, value_enum, default_value = "hex")]
    pub encoding: Encoding,
}

#[derive(Debug, Args)]
pub struct PayloadOut {
    /// Where to write the payload; to standard output if absent
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How to write it
    #[arg(long, value_enum, default_value = "hex")]
    pub encoding: Encoding,
}

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    pub payload: PayloadIn,
    /// Write one code to this PNG file
    #[arg(long, value_name = "FILE", conflicts_with = "folder")]
    pub png: Option<PathBuf>,
    /// Write the code, or the frames, to this folder: 0001.png and so on
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// How many frames; if absent, 15 more than three times as many as there are parts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096), conflicts_with = "png")]
    pub frames: Option<u16>,
}

#[derive(Debug, Args)]
pub struct Scan {
    /// A PNG file, or a folder of them
    pub pictures: PathBuf,
    /// Wait this long for what is not there yet
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub wait: u32,
    #[command(flatten)]
    pub payload: PayloadOut,
}

#[derive(Debug, Subcommand)]
pub enum SoundCommand {
    /// Make a sound of a payload of up to 726 bytes
    Send(Send),
    /// Read the payload in a recording
    Receive(Receive),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Speed {
    /// Stands the most noise; 14 s for every 134 bytes
    Normal,
    /// 9 s
    Fast,
    /// For quiet rooms; 5 s
    Fastest,
}

impl From<Speed> for sound::Speed {
    fn from(speed: Speed) -> Self {
        match speed {
            Speed::Normal => Self::Normal,
            Speed::Fast => Self::Fast,
            Speed::Fastest => Self::Fastest,
        }
    }
}

#[derive(Debug, Args)]
pub struct Send {
    #[command(flatten)]
    pub payload: PayloadIn,
    /// The file to write: 48,000 samples a second of 16 bits, one channel
    #[arg(long, value_name = "FILE")]
    pub wav: PathBuf,
    /// A receiver finds out which it is
    #[arg(long, value_enum, default_value = "normal")]
    pub speed: Speed,
}

#[derive(Debug, Args)]
pub struct Receive {
    /// A recording of 48,000 samples a second, of one or two channels, of at most five minutes
    pub wav: PathBuf,
    #[command(flatten)]
    pub payload: PayloadOut,
}
