//! How merchants are paid out.

use std::{collections::BTreeMap, sync::Arc};

use causeway_contracts::{identity::Address, settlement::Part};
use serde::Deserialize;
use utoipa::ToSchema;

use super::merchants::{MerchantView, view};
use crate::{
    acquiring::settlement::{Agreement, PAYEES_MAX, TermsFault},
    maker::pricing::BasisPoints,
    service::{
        call::{Call, Reply},
        change::ChangeError,
        context::Gateway,
        problem::Problem,
        records::{merchants, movements},
        settlements::{
            views::{SplitText, TermsText},
            wake,
        },
    },
};

/// Currencies with a fixed fee, at most.
const FIXED_MAX: usize = 16;

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsRequest {
    /// Without, what the merchant's orders bring stays in the collecting account.
    #[serde(default)]
    pub settlement: Option<TermsText>,
}

/// Changes how the merchant is paid out
///
/// It holds for all that is not settled yet, also for what its orders have brought before. A settlement that is made
/// already is paid as it says; one that the ledger refuses to pay is paid to the accounts of now if an officer redirects it.
#[utoipa::path(put, path = "/v1/merchants/{id}/terms", params(("id" = String, Path)), request_body = TermsRequest,
    responses((status = 200, body = MerchantView)))]
pub async fn put(gateway: &Arc<Gateway>, call: &Call) -> Result<Reply, Problem> {
    let request: TermsRequest = call.json()?;
    let agreement = request.settlement.map(|text| agreement(gateway, &text)).transpose()?;
    let (client, id) = (call.client().id.clone(), call.parameter("id").to_owned());
    let shared = Arc::clone(gateway);
    let merchant = gateway
        .store
        .write::<_, ChangeError, _>(move |sql| {
            let known = merchants::find(sql, &client, &id)?;
            known.ok_or_else(|| Problem::not_found("merchant"))?;
            // First the merchant's job, then the merchant, as the job does it.
            if let Some(agreement) = &agreement
                && let Some(oldest_ms) = movements::oldest_open(sql, &id)?
            {
                wake(&shared, sql, &id, agreement.schedule, oldest_ms)?;
            }
            let merchant = merchants::locked(sql, &id)?;
            let mut merchant = merchant.ok_or_else(|| Problem::not_found("merchant"))?;
            if agreement.is_some() && merchant.body.account.is_some() {
                return Err(own_account().into());
            }
            merchant.body.settlement = agreement;
            merchants::save(sql, &merchant)?;
            Ok(merchant)
        })
        .await?;
    gateway.wake_settlements.notify_one();
    Ok(Reply::ok(&view(gateway, &merchant)?))
}

pub(super) fn own_account() -> Problem {
    let detail = "the merchant's orders are paid to its own account: there is nothing to settle";
    Problem::field("settlement", detail)
}

/// # Errors
/// What of the text is wrong.
pub(super) fn agreement(gateway: &Gateway, text: &TermsText) -> Result<Agreement, Problem> {
    let mut fixed = BTreeMap::new();
    if text.fee.fixed.len() > FIXED_MAX {
        return Err(Problem::field("settlement.fee.fixed", "there are at most 16"));
    }
    for money in &text.fee.fixed {
        let amount = gateway.exponents.read(money);
        let amount = amount.map_err(|fault| Problem::from(fault).of("settlement.fee.fixed"))?;
        if fixed.insert(money.currency, amount).is_some() {
            return Err(Problem::field("settlement.fee.fixed", "a currency is there once"));
        }
    }
    let share = BasisPoints::new(text.fee.bp);
    let share = share.map_err(|_| Problem::field("settlement.fee.bp", "it is 0 to 9,999 ten-thousandths"))?;
    let parts = parts(gateway, text)?;
    Agreement::new(text.schedule, fixed, share, parts).map_err(|fault| {
        let detail = match fault {
            TermsFault::Twice => "each account is there once, and is not the payout account",
            TermsFault::Payees(_) | TermsFault::Sum(_) => "each is above zero",
        };
        Problem::field("settlement.splits", detail)
    })
}

/// The payout account has what the others leave.
fn parts(gateway: &Gateway, text: &TermsText) -> Result<Vec<Part>, Problem> {
    let payee = |param: &str, address: &str| {
        let found = address.parse::<Address>().ok();
        let found = found.filter(|address| address.prefix == gateway.prefix());
        let found = found.ok_or_else(|| Problem::field(param, "it is the address of an account of this network"))?;
        if found.account == gateway.account_of(gateway.us()) {
            let detail = "it is not the collecting account, where the money is already";
            return Err(Problem::field(param, detail));
        }
        Ok(found.account)
    };
    if text.splits.len() >= PAYEES_MAX {
        return Err(Problem::field("settlement.splits", "there are at most 15"));
    }
    let shared: u32 = text.splits.iter().map(|split| u32::from(split.bp)).sum();
    let own = 10_000_u32.checked_sub(shared).filter(|own| *own > 0);
    let own = own.ok_or_else(|| Problem::field("settlement.splits", "they sum to less than 10,000 ten-thousandths"))?;
    let own = Part {
        to: payee("settlement.payout_account", &text.payout_account)?,
        basis_points: own as u16,
    };
    let other = |split: &SplitText| {
        Ok(Part {
            to: payee("settlement.splits.account", &split.account)?,
            basis_points: split.bp,
        })
    };
    std::iter::once(Ok(own)).chain(text.splits.iter().map(other)).collect()
}
