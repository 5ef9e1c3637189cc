//! Settlements, and what merchants have agreed to, as clients see them.

use causeway_contracts::settlement::{Part, Share};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    acquiring::settlement::{Agreement, DAY_MS, Schedule},
    money::{DigitsUnknown, Money},
    service::{
        context::Gateway,
        records::settlements::{SettlementState, Stored},
        time::{moment, rfc3339},
    },
};

/// How a merchant is paid out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TermsText {
    /// `t0`: each capture at once; `t1`: a day of UTC when it is over.
    pub schedule: Schedule,
    /// The address of the account that gets what is not others'.
    #[schema(min_length = 1, max_length = 128, pattern = "^[a-z0-9]{1,128}$")]
    pub payout_account: String,
    #[serde(default)]
    pub fee: FeeText,
    /// Others who get a share of what is paid out.
    #[serde(default)]
    #[schema(max_items = 15)]
    pub splits: Vec<SplitText>,
}

/// What the acquirer keeps of each capture, at most all of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeeText {
    /// One amount for each currency that has a fixed part.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub fixed: Vec<Money>,
    /// Ten-thousandths of the capture, rounded down.
    #[serde(default)]
    #[schema(maximum = 9999)]
    pub bp: u16,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitText {
    /// An address.
    #[schema(min_length = 1, max_length = 128, pattern = "^[a-z0-9]{1,128}$")]
    pub account: String,
    /// Ten-thousandths of what is paid out, by largest remainders.
    #[schema(minimum = 1, maximum = 9999)]
    pub bp: u16,
}

pub fn terms(gateway: &Gateway, agreement: &Agreement) -> Result<TermsText, DigitsUnknown> {
    let address = |part: &Part| gateway.address(part.to).to_string();
    let (own, others) = agreement.parts().split_first().expect("an agreement pays somebody");
    let fixed = agreement.fixed.iter();
    Ok(TermsText {
        schedule: agreement.schedule,
        payout_account: address(own),
        fee: FeeText {
            fixed: fixed
                .map(|(currency, amount)| gateway.exponents.write(*amount, *currency))
                .collect::<Result<_, _>>()?,
            bp: agreement.share.get(),
        },
        splits: others
            .iter()
            .map(|part| SplitText {
                account: address(part),
                bp: part.basis_points,
            })
            .collect(),
    })
}

/// What a merchant gets for a day, or for a capture.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettlementView {
    pub id: String,
    /// `settlement`
    pub object: &'static str,
    pub state: SettlementState,
    pub merchant: String,
    pub schedule: Schedule,
    /// Of UTC.
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    pub date: String,
    /// Counted from 1 for each merchant and currency.
    pub number: u64,
    /// So many captures, refunds and chargebacks.
    pub movements: u64,
    pub captured: Money,
    pub fees: Money,
    pub refunded: Money,
    pub charged_back: Money,
    /// What the merchant owed before.
    pub brought_forward: Money,
    /// What it owes after it.
    pub carried_forward: Money,
    /// In all.
    pub paid: Money,
    pub payouts: Vec<PayoutView>,
    /// That has paid it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// The block's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<String>,
    /// Why it has not been paid so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When an officer had it paid to other accounts than those that its merchant's terms named when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirected_at: Option<String>,
    pub created_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PayoutView {
    pub account: String,
    pub amount: Money,
}

/// Such as 2026-11-29.
fn date(day: u64) -> String {
    moment(day.saturating_mul(DAY_MS)).date().to_string()
}

pub fn settlement(gateway: &Gateway, stored: &Stored) -> Result<SettlementView, DigitsUnknown> {
    let body = &stored.body;
    let sums = &body.settlement;
    let money = |amount| gateway.exponents.write(amount, sums.currency);
    let payout = |share: &Share| {
        Ok(PayoutView {
            account: gateway.address(share.to).to_string(),
            amount: money(share.amount)?,
        })
    };
    Ok(SettlementView {
        id: stored.id.clone(),
        object: "settlement",
        state: stored.state,
        merchant: stored.merchant.clone(),
        schedule: body.schedule,
        date: date(stored.day),
        number: stored.number,
        movements: body.movements,
        captured: money(sums.captured)?,
        fees: money(sums.fees)?,
        refunded: money(sums.refunded)?,
        charged_back: money(sums.charged_back)?,
        brought_forward: money(sums.brought_forward)?,
        carried_forward: money(sums.carried_forward)?,
        paid: money(sums.paid())?,
        payouts: sums.payouts.iter().map(payout).collect::<Result<_, DigitsUnknown>>()?,
        transaction: body.transaction.map(|id| id.to_string()),
        height: body.height.map(|height| height.0),
        paid_at: body.paid_ms.map(rfc3339),
        problem: body.problem.clone(),
        redirected_at: body.redirected_ms.map(rfc3339),
        created_at: rfc3339(body.created_ms),
    })
}
