//! A contactless terminal: the kernel's side of a tap, over whatever carries commands to the card.

use causeway_cards::{
    emv::kernel::{Failure, HolderVerification, Kernel, Next, NotBegun, Outcome, Terminal, Transaction},
    pan,
};
use causeway_wallet::offline::card::terminal::Channel;
use serde::Serialize;
use zeroize::Zeroizing;

#[derive(Debug, thiserror::Error)]
pub enum TapError<E: std::error::Error + 'static> {
    #[error(transparent)]
    NotBegun(#[from] NotBegun),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error(transparent)]
    Channel(E),
}

/// Asks the card in the channel to pay, up to its cryptogram. Nobody has been asked for money yet.
pub fn tap<C: Channel>(
    channel: &mut C,
    terminal: Terminal,
    transaction: Transaction,
) -> Result<Outcome, TapError<C::Error>> {
    let (mut kernel, mut command) = Kernel::start(terminal, transaction)?;
    loop {
        let answer = channel.exchange(&command.to_bytes()).map_err(TapError::Channel)?;
        let answer = Zeroizing::new(answer);
        match kernel.on_response(&answer) {
            Next::Command(next) => command = next,
            Next::Finished(outcome) => return Ok(outcome),
            Next::Failed(failure) => return Err(failure.into()),
        }
    }
}

/// What may be shown of a tap.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Field 22.
    pub entry: &'static str,
    /// Of the card's or device's number, the first six and last four digits.
    pub number: String,
    /// Field 55, in hexadecimal digits. It has no card number.
    pub chip: String,
    /// Field 23.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// How the holder is verified: `none`, `device`, `pin` or `signature`.
    pub holder: &'static str,
}

/// The entry mode of a tap, as requests name it.
pub const ENTRY: &str = "tap";

impl Shown {
    pub fn of(outcome: &Outcome) -> Self {
        let number = outcome.track_2.split('D').next().unwrap_or_default();
        Self {
            entry: ENTRY,
            number: pan::mask(number.as_bytes()),
            chip: hex::encode(&outcome.de55),
            sequence: outcome.sequence.map(|bcd| format!("{bcd:02x}")),
            holder: match outcome.holder_verification {
                HolderVerification::None => "none",
                HolderVerification::OnDevice => "device",
                HolderVerification::OnlinePin => "pin",
                HolderVerification::Signature => "signature",
            },
        }
    }
}
