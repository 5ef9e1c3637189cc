//! Devices that stand for cards: numbers of their own, and keys for ten payments at a time. Answers with keys are kept
//! nowhere: a request that comes again has the same keys, since the security module makes them of their counters.

use std::sync::Arc;

use causeway_cards::crypto::{cryptogram::Version, derivation::CardNumber};
use causeway_contracts::money::Currency;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{NUMBERS_MAX, blocking, draw, issuing, opened, wrong_state};
use crate::{
    acquiring::{
        hsm::DeviceKey,
        issuer::{Card, CardStatus, Device, DeviceStatus, KeyBatch},
    },
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        id,
        problem::{Code, Problem},
        records::cards::{
            self,
            devices::{self, StoredDevice},
        },
    },
    store::StoreError,
};

/// Keys that are given at a time.
const KEYS: u16 = 10;

/// As many as a device holds at most.
const KEYS_MAX: u64 = causeway_cards::emv::applet::KEYS_MAX as u64;

const GOOD_SECONDS: u64 = 7 * 86_400;

/// Of one card.
const DEVICES_MAX: u64 = 10;

/// What a wallet stores of a device.
#[derive(Serialize, ToSchema)]
pub struct Provisioning {
    /// 1
    version: u8,
    device: String,
    /// All digits of the device's number.
    #[schema(value_type = String)]
    #[serde(serialize_with = "digits")]
    token: Zeroizing<String>,
    /// YYMM
    expiry: String,
    psn: String,
    #[schema(value_type = String)]
    currency: Currency,
    keys: Vec<ProvisionedKey>,
    /// Seconds since 1970: until then the keys are taken.
    good_until: u64,
}

#[derive(Serialize, ToSchema)]
pub struct ProvisionedKey {
    /// Tag 9F36.
    atc: u16,
    /// A double-length DES key, in 32 hexadecimal digits.
    #[schema(value_type = String)]
    #[serde(serialize_with = "hexadecimal")]
    key: Zeroizing<[u8; 16]>,
}

fn digits<S: Serializer>(digits: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(digits)
}

fn hexadecimal<S: Serializer>(key: &Zeroizing<[u8; 16]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(hex::encode(key.as_slice())))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceView {
    pub id: String,
    /// `device`
    pub object: &'static str,
    /// `active` or `blocked`
    #[schema(value_type = String)]
    pub state: DeviceStatus,
    pub card: String,
}

fn batch(first: u16, now_ms: u64) -> Option<KeyBatch> {
    Some(KeyBatch {
        first,
        last: first.checked_add(KEYS - 1)?,
        good_until: now_ms / 1_000 + GOOD_SECONDS,
    })
}

async fn provisioning(
    gateway: &Gateway,
    card: &Card,
    stored: StoredDevice,
    batch: KeyBatch,
) -> Result<Provisioning, Problem> {
    let (issuing, hsm) = issuing(gateway)?;
    let device = stored.device;
    let token = opened(gateway, &device.id, &stored.number)?;
    let (master, psn) = (issuing.keys.devices.clone(), format!("{:02}", device.sequence));
    let (pan, sequence) = (token.clone(), psn.clone());
    let keys = blocking(move || {
        let number = CardNumber {
            pan: &pan,
            sequence: Some(&sequence),
        };
        hsm.device_keys(&master, Version::Visa18, number, batch.first..=batch.last)
    });
    let given = |key: DeviceKey| ProvisionedKey {
        atc: key.counter,
        key: Zeroizing::new(*key.key.bytes()),
    };
    Ok(Provisioning {
        version: 1,
        device: device.id,
        expiry: device.expiry.to_string(),
        psn,
        currency: card.currency,
        keys: keys.await?.into_iter().map(given).collect(),
        good_until: batch.good_until,
        token,
    })
}

/// A device that pays like the card
///
/// Answers what a wallet stores, with keys for the first ten payments; they are good for seven days. The same request
/// has the same answer, which is kept nowhere.
#[utoipa::path(post, path = "/v1/cards/{id}/devices", params(("id" = String, Path)),
    request_body = crate::service::api::remittances::NothingRequest, responses((status = 201, body = Provisioning)))]
pub async fn provision(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    super::find(gateway, call).await?;
    let (issuing, _) = issuing(gateway)?;
    let id = id::named("dev", &call.object);
    for _ in 0..NUMBERS_MAX {
        let number = draw(gateway, &id, &issuing.token_bin)?;
        let (client, card, now_ms) = (call.client().id.clone(), call.parameter("id").to_owned(), call.now_ms);
        let (id, made_by) = (id.clone(), call.object.clone());
        let added = gateway.store.write::<_, ChangeError, _>(move |sql| {
            let found = cards::locked(sql, &card)?.filter(|stored| stored.card.client == client);
            let card = found.ok_or_else(|| Problem::not_found("card"))?.card;
            if let Some(made) = devices::find(sql, &client, &id)? {
                return Ok(Some((card, made)));
            }
            if card.status != CardStatus::Active {
                return Err(wrong_state(&card).into());
            }
            if devices::count(sql, &card.id)? >= DEVICES_MAX {
                let detail = format!("a card has at most {DEVICES_MAX} devices");
                return Err(Problem::new(Code::TooMany, detail).into());
            }
            let stored = StoredDevice {
                client,
                number,
                device: Device {
                    id,
                    card: card.id.clone(),
                    status: DeviceStatus::Active,
                    expiry: card.expiry,
                    sequence: 0,
                    batches: batch(1, now_ms).into_iter().collect(),
                    counter: 0,
                    created_ms: now_ms,
                },
            };
            if !devices::add(sql, &stored)? {
                return Ok(None);
            }
            for batch in &stored.device.batches {
                devices::add_batch(sql, &stored.device.id, *batch, &made_by)?;
            }
            Ok(Some((card, stored)))
        });
        if let Some((card, device)) = added.await? {
            let first = *device.device.batches.first().ok_or(StoreError::Changed)?;
            return Ok(Reply::created(&provisioning(gateway, &card, device, first).await?).secret());
        }
    }
    Err(Problem::new(
        Code::TooMany,
        "the numbers of this issuer's devices are used up",
    ))
}

