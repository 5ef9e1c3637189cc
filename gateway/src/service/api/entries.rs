//! What was booked in and out of an account.

use std::sync::Arc;

use causeway_contracts::money::{Amount, Currency};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::checks;
use crate::{
    bookkeeping::{Direction, Kind},
    money::{Exponents, Money},
    service::{
        call::{Call, Reply},
        context::Gateway,
        problem::{Code, Problem},
        records::{
            accounts::{self, Account},
            entries::{self, Place, Range, Recorded},
        },
        statement,
        time::rfc3339,
        views::Page,
    },
    store::StoreError,
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntriesQuery {
    /// Without it, of all currencies.
    #[serde(default)]
    #[param(pattern = "^[A-Z0-9]{3,8}$")]
    currency: Option<String>,
    /// From the page before; also the id of an entry, after which it goes on.
    #[serde(default)]
    #[param(pattern = "^ent_[0-9a-f]{24}$")]
    cursor: Option<String>,
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// Money that came to an account or left it. What is held is still in the account, until it is paid.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryView {
    /// Ids sort as entries were booked.
    pub id: String,
    /// `entry`
    pub object: &'static str,
    pub account: String,
    /// What it came of: `transfer`, `issue`, `redeem`, `exchange`, `fee`, `hold_posted`, `split`, `escrow`, `request`,
    /// `collection`, `spend`, `offer`, `path`; or `other`: what the ledger has beyond all other entries.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// `credit` or `debit`
    #[schema(value_type = String)]
    pub direction: Direction,
    pub amount: Money,
    /// The currency was registered since this gateway was started: `amount` and `balance_after` are in its minor units.
    /// Absent if it is `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_minor_units: bool,
    /// With this entry, held money included. Absent where it is below zero, which only an issuer's can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance_after: Option<Money>,
    /// Of the block.
    pub time: String,
    pub height: u64,
    /// Whose account had the money before, or has it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<String>,
    /// On the ledger; absent if the ledger did it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The transaction's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub memo: String,
    /// Of the remittance that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uetr: Option<String>,
    /// If that is this client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remittance: Option<String>,
}

/// Whoever pays in a new currency does not keep the account's other entries from being listed.
fn money(exponents: &Exponents, amount: Amount, currency: Currency) -> Money {
    exponents.write(amount, currency).unwrap_or_else(|_| Money {
        value: amount.to_string(),
        currency,
    })
}

fn view(gateway: &Gateway, account: &Account, recorded: &Recorded) -> EntryView {
    let entry = &recorded.entry;
    let balance = u64::try_from(recorded.totals.balance().0).ok();
    let remittance = recorded.remittance.as_ref();
    EntryView {
        id: recorded.place.to_string(),
        object: "entry",
        account: account.id.clone(),
        kind: entry.kind,
        direction: entry.direction,
        amount: money(&gateway.exponents, entry.amount, entry.currency),
        in_minor_units: !gateway.exponents.is_known(entry.currency),
        balance_after: balance.map(|balance| money(&gateway.exponents, Amount(balance), entry.currency)),
        time: rfc3339(entry.time_ms.0),
        height: entry.height.0,
        counterparty: entry.counterparty.map(|id| gateway.address(id).to_string()),
        transaction: entry.transaction.map(|id| id.to_string()),
        memo: entry.memo.to_string(),
        uetr: remittance.map(|remittance| remittance.order.uetr.clone()),
        remittance: remittance
            .filter(|remittance| remittance.client == account.client)
            .map(|remittance| remittance.id.clone()),
    }
}

pub(super) fn currency(text: &str) -> Result<Currency, Problem> {
    let wrong = |_| Problem::new(Code::QueryInvalid, "currency is a code such as EUR").of("currency");
    text.parse().map_err(wrong)
}

/// The client's own.
pub(super) async fn account(gateway: &Gateway, call: &Call) -> Result<Account, Problem> {
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| accounts::find_account(sql, &client, &id))
        .await?;
    found.ok_or_else(|| Problem::not_found("account"))
}

/// Entries of an account, the oldest first
///
/// Everything that final blocks booked in and out of it, a second or so after they did.
#[utoipa::path(get, path = "/v1/accounts/{id}/entries", params(("id" = String, Path), EntriesQuery),
    responses((status = 200, body = Page<EntryView>)))]
pub async fn list(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let query: EntriesQuery = call.query()?;
    let limit = checks::limit(query.limit)?;
    let cursor = query.cursor.as_deref().map(str::parse::<Place>).transpose();
    let after = cursor.map_err(|fault| Problem::new(Code::QueryInvalid, format!("cursor is {fault}")).of("cursor"))?;
    let account = account(gateway, call).await?;
    let range = Range {
        account: statement::ledger_account(&account)?,
        currency: query.currency.as_deref().map(currency).transpose()?,
        after,
        until_ms: None,
    };
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| entries::list(sql, &range, limit + 1))
        .await?;
    let page = Page::of(
        found,
        limit,
        |recorded| recorded.place.to_string(),
        |recorded| view(gateway, &account, &recorded),
    );
    Ok(Reply::ok(&page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_of_a_currency_without_known_digits_is_in_minor_units() {
        let code = |text| Currency::new(text).expect("a code");
        let exponents = Exponents::from_iter([(code("EUR"), 2)]);
        let value = |currency| money(&exponents, Amount(1_250), code(currency)).value;
        assert_eq!([value("EUR"), value("NEW")], ["12.50", "1250"]);
    }
}
