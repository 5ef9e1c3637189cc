//! Cryptograms of cards and devices, and the answers to them.
//!
//! | version | byte | card's key | session key | data after the terminal's | padding | answer |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | Visa 10 | 0A | option A | none | 82 9F36 CVR(4) | zeros | method 1, card's key |
//! | Visa 18, 22 | 12, 16 | option B | EMV | 82 9F36, all of 9F10 | 80 | method 2, session key |
//! | Mastercard 16, 17 | 10, 11 | option A | R = ATC 0000 UN | 82 9F36 CVR(6); 17 adds counters | 80 | method 1, card's key |
//! | Mastercard 20, 21 | 14, 15 | option A | EMV | as 16, 17 | 80 | method 1, session key |
//!
//! The terminal's data: 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37. The MAC is ISO 9797-1 algorithm 3.

use super::{
    CryptoError,
    derivation::{self, CardNumber, MasterKey},
    field,
    key::{BlockCipher, TdesKey, infallible},
    mac::{self, Padding},
    modes::xor,
};

/// By the scheme's decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Visa10,
    Visa18,
    Visa22,
    Mastercard16,
    Mastercard17,
    Mastercard20,
    Mastercard21,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionKey {
    /// The card's own.
    None,
    Emv,
    Mastercard,
}

/// How the issuer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// 8 bytes over an authorisation response code of 2.
    One,
    /// 4 bytes over a card status update of 4, and up to 8 of the issuer's own.
    Two,
}

/// What a cryptogram is over. `issuer` is what [`Version::issuer_data`] takes of tag 9F10.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Tags 9F02 and 9F03, minor units in BCD.
    pub amount: [u8; 6],
    pub other_amount: [u8; 6],
    /// Tag 9F1A.
    pub country: [u8; 2],
    /// Tag 95.
    pub verification_results: [u8; 5],
    /// Tag 5F2A.
    pub currency: [u8; 2],
    /// Tag 9A, YYMMDD.
    pub date: [u8; 3],
    /// Tag 9C.
    pub kind: u8,
    /// Tag 9F37.
    pub unpredictable: [u8; 4],
    /// Tag 82.
    pub interchange_profile: [u8; 2],
    /// Tag 9F36.
    pub counter: [u8; 2],
    pub issuer: Vec<u8>,
}

impl Transaction {
    fn message(&self) -> Vec<u8> {
        let parts: [&[u8]; 11] = [
            &self.amount,
            &self.other_amount,
            &self.country,
            &self.verification_results,
            &self.currency,
            &self.date,
            &[self.kind],
            &self.unpredictable,
            &self.interchange_profile,
            &self.counter,
            &self.issuer,
        ];
        parts.concat()
    }
}

impl Version {
    pub const ALL: [Self; 7] = [
        Self::Visa10,
        Self::Visa18,
        Self::Visa22,
        Self::Mastercard16,
        Self::Mastercard17,
        Self::Mastercard20,
        Self::Mastercard21,
    ];

