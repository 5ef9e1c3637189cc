//! The code that a customer shows instead of a tap: chip data that no terminal has had a part in.
//!
//! | tag | value |
//! | --- | --- |
//! | 9F02 | the most that the holder agrees to pay, 0 if that was not said |
//! | 5F2A | the currency of the device |
//! | 9A | the day in UTC |
//! | 9F37 | the second, since 1970, from which on it is not to be taken, in 4 bytes |
//! | 9F03 9F1A 95 9C 82 | zeros |
//! | 9F36, 9F10 | as in a tap; the holder was verified by the phone |
//!
//! All of it is under the cryptogram, so that whoever shows or reads a code cannot change it. The amount and the
//! merchant are not: they are known when the code is read, and the issuer compares the amount with 9F02. No terminal
//! is in the country 0, so that a code's cryptogram is none of a tap.

use zeroize::Zeroizing;

use super::{Applet, LimitedUseKey, ONLINE, issuer_data};
use crate::{
    crypto::cryptogram::{Transaction, Version},
    emv::tags::named as tags,
    qr::cpm::{BuildError, Number, build},
};

/// For how long a code is to be shown.
pub const CODE_SECONDS: u32 = 60;

/// What a code is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Minor units; twelve digits at most. `None` leaves it to the issuer's limits.
    pub amount_max: Option<u64>,
    /// ISO 4217 numeric.
    pub currency: u16,
    /// YY, MM, DD as numbers, of the day in UTC.
    pub date: [u8; 3],
    /// From this second since 1970 on it is not to be taken.
    pub until: u32,
}

/// Every key is used: the device must get more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("every limited-use key is used")]
pub struct OutOfKeys;

/// A code whose key is taken and that is not yet had. Dropped, it costs the counter.
#[must_use]
pub struct UnsavedCode<'a> {
    applet: &'a Applet,
    key: LimitedUseKey,
    transaction: Transaction,
}

impl Applet {
    /// Takes a key for a code.
    ///
    /// # Errors
    /// There is none left.
    ///
    /// # Panics
    /// If the amount has more than twelve digits, or the currency more than three.
    pub fn offer(&mut self, offer: &Offer) -> Result<UnsavedCode<'_>, OutOfKeys> {
        let amount = offer.amount_max.unwrap_or(0);
        assert!(amount < 1_000_000_000_000 && offer.currency < 1_000, "{offer:?}");
        let key = self.keys.take().ok_or(OutOfKeys)?;
        let transaction = Transaction {
            amount: bcd(amount),
            other_amount: [0; 6],
            country: [0; 2],
            verification_results: [0; 5],
            currency: bcd(offer.currency.into()),
            date: offer.date.map(|part| bcd::<1>(part.into())[0]),
            kind: 0,
            unpredictable: offer.until.to_be_bytes(),
            interchange_profile: [0; 2],
            counter: key.counter.to_be_bytes(),
            issuer: issuer_data(self.key_index, true),
        };
        Ok(UnsavedCode {
            applet: self,
            key,
            transaction,
        })
    }
}

impl UnsavedCode<'_> {
    /// What to save as the last counter, before [`Self::saved`].
    pub fn counter(&self) -> u16 {
        self.key.counter
    }

    /// The counter is saved for good: the text of the code.
    pub fn saved(self) -> Result<Zeroizing<String>, BuildError> {
        let it = &self.transaction;
        let cryptogram = Version::Visa18.generate(&self.key.key, it);
        let token = &self.applet.token;
        build(
            &Number::Track2(&token.track_2()),
            &[
                (tags::CRYPTOGRAM, &cryptogram),
                (tags::CRYPTOGRAM_KIND, &[ONLINE]),
                (tags::ISSUER_DATA, &it.issuer),
                (tags::COUNTER, &it.counter),
                (tags::INTERCHANGE_PROFILE, &it.interchange_profile),
                (tags::UNPREDICTABLE, &it.unpredictable),
                (tags::VERIFICATION_RESULTS, &it.verification_results),
                (tags::DATE, &it.date),
                (tags::KIND, &[it.kind]),
                (tags::AMOUNT, &it.amount),
                (tags::OTHER_AMOUNT, &it.other_amount),
                (tags::CURRENCY, &it.currency),
                (tags::COUNTRY, &it.country),
                (tags::SEQUENCE, &[token.sequence()]),
            ],
        )
    }
}

fn bcd<const N: usize>(mut number: u64) -> [u8; N] {
    let mut all = [0; N];
    for byte in all.iter_mut().rev() {
        *byte = (number % 10) as u8 | ((number / 10 % 10) as u8) << 4;
        number /= 100;
    }
    all
}

#[cfg(test)]
mod tests;
