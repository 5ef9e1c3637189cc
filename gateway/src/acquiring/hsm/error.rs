use std::path::PathBuf;

use causeway_cards::crypto::CryptoError;
use causeway_wallet::durable::FileError;
use thiserror::Error;

use super::{Algorithm, DEVICE_KEYS_MAX, KeyName, Purpose, TokenError};

/// Why a security module did not do what it was asked. Never has a key, a PIN or a card number in it.
#[derive(Debug, Error)]
pub enum HsmError {
    #[error("a key's name must be 1 to 32 lower-case letters, digits, `-`, `_` and `.`")]
    Name,
    #[error("there is no key `{0}`")]
    UnknownKey(KeyName),
    #[error("there is a key `{0}` already; delete it first or take another name")]
    Exists(KeyName),
    #[error("the key `{name}` is a {is} key, and a {needed} key is needed")]
    WrongPurpose {
        name: KeyName,
        is: Purpose,
        needed: Purpose,
    },
    #[error("a {purpose} key cannot be {algorithm}")]
    Algorithm { purpose: Purpose, algorithm: Algorithm },
    #[error("the key `{name}` is {is}, which enciphers PIN blocks of another format")]
    PinFormat { name: KeyName, is: Algorithm },
    #[error(
        "the key `{name}` is {is}; a link's must be double-length TDES, as its messages have no room for other codes and PIN blocks"
    )]
    LinkAlgorithm { name: KeyName, is: Algorithm },
    #[error("the key `{0}` may not leave")]
    NotExportable(KeyName),
    /// Its header says that the key is for something else, or of another kind.
    #[error("the key block's {0} is not one of a {1} key")]
    KeyBlock(&'static str, Purpose),
    #[error("components must be two at least, each as long as the key, all different, and not cancel each other")]
    Components,
    #[error("no wrapping key is configured under which another `{0}` could come or go")]
    NoWrapping(KeyName),
    /// So that no key comes back that was replaced.
    #[error("the key block's key has the check value of `{0}`, which the link has already")]
    Repeated(KeyName),
    #[error("a module has at most {0} keys")]
    Full(usize),
    #[error("counters must be 1 to {DEVICE_KEYS_MAX}, from low to high")]
    Counters,
    #[error(
        "session keys of {0} depend on more than the counter; a device's are of visa-18, visa-22, mastercard-20 or mastercard-21"
    )]
    DeviceVersion(&'static str),
    #[error("the answer to a cryptogram of {0} is by the other method")]
    AnswerMethod(&'static str),
    #[error("a PIN's reference must be `pvv:`, an index and `:`, and four digits, or `ibm3624:` and 4 to 12 digits")]
    PinReference,
    #[error(transparent)]
    Input(#[from] CryptoError),
    #[error("no random bytes from the system: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is not a file of keys", path.display())]
    NotKeys { path: PathBuf },
    #[error("{} is of version {version}, which is not known; this program knows version {known}", path.display())]
    Version { path: PathBuf, version: u8, known: u8 },
    #[error("{} is sealed under another key", path.display())]
    SealingKey { path: PathBuf },
    #[error("{} has been changed or damaged since it was written; restore it from a backup", path.display())]
    Damaged { path: PathBuf },
    #[error(transparent)]
    Token(#[from] TokenError),
}
