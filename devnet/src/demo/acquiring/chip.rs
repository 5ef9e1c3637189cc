//! A card's chip, as far as a terminal's field 55 needs one: track 2, and a cryptogram for a payment.
//!
//! The devnet personalises it. The issuer's master key stays in the issuer's security module, which gives the card's key of one
//! counter and its card value (iCVV). No card is in a reader: what is asked for and how it is checked is all the same.

use anyhow::{Context, ensure};
use causeway_cards::{
    crypto::{
        cryptogram::{Transaction, Version},
        cvv::CardData,
        derivation::CardNumber,
        key::TdesKey,
    },
    currency,
    emv::{tags::named as tags, tlv::Writer},
};
use causeway_contracts::money::Amount;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{CURRENCY, customers::Card, leaks::Cards};
use crate::{
    folder::ServiceFolder,
    services::cards::{CARD_VALUES, MASTER, security_module},
};

/// The only one that it has a key of.
const COUNTER: u16 = 1;

/// By which the value on a chip differs from that on a stripe.
const CHIP_SERVICE: &str = "999";

/// For use in all countries, by its chip (ISO/IEC 7813).
const SERVICE: &str = "201";

/// Germany's (ISO 3166-1), in two digits a byte.
const COUNTRY: [u8; 2] = [0x02, 0x76];

/// Tag 9F10: length, key index, version, and results that say that a cryptogram for the issuer was asked for.
const ISSUER_DATA: [u8; 7] = [6, 1, Version::Visa18.byte(), 3, 0xa0, 0, 0];

/// Tag 9F27 of a cryptogram for the issuer (ARQC).
const FOR_ISSUER: u8 = 0x80;

pub struct Chip {
    track: String,
    key: TdesKey,
}

impl Chip {
    pub fn personalise(issuer: &ServiceFolder, card: &Card, cards: &mut Cards) -> anyhow::Result<Self> {
        let hsm = security_module(issuer)?;
        let number = CardNumber {
            pan: &card.number,
            sequence: Some(&card.sequence),
        };
        let keys = hsm.device_keys(&MASTER.parse()?, Version::Visa18, number, COUNTER..=COUNTER)?;
        let key = keys.into_iter().next().context("one counter has one key")?.key;
        let data = CardData {
            pan: &card.number,
            date: &card.expiry,
            service: CHIP_SERVICE,
        };
        let value = hsm.cvv(&CARD_VALUES.parse()?, data)?;
        cards.key("a key of David's chip", key.bytes());
        Ok(Self {
            track: format!("{}D{}{SERVICE}00000{}", card.number, card.expiry, &*value),
            key,
        })
    }

    /// The body of `/v1/orders/{id}/card` by which this is paid.
    pub fn pay(&self, amount: Amount) -> anyhow::Result<Value> {
        let transaction = transaction(amount)?;
        let cryptogram = Version::Visa18.generate(&self.key, &transaction);
        let mut chip = Writer::new();
        chip.primitive(tags::AMOUNT, &transaction.amount)
            .primitive(tags::OTHER_AMOUNT, &transaction.other_amount)
            .primitive(tags::COUNTRY, &transaction.country)
            .primitive(tags::VERIFICATION_RESULTS, &transaction.verification_results)
            .primitive(tags::CURRENCY, &transaction.currency)
            .primitive(tags::DATE, &transaction.date)
            .primitive(tags::KIND, &[transaction.kind])
            .primitive(tags::UNPREDICTABLE, &transaction.unpredictable)
            .primitive(tags::INTERCHANGE_PROFILE, &transaction.interchange_profile)
            .primitive(tags::COUNTER, &transaction.counter)
            .primitive(tags::ISSUER_DATA, &transaction.issuer)
            .primitive(tags::CRYPTOGRAM, &cryptogram)
            .primitive(tags::CRYPTOGRAM_KIND, &[FOR_ISSUER]);
        Ok(json!({ "entry": "chip", "track2": self.track, "chip": hex::encode(chip.into_bytes()) }))
    }
}

/// What the terminal says of the payment, and the chip of itself.
fn transaction(amount: Amount) -> anyhow::Result<Transaction> {
    let mut unpredictable = [0; 4];
    getrandom::fill(&mut unpredictable)?;
    let today = OffsetDateTime::now_utc().date();
    let date = format!(
        "{:02}{:02}{:02}",
        today.year() % 100,
        u8::from(today.month()),
        today.day()
    );
    let number = currency::numeric(CURRENCY).context("the currency has a number")?;
    Ok(Transaction {
        amount: digits(&format!("{:012}", amount.0))?,
        other_amount: [0; 6],
        country: COUNTRY,
        verification_results: [0; 5],
        currency: digits(&format!("{number:0>4}"))?,
        date: digits(&date)?,
        kind: 0,
        unpredictable,
        interchange_profile: [0; 2],
        counter: COUNTER.to_be_bytes(),
        issuer: ISSUER_DATA.to_vec(),
    })
}

/// Two digits a byte.
fn digits<const N: usize>(text: &str) -> anyhow::Result<[u8; N]> {
    ensure!(text.len() == 2 * N, "'{text}' has {} digits", 2 * N);
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)?;
    Ok(bytes)
}
