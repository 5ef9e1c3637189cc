//! The payment code of an order: what a wallet scans.

use causeway_cards::currency;
use causeway_contracts::transaction::UnixSeconds;
use causeway_wallet::codes::{CodeId, Merchant, MerchantCode, Purpose};

use super::short;
use crate::{
    acquiring::order::Order,
    service::{context::Gateway, records::merchants},
    store::{Sql, StoreError},
};

/// Signed by the operator's key; `None` if no code can say what the order does, such as a currency without a number.
pub fn of(gateway: &Gateway, sql: &mut dyn Sql, order: &Order) -> Result<Option<String>, StoreError> {
    let merchant = merchants::find(sql, &order.client, &order.merchant)?;
    // What a suspended one is paid is sent back.
    let Some(merchant) = merchant.filter(|merchant| !merchant.suspended) else {
        return Ok(None);
    };
    let Some(number) = currency::numeric(order.currency.as_str()) else {
        return Ok(None);
    };
    let id: CodeId = short(&order.id).parse().expect("it is written as codes have it");
    let code = MerchantCode {
        merchant: Merchant {
            category: merchant.body.category,
            currency: number.to_owned(),
            country: merchant.body.country,
            name: merchant.body.name,
            city: merchant.body.city,
            postal_code: merchant.body.post_code,
        },
        address: gateway.address(order.pay_to),
        purpose: Purpose::Order {
            id,
            expires_at: UnixSeconds(order.expires_ms / 1_000),
            amount: gateway.exponents.write(order.amount, order.currency).value,
        },
        store: None,
        terminal: None,
        local: None,
    };
    Ok(code
        .sign(gateway.keys.operator())
        .inspect_err(|why| tracing::warn!(order = order.id, %why, "an order has no payment code"))
        .ok())
}
