//! A terminal's side of a contactless tap, always online: no bytes of it leave but through the caller.
//!
//! | state | sends | needs of the answer |
//! | --- | --- | --- |
//! | directory | SELECT `2PAY.SYS.DDF01` | entries 61 with 4F and 87 |
//! | application | SELECT the one of best priority; when refused, the next | 9F38, which may be absent |
//! | options | GET PROCESSING OPTIONS with what 9F38 wants | 82, 94; Visa's and ours: cryptogram and 9F6C too; 6986: a locked phone |
//! | records | READ RECORD, each that 94 names | 57, 8C and what else is kept |
//! | cryptogram | GENERATE AC with what 8C wants, if there is none yet | Mastercard's: 9F26 9F27 9F36 9F10 |
//!
//! Not here: offline approval, authentication of data offline (fDDA, CDA), relay resistance, scripts after the answer,
//! torn transactions that are recovered, 61xx and 6Cxx. With Mastercard's cards it is the plain flow of EMV Book 3, not
//! their kernel, and it is certified by no scheme. A tap is at most [`COMMANDS_MAX`] commands, whatever the card says.

mod card;
mod outcome;
mod terminal;

#[cfg(test)]
mod tests;

pub use outcome::{HolderVerification, Outcome};
pub use terminal::{NotBegun, Terminal, Transaction};

use thiserror::Error;

use self::{
    card::{CardData, LIMITS, records},
    terminal::Told,
};
use super::{
    apdu::{ANSWER_BYTES_MAX, Command, CryptogramKind, PPSE, Request, Response, ResponseError, StatusWord},
    applet::UNLOCK,
    dol::Dol,
    tags::named as tags,
    tlv::{Node, Tag, TlvError, find, read_tree},
};

/// In one tap.
pub const COMMANDS_MAX: usize = 48;
const CANDIDATES_MAX: usize = 8;
const RECORDS_MAX: usize = 32;
/// Tag 95: offline data authentication was not performed.
const NOT_AUTHENTICATED: [u8; 5] = [0x80, 0, 0, 0, 0];

/// Why a tap ended without a cryptogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Failure {
    #[error("the card was taken away too early; hold it to the reader again")]
    Torn,
    #[error("the card's answer has {0} bytes, at most {max} are read", max = ANSWER_BYTES_MAX + 2)]
    AnswerTooLong(usize),
    #[error("the card's answer ends in {0:02X} and a byte, which is no status")]
    Status(u8),
    /// EMV Contactless Book C-3 has the terminal say "see phone", and try again.
    #[error("the payer is to verify on the phone: unlock it, and hold it to the reader again")]
    Locked,
    #[error("the card refuses {0:?} with {1}: {meaning}", meaning = .1.meaning())]
    Refused(Asked, StatusWord),
    #[error("the card has no application that this terminal takes")]
    NoApplication,
    #[error("the card's answer is malformed: {0}")]
    Format(TlvError),
    #[error("the card has not told {0}")]
    Missing(Tag),
    #[error("the card has told {0} twice")]
    Twice(Tag),
    #[error("the card's {0} has a length that it cannot have")]
    Length(Tag),
    #[error("the card's file locator (94) names no records")]
    Locator,
    #[error("the card names more than {RECORDS_MAX} records")]
    TooManyRecords,
    #[error("the card's list {0} of what it wants cannot be met")]
    List(Tag),
    #[error("the card's track 2 (57) is none")]
    Track2,
    #[error("the card does not ask for an online authorisation")]
    NotOnline,
    #[error("the amount needs the holder's verification, and card and terminal have no way in common")]
    HolderNotVerified,
    #[error("the tap would take more than {COMMANDS_MAX} commands")]
    TooManyCommands,
    #[error("the tap is over")]
    Over,
}

impl From<ResponseError> for Failure {
    fn from(error: ResponseError) -> Self {
        match error {
            ResponseError::Truncated(_) => Self::Torn,
            ResponseError::TooLong(length) => Self::AnswerTooLong(length),
            ResponseError::Status(first) => Self::Status(first),
        }
    }
}

/// What the card was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Directory,
    Application,
    Options,
    Record,
    Cryptogram,
}

/// What to do next.
#[derive(Debug)]
pub enum Next {
    Command(Command),
    Finished(Outcome),
    Failed(Failure),
}

