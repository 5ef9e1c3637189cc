//! How much work a client can make for this validator before its signatures are looked at.
//!
//! A connection, an account and an operator each have a budget at each validator. It refills at a
//! steady rate up to what may be spent at once; what is not there now is refused, and the refusal says
//! whose budget it is, how large, and how long to wait. A budget counts [`work`], not transactions.
//!
//! Pure: time comes in with each call. Only who owes something is remembered, in bounded memory. When
//! that many owe, whoever is not among them is refused until one of them owes nothing any more: to
//! forget a debt instead would let a crowd of accounts spend without end.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    time::{Duration, Instant},
};

use causeway_contracts::{
    identity::{AccountId, ParticipantId},
    ledger,
    transaction::{Action, SignedTransaction},
};
use serde::{Deserialize, Serialize};

use super::ledger::message::Spenders;

/// As many keys are checked in the time of one signature.
const KEYS_PER_UNIT: usize = 4;

/// As much ledger cost, in its units of about 10 ns, is one signature's time.
const COST_PER_UNIT: u64 = 2_500;

/// No transaction is more work: 16 signatures, 64 key policies of 16 keys, 64 of the dearest actions.
const WORK_MAX: u32 = 345;

/// Below this a budget could refuse a transaction for good.
pub const BURST_MIN: u32 = 512;
const _: () = assert!(WORK_MAX <= BURST_MIN);

/// That a rate is at most this keeps a unit's time above a microsecond.
const PER_SECOND_MAX: u32 = 1_000_000;

/// Accounts, or operators, that may owe at the same time.
const OWING_MAX: usize = 65_536;

/// The time of a signature check is one unit, about 25 us. A payment with one signature is one;
/// opening accounts counts the keys that are checked before any signature is.
pub fn work(signed: &SignedTransaction) -> u32 {
    let policies = signed.transaction.actions.iter().filter_map(Action::key_policy);
    let keys: usize = policies.map(|policy| policy.keys.len()).sum();
    let checks = signed.signatures.len() + keys.div_ceil(KEYS_PER_UNIT);
    let executing = ledger::cost(signed) / COST_PER_UNIT;
    u32::try_from(checks as u64 + executing).unwrap_or(u32::MAX).max(1)
}

/// What refills a budget, and how much of it can be spent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RateText", into = "RateText")]
pub struct Rate {
    per_second: u32,
    burst: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateText {
    per_second: u32,
    burst: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    #[error("per_second is {0}; a budget refills by 1 to {PER_SECOND_MAX} units a second")]
    PerSecond(u32),
    #[error("burst is {0}; with less than {BURST_MIN} some transactions would be refused for good")]
    Burst(u32),
}

impl Rate {
    pub const fn new(per_second: u32, burst: u32) -> Result<Self, RateError> {
        if per_second == 0 || per_second > PER_SECOND_MAX {
            return Err(RateError::PerSecond(per_second));
        }
        if burst < BURST_MIN {
            return Err(RateError::Burst(burst));
        }
        Ok(Self { per_second, burst })
    }

    /// How long it takes to refill so many units.
    fn refills(&self, work: u32) -> Duration {
        Duration::from_nanos(u64::from(work) * 1_000_000_000 / u64::from(self.per_second))
    }
}

impl TryFrom<RateText> for Rate {
    type Error = RateError;
    fn try_from(text: RateText) -> Result<Self, RateError> {
        Self::new(text.per_second, text.burst)
    }
}

impl From<Rate> for RateText {
    fn from(rate: Rate) -> Self {
        Self {
            per_second: rate.per_second,
            burst: rate.burst,
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_second, burst } = self;
        write!(f, "{burst} units of work at once and {per_second} a second")
    }
}

/// Whose budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    Connection,
    Account,
    Operator,
}

impl Payer {
    /// A word for programs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Connection => "connection_budget",
            Self::Account => "account_budget",
            Self::Operator => "operator_budget",
        }
    }
}

impl fmt::Display for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connection => "this connection",
            Self::Account => "the paying account",
            Self::Operator => "the operator of the paying account",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    #[error(
        "{payer} has spent its budget at this validator, {rate}, a payment being one unit; send it again in {} ms",
        wait.as_millis() + 1
    )]
    Spent { payer: Payer, rate: Rate, wait: Duration },
    #[error(
        "{OWING_MAX} others are using their budgets at this validator, {rate}, and {payer} must wait until one of them \
         is done; send it again in {} ms",
        wait.as_millis() + 1
    )]
    Crowded { payer: Payer, rate: Rate, wait: Duration },
}

impl OverBudget {
    pub const fn payer(&self) -> Payer {
        match self {
            Self::Spent { payer, .. } | Self::Crowded { payer, .. } => *payer,
        }
    }

    /// After this the same work would be taken, if nobody else were faster.
    pub const fn wait(&self) -> Duration {
        match self {
            Self::Spent { wait, .. } | Self::Crowded { wait, .. } => *wait,
        }
    }
}

/// The generic cell rate algorithm (ITU-T I.371, annex A) in one number: when all that was spent will
/// have been refilled.
#[derive(Debug, Clone, Copy)]
struct Debt {
    gone_at: Instant,
}

impl Debt {
    const fn none(now: Instant) -> Self {
        Self { gone_at: now }
    }

    fn is_gone(&self, now: Instant) -> bool {
        self.gone_at <= now
    }

