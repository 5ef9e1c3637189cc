//! The application in a phone that a terminal is paid with (host card emulation), with a cryptogram as Visa 18 has it.
//!
//! | command | answer |
//! | --- | --- |
//! | SELECT `2PAY.SYS.DDF01` | the directory, with one application |
//! | SELECT `F0435750415901` | the data that GET PROCESSING OPTIONS needs (9F38) |
//! | GET PROCESSING OPTIONS | track 2, counter, cryptogram: the payment |
//! | READ RECORD 1 of file 1 | when the token expires (5F24) |
//!
//! The rule on which all rests: a counter (9F36) gives one cryptogram at most, and a key is used once. So a payment
//! takes the next key out of memory, and its answer is only had from [`Unsaved`] once the caller says that the new
//! counter is saved where no loss of power takes it back. A tap that is torn anywhere costs at most a counter, and a
//! second GET PROCESSING OPTIONS in one tap gets another.
//!
//! The counter's place in time, the days for which keys are good and the limits of amounts are the issuer's to check:
//! nothing here knows the time.

mod asked;
mod device;

#[cfg(test)]
mod tests;

pub use device::{DeviceError, KEYS_MAX, LimitedUseKey, Token};

use asked::{Asked, WANTED_BYTES};
use device::Keys;

use super::{
    apdu::Command,
    exchange::{AID, DIRECTORY, GET_PROCESSING_OPTIONS, OK, READ_RECORD, SELECT, answer, tags},
    tlv::{Reader, Writer},
};
use crate::crypto::cryptogram::{Transaction, Version};

/// Status words.
pub const MEMORY_FAILURE: u16 = 0x6581;
pub const WRONG_LENGTH: u16 = 0x6700;
pub const NOT_NOW: u16 = 0x6985;
/// The amount needs the holder, and the phone was not unlocked: unlock it, and hold it to the reader again.
pub const UNLOCK: u16 = 0x6986;
pub const WRONG_DATA: u16 = 0x6a80;
pub const NO_APPLICATION: u16 = 0x6a82;
pub const NO_RECORD: u16 = 0x6a83;
pub const WRONG_PARAMETERS: u16 = 0x6a86;
pub const UNKNOWN_INSTRUCTION: u16 = 0x6d00;
/// Every limited-use key is used: the phone must be online to get more. Of ISO's range for applications.
pub const OUT_OF_KEYS: u16 = 0x9e10;

const LABEL: &[u8] = b"CAUSEWAY";
/// Record 1 of file 1, of which none is for offline authentication.
const FILE_LOCATOR: [u8; 4] = [0x08, 1, 1, 0];
const RECORD_OF_FILE_1: u8 = 0x0c;
/// EMVCo's form factor: a mobile phone (23), with a passcode (80), by contactless (00).
const FORM_FACTOR: [u8; 4] = [0x23, 0x80, 0, 0];
/// Tag 9F27: an online authorisation is asked for (ARQC).
const ONLINE: u8 = 0x80;

/// How far a tap has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Nothing,
    Selected,
    Paid,
}

/// A device's application, in memory.
pub struct Applet {
    token: Token,
    /// Tag 9F10, byte 2: which of the issuer's master keys.
    key_index: u8,
    keys: Keys,
    is_unlocked: bool,
    progress: Progress,
}

/// What a command comes to.
pub enum Step<'a> {
    /// The answer, to be sent.
    Answer(Vec<u8>),
    /// The answer is had once the counter is saved.
    Save(Unsaved<'a>),
}

/// A payment whose key is taken and whose cryptogram is not yet given. Dropped, it costs the counter.
#[must_use]
pub struct Unsaved<'a> {
    applet: &'a mut Applet,
    key: LimitedUseKey,
    transaction: Transaction,
    card_qualifiers: [u8; 2],
}

impl Applet {
    /// `last` is the counter saved last, 0 of a new device: keys at or below it are left out.
    ///
    /// # Errors
    /// More than [`KEYS_MAX`] keys, or two of one counter.
    pub fn new(token: Token, key_index: u8, keys: Vec<LimitedUseKey>, last: u16) -> Result<Self, DeviceError> {
        Ok(Self {
            token,
            key_index,
            keys: Keys::new(keys, last)?,
            is_unlocked: false,
            progress: Progress::Nothing,
        })
    }

    /// The holder has unlocked the phone: the next payment, and it only, says so.
    pub fn unlock(&mut self) {
        self.is_unlocked = true;
    }

    pub fn keys_left(&self) -> usize {
        self.keys.len()
    }

    /// The phone left the reader's field. Whether it is unlocked stays.
    pub fn reset(&mut self) {
        self.progress = Progress::Nothing;
    }

