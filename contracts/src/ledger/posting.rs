//! Postings: the only way money moves.

use std::fmt;

use super::{
    overlay::{BalancePlace, Overlay},
    state::{BalanceRecord, Day},
};
use crate::{
    identity::AccountId,
    money::{Amount, Balance, Currency},
};

/// The two parts of what an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    Available,
    /// Set aside by a contract; leaves only as the contract says.
    Held,
}

/// A place where money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BalanceId {
    pub account: AccountId,
    pub currency: Currency,
    pub part: Part,
}

impl BalanceId {
    pub fn available(account: AccountId, currency: Currency) -> Self {
        Self {
            account,
            currency,
            part: Part::Available,
        }
    }
}

impl fmt::Display for BalanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} of account {}", self.part, self.currency, self.account)
    }
}

/// Takes an amount from one place and puts it in another of the same currency, so that each currency's
/// sum stays what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    pub debit: BalanceId,
    pub credit: BalanceId,
    pub amount: Amount,
}

/// A day's outgoing total of the debited account, set along with the debit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) day: Day,
    pub(super) total: Amount,
}

/// Carries out a posting that the rules have allowed.
///
/// # Panics
/// If it would leave a held balance below zero or out of range: the checks before it were wrong, and
/// nothing that follows could be trusted.
pub(super) fn post(overlay: &mut Overlay<'_>, posting: &Posting, outgoing: Option<Outgoing>) {
    let Posting { debit, credit, .. } = posting;
    let places = Places {
        debit: overlay.balance_place(debit.account, debit.currency),
        credit: overlay.balance_place(credit.account, credit.currency),
    };
    post_at(overlay, posting, places, outgoing);
}

/// Where the two sides of a posting are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) debit: BalancePlace,
    pub(super) credit: BalancePlace,
}

/// [`post`] for a caller that has looked up both sides.
///
/// # Panics
/// As [`post`].
pub(super) fn post_at(overlay: &mut Overlay<'_>, posting: &Posting, places: Places, outgoing: Option<Outgoing>) {
    let Posting { debit, credit, amount } = *posting;
    assert_eq!(debit.currency, credit.currency, "a posting is in one currency");
    overlay.update_balance(places.debit, |record| {
        if let Some(Outgoing { day, total }) = outgoing {
            record.day = day;
            record.spent = total;
        }
        let left = record.part(debit.part).checked_debit(amount);
        set(record, &debit, left);
    });
    overlay.update_balance(places.credit, |record| {
        let sum = record.part(credit.part).checked_credit(amount);
        set(record, &credit, sum);
    });
}

fn set(record: &mut BalanceRecord, id: &BalanceId, value: Option<Balance>) {
    let held = |value: Balance| u64::try_from(value.0).ok().map(Amount);
    match (id.part, value) {
        (Part::Available, Some(value)) => record.available = value,
        (Part::Held, Some(value)) => match held(value) {
            Some(value) => record.held = value,
            None => panic!("a posting would bring {id} to {value}"),
        },
        (_, None) => panic!("a posting would bring {id} out of range"),
    }
}
