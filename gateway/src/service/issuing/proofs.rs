//! What only keys can say of a card's payment: whether its cryptogram, its card value and its PIN are right.

use std::sync::Arc;

use causeway_cards::{
    crypto::{CryptoError, cryptogram::Version, cvv::CardData, derivation::CardNumber},
    emv::tlv::{Tag, Writer},
};
use zeroize::Zeroizing;

use super::Refusal;
use crate::{
    acquiring::{
        host::Outcome,
        hsm::{Answer, Cryptogram, Hsm, HsmError, PinBlock},
        issuer::{Chip, Entry, Holder, Presented},
        pin_keys::PinKeys,
    },
    service::config::KeyNames,
};

/// Issuer authentication data.
const ANSWER: Tag = Tag::of(0x91);

/// The service code over which the value of a chip's track is made.
const CHIP_SERVICE: &str = "999";
/// And of the one that is printed on it.
const PRINTED_SERVICE: &str = "000";

/// A card status update: approved (byte 2, bit 8: EMV Book 3, annex C10), and nothing of the card is changed.
const APPROVED: [u8; 4] = [0, 0x80, 0, 0];

/// What only keys can say.
pub(super) struct Proofs {
    pub hsm: Arc<dyn Hsm>,
    pub names: KeyNames,
    pub pin_keys: Arc<PinKeys>,
    pub holder: Holder,
    /// Of the number that was presented.
    pub digits: Zeroizing<String>,
}

impl Proofs {
    /// The cryptogram, and the value of a track; gives field 55 of the answer.
    pub fn check(&self, presented: &Presented) -> Result<Option<Vec<u8>>, Refusal> {
        let answer = match &presented.chip {
            Some(chip) => Some(self.check_cryptogram(chip)?),
            None => None,
        };
        if self.holder.needs_value(presented.entry) {
            self.check_value(presented)?;
        }
        Ok(answer)
    }

    fn check_cryptogram(&self, chip: &Chip) -> Result<Vec<u8>, Refusal> {
        if Version::of_visa(&chip.transaction.issuer) != Ok(Version::Visa18) {
            return Err(Outcome::CryptogramWrong.into());
        }
        let is_device = self.holder.device.is_some();
        let master = if is_device {
            &self.names.devices
        } else {
            &self.names.cards
        };
        let sequence = format!("{:02}", self.holder.sequence());
        let cryptogram = Cryptogram {
            version: Version::Visa18,
            card: CardNumber {
                pan: &self.digits,
                sequence: Some(&sequence),
            },
            transaction: &chip.transaction,
            value: &chip.cryptogram,
        };
        if !self.hsm.verify_cryptogram(master, &cryptogram)? {
            return Err(self.wrong(Outcome::CryptogramWrong));
        }
        let answer = Answer::Two {
            update: APPROVED,
            own: &[],
        };
        let data = self.hsm.response_cryptogram(master, &cryptogram, answer)?;
        let mut field = Writer::new();
        field.primitive(ANSWER, &data);
        Ok(field.into_bytes())
    }

    fn check_value(&self, presented: &Presented) -> Result<(), Refusal> {
        let stripe = presented.stripe.as_ref().ok_or(Outcome::CardValueWrong)?;
        // A stripe that is made of a chip's data, or of what is printed, has these.
        if presented.entry == Entry::Stripe && [CHIP_SERVICE, PRINTED_SERVICE].contains(&&*stripe.service) {
            return Err(Outcome::CardValueWrong.into());
        }
        let card = CardData {
            pan: &self.digits,
            date: &self.holder.card.expiry.to_string(),
            service: match presented.entry {
                Entry::Stripe => &stripe.service,
                _ => CHIP_SERVICE,
            },
        };
        let is_right = self.hsm.verify_cvv(&self.names.cvv, card, &stripe.value)?;
        is_right
            .then_some(())
            .ok_or_else(|| self.wrong(Outcome::CardValueWrong))
    }

    /// What was looked at and was wrong counts.
    fn wrong(&self, outcome: Outcome) -> Refusal {
        Refusal::WrongValue {
            outcome,
            card: self.holder.card.id.clone(),
        }
    }

    /// A block of another key, number or format is a wrong PIN.
    pub fn check_pin(&self, block: [u8; 8]) -> Result<(), Refusal> {
        let reference = self.holder.card.pin.as_deref().ok_or(Outcome::WrongPin)?.parse()?;
        let key = &self.names.pin_verification;
        let block = PinBlock::Format0(block);
        for (id, pin_key) in self.pin_keys.good() {
            let name = pin_key.name();
            match self.hsm.verify_pin(name, &block, &self.digits, key, &reference) {
                Err(HsmError::Input(CryptoError::PinBlock(_))) => {}
                verified => {
                    let is_right = verified?;
                    self.pin_keys.heard(id);
                    return is_right.then_some(()).ok_or(Outcome::WrongPin.into());
                }
            }
        }
        Err(Outcome::WrongPin.into())
    }
}
