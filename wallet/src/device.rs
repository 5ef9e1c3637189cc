//! The phone that an issuer has given a token and limited-use keys: a customer pays with it at terminals and by codes.
//!
//! [`provisioning`] is what the issuer gives, [`file`] keeps it at rest, [`phone`] is held to readers, [`code`] is shown. The rules of
//! payments are the applet's ([`causeway_cards::emv::applet`]): a key is used once, and only after its counter is saved
//! for good. Saving it also takes the key out of the file.

pub mod code;
pub mod file;
pub mod phone;
pub mod provisioning;

use causeway_cards::emv::applet;

pub use self::{
    file::{Device, Summary},
    phone::Phone,
};
use crate::{
    durable::FileError,
    keystore::{SealError, passphrase::KdfError},
};

/// Why the phone cannot be used. Says nothing of token and keys.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    #[error("there is no device in this wallet; get its file from your issuer, and run `causeway device add FILE`")]
    NotThere,
    #[error(
        "there is a device in this wallet already; `causeway device keys FILE` adds keys to it, and `causeway device \
         remove` makes place for another"
    )]
    Exists,
    #[error("the device is in use by another process; wait until that has ended")]
    InUse,
    #[error("the device's file: {0}")]
    Seal(#[from] SealError),
    #[error("the device's file is none: {0}")]
    Format(#[source] serde_json::Error),
    #[error("the passphrase must not be empty")]
    EmptyPassphrase,
    #[error("the issuer's file is not as it should be: {0}")]
    Provisioning(#[source] serde_json::Error),
    #[error("the issuer's file has version {0}; this program knows version {known}", known = provisioning::VERSION)]
    Version(u16),
    #[error("the issuer's file: {0}")]
    Device(#[from] applet::DeviceError),
    #[error("the issuer's file: {0} is no currency of cards (ISO 4217)")]
    Currency(causeway_contracts::money::Currency),
    #[error("the issuer's file: the device's number fails its check digit")]
    CheckDigit,
    #[error("the issuer's file has the keys of device {given}, and this wallet's is {own}")]
    OtherDevice { own: String, given: String },
    #[error("the issuer's file gives the device another {0} than it has; only its keys can be renewed")]
    Differs(&'static str),
    #[error("the issuer's keys were good until {}; ask it for new ones", .0)]
    TooLate(Until),
    #[error("the issuer's file has no key that is not used yet; ask it for new ones")]
    NothingNew,
    #[error("every key of the device is used; get more from the issuer, and add them with `causeway device keys FILE`")]
    OutOfKeys,
    #[error(
        "the device's keys were good until {}; get new ones from the issuer, and add them with `causeway device keys FILE`",
        .0
    )]
    Lapsed(Until),
    #[error("the device's token expired at the end of {month:02}/{year:02}; the issuer has to give it another")]
    Expired { year: u8, month: u8 },
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<KdfError> for DeviceError {
    fn from(error: KdfError) -> Self {
        SealError::from(error).into()
    }
}

impl From<getrandom::Error> for DeviceError {
    fn from(error: getrandom::Error) -> Self {
        SealError::from(error).into()
    }
}

/// A second since 1970, printed as a time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Until(pub u64);

impl std::fmt::Display for Until {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = crate::clock::date(days);
        let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC",
            seconds % 60
        )
    }
}
