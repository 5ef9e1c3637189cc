//! The tables: one file each, of functions over a transaction.

pub mod accounts;
pub mod authorizations;
pub mod bulks;
pub mod card_advices;
pub mod card_attempts;
pub mod card_reversals;
pub mod cards;
pub mod clients;
pub mod disputes;
pub mod entries;
pub mod events;
pub mod followed;
pub mod idempotency;
pub mod jobs;
pub mod merchants;
pub mod messages;
pub mod movements;
mod newest;
pub mod order_holds;
pub mod orders;
pub mod paybacks;
pub mod quotes;
pub mod remittances;
pub mod settlements;
pub mod webhooks;

use crate::store::StoreError;

/// So many objects are on a page of a list, at most.
pub const PAGE_MAX: usize = 100;

/// A JSON document of a row.
fn document<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("it has a JSON form")
}

/// Whole numbers of the databases have a sign.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64, column: usize) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Column { column })
}
