//! What a block may cost, and what a tier may do.
//!
//! Costs are fixed integers, about one for ten nanoseconds of the slowest case, independent of state:
//!
//! | what | cost |
//! | --- | --- |
//! | a transaction, whatever becomes of it | 20 |
//! | each signature, for each account or participant that must agree to an action | 3 |
//! | transfer | 60 |
//! | issue, redeem | 60 |
//! | open an account, register a participant | 100 |
//! | change a tier, freeze, unfreeze | 40 |
//! | close an account | 2,660: 100, and 10 for each of the 256 currencies that there may be |
//! | change the validators | 300,000: 3 ms, of which 256 keys that are checked take most |
//! | set or remove a node | 20,000: 0.2 ms, for a copy and the bytes of a registry of 512 nodes |
//! | any other act of the council | 60 |
//! | open a hold | 60, and 60 for each leg |
//! | open an escrow | 160 |
//! | post or void a hold | 120; of a group 1,020, whatever it has of 16 legs |
//! | claim an escrow | 160, and 40 for each preimage |
//! | grant or spend an allowance, collect by a mandate, pay a request | 160 |
//! | open a mandate or a request, revoke one, withdraw a quote | 100 |
//! | split | 60 for each share |
//! | exchange | 160, 60 for each of two sides and each fee, and 6,000 for each signature under the quote |
//! | place an offer, pay through books | 3,940, and 17,920 for each book: 70 for each of 256 offers looked at, and 120 for each of 32 filled |
//! | open a netting cycle | 100, and 10 for each participant |
//! | prefund a cycle, record an obligation | 260 |
//! | close a cycle | 230,820: 100, 120 for each of 256 positions, 20 for each of 10,000 obligations that may wait |
//! | set a reference rate or a category | 60 |
//! | open a currency for purses | 2,660: 100, and 10 for each of the 256 currencies that there may be |
//! | set or withdraw a key of an issuer's service, revoke a purse | 1,600: 100, and 1,500 for a key that is checked |
//! | register a purse | 7,600: 100, 1,500 for a key that is checked, and 6,000 for a signature |
//! | load a purse | 6,160: 100, 60 for the money, and 6,000 for a signature |
//! | record a grant or a beacon | 6,100: 100, and 6,000 for a signature |
//! | add to a revocation list | 7,180: 100, 20 for each of 54 entries, and 6,000 for a signature; and once in a transaction 125,000 for the root of 4,096 entries |
//! | testify about purses | 100; for each message 6,000 for its signature, and 8,500 for each of 4 lots of 10 transfers that a void may give back; for requests and receipts, which may concern two requests, 17,000 |
//! | redeem what is in a purse | 7,300: 1,100, 6,000 for a signature, and 200 for two claims that wait; and 380 for each lot that may be behind it, at most 128: 1, 5, 21, 85 for one of 0 to 3 hops |
//! | fund what purses owe, release a claim | 6,560: 160, and 100 for each of 64 claims that may wait |
//! | withdraw from that | 160 |
//! | report evidence | 12,260: 100, 10 for each of the 16 records that there may be, and 6,000 for each of two signatures |
//!
//! Closing looks into every registered currency, and each look-up waits for memory: among seven
//! million balances, on two busy cores, 70 ns where the account has none and 130 ns where it has an empty one.
//!
//! All other signatures are checked in groups before a batch is taken; those of evidence, of quotes and of purses' messages one by
//! one, when they are applied, at 54 to 61 us each. What purses' messages change was measured beside it, and is in `docs/adr/0022`.
//!
//! The dearest transaction of the council (62 nodes, a change of validators, a report, 16 signatures) costs 1,555,352, and
//! the dearest about purses (64 words, 63 times money for what purses owe, 16 signatures) 1,888,472. A
//! batch costs at most
//! [`BATCH_COST_MAX`](crate::block::batch::BATCH_COST_MAX), and that is the least `block_cost_max` that the
//! council may set: whatever validators seal fits a block.

use super::state::{BalanceRecord, Day};
use crate::{
    governance::{CouncilAction, Parameters, TierLimits},
    identity::{AccountId, Tier},
    ledger::{
        apply::{
            CURRENCIES_MAX, EVIDENCE_MAX,
            offline::{
                guarantees::{CLAIMS_PAID_MAX, CLAIMS_PAID_WITH_NEW},
                provenance::lots_behind_max,
            },
        },
        rejection::Rejection,
    },
    money::{Amount, Currency},
    offline::action::{OfflineAction, Testimony},
    settlement::{
        LEGS_MAX, SettlementAction, netting,
        offer::{FILLS_MAX, LOOKS_MAX},
    },
    transaction::{Action, SignedTransaction},
};

