//! Payments by a merchant's static code: each makes an order of its own, which it pays.

use causeway_contracts::{
    identity::{AccountId, Address},
    transaction::TxId,
};
use sha2::{Digest, Sha256};

use super::{booked::payment, memo, named_as, tell};
use crate::{
    acquiring::order::{Beginning, Capture, Order},
    bookkeeping::Entry,
    service::{
        context::Gateway,
        id,
        records::{
            accounts,
            merchants::{self, Merchant},
            orders,
        },
    },
    store::{Sql, StoreError},
};

/// Of a payment's memo, before the merchant's id in 22 characters.
const MERCHANT: &str = "merchant";

/// Where the merchant's orders are paid to.
pub fn pay_to(gateway: &Gateway, sql: &mut dyn Sql, merchant: &Merchant) -> Result<AccountId, StoreError> {
    let Some(id) = &merchant.body.account else {
        return Ok(gateway.account_of(gateway.us()));
    };
    let account = accounts::any_account(sql, id)?.ok_or(StoreError::Changed)?;
    let address: Address = account.address.parse().map_err(|_| StoreError::Changed)?;
    Ok(address.account)
}

/// The entries of final blocks, in which those that name a merchant name an order instead: one that is made for each, of
/// just its amount, and in time. So whatever holds of payments for orders holds of these: a suspended merchant's are sent
/// back. One that names a merchant of which this database knows nothing, or that went to another account, is left as it is.
pub(in crate::service) fn with_orders(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    entries: &[Entry],
) -> Result<Vec<Entry>, StoreError> {
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries {
        let order = begin(gateway, sql, entry)?;
        all.push(Entry {
            memo: order.map_or_else(|| entry.memo.clone(), |order| memo(&order)),
            ..entry.clone()
        });
    }
    Ok(all)
}

/// Stores the order that the entry asks for. `None` if it asks for none, or if it is there: the entry was booked before.
fn begin(gateway: &Gateway, sql: &mut dyn Sql, entry: &Entry) -> Result<Option<String>, StoreError> {
    let (Some(merchant), Some(payment)) = (named_as(MERCHANT, "mer", &entry.memo), payment(entry)) else {
        return Ok(None);
    };
    let Some(merchant) = merchants::any(sql, &merchant)? else {
        return Ok(None);
    };
    let pay_to = pay_to(gateway, sql, &merchant)?;
    if pay_to != entry.account {
        return Ok(None);
    }
    // The follower has asked for it. If it is lost again the block is booked later.
    let exponent = gateway.exponents.of(payment.currency).map_err(|_| StoreError::Busy)?;
    let order = Order::begin(Beginning {
        id: order_id(payment.transaction, entry),
        client: merchant.client,
        merchant: merchant.id,
        store: None,
        terminal: None,
        reference: None,
        description: None,
        pay_to,
        currency: payment.currency,
        exponent,
        amount: payment.amount,
        now_ms: payment.time_ms,
        // After the block of the payment, before any other.
        expires_ms: payment.time_ms + 1,
        capture: Capture::Automatic,
    });
    let checkout = Sha256::digest(gateway.keys.checkout(&order.id));
    if !orders::add(sql, &order, &checkout)? {
        return Ok(None);
    }
    tell(gateway, sql, &order, 0)?;
    Ok(Some(order.id))
}

/// From the entry, so that no payment makes two orders.
fn order_id(transaction: TxId, entry: &Entry) -> String {
    let place = format!("{transaction} {} {}", entry.account, entry.part);
    let hash = Sha256::digest(format!("causeway-gateway/walk-in/1 {place}"));
    id::derived("ord", entry.time_ms.0, hash.first_chunk().expect("32 bytes"))
}
