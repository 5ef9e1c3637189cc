//! Values that say a card's data was made by its issuer.

use super::{
    decimalise, digits, field,
    key::Tdes,
    mac::{self, Padding},
    modes::xor,
    pack,
};

/// What the value is over. All are the same computation (Visa CVV, Mastercard CVC):
///
/// | value | `date` | `service` |
/// | --- | --- | --- |
/// | CVV, CVC of the stripe | YYMM | the card's |
/// | iCVV of the chip | YYMM | 999 |
/// | CVV2, CVC2 on the card | MMYY | 000 |
/// | dCVV | the card's transaction counter, its last 4 digits | the card's |
#[derive(Clone, Copy)]
pub struct CardData<'a> {
    /// 12 to 19 digits.
    pub pan: &'a str,
    /// Four digits.
    pub date: &'a str,
    /// Three digits.
    pub service: &'a str,
}

/// Three digits.
///
/// # Errors
/// What is not as [`CardData`] says, or what the key's holder says.
pub fn generate<K: Tdes>(key: &K, card: CardData<'_>) -> Result<String, K::Error> {
    let pan = digits(card.pan, 12, 19, field("pan", "12 to 19 digits"))?;
    let date = digits(card.date, 4, 4, field("date", "four digits"))?;
    let service = digits(card.service, 3, 3, field("service_code", "three digits"))?;
    let mut data = zeroize::Zeroizing::new([pan.as_slice(), &date, &service].concat());
    data.resize(32, 0);
    let packed = pack(&data, 0);
    let (blocks, _) = packed.as_chunks::<8>();
    let left = key.encrypt_left(blocks[0])?;
    Ok(decimalise(&key.encrypt(xor(left, &blocks[1]))?, 3))
}

/// Whether `value` is the card's, in constant time.
///
/// # Errors
/// As of [`generate`].
pub fn verify<K: Tdes>(key: &K, card: CardData<'_>, value: &str) -> Result<bool, K::Error> {
    let right = generate(key, card)?;
    Ok(value.len() == right.len() && mac::equal(right.as_bytes(), value.as_bytes()))
}

/// What a contactless card of Mastercard put into its stripe's data.
#[derive(Clone, Copy)]
pub struct DynamicTrack<'a> {
    /// The static part of track 1 or 2, as the card holds it.
    pub template: &'a [u8],
    pub counter: [u8; 2],
    pub unpredictable: [u8; 4],
}

/// CVC3 as a number of up to five digits, of which a track has the last ones that it has room for. `card` is the
/// card's key, derived by option A.
///
/// # Errors
/// What the key's holder says.
pub fn cvc3<K: Tdes>(card: &K, track: DynamicTrack<'_>) -> Result<u16, K::Error> {
    let initial = mac::retail(card, track.template, Padding::Method2)?;
    let [a, b, c, d] = track.unpredictable;
    let out = card.encrypt([initial[6], initial[7], a, b, c, d, track.counter[0], track.counter[1]])?;
    Ok(u16::from_be_bytes([out[6], out[7]]))
}
