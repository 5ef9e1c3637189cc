//! A card in a reader of PC/SC (`pcscd` on Linux).

use std::{
    ffi::{CStr, CString},
    time::{Duration, Instant},
};

use pcsc::{Context, Error, Protocols, ReaderState, Scope, ShareMode, State};

use super::{apdu::ANSWER_BYTES_MAX, terminal::Channel};

/// A card that is there and does not answer is asked again after so long.
const ASK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    #[error("cannot {action}: {source}")]
    Pcsc {
        action: &'static str,
        #[source]
        source: Error,
    },
    #[error("no reader has '{wanted}' in its name; those there are: {}", there.join(", "))]
    Unknown { wanted: String, there: Vec<String> },
    #[error("no card in {} within {} s", reader.to_string_lossy(), within.as_secs())]
    NoCard { reader: CString, within: Duration },
}

fn cannot(action: &'static str) -> impl FnOnce(Error) -> ReaderError {
    move |source| ReaderError::Pcsc { action, source }
}

/// The readers of this machine.
pub struct Readers {
    context: Context,
}

impl Readers {
    pub fn open() -> Result<Self, ReaderError> {
        let context = Context::establish(Scope::User).map_err(cannot("reach pcscd; is it running?"))?;
        Ok(Self { context })
    }

    pub fn names(&self) -> Result<Vec<CString>, ReaderError> {
        match self.context.list_readers_owned() {
            Err(Error::NoReadersAvailable) => Ok(Vec::new()),
            names => names.map_err(cannot("list the readers")),
        }
    }

    /// The first reader with this in its name.
    pub fn find(&self, wanted: &str) -> Result<CString, ReaderError> {
        let names = self.names()?;
        let there: Vec<_> = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        let found = there.iter().position(|name| name.contains(wanted));
        found.map(|at| names[at].clone()).ok_or_else(|| ReaderError::Unknown {
            wanted: wanted.to_owned(),
            there,
        })
    }

    /// Waits for a card, and has it alone until that is dropped.
    pub fn wait(&self, reader: &CStr, within: Duration) -> Result<CardInReader, ReaderError> {
        let deadline = Instant::now() + within;
        let mut states = [ReaderState::new(reader, State::UNAWARE)];
        loop {
            match self.context.connect(reader, ShareMode::Exclusive, Protocols::T1) {
                Ok(card) => return Ok(CardInReader { card }),
                Err(error) if is_absent(error) => {}
                Err(error) => return Err(cannot("connect to the card")(error)),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ReaderError::NoCard {
                    reader: reader.to_owned(),
                    within,
                });
            }
            // The first call tells the present state at once; from then on, it waits for another. A card that did not answer
            // when it was put in stays in that state, and may answer when it is asked again.
            match self.context.get_status_change(left.min(ASK_AGAIN), &mut states) {
                Ok(()) | Err(Error::Timeout) => states[0].sync_current_state(),
                Err(error) => return Err(cannot("wait for a card")(error)),
            }
        }
    }
}

/// There is no card, or it is just being put in or taken away.
fn is_absent(error: Error) -> bool {
    use Error::{NoSmartcard, RemovedCard, UnpoweredCard, UnresponsiveCard};
    matches!(error, NoSmartcard | RemovedCard | UnpoweredCard | UnresponsiveCard)
}

/// A card, connected with T=1 and locked for this process.
pub struct CardInReader {
    card: pcsc::Card,
}

impl Channel for CardInReader {
    type Error = ReaderError;

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, ReaderError> {
        let mut answer = [0; ANSWER_BYTES_MAX];
        let answer = self.card.transmit(command, &mut answer);
        Ok(answer.map_err(cannot("exchange data with the card"))?.to_vec())
    }
}