    /// Takes any bytes for a command.
    pub fn command(&mut self, bytes: &[u8]) -> Step<'_> {
        let Ok(command) = Command::parse(bytes) else {
            return Step::Answer(answer(&[], WRONG_LENGTH));
        };
        let Command {
            class,
            instruction,
            p1,
            p2,
            ..
        } = command;
        let done = match (class, instruction) {
            (0x00, SELECT) => self.select([p1, p2], command.data()),
            (0x00, READ_RECORD) => self.record([p1, p2]),
            (0x80, GET_PROCESSING_OPTIONS) => match self.check_options([p1, p2], command.data()) {
                Ok(asked) => return self.pay(&asked),
                Err(status) => Err(status),
            },
            _ => Err(UNKNOWN_INSTRUCTION),
        };
        Step::Answer(match done {
            Ok(data) => answer(&data, OK),
            Err(status) => answer(&[], status),
        })
    }

    fn select(&mut self, parameters: [u8; 2], name: &[u8]) -> Result<Vec<u8>, u16> {
        self.progress = Progress::Nothing;
        if parameters != [4, 0] {
            return Err(WRONG_PARAMETERS);
        }
        if name == DIRECTORY {
            return Ok(directory());
        }
        if name != AID {
            return Err(NO_APPLICATION);
        }
        self.progress = Progress::Selected;
        Ok(control_information())
    }

    fn record(&self, parameters: [u8; 2]) -> Result<Vec<u8>, u16> {
        if self.progress != Progress::Paid {
            return Err(NOT_NOW);
        }
        if parameters != [1, RECORD_OF_FILE_1] {
            return Err(NO_RECORD);
        }
        let mut record = Writer::new();
        record.constructed(tags::RECORD, |record| {
            record.primitive(tags::EXPIRY, &self.token.expiry());
        });
        Ok(record.into_bytes())
    }

    fn check_options(&self, parameters: [u8; 2], data: &[u8]) -> Result<[u8; WANTED_BYTES], u16> {
        if self.progress == Progress::Nothing {
            return Err(NOT_NOW);
        }
        if parameters != [0, 0] {
            return Err(WRONG_PARAMETERS);
        }
        let mut objects = Reader::new(data);
        let (Some(Ok(object)), None) = (objects.next(), objects.next()) else {
            return Err(WRONG_DATA);
        };
        if object.tag != tags::COMMAND {
            return Err(WRONG_DATA);
        }
        object.value.try_into().map_err(|_| WRONG_LENGTH)
    }

    /// Takes a key, so that whatever happens from here on, its counter is not used again.
    fn pay(&mut self, asked: &[u8; WANTED_BYTES]) -> Step<'_> {
        let asked = Asked::read(asked);
        let Some(card_qualifiers) = asked.card_qualifiers(self.is_unlocked) else {
            return Step::Answer(answer(&[], UNLOCK));
        };
        let Some(key) = self.keys.take() else {
            return Step::Answer(answer(&[], OUT_OF_KEYS));
        };
        let mut transaction = asked.transaction;
        transaction.counter = key.counter.to_be_bytes();
        transaction.issuer = issuer_data(self.key_index, self.is_unlocked);
        self.is_unlocked = false;
        // Until it is saved, as if no payment had been asked for.
        self.progress = Progress::Selected;
        Step::Save(Unsaved {
            applet: self,
            key,
            transaction,
            card_qualifiers,
        })
    }
}

impl Unsaved<'_> {
    /// What to save as the last counter, before [`Self::saved`].
    pub fn counter(&self) -> u16 {
        self.key.counter
    }

    /// The counter is saved for good: the answer with the cryptogram.
    pub fn saved(self) -> Vec<u8> {
        let Self {
            applet,
            key,
            transaction,
            card_qualifiers,
        } = self;
        let cryptogram = Version::Visa18.generate(&key.key, &transaction);
        applet.progress = Progress::Paid;
        let mut whole = Writer::new();
        whole.constructed(tags::ANSWER, |it| {
            it.primitive(tags::INTERCHANGE_PROFILE, &transaction.interchange_profile)
                .primitive(tags::FILE_LOCATOR, &FILE_LOCATOR)
                .primitive(tags::TRACK_2, &applet.token.track_2())
                .primitive(tags::SEQUENCE, &[applet.token.sequence()])
                .primitive(tags::ISSUER_DATA, &transaction.issuer)
                .primitive(tags::CRYPTOGRAM, &cryptogram)
                .primitive(tags::CRYPTOGRAM_KIND, &[ONLINE])
                .primitive(tags::COUNTER, &transaction.counter)
                .primitive(tags::CARD_QUALIFIERS, &card_qualifiers)
                .primitive(tags::FORM_FACTOR, &FORM_FACTOR);
        });
        answer(&whole.into_bytes(), OK)
    }

    /// It could not be saved: no cryptogram, and the key is gone all the same, since it may be saved in part.
    pub fn failed(self) -> Vec<u8> {
        answer(&[], MEMORY_FAILURE)
    }
}

/// Tag 9F10: length 6, key index, version 18, card verification results of 3 bytes. Their first says that a second
/// cryptogram was not asked for and the first is an ARQC (A0), and that the holder was verified by the phone (04).
fn issuer_data(key_index: u8, is_unlocked: bool) -> Vec<u8> {
    let verified = if is_unlocked { 0xa4 } else { 0xa0 };
    vec![6, key_index, Version::Visa18.byte(), 3, verified, 0, 0]
}

fn directory() -> Vec<u8> {
    let mut whole = Writer::new();
    whole.constructed(tags::FILE_CONTROL_INFORMATION, |it| {
        it.primitive(tags::NAME, DIRECTORY)
            .constructed(tags::PROPRIETARY, |it| {
                it.constructed(tags::ISSUER_DISCRETIONARY, |it| {
                    it.constructed(tags::ENTRY, |it| {
                        it.primitive(tags::APPLICATION, &AID)
                            .primitive(tags::LABEL, LABEL)
                            .primitive(tags::PRIORITY, &[1]);
                    });
                });
            });
    });
    whole.into_bytes()
}

fn control_information() -> Vec<u8> {
    let wanted = Asked::list();
    let mut whole = Writer::new();
    whole.constructed(tags::FILE_CONTROL_INFORMATION, |it| {
        it.primitive(tags::NAME, &AID).constructed(tags::PROPRIETARY, |it| {
            it.primitive(tags::LABEL, LABEL).primitive(tags::PDOL, &wanted);
        });
    });
    whole.into_bytes()
}