/// One tap.
pub struct Kernel {
    told: Told,
    /// `None` once the tap is over.
    asked: Option<Asked>,
    commands: usize,
    /// Names not tried yet, the best last.
    candidates: Vec<Vec<u8>>,
    name: Vec<u8>,
    /// Files and records not read yet, the first last.
    records: Vec<(u8, u8)>,
    card: CardData,
}

enum Step {
    Ask(Asked, Command),
    Finish(Outcome),
}

impl Kernel {
    /// # Errors
    /// An amount above the contactless limit, or what no card can be told.
    pub fn start(terminal: Terminal, transaction: Transaction) -> Result<(Self, Command), NotBegun> {
        transaction.check(&terminal)?;
        let kernel = Self {
            told: Told {
                terminal,
                transaction,
                verification_results: [0; 5],
            },
            asked: Some(Asked::Directory),
            commands: 1,
            candidates: Vec::new(),
            name: Vec::new(),
            records: Vec::new(),
            card: CardData::default(),
        };
        Ok((kernel, select(PPSE)))
    }

    /// Takes the card's answer, data and status word. After an end, every answer is [`Failure::Over`].
    pub fn on_response(&mut self, bytes: &[u8]) -> Next {
        let Some(asked) = self.asked.take() else {
            return Next::Failed(Failure::Over);
        };
        match self.step(asked, bytes) {
            Ok(Step::Finish(outcome)) => Next::Finished(outcome),
            Ok(Step::Ask(..)) if self.commands == COMMANDS_MAX => Next::Failed(Failure::TooManyCommands),
            Ok(Step::Ask(next, command)) => {
                self.asked = Some(next);
                self.commands += 1;
                Next::Command(command)
            }
            Err(failure) => Next::Failed(failure),
        }
    }

    fn step(&mut self, asked: Asked, bytes: &[u8]) -> Result<Step, Failure> {
        let response = Response::parse(bytes)?;
        let (data, status) = (response.data(), response.status);
        if status != StatusWord::OK && asked == Asked::Application && !self.candidates.is_empty() {
            return self.select_next();
        }
        match (asked, status) {
            (_, StatusWord::OK) => {}
            (Asked::Options, UNLOCK) => return Err(Failure::Locked),
            _ => return Err(Failure::Refused(asked, status)),
        }
        match asked {
            Asked::Directory => self.directory(data),
            Asked::Application => self.application(data),
            Asked::Options => self.options(data),
            Asked::Record => {
                self.card.read(data, tags::RECORD)?;
                self.read_next()
            }
            Asked::Cryptogram => self.cryptogram(data),
        }
    }

    fn directory(&mut self, data: &[u8]) -> Result<Step, Failure> {
        let nodes = read_tree(data, LIMITS).map_err(Failure::Format)?;
        let list = find(&nodes, tags::ISSUER_DISCRETIONARY).ok_or(Failure::Missing(tags::ISSUER_DISCRETIONARY))?;
        let entries = list.children.iter().filter(|node| node.object.tag == tags::ENTRY);
        let mut candidates: Vec<_> = entries.filter_map(candidate).collect();
        candidates.retain(|(_, name)| self.told.terminal.takes(name));
        // Stable: of equal priority, the first in the card's order (EMV Contactless Book B, 3.3.2).
        candidates.sort_by_key(|(priority, _)| *priority);
        candidates.truncate(CANDIDATES_MAX);
        self.candidates = candidates.into_iter().rev().map(|(_, name)| name).collect();
        self.select_next()
    }

    fn select_next(&mut self) -> Result<Step, Failure> {
        self.name = self.candidates.pop().ok_or(Failure::NoApplication)?;
        Ok(Step::Ask(Asked::Application, select(&self.name)))
    }

    fn application(&mut self, data: &[u8]) -> Result<Step, Failure> {
        let nodes = read_tree(data, LIMITS).map_err(Failure::Format)?;
        find(&nodes, tags::FILE_CONTROL_INFORMATION).ok_or(Failure::Missing(tags::FILE_CONTROL_INFORMATION))?;
        if let Some(list) = find(&nodes, tags::PDOL) {
            self.card.put(tags::PDOL, list.object.value)?;
        }
        let values = self.values(tags::PDOL)?;
        let command = Request::ProcessingOptions { data: &values }.to_command();
        Ok(Step::Ask(
            Asked::Options,
            command.map_err(|_| Failure::List(tags::PDOL))?,
        ))
    }

