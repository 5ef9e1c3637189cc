//! The payment codes of orders and merchants: what a wallet scans.

use causeway_cards::currency;
use causeway_contracts::{identity::AccountId, money::Currency, transaction::UnixSeconds};
use causeway_wallet::codes::{self, CodeId, MerchantCode, Purpose};

use super::short;
use crate::{
    acquiring::order::Order,
    service::{
        context::Gateway,
        records::merchants::{self, Merchant, MerchantStore},
    },
    store::{Sql, StoreError},
};

/// Of an order, signed by the operator's key; `None` if no code can say what the order does, such as a currency without
/// a number, or if its merchant is suspended: what that is paid is sent back.
pub fn of(gateway: &Gateway, sql: &mut dyn Sql, order: &Order) -> Result<Option<String>, StoreError> {
    let merchant = merchants::find(sql, &order.client, &order.merchant)?;
    let merchant = merchant.filter(|merchant| !merchant.suspended);
    Ok(merchant.and_then(|merchant| of_order(gateway, &merchant, order)))
}

/// As [`of`], whether the merchant is suspended or not.
pub fn of_order(gateway: &Gateway, merchant: &Merchant, order: &Order) -> Option<String> {
    let purpose = Purpose::Order {
        id: code_id(&order.id),
        expires_at: UnixSeconds(order.expires_ms / 1_000),
        amount: order.money(order.amount).value,
    };
    signed(gateway, merchant, None, order.pay_to, order.currency, purpose)
}

/// Of a merchant, for any number of payments in the currency; the payer enters the amount. It may name a store. `None` as
/// [`of`] has it.
pub fn of_merchant(
    gateway: &Gateway,
    merchant: &Merchant,
    store: Option<&MerchantStore>,
    pay_to: AccountId,
    currency: Currency,
) -> Option<String> {
    let purpose = Purpose::Merchant(code_id(&merchant.id));
    signed(gateway, merchant, store, pay_to, currency, purpose)
}

fn code_id(id: &str) -> CodeId {
    short(id).parse().expect("it is written as codes have it")
}

fn signed(
    gateway: &Gateway,
    merchant: &Merchant,
    store: Option<&MerchantStore>,
    pay_to: AccountId,
    currency: Currency,
    purpose: Purpose,
) -> Option<String> {
    let body = &merchant.body;
    let city = store.and_then(|store| store.body.city.as_ref()).unwrap_or(&body.city);
    let code = MerchantCode {
        merchant: codes::Merchant {
            category: body.category.clone(),
            currency: currency::numeric(currency.as_str())?.to_owned(),
            country: body.country.clone(),
            name: body.name.clone(),
            city: city.clone(),
            postal_code: body.post_code.clone(),
        },
        address: gateway.address(pay_to),
        purpose,
        store: store.map(|store| store.body.name.clone()),
        terminal: None,
        local: None,
    };
    code.sign(gateway.keys.operator())
        .inspect_err(|why| tracing::warn!(merchant = merchant.id, %why, "there is no payment code"))
        .ok()
}
