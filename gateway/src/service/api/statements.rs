//! Account statements and notifications as messages of ISO 20022.

use std::sync::Arc;

use causeway_contracts::money::Currency;
use serde::Deserialize;

use super::entries::{account, currency};
use crate::{
    identifiers::bic::Bic,
    iso20022::payments::{self, AmountFault},
    service::{
        call::{Call, Reply},
        context::Gateway,
        problem::{Code, Problem},
        records::{
            entries::{self, Place},
            followed,
        },
        statement::{self, Day, Subject, messages},
        time::rfc3339,
    },
    store::StoreError,
};

pub(super) const XML: &str = "application/xml";

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatementQuery {
    #[param(pattern = "^[A-Z0-9]{3,8}$")]
    currency: String,
    /// A day of UTC, by the times of blocks.
    #[param(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    date: String,
}

/// By which the messages name this gateway.
pub(super) fn bic(gateway: &Gateway) -> Result<Bic, Problem> {
    gateway.config.bic.clone().ok_or_else(|| {
        let detail = "messages of ISO 20022 name their sender by its BIC: the gateway's configuration has none";
        Problem::new(Code::NoBic, detail)
    })
}

pub(super) fn unsayable(fault: AmountFault) -> Problem {
    let detail = format!("messages of ISO 20022 cannot say it: an amount {fault}");
    Problem::new(Code::QueryInvalid, detail).of("currency")
}

fn exponent(gateway: &Gateway, currency: Currency) -> Result<u8, Problem> {
    Ok(gateway.exponents.of(currency)?)
}

pub(super) fn day(text: &str) -> Result<Day, Problem> {
    Day::parse(text).ok_or_else(|| {
        let detail = "date is a day from 1970-01-01 to 9999-12-31, such as 2026-11-29";
        Problem::new(Code::QueryInvalid, detail).of("date")
    })
}

/// The statement of an account, of one currency and one day of UTC
///
/// A camt.053.001.08 with the balance at the day's beginning (OPBD), at its end (CLBD) and everything booked between.
/// A day can be asked for once the ledger's time is past its end; until then, `/v1/accounts/{id}/entries` has what is
/// booked so far. It is sent while it is read: one that was cut off is no statement. The same statement has the same
/// message id each time.
#[utoipa::path(get, path = "/v1/accounts/{id}/statement", params(("id" = String, Path), StatementQuery),
    responses((status = 200, content_type = "application/xml", body = String)))]
pub async fn statement(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let query: StatementQuery = call.query()?;
    let currency = currency(&query.currency)?;
    let day = day(&query.date)?;
    let account = account(gateway, call).await?;
    let subject = Subject {
        account: statement::ledger_account(&account)?,
        currency,
        exponent: exponent(gateway, currency)?,
        day,
    };
    let bic = bic(gateway)?;
    let sums = gateway.store.read::<_, StoreError, _>(move |sql| {
        let reached = followed::find(sql)?.map_or(0, |followed| followed.time_ms.0);
        let mut before = |ms| entries::totals_before(sql, &subject.account, subject.currency, Some(ms));
        Ok((reached, before(day.begin_ms())?, before(day.until_ms())?))
    });
    let (reached_ms, opening, closing) = sums.await?;
    if reached_ms < day.until_ms() {
        let reached = rfc3339(reached_ms);
        let detail = format!("the ledger is followed up to {reached}; a statement is of a day that is over");
        return Err(Problem::new(Code::DayNotOver, detail).with(serde_json::json!({ "followed": reached })));
    }
    let owner = messages::Owner {
        account: &account,
        bic,
        now_ms: call.now_ms,
    };
    let head = messages::statement_head(&owner, &subject, opening, closing).map_err(unsayable)?;
    let chunks = statement::stream(gateway.store.clone(), subject, head);
    Ok(Reply::stream(XML, chunks.map_err(|error| Problem::internal(&error))?))
}

/// The notification of one entry
///
/// A camt.054.001.08 of what was credited or debited, by the id of the entry, which `/v1/accounts/{id}/entries` has.
#[utoipa::path(get, path = "/v1/accounts/{id}/notifications/{entry}",
    params(("id" = String, Path), ("entry" = String, Path)),
    responses((status = 200, content_type = "application/xml", body = String)))]
pub async fn notification(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let none = || Problem::not_found("entry");
    let place: Place = call.parameter("entry").parse().map_err(|_| none())?;
    let account = account(gateway, call).await?;
    let id = statement::ledger_account(&account)?;
    let found = gateway
        .store
        .read::<_, StoreError, _>(move |sql| entries::find(sql, &id, place))
        .await?;
    let recorded = found.ok_or_else(none)?;
    let owner = messages::Owner {
        account: &account,
        bic: bic(gateway)?,
        now_ms: call.now_ms,
    };
    let exponent = exponent(gateway, recorded.entry.currency)?;
    let notification = messages::notification(&owner, &recorded, exponent).map_err(unsayable)?;
    Ok(Reply::of(XML, payments::write(&notification)))
}
