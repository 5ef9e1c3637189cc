//! What a card's payment uses up, for good: counters, tries of PINs, and what of the limits.

use causeway_contracts::money::Amount;

use super::Refusal;
use crate::{
    acquiring::{
        host::Outcome,
        issuer::{Holder, Presented},
    },
    service::{
        context::Gateway,
        records::cards::{
            self, devices,
            payments::{self, Payment},
        },
    },
    store::{Sql, StoreError},
};

const DAY_MS: u64 = 86_400_000;

/// The holder as it is now, for this transaction alone.
fn locked(sql: &mut dyn Sql, before: &Holder) -> Result<Holder, StoreError> {
    let card = cards::locked(sql, &before.card.id)?.ok_or(StoreError::Changed)?.card;
    let device = match &before.device {
        Some(device) => Some(devices::locked(sql, &device.id)?.ok_or(StoreError::Changed)?.device),
        None => None,
    };
    Ok(Holder { card, device })
}

fn save(sql: &mut dyn Sql, holder: &Holder) -> Result<(), StoreError> {
    cards::save(sql, &holder.card)?;
    holder
        .device
        .as_ref()
        .map_or(Ok(()), |device| devices::save(sql, device))
}

/// Takes the counter, and a try of the PIN, for good.
pub(super) async fn take(
    gateway: &Gateway,
    holder: &Holder,
    presented: &Presented,
    now_ms: u64,
) -> Result<(), Refusal> {
    let before = holder.clone();
    let status = Presented {
        pan: presented.pan.clone(),
        chip: presented.chip.clone(),
        stripe: None,
        pin_block: None,
        category: None,
        ..*presented
    };
    let taken = gateway.store.write(move |sql| {
        let mut holder = locked(sql, &before)?;
        holder.check(&status, now_ms)?;
        if let Some(chip) = &status.chip {
            holder.take_counter(chip.counter)?;
        }
        holder.values_were_right(&status);
        // No try left: the counter is used all the same.
        let tried = holder.take_pin_try();
        save(sql, &holder)?;
        Ok::<_, Refusal>(tried)
    });
    Ok(taken.await??)
}

pub(super) struct Booked {
    pub message: String,
    /// Whether limits are used.
    pub is_payment: bool,
    /// Whether counter and try were taken, and the PIN was right.
    pub has_taken: bool,
    /// From so much on a tap's holder is to be verified.
    pub verified_from: Amount,
}

/// Takes what was not taken yet, and of the limits.
pub(super) async fn book(
    gateway: &Gateway,
    holder: &Holder,
    presented: Presented,
    booked: Booked,
    now_ms: u64,
) -> Result<(), Refusal> {
    let before = holder.clone();
    let done = gateway.store.write(move |sql| {
        let mut holder = locked(sql, &before)?;
        if booked.has_taken {
            holder.pin_was_right();
        } else {
            holder.check(&presented, now_ms)?;
            if let Some(chip) = &presented.chip {
                holder.take_counter(chip.counter)?;
            }
            holder.values_were_right(&presented);
        }
        save(sql, &holder)?;
        // It may have been blocked while its PIN was looked at.
        if let Err(outcome) = holder.check_status() {
            return Ok(Err(outcome));
        }
        if !booked.is_payment {
            return Ok(Ok(()));
        }
        let day = now_ms / DAY_MS;
        let used = payments::used(sql, &holder.card.id, day)?;
        let within = holder.card.check_limits(&presented, used);
        // Refused for good: the counter is used all the same.
        if let Err(outcome) = within.and_then(|()| holder.check_verification(&presented, booked.verified_from)) {
            return Ok(Err(outcome));
        }
        let payment = Payment {
            card: holder.card.id,
            day,
            amount: presented.amount,
            counter: presented.chip.as_ref().map_or(0, |chip| chip.counter),
            released: false,
        };
        if payments::add(sql, &booked.message, &payment)? {
            Ok(Ok(()))
        } else {
            Ok::<_, Refusal>(Err(Outcome::DuplicateTransmission))
        }
    });
    Ok(done.await??)
}

/// Counts a wrong cryptogram or card value, and blocks the card if there were too many in a row.
pub fn count_wrong_value(sql: &mut dyn Sql, card: &str) -> Result<(), StoreError> {
    let mut card = cards::locked(sql, card)?.ok_or(StoreError::Changed)?.card;
    if card.value_was_wrong() {
        tracing::warn!(card = card.id, "a card is blocked after too many wrong values");
    }
    cards::save(sql, &card)
}

#[cfg(test)]
mod tests;
