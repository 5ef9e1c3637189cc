//! The issuer's rules: whether a card may make a payment, up to the ledger. Purely: time, and what keys say, come in.
//!
//! The first of these that holds is the outcome:
//!
//! | step | fault | outcome, field 39 |
//! | --- | --- | --- |
//! | format | a field is missing or is none; chip data lacks an object, has one twice or of another length | `FormatError` 30 |
//! | | the chip did not ask to go online (9F27) | `InvalidTransaction` 12 |
//! | | a code's chip data with another entry mode, or the reverse (9F1A is 0 in codes) | `FormatError` 30 |
//! | amount | zero; field 4 is not 9F02, or is more than it of a customer's code | `InvalidAmount` 13 |
//! | currency | field 49 is not 5F2A, or is unknown | `InvalidCurrency` 12 |
//! | card | the number is none of ours | `InvalidCard` 14, `NoSuchIssuer` 15 |
//! | status | blocked, lost, stolen, closed; of a device: blocked | 62, 41, 43, 14; 62 |
//! | expiry | its month is over, or another one is told | `ExpiredCard` 54 |
//! | entry | not how the number may be read; a PIN with a device's number | `NotPermittedToCardholder` 57 |
//! | counter | not above the last, or of no batch | `CryptogramWrong` 63 |
//! | | its batch is too old, or the code's time is over | `ExpiredCard` 54, `TooLate` 68 |
//! | cryptogram | wrong | `CryptogramWrong` 63 |
//! | card value | CVV of a stripe, iCVV of a chip: missing or wrong | `CardValueWrong` 05 |
//! | PIN | no try left; wrong | `PinTriesExceeded` 75; `WrongPin` 55 |
//! | limits | not the card's currency; above that of a payment; above that of a day | 12; `OverAmountLimit` 61; `OverFrequencyLimit` 65 |
//! | category | the merchant's is refused | `NotPermittedToCardholder` 57 |
//! | holder | from an amount on (`verified_from`): of a tap or code, verified neither by the phone nor by a PIN | `HolderNotVerified` 65 |
//!
//! A counter is taken once its cryptogram is right, and a try before its PIN is looked at: both are stored first. The
//! status is looked at once more after the PIN. Five wrong cryptograms and card values in a row block the card, whichever
//! of its numbers they come with; one that is missing, or of another kind, is none that could be guessed and is not counted.

mod card;
mod presented;
mod track;
mod verification;

#[cfg(test)]
mod tests;

pub use card::{
    CODE_SECONDS, Card, CardStatus, Device, DeviceStatus, Expiry, Holder, KeyBatch, Limits, PIN_TRIES, WRONG_VALUES_MAX,
};
pub use presented::{Chip, Entry, Presented};
pub use track::{StripeValue, Track2};
pub use verification::{VerifiedFrom, VerifiedFromFault};