    /// What the card's list wants; nothing if it has none.
    fn values(&self, list: Tag) -> Result<Vec<u8>, Failure> {
        let wanted = self.card.get(list).unwrap_or_default();
        let wanted = Dol::parse(wanted).map_err(|_| Failure::List(list))?;
        Ok(self.told.values(&wanted))
    }

    fn options(&mut self, data: &[u8]) -> Result<Step, Failure> {
        let nodes = read_tree(data, LIMITS).map_err(Failure::Format)?;
        match nodes.as_slice() {
            [node] if node.object.tag == tags::ANSWER_WITHOUT_TAGS => {
                let wrong = Failure::Length(tags::ANSWER_WITHOUT_TAGS);
                let (profile, locator) = node.object.value.split_at_checked(2).ok_or(wrong)?;
                self.card.put(tags::INTERCHANGE_PROFILE, profile)?;
                self.card.put(tags::FILE_LOCATOR, locator)?;
            }
            _ => self.card.read(data, tags::ANSWER)?,
        }
        self.records = records(self.card.get(tags::FILE_LOCATOR).unwrap_or_default(), RECORDS_MAX)?;
        self.records.reverse();
        self.read_next()
    }

    fn read_next(&mut self) -> Result<Step, Failure> {
        if let Some((file, record)) = self.records.pop() {
            let command = Request::ReadRecord { file, record }
                .to_command()
                .expect("it has no data");
            return Ok(Step::Ask(Asked::Record, command));
        }
        if self.card.get(tags::CRYPTOGRAM).is_some() {
            return self.finish();
        }
        self.card.need(tags::CDOL1)?;
        self.told.verification_results = NOT_AUTHENTICATED;
        let values = self.values(tags::CDOL1)?;
        let request = Request::GenerateCryptogram {
            kind: CryptogramKind::Online,
            combined: false,
            data: &values,
        };
        let command = request.to_command().map_err(|_| Failure::List(tags::CDOL1))?;
        Ok(Step::Ask(Asked::Cryptogram, command))
    }

    fn cryptogram(&mut self, data: &[u8]) -> Result<Step, Failure> {
        let nodes = read_tree(data, LIMITS).map_err(Failure::Format)?;
        match nodes.as_slice() {
            // EMV Book 3, 6.5.5.4: kind, counter, cryptogram, issuer data.
            [node] if node.object.tag == tags::ANSWER_WITHOUT_TAGS => {
                let mut rest = node.object.value;
                for (tag, length) in [(tags::CRYPTOGRAM_KIND, 1), (tags::COUNTER, 2), (tags::CRYPTOGRAM, 8)] {
                    let wrong = Failure::Length(tags::ANSWER_WITHOUT_TAGS);
                    let (value, after) = rest.split_at_checked(length).ok_or(wrong)?;
                    self.card.put(tag, value)?;
                    rest = after;
                }
                self.card.put(tags::ISSUER_DATA, rest)?;
            }
            _ => self.card.read(data, tags::ANSWER)?,
        }
        self.finish()
    }

    fn finish(&self) -> Result<Step, Failure> {
        Outcome::of(&self.told, &self.card, &self.name).map(Step::Finish)
    }
}

/// SELECT of a directory or of a name that [`candidate`] let through.
fn select(name: &[u8]) -> Command {
    let request = Request::Select { name, next: false };
    request.to_command().expect("a name has at most 16 bytes")
}

/// An entry's priority, 1 the best and 16 none, and its application's name, if it has one.
fn candidate(entry: &Node<'_>) -> Option<(u8, Vec<u8>)> {
    let value = |tag| find(&entry.children, tag).map(|node| node.object.value);
    let name = value(tags::APPLICATION).filter(|name| (5..=16).contains(&name.len()))?;
    let priority = value(tags::PRIORITY).and_then(|value| value.first());
    let priority = priority.map(|byte| byte & 0x0f).filter(|priority| *priority > 0);
    Some((priority.unwrap_or(16), name.to_vec()))
}