const TRANSACTION_COST: u64 = 20;
const SIGNATURE_COST: u64 = 3;
/// One look-up of a balance that is not in the processor's caches.
const LOOK_UP_COST: u64 = 10;
/// A signature that is checked alone while a block is executed.
const CHECK_COST: u64 = 6_000;
/// What a message changes of what is known about one request, at most: of 10 transfers with 4 lots each.
const FACT_COST: u64 = 8_500;
/// Looking at a lot that is behind a redemption and paying from it; and once, when a void comes, taking that back.
const DRAW_COST: u64 = 380;
/// Reading a revocation list, and its root.
const LIST_COST: u64 = 125_000;
/// Paying a claim that waits.
const CLAIM_COST: u64 = LEG_COST + 40;
/// Whether a key is a point of the curve, and of large order.
const KEY_COST: u64 = 1_500;
/// Money that a contract sets aside, pays or gives back.
const LEG_COST: u64 = 60;
/// Looking at the first offers of a book: each with its contract, its maker's account and what that has.
const BOOK_COST: u64 = 7 * LOOK_UP_COST * LOOKS_MAX as u64;
const FILLS_COST: u64 = 2 * LEG_COST * FILLS_MAX as u64;
/// The hash of a preimage.
const PREIMAGE_COST: u64 = 40;

fn action_cost(action: &Action) -> u64 {
    match action {
        Action::Transfer { .. } | Action::Issue { .. } | Action::Redeem { .. } => 60,
        Action::OpenAccount { .. } => 100,
        Action::CloseAccount { .. } => 100 + LOOK_UP_COST * CURRENCIES_MAX as u64,
        Action::SetTier { .. } | Action::Freeze { .. } | Action::Unfreeze { .. } => 40,
        Action::Council(CouncilAction::RegisterParticipant(_)) => 100,
        Action::Council(CouncilAction::ChangeValidators(_)) => 300_000,
        Action::Council(CouncilAction::SetNode(_) | CouncilAction::RemoveNode { .. }) => 20_000,
        Action::Council(_) => 60,
        Action::Settle(action) => match action {
            SettlementAction::Hold(hold) => {
                let parties = hold.post_by.len() + hold.void_by.len();
                60 + LEG_COST * hold.legs.len() as u64 + LOOK_UP_COST * parties as u64
            }
            SettlementAction::Escrow(_) => 100 + LEG_COST,
            SettlementAction::Claim(claim) => 100 + LEG_COST + PREIMAGE_COST * claim.preimages.len() as u64,
            SettlementAction::Post { .. } | SettlementAction::Void { .. } => 60 + LEG_COST,
            SettlementAction::PostGroup { .. } | SettlementAction::VoidGroup { .. } => 60 + LEG_COST * LEGS_MAX as u64,
            SettlementAction::Allow(_)
            | SettlementAction::Spend(_)
            | SettlementAction::Collect(_)
            | SettlementAction::PayRequest(_) => 100 + LEG_COST,
            SettlementAction::Mandate(_)
            | SettlementAction::Request(_)
            | SettlementAction::Revoke { .. }
            | SettlementAction::WithdrawQuote { .. } => 100,
            SettlementAction::Split(split) => LEG_COST * split.payees() as u64,
            SettlementAction::Exchange(exchange) => {
                let fees = exchange.held.as_ref().map_or(0, |held| held.fees.len());
                160 + CHECK_COST * exchange.quote.signatures.len() as u64 + LEG_COST * (2 + fees as u64)
            }
            SettlementAction::Offer(_) => 100 + BOOK_COST + FILLS_COST,
            SettlementAction::PayPath(payment) => {
                100 + BOOK_COST * payment.path.len().saturating_sub(1) as u64 + FILLS_COST
            }
            SettlementAction::OpenCycle(cycle) => 100 + LOOK_UP_COST * cycle.participants.len() as u64,
            SettlementAction::Prefund { .. } | SettlementAction::Oblige(_) => 200 + LEG_COST,
            // Two postings for each participant and currency, and an entry for each obligation that waits.
            SettlementAction::CloseCycle { .. } => {
                100 + 2 * LEG_COST * (netting::PARTICIPANTS_MAX * netting::CURRENCIES_MAX) as u64
                    + 2 * LOOK_UP_COST * netting::QUEUE_MAX as u64
            }
            SettlementAction::SetReferenceRate { .. } | SettlementAction::SetCategory { .. } => 60,
        },
        Action::Offline(action) => match **action {
            OfflineAction::OpenCurrency { .. } => 100 + LOOK_UP_COST * CURRENCIES_MAX as u64,
            OfflineAction::SetServiceKey { .. }
            | OfflineAction::WithdrawServiceKey { .. }
            | OfflineAction::RevokePurse { .. } => 100 + KEY_COST,
            OfflineAction::RegisterPurse { .. } => 100 + KEY_COST + CHECK_COST,
            OfflineAction::Load { .. } => 100 + LEG_COST + CHECK_COST,
            OfflineAction::Grant { .. } | OfflineAction::Beacon { .. } => 100 + CHECK_COST,
            OfflineAction::Testify { ref messages, .. } => 100 + messages.iter().map(testimony_cost).sum::<u64>(),
            OfflineAction::Redeem { ref redeem, .. } => {
                let claims = CLAIM_COST * CLAIMS_PAID_WITH_NEW as u64;
                1_100 + CHECK_COST + DRAW_COST * lots_behind_max(&redeem.body.spend) as u64 + claims
            }
            OfflineAction::FundGuarantee { .. } | OfflineAction::ReleaseClaim { .. } => {
                100 + LEG_COST + CLAIM_COST * CLAIMS_PAID_MAX as u64
            }
            OfflineAction::WithdrawGuarantee { .. } => 100 + LEG_COST,
            OfflineAction::AddRevocations { .. } => 100 + 2 * LOOK_UP_COST * 54 + CHECK_COST,
        },
        Action::ReportEvidence { .. } => 100 + LOOK_UP_COST * u64::from(EVIDENCE_MAX) + 2 * CHECK_COST,
    }
}