    /// How long until so much more can be spent; `None` if it can be now.
    fn wait(&self, work: u32, rate: &Rate, now: Instant) -> Option<Duration> {
        let owed = self.gone_at.saturating_duration_since(now) + rate.refills(work);
        owed.checked_sub(rate.refills(rate.burst))
            .filter(|wait| !wait.is_zero())
    }

    fn add(&mut self, work: u32, rate: &Rate, now: Instant) {
        self.gone_at = self.gone_at.max(now) + rate.refills(work);
    }

    fn take_off(&mut self, work: u32, rate: &Rate) {
        let refills = rate.refills(work);
        self.gone_at = self.gone_at.checked_sub(refills).unwrap_or(self.gone_at);
    }
}

/// The budget of one connection.
#[derive(Debug)]
pub struct Budget {
    rate: Rate,
    debt: Debt,
}

impl Budget {
    pub const fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            debt: Debt::none(now),
        }
    }

    pub fn spend(&mut self, work: u32, now: Instant) -> Result<(), OverBudget> {
        let (payer, rate) = (Payer::Connection, self.rate);
        match self.debt.wait(work, &rate, now) {
            Some(wait) => Err(OverBudget::Spent { payer, rate, wait }),
            None => {
                self.debt.add(work, &rate, now);
                Ok(())
            }
        }
    }
}

/// Budgets of one kind, by name.
#[derive(Debug)]
struct Budgets<K> {
    payer: Payer,
    rate: Rate,
    owing_max: usize,
    owing: HashMap<K, Debt>,
    /// When the first of those who owe will owe nothing, as far as is known: not looked for earlier.
    room_at: Option<Instant>,
}

impl<K: Copy + Eq + Hash> Budgets<K> {
    fn new(payer: Payer, rate: Rate, owing_max: usize) -> Self {
        Self {
            payer,
            rate,
            owing_max,
            owing: HashMap::new(),
            room_at: None,
        }
    }

    /// Whether each of these, all different, could spend so much now.
    fn check(&mut self, names: &[K], work: u32, now: Instant) -> Result<(), OverBudget> {
        let (payer, rate) = (self.payer, self.rate);
        let waits = names
            .iter()
            .filter_map(|name| self.owing.get(name)?.wait(work, &rate, now));
        if let Some(wait) = waits.max() {
            return Err(OverBudget::Spent { payer, rate, wait });
        }
        let new = names.iter().filter(|name| !self.owing.contains_key(name)).count();
        if new > 0 && self.owing.len() + new > self.owing_max {
            self.make_room(now);
            if self.owing.len() + new > self.owing_max {
                let room_at = self.room_at.expect("set while nobody can be forgotten");
                let wait = room_at.saturating_duration_since(now);
                return Err(OverBudget::Crowded { payer, rate, wait });
            }
        }
        Ok(())
    }

    /// Forgets those who owe nothing: they are as if they had never spent.
    fn make_room(&mut self, now: Instant) {
        if self.room_at.is_some_and(|at| now < at) {
            return;
        }
        self.owing.retain(|_, debt| !debt.is_gone(now));
        self.room_at = self.owing.values().map(|debt| debt.gone_at).min();
    }

    /// What [`Self::check`] has just allowed.
    fn spend(&mut self, names: &[K], work: u32, now: Instant) {
        for name in names {
            let debt = self.owing.entry(*name).or_insert(Debt::none(now));
            debt.add(work, &self.rate, now);
        }
    }

    fn give_back(&mut self, names: &[K], work: u32) {
        for name in names {
            if let Some(debt) = self.owing.get_mut(name) {
                debt.take_off(work, &self.rate);
                // Perhaps it is the first whose debt is gone now.
                self.room_at = None;
            }
        }
    }
}

/// What each kind of budget is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetRates {
    pub connection: Rate,
    pub account: Rate,
    pub operator: Rate,
}

const fn rate(per_second: u32, burst: u32) -> Rate {
    match Rate::new(per_second, burst) {
        Ok(rate) => rate,
        Err(_) => panic!("a default is within bounds"),
    }
}

impl Default for BudgetRates {
    /// A core checks about 40,000 signatures a second; an account pays a payroll of ten thousand at once.
    fn default() -> Self {
        Self {
            connection: rate(20_000, 40_000),
            account: rate(2_000, 10_000),
            operator: rate(20_000, 40_000),
        }
    }
}

/// The budgets of all accounts and operators.
#[derive(Debug)]
pub struct SpenderBudgets {
    accounts: Budgets<AccountId>,
    operators: Budgets<ParticipantId>,
}

impl SpenderBudgets {
    pub fn new(rates: &BudgetRates) -> Self {
        Self {
            accounts: Budgets::new(Payer::Account, rates.account, OWING_MAX),
            operators: Budgets::new(Payer::Operator, rates.operator, OWING_MAX),
        }
    }

    /// Each spends all of the work, or none does anything.
    pub fn spend(&mut self, spenders: &Spenders, work: u32, now: Instant) -> Result<(), OverBudget> {
        self.accounts.check(&spenders.accounts, work, now)?;
        self.operators.check(&spenders.operators, work, now)?;
        self.accounts.spend(&spenders.accounts, work, now);
        self.operators.spend(&spenders.operators, work, now);
        Ok(())
    }

    /// Undoes [`Self::spend`]: they had not signed it, and strangers must not spend what is theirs.
    pub fn give_back(&mut self, spenders: &Spenders, work: u32) {
        self.accounts.give_back(&spenders.accounts, work);
        self.operators.give_back(&spenders.operators, work);
    }
}

#[cfg(test)]
mod tests;