fn blocked(device: &Device) -> Result<(), Problem> {
    if device.status == DeviceStatus::Active {
        return Ok(());
    }
    let detail = "the device is blocked; its card may have another";
    Err(Problem::new(Code::CardState, detail).with(serde_json::json!({ "state": "blocked" })))
}

/// The batch after the last, while the device has room for it.
fn next(device: &Device, now_ms: u64) -> Result<KeyBatch, Problem> {
    let good = device.batches.iter().filter(|batch| batch.good_until > now_ms / 1_000);
    let unused = good.map(|batch| u64::from(batch.last.saturating_sub(batch.first.max(device.counter + 1) - 1)));
    if unused.sum::<u64>() + u64::from(KEYS) > KEYS_MAX {
        let detail = format!("a device holds at most {KEYS_MAX} keys that are good; it is to use some first");
        return Err(Problem::new(Code::TooMany, detail));
    }
    let last = device.batches.last().map_or(0, |batch| batch.last).max(device.counter);
    let first = last.checked_add(1);
    let batch = first.and_then(|first| batch(first, now_ms));
    batch.ok_or_else(|| {
        Problem::new(
            Code::TooMany,
            "the device's counters are used up; the card may have another",
        )
    })
}

/// Keys for the next ten payments
#[utoipa::path(post, path = "/v1/devices/{id}/keys", params(("id" = String, Path)),
    request_body = crate::service::api::remittances::NothingRequest, responses((status = 200, body = Provisioning)))]
pub async fn keys(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let known = (client.clone(), id.clone());
    let known = gateway
        .store
        .read::<_, StoreError, _>(move |sql| devices::find(sql, &known.0, &known.1));
    known.await?.ok_or_else(|| Problem::not_found("device"))?;
    issuing(gateway)?;
    let (made_by, now_ms) = (call.object.clone(), call.now_ms);
    let added = gateway.store.write::<_, ChangeError, _>(move |sql| {
        let found = devices::find(sql, &client, &id)?;
        let card = found.ok_or_else(|| Problem::not_found("device"))?.device.card;
        let card = cards::locked(sql, &card)?.ok_or(StoreError::Changed)?.card;
        let stored = devices::locked(sql, &id)?.ok_or(StoreError::Changed)?;
        if let Some(before) = devices::batch_of(sql, &id, &made_by)? {
            return Ok((card, stored, before));
        }
        if card.status != CardStatus::Active {
            return Err(wrong_state(&card).into());
        }
        blocked(&stored.device)?;
        let batch = next(&stored.device, now_ms)?;
        devices::add_batch(sql, &id, batch, &made_by)?;
        Ok((card, stored, batch))
    });
    let (card, device, batch) = added.await?;
    Ok(Reply::ok(&provisioning(gateway, &card, device, batch).await?).secret())
}

/// Ends a device, for good
#[utoipa::path(post, path = "/v1/devices/{id}/block", params(("id" = String, Path)),
    request_body = crate::service::api::remittances::NothingRequest, responses((status = 200, body = DeviceView)))]
pub async fn block(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let changed = gateway.store.write::<_, ChangeError, _>(move |sql| {
        let found = devices::locked(sql, &id)?.filter(|stored| stored.client == client);
        let mut device = found.ok_or_else(|| Problem::not_found("device"))?.device;
        device.status = DeviceStatus::Blocked;
        devices::save(sql, &device)?;
        Ok(device)
    });
    let device = changed.await?;
    Ok(Reply::ok(&DeviceView {
        id: device.id,
        object: "device",
        state: device.status,
        card: device.card,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wallets store it so.
    #[test]
    fn what_a_wallet_stores_stays_what_it_is() {
        let given = Provisioning {
            version: 1,
            device: "dev_1".to_owned(),
            token: Zeroizing::new("9900010000000018".to_owned()),
            expiry: "3011".to_owned(),
            psn: "00".to_owned(),
            currency: Currency::new("EUR").expect("a code"),
            keys: vec![ProvisionedKey {
                atc: 1,
                key: Zeroizing::new([0xab; 16]),
            }],
            good_until: 1_796_601_600,
        };
        assert_eq!(
            serde_json::to_string(&given).expect("a JSON form"),
            r#"{"version":1,"device":"dev_1","token":"9900010000000018","expiry":"3011","psn":"00","currency":"EUR","keys":[{"atc":1,"key":"abababababababababababababababab"}],"good_until":1796601600}"#
        );
    }
}