    /// As the command line and configuration name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visa10 => "visa-10",
            Self::Visa18 => "visa-18",
            Self::Visa22 => "visa-22",
            Self::Mastercard16 => "mastercard-16",
            Self::Mastercard17 => "mastercard-17",
            Self::Mastercard20 => "mastercard-20",
            Self::Mastercard21 => "mastercard-21",
        }
    }

    /// The byte of tag 9F10 that names it.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Visa10 => 10,
            Self::Visa18 => 18,
            Self::Visa22 => 22,
            Self::Mastercard16 => 16,
            Self::Mastercard17 => 17,
            Self::Mastercard20 => 20,
            Self::Mastercard21 => 21,
        }
    }

    const fn is_visa(self) -> bool {
        matches!(self, Self::Visa10 | Self::Visa18 | Self::Visa22)
    }

    /// Of a Visa card, whose 9F10 has length, key index, version.
    ///
    /// # Errors
    /// Too short, or a version that is not of the table.
    pub fn of_visa(issuer_application_data: &[u8]) -> Result<Self, CryptoError> {
        Self::at(issuer_application_data, 2, true)
    }

    /// Of a Mastercard card, whose 9F10 has key index, version.
    ///
    /// # Errors
    /// As of [`Version::of_visa`].
    pub fn of_mastercard(issuer_application_data: &[u8]) -> Result<Self, CryptoError> {
        Self::at(issuer_application_data, 1, false)
    }

    fn at(data: &[u8], at: usize, visa: bool) -> Result<Self, CryptoError> {
        let byte = data.get(at).copied();
        let known = Self::ALL
            .into_iter()
            .find(|version| version.is_visa() == visa && Some(version.byte()) == byte);
        known.ok_or(field(
            "9F10",
            "issuer application data with a cryptogram version that is supported",
        ))
    }

    pub const fn master_key(self) -> MasterKey {
        match self {
            Self::Visa18 | Self::Visa22 => MasterKey::OptionB,
            _ => MasterKey::OptionA,
        }
    }

    pub const fn method(self) -> Method {
        match self {
            Self::Visa18 | Self::Visa22 => Method::Two,
            _ => Method::One,
        }
    }

    const fn session(self) -> SessionKey {
        match self {
            Self::Visa10 => SessionKey::None,
            Self::Mastercard16 | Self::Mastercard17 => SessionKey::Mastercard,
            _ => SessionKey::Emv,
        }
    }

    const fn padding(self) -> Padding {
        if matches!(self, Self::Visa10) {
            Padding::Method1
        } else {
            Padding::Method2
        }
    }

    /// What of tag 9F10 the cryptogram is over: Visa 10 its card verification results (4 bytes from the fourth on),
    /// Visa 18 and 22 all, Mastercard its results (6 from the third on), 17 and 21 with the 8 bytes of counters too.
    ///
    /// # Errors
    /// Too short for its version.
    pub fn issuer_data(self, issuer_application_data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let all = issuer_application_data;
        let part = |range: std::ops::Range<usize>| {
            all.get(range)
                .ok_or(field("9F10", "as long as its cryptogram version needs"))
        };
        match self {
            Self::Visa10 => Ok(part(3..7)?.to_vec()),
            Self::Visa18 | Self::Visa22 if (1..=32).contains(&all.len()) => Ok(all.to_vec()),
            Self::Visa18 | Self::Visa22 => Err(field("9F10", "1 to 32 bytes")),
            Self::Mastercard16 | Self::Mastercard20 => Ok(part(2..8)?.to_vec()),
            Self::Mastercard17 | Self::Mastercard21 => Ok([part(2..8)?, part(10..18)?].concat()),
        }
    }

    /// The card's master key of cryptograms.
    ///
    /// # Errors
    /// A card number that is none, or what the key's holder says.
    pub fn card_key<K: BlockCipher<8>>(self, issuer: &K, card: CardNumber<'_>) -> Result<TdesKey, K::Error> {
        self.master_key().derive(issuer, card)
    }

    /// What the transaction's cryptogram is made under. A limited-use key of a device is this of one counter.
    pub fn session_key(self, card: &TdesKey, counter: [u8; 2], unpredictable: [u8; 4]) -> TdesKey {
        let by = match self.session() {
            SessionKey::None => return card.clone(),
            SessionKey::Emv => derivation::by_counter(counter),
            SessionKey::Mastercard => derivation::by_counter_and_number(counter, unpredictable),
        };
        infallible(derivation::common_session_key(card, by))
    }

    /// The cryptogram under a session key: ARQC, TC or AAC alike.
    pub fn generate(self, session: &TdesKey, transaction: &Transaction) -> [u8; 8] {
        infallible(mac::retail(session, &transaction.message(), self.padding()))
    }

    /// Whether `cryptogram` is the transaction's, in constant time.
    #[must_use]
    pub fn verify(self, session: &TdesKey, transaction: &Transaction, cryptogram: &[u8; 8]) -> bool {
        mac::equal(&self.generate(session, transaction), cryptogram)
    }

    /// The key of the answer: the session's, but the card's own of Visa 10 and Mastercard 16 and 17.
    pub fn answer_key(self, card: &TdesKey, counter: [u8; 2]) -> TdesKey {
        match self.session() {
            SessionKey::Emv => infallible(derivation::common_session_key(card, derivation::by_counter(counter))),
            SessionKey::None | SessionKey::Mastercard => card.clone(),
        }
    }
}

/// Method 1 (EMV Book 2, 8.2.1): 8 bytes; tag 91 is these, then the response code.
pub fn answer_1(key: &TdesKey, cryptogram: &[u8; 8], response_code: [u8; 2]) -> [u8; 8] {
    let [a, b] = response_code;
    infallible(key.encrypt(xor(*cryptogram, &[a, b, 0, 0, 0, 0, 0, 0])))
}

/// Method 2 (EMV Book 2, 8.2.2): 4 bytes; tag 91 is these, the card status update, then the issuer's own data.
///
/// # Errors
/// More than 8 bytes of the issuer's own.
pub fn answer_2(
    key: &TdesKey,
    cryptogram: &[u8; 8],
    status_update: [u8; 4],
    own: &[u8],
) -> Result<[u8; 4], CryptoError> {
    if own.len() > 8 {
        return Err(field("proprietary_auth_data", "at most 8 bytes"));
    }
    let message = [cryptogram.as_slice(), &status_update, own].concat();
    let [a, b, c, d, ..] = infallible(mac::retail(key, &message, Padding::Method2));
    Ok([a, b, c, d])
}
