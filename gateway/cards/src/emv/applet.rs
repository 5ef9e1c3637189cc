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
//! nothing here knows the time. What the holder agrees to at most ([`Consent`]) is checked before a key is taken.
//!
//! The same keys also make the codes that customers show ([`Offer`]), by the same rule.

mod asked;
mod code;
mod device;

#[cfg(test)]
mod tests;

pub use code::{CODE_SECONDS, Offer, OutOfKeys, UnsavedCode};
pub use device::{DeviceError, KEYS_MAX, LimitedUseKey, Token};

use asked::{Asked, WANTED_BYTES};
use device::Keys;

use super::{
    apdu::{Command, PPSE, Request, Response, StatusWord},
    tags::named as tags,
    tlv::Writer,
};
use crate::crypto::cryptogram::{Transaction, Version};

/// Its name: proprietary and unregistered (ISO/IEC 7816-4, 12.2.3, category F).
pub const AID: [u8; 7] = [0xf0, 0x43, 0x57, 0x50, 0x41, 0x59, 0x01];

/// The counter could not be saved.
pub const MEMORY_FAILURE: StatusWord = StatusWord(0x6581);
/// The amount needs the holder, and the phone was not unlocked: unlock it, and hold it to the reader again. So contactless
/// kernels send payers to their phones; a PIN at the terminal would not do.
pub const UNLOCK: StatusWord = StatusWord(0x6986);
/// Every limited-use key is used: the phone must be online to get more. Of ISO's range for applications.
pub const OUT_OF_KEYS: StatusWord = StatusWord(0x9e10);
/// The amount is more than the holder has agreed to, or of another currency. Of the same range.
pub const NOT_AGREED: StatusWord = StatusWord(0x9e11);

const LABEL: &[u8] = b"CAUSEWAY";
/// Record 1 of file 1, of which none is for offline authentication.
const FILE_LOCATOR: [u8; 4] = [0x08, 1, 1, 0];
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
    consent: Option<Consent>,
    progress: Progress,
}

/// What the holder agrees to pay in one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// Minor units.
    pub amount_max: u64,
    /// ISO 4217 numeric.
    pub currency: u16,
}

/// What a command comes to.
pub enum Step<'a> {
    /// The answer, to be sent.
    Answer(Response),
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
            consent: None,
            progress: Progress::Nothing,
        })
    }

    /// The holder has unlocked the phone: the next payment, and it only, says so.
    pub fn unlock(&mut self) {
        self.is_unlocked = true;
    }

    /// From now on, no tap is paid that asks for more, or for another currency. Without, any is.
    pub fn agree(&mut self, consent: Consent) {
        self.consent = Some(consent);
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
            return Step::Answer(Response::of(StatusWord::WRONG_LENGTH));
        };
        let done = match Request::of(&command) {
            Ok(Request::Select { name, next }) => self.select(name, next),
            Ok(Request::ReadRecord { file, record }) => self.record(file, record),
            Ok(Request::ProcessingOptions { data }) => match self.check_options(data) {
                Ok(asked) => return self.pay(&asked),
                Err(status) => Err(status),
            },
            Ok(_) => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED),
            Err(status) => Err(status),
        };
        Step::Answer(done.map_or_else(Response::of, |data| answer(&data)))
    }

    fn select(&mut self, name: &[u8], next: bool) -> Result<Vec<u8>, StatusWord> {
        self.progress = Progress::Nothing;
        // It is the only application, so that there is never a next one.
        if next {
            return Err(StatusWord::FILE_NOT_FOUND);
        }
        if name == PPSE {
            return Ok(directory());
        }
        if name != AID {
            return Err(StatusWord::FILE_NOT_FOUND);
        }
        self.progress = Progress::Selected;
        Ok(control_information())
    }

    fn record(&self, file: u8, record: u8) -> Result<Vec<u8>, StatusWord> {
        if self.progress != Progress::Paid {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        if (file, record) != (1, 1) {
            return Err(StatusWord::RECORD_NOT_FOUND);
        }
        let mut record = Writer::new();
        record.constructed(tags::RECORD, |record| {
            record.primitive(tags::EXPIRY, &self.token.expiry());
        });
        Ok(record.into_bytes())
    }

    fn check_options(&self, data: &[u8]) -> Result<[u8; WANTED_BYTES], StatusWord> {
        if self.progress == Progress::Nothing {
            return Err(StatusWord::CONDITIONS_OF_USE);
        }
        data.try_into().map_err(|_| StatusWord::WRONG_LENGTH)
    }

    /// Takes a key, so that whatever happens from here on, its counter is not used again.
    fn pay(&mut self, asked: &[u8; WANTED_BYTES]) -> Step<'_> {
        let asked = Asked::read(asked);
        // That is how codes are told from taps: of a code, the amount is a limit or none.
        if asked.transaction.country == [0; 2] {
            return Step::Answer(Response::of(StatusWord::CONDITIONS_OF_USE));
        }
        if self.consent.is_some_and(|consent| !asked.is_within(consent)) {
            return Step::Answer(Response::of(NOT_AGREED));
        }
        let Some(card_qualifiers) = asked.card_qualifiers(self.is_unlocked) else {
            return Step::Answer(Response::of(UNLOCK));
        };
        let Some(key) = self.keys.take() else {
            return Step::Answer(Response::of(OUT_OF_KEYS));
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

    /// Minor units, as the terminal has told them; `None` if that was no number.
    pub fn amount(&self) -> Option<u64> {
        asked::number(&self.transaction.amount)
    }

    /// ISO 4217 numeric, as the terminal has told it.
    pub fn currency(&self) -> Option<u16> {
        asked::number(&self.transaction.currency).and_then(|number| number.try_into().ok())
    }

    /// The counter is saved for good: the answer with the cryptogram.
    pub fn saved(self) -> Response {
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
        answer(&whole.into_bytes())
    }

    /// It could not be saved: no cryptogram, and the key is gone all the same, since it may be saved in part.
    pub fn failed(self) -> Response {
        Response::of(MEMORY_FAILURE)
    }
}

fn answer(data: &[u8]) -> Response {
    Response::new(data, StatusWord::OK).expect("its answers are short")
}

/// In the first byte of card verification results: the phone has verified its holder.
const VERIFIED: u8 = 0x04;

/// Tag 9F10: length 6, key index, version 18, card verification results of 3 bytes. Their first says that a second
/// cryptogram was not asked for and the first is an ARQC (A0), and whether the holder was verified by the phone (04).
fn issuer_data(key_index: u8, is_unlocked: bool) -> Vec<u8> {
    let verified = if is_unlocked { VERIFIED } else { 0 };
    vec![6, key_index, Version::Visa18.byte(), 3, 0xa0 | verified, 0, 0]
}

/// Whether tag 9F10 of this application says that the phone has verified its holder. Its cryptogram must have been right.
pub fn is_holder_verified(issuer_data: &[u8]) -> bool {
    matches!(issuer_data, [6, _, _, 3, results, _, _] if results & VERIFIED != 0)
}

fn directory() -> Vec<u8> {
    let mut whole = Writer::new();
    whole.constructed(tags::FILE_CONTROL_INFORMATION, |it| {
        it.primitive(tags::NAME, PPSE).constructed(tags::PROPRIETARY, |it| {
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
