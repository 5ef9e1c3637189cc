//! What comes of a tap that went well.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    Failure,
    card::{CardData, track_2_text},
    terminal::Told,
};
use crate::emv::{tags::named as tags, tlv::Writer};

/// How the holder is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderVerification {
    /// The amount does not need it.
    None,
    /// By the phone, before the tap.
    OnDevice,
    /// The terminal asks for the PIN now, and sends it enciphered.
    OnlinePin,
    Signature,
}

impl HolderVerification {
    /// Tag 9F34 (EMV Book 4, annex A4): method, condition, result.
    pub fn results(self) -> [u8; 3] {
        match self {
            Self::None => [0x3f, 0, 0],
            Self::OnDevice => [0x01, 0, 2],
            Self::OnlinePin => [0x02, 0, 0],
            Self::Signature => [0x1e, 0, 0],
        }
    }

    /// By what card (9F6C) and terminal both can; PIN before phone before signature (EMV Contactless Book C-3).
    pub(super) fn choose(told: &Told, card: &CardData) -> Result<Self, Failure> {
        let [first, second] = match card.get(tags::CARD_QUALIFIERS) {
            Some(&[first, second]) => [first, second],
            // A card that says nothing leaves it to the terminal.
            _ => [0xc0, 0],
        };
        if first & 0x80 != 0 && told.terminal.has_online_pin && told.wants_holder() {
            return Ok(Self::OnlinePin);
        }
        if second & 0x80 != 0 {
            return Ok(Self::OnDevice);
        }
        if !told.wants_holder() {
            return Ok(Self::None);
        }
        if first & 0x40 != 0 && told.terminal.has_signature {
            return Ok(Self::Signature);
        }
        Err(Failure::HolderNotVerified)
    }
}

/// What the issuer is asked with.
pub struct Outcome {
    /// Field 55: data objects in BER-TLV.
    pub de55: Vec<u8>,
    /// Tag 57 as field 35 has it, `D` between number and expiry.
    pub track_2: Zeroizing<String>,
    /// Field 23, of tag 5F34 in BCD.
    pub sequence: Option<u8>,
    pub holder_verification: HolderVerification,
}

// Track 2 is in no log; DE55 has no card number.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("de55", &hex::encode(&self.de55))
            .field("sequence", &self.sequence)
            .field("holder_verification", &self.holder_verification)
            .finish_non_exhaustive()
    }
}

impl Outcome {
    /// `name` is the application's (tag 84).
    pub(super) fn of(told: &Told, card: &CardData, name: &[u8]) -> Result<Self, Failure> {
        if card.need(tags::CRYPTOGRAM_KIND)?[0] & 0xc0 != 0x80 {
            return Err(Failure::NotOnline);
        }
        let holder_verification = HolderVerification::choose(told, card)?;
        let track_2 = track_2_text(card.need(tags::TRACK_2)?).ok_or(Failure::Track2)?;
        let mut de55 = Writer::new();
        for tag in [
            tags::CRYPTOGRAM,
            tags::CRYPTOGRAM_KIND,
            tags::ISSUER_DATA,
            tags::COUNTER,
            tags::INTERCHANGE_PROFILE,
        ] {
            de55.primitive(tag, card.need(tag)?);
        }
        for tag in [
            tags::UNPREDICTABLE,
            tags::VERIFICATION_RESULTS,
            tags::DATE,
            tags::KIND,
            tags::AMOUNT,
            tags::OTHER_AMOUNT,
            tags::CURRENCY,
            tags::COUNTRY,
            tags::TERMINAL_CAPABILITIES,
            tags::TERMINAL_KIND,
        ] {
            de55.primitive(tag, &told.value(tag).expect("the terminal knows its own"));
        }
        de55.primitive(tags::HOLDER_VERIFICATION, &holder_verification.results());
        de55.primitive(tags::NAME, name);
        for tag in [tags::SEQUENCE, tags::FORM_FACTOR] {
            if let Some(value) = card.get(tag) {
                de55.primitive(tag, value);
            }
        }
        Ok(Self {
            de55: de55.into_bytes(),
            track_2,
            sequence: card.get(tags::SEQUENCE).map(|value| value[0]),
            holder_verification,
        })
    }
}