fn testimony_cost(message: &Testimony) -> u64 {
    match message {
        Testimony::Transfer(_) | Testimony::Void(_) | Testimony::Grant(_) => CHECK_COST + FACT_COST,
        Testimony::Request(_) | Testimony::Receipt(_) => CHECK_COST + 2 * FACT_COST,
    }
}

/// Of what a transaction does once, however often it asks for it.
fn once_cost(actions: &[Action]) -> u64 {
    let adds =
        |action: &Action| matches!(action, Action::Offline(it) if matches!(**it, OfflineAction::AddRevocations { .. }));
    if actions.iter().any(adds) { LIST_COST } else { 0 }
}

/// How many look for their keys among a transaction's signatures.
fn authority_count(action: &Action) -> u64 {
    action.authorities().count() as u64
}

/// What a transaction counts towards `block_cost_max`.
pub fn cost(signed: &SignedTransaction) -> u64 {
    let actions = &signed.transaction.actions;
    let authorities: u64 = actions.iter().map(authority_count).sum();
    let checks = SIGNATURE_COST * signed.signatures.len() as u64 * authorities;
    TRANSACTION_COST + checks + once_cost(actions) + actions.iter().map(action_cost).sum::<u64>()
}

/// The caps of an account in a currency, if it has any.
#[inline]
pub(super) fn caps(parameters: &Parameters, tier: Tier, currency: Currency) -> Option<&TierLimits> {
    if tier == Tier(0) {
        return None;
    }
    parameters.limits_of(tier, currency)
}

/// A payment: a transfer, or money set aside for one, as caps see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) from: AccountId,
    pub(super) to: AccountId,
    pub(super) currency: Currency,
}

impl Payment {
    /// What a transaction's actions pay in this way, together.
    fn total(&self, actions: &[Action]) -> u128 {
        let paid = actions.iter().flat_map(Action::payments);
        paid.filter(|leg| (leg.debtor, leg.creditor, leg.currency) == (self.from, self.to, self.currency))
            .map(|leg| u128::from(leg.amount.0))
            .sum()
    }
}

/// Whether a payment keeps to the payer's cap for one payee in one transaction; `actions` are the
/// transaction's, from the first to this one.
pub(super) fn check_payment(
    caps: Option<&TierLimits>,
    payment: &Payment,
    amount: Amount,
    actions: &[Action],
) -> Result<(), Rejection> {
    match caps.and_then(|caps| caps.payment_max) {
        // What a contract works out is in no action as an amount.
        Some(max) if payment.total(actions).max(u128::from(amount.0)) > u128::from(max.0) => {
            Err(Rejection::OverPaymentLimit)
        }
        _ => Ok(()),
    }
}

/// The payer's outgoing total of the day with `amount`; `None` if it is too large to be represented.
pub(super) fn check_day(
    caps: Option<&TierLimits>,
    payer: &BalanceRecord,
    day: Day,
    amount: Amount,
) -> Result<Option<Amount>, Rejection> {
    let total = payer.spent_on(day).checked_add(amount);
    match caps.and_then(|caps| caps.day_max) {
        Some(max) if total.is_none_or(|total| total > max) => Err(Rejection::OverDailyLimit),
        _ => Ok(total),
    }
}

/// Whether the payee may have `amount` more.
pub(super) fn check_payee(caps: Option<&TierLimits>, payee: &BalanceRecord, amount: Amount) -> Result<(), Rejection> {
    match caps.and_then(|caps| caps.balance_max) {
        Some(max) if payee.total() + i128::from(amount.0) > i128::from(max.0) => Err(Rejection::OverBalanceLimit),
        _ => Ok(()),
    }
}
