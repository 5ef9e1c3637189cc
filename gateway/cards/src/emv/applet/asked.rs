//! What the terminal tells with GET PROCESSING OPTIONS.

use super::Consent;
use crate::{
    crypto::cryptogram::Transaction,
    emv::{tags::named as tags, tlv::Tag},
};

/// What the terminal must tell: its qualifiers, then what cryptograms are over, in their order.
const WANTED: [(Tag, u8); 9] = [
    (tags::TERMINAL_QUALIFIERS, 4),
    (tags::AMOUNT, 6),
    (tags::OTHER_AMOUNT, 6),
    (tags::COUNTRY, 2),
    (tags::VERIFICATION_RESULTS, 5),
    (tags::CURRENCY, 2),
    (tags::DATE, 3),
    (tags::KIND, 1),
    (tags::UNPREDICTABLE, 4),
];
pub(super) const WANTED_BYTES: usize = 33;

/// Nothing offline: no data authentication, no terminal risk management.
const INTERCHANGE_PROFILE: [u8; 2] = [0, 0];

/// What the terminal has told, as [`WANTED`] lists it.
pub(super) struct Asked {
    terminal_qualifiers: [u8; 4],
    /// Without counter and issuer data.
    pub transaction: Transaction,
}

impl Asked {
    /// Tag 9F38.
    pub fn list() -> Vec<u8> {
        let mut wanted = Vec::new();
        for (tag, length) in WANTED {
            tag.append_to(&mut wanted);
            wanted.push(length);
        }
        wanted
    }

    pub fn read(bytes: &[u8; WANTED_BYTES]) -> Self {
        let mut rest = bytes.as_slice();
        Self {
            terminal_qualifiers: take(&mut rest),
            transaction: Transaction {
                amount: take(&mut rest),
                other_amount: take(&mut rest),
                country: take(&mut rest),
                verification_results: take(&mut rest),
                currency: take(&mut rest),
                date: take(&mut rest),
                kind: take::<1>(&mut rest)[0],
                unpredictable: take(&mut rest),
                interchange_profile: INTERCHANGE_PROFILE,
                counter: [0; 2],
                issuer: Vec::new(),
            },
        }
    }

    /// What is no number is within nothing.
    pub fn is_within(&self, consent: Consent) -> bool {
        let Transaction { amount, currency, .. } = &self.transaction;
        number(currency) == Some(consent.currency.into())
            && number(amount).is_some_and(|amount| amount <= consent.amount_max)
    }

    /// Tag 9F6C: how the holder is verified. `None` when the terminal wants that and the phone is locked: issuers take no
    /// PIN with a phone's number, so that a terminal's PIN pad is of no use.
    pub fn card_qualifiers(&self, is_unlocked: bool) -> Option<[u8; 2]> {
        let is_wanted = self.terminal_qualifiers[1] & 0x40 != 0;
        match (is_unlocked, is_wanted) {
            (true, _) => Some([0, 0x80]),
            (false, false) => Some([0, 0]),
            (false, true) => None,
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (first, after) = rest.split_first_chunk().expect("the lengths of what is wanted add up");
    *rest = after;
    *first
}

/// Of format n: two digits a byte.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0, |number, byte| {
        let (tens, ones) = (u64::from(byte >> 4), u64::from(byte & 15));
        (tens < 10 && ones < 10).then_some(100 * number + 10 * tens + ones)
    })
}
