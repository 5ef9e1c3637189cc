//! Whether what tills were told, orders, customers' accounts and the ledger are one story.

#[cfg(test)]
mod tests;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    process::Output,
};

use serde_json::Value;

use super::{
    books::{Books, amount, cents, change, is_approved, is_paid, is_voided},
    limits::Limits,
    till::{Till, sale::Sale},
    town::{FUNDS, Town},
};
use crate::services::{self, Service, api::text};

/// What customers' accounts have of one order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfOrder {
    payments: u64,
    paid: i128,
    reversals: u64,
    reversed: i128,
    returned: i128,
}

/// By the order's code, which memos have after their first word.
#[derive(Default)]
pub(super) struct Entries(BTreeMap<String, OfOrder>);

impl Entries {
    pub fn add(&mut self, entry: &Value) -> anyhow::Result<()> {
        let memo = entry["memo"].as_str().unwrap_or_default();
        let Some((what, code)) = memo.split_once(' ') else {
            return Ok(());
        };
        let change = change(entry)?;
        let of = self.0.entry(code.to_owned()).or_default();
        match what {
            "order" => {
                of.payments += 1;
                of.paid -= change;
            }
            "reversal" => {
                of.reversals += 1;
                of.reversed += change;
            }
            "return" => of.returned += change,
            _ => {}
        }
        Ok(())
    }

    fn of(&self, order: &Value) -> OfOrder {
        let code = order["memo"].as_str().and_then(|memo| memo.split_once(' '));
        code.and_then(|(_, code)| self.0.get(code)).copied().unwrap_or_default()
    }
}

#[derive(Debug, Default)]
pub(super) struct Verdict {
    orders: usize,
    states: BTreeMap<String, usize>,
    /// Tries by card, by what tills were told: the outcome and the response code.
    told: BTreeMap<String, usize>,
    /// Of what was held, by what tills have decided.
    decided: BTreeMap<&'static str, usize>,
    /// Payments that were taken back.
    reversals: u64,
    lost: Vec<String>,
    doubled: Vec<String>,
    differing: Vec<String>,
    balances: Vec<String>,
    limits: Vec<String>,
    /// Gateways whose books do not agree with the ledger, and why.
    unreconciled: Vec<String>,
    /// Whose limits were looked at.
    cards: usize,
    /// None were, since the day that they are of is over.
    is_new_day: bool,
    open: Option<String>,
}

impl Verdict {
    pub fn of(books: &Books, entries: &Entries, town: &Town, tills: &[Till]) -> anyhow::Result<Self> {
        let mut verdict = Self {
            orders: books.orders.len(),
            open: books.open(),
            ..Self::default()
        };
        let sales: Vec<&Sale> = tills.iter().flat_map(|till| &till.sales).collect();
        for sale in &sales {
            verdict.sale(books.orders.get(&sale.order), sale)?;
        }
        let known: BTreeSet<&str> = sales.iter().map(|sale| sale.order.as_str()).collect();
        let unknown = books.orders.keys().filter(|id| !known.contains(id.as_str()));
        verdict.doubled.extend(unknown.map(|id| format!("{id} was made twice")));
        for (id, order) in &books.orders {
            verdict.order(id, order, entries.of(order))?;
        }
        verdict.accounts(books, town)?;
        Ok(verdict)
    }

    pub fn limits(&mut self, limits: Limits) {
        match limits {
            Limits::LookedAt { right, wrong } => {
                self.cards = right + wrong.len();
                self.limits = wrong;
            }
            Limits::NewDay => self.is_new_day = true,
        }
    }

    /// With what a gateway has said of its own books.
    pub fn reconciled(&mut self, gateway: Service, checked: &Output) {
        self.unreconciled.extend(services::differences(gateway, checked));
    }

    /// What its payer's account has of an order is what the order says.
    fn order(&mut self, id: &str, order: &Value, of: OfOrder) -> anyhow::Result<()> {
        let state = text(order, "/state")?;
        *self.states.entry(state.to_owned()).or_default() += 1;
        self.reversals += of.reversals;
        let amount = i128::from(amount(order)?);
        let stands = i128::from(of.payments) - i128::from(of.reversals);
        let expected = i128::from(is_paid(order));
        if stands > expected {
            self.doubled.push(format!("{id} is {state}: {of:?}"));
        }
        if stands < expected {
            self.lost.push(format!("{id} is {state}: {of:?}"));
        }
        let paid = (i128::from(of.payments) * amount, i128::from(of.reversals) * amount);
        if (of.paid, of.reversed) != paid {
            self.differing.push(format!("{id} is of {amount} cents: {of:?}"));
        }
        if of.returned != i128::from(cents(order, "/refunded")?) {
            self.differing
                .push(format!("{id} has {} of refunds: {of:?}", order["refunded"]));
        }
        if is_approved(order) != (is_paid(order) || is_voided(order)) {
            self.differing.push(format!("{id} is {state}: {}", order["attempts"]));
        }
        if order["strays"].as_array().is_some_and(|strays| !strays.is_empty()) {
            self.differing
                .push(format!("{id} is {state}, with strays: {}", order["strays"]));
        }
        Ok(())
    }

    /// To the unit.
    fn accounts(&mut self, books: &Books, town: &Town) -> anyhow::Result<()> {
        let mut kept: BTreeMap<&str, i128> = BTreeMap::new();
        for order in books.orders.values().filter(|order| is_paid(order)) {
            let keeps = i128::from(amount(order)?) - i128::from(cents(order, "/refunded")?);
            *kept.entry(text(order, "/payment/payer")?).or_default() += keeps;
        }
        for (holder, (available, held)) in town.holders.iter().zip(&books.balances) {
            let paid = kept.get(holder.address.as_str()).copied().unwrap_or_default();
            let expected = i128::from(FUNDS) - paid;
            if (i128::from(*available), *held) != (expected, 0) {
                let account = &holder.account;
                self.balances.push(format!(
                    "{account} has {available} and {held} held, and should have {expected} and none"
                ));
            }
        }
        let total: i128 = kept.values().sum();
        for (what, at, expected) in [("issuer", 0, 0), ("acquirer", 1, total)] {
            let found = books.own[at] - town.before[at];
            if found != expected {
                self.balances
                    .push(format!("the {what} has got {found}, and should have got {expected}"));
            }
        }
        Ok(())
    }

    /// What does not hold, of each kind.
    fn wrong(&self) -> [&Vec<String>; 6] {
        let Self {
            lost,
            doubled,
            differing,
            balances,
            limits,
            unreconciled,
            ..
        } = self;
        [lost, doubled, differing, balances, limits, unreconciled]
    }

    pub fn holds(&self) -> bool {
        let is_right = self.wrong().into_iter().all(Vec::is_empty);
        let is_known = self.orders > 0 && (self.cards > 0 || self.is_new_day);
        is_known && is_right && self.open.is_none()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (told, count) in &self.told {
            writeln!(f, "  {count:>6} tries by card: {told}")?;
        }
        for (decided, count) in &self.decided {
            writeln!(f, "  {count:>6} holds {decided}")?;
        }
        for (state, count) in &self.states {
            writeln!(f, "  {count:>6} orders {state}")?;
        }
        for what in self.wrong().into_iter().flatten().chain(&self.open) {
            writeln!(f, "  {what}")?;
        }
        if self.is_new_day {
            writeln!(
                f,
                "  cards' limits were not looked at: the day of UTC has changed, and limits with it"
            )?;
        }
        let [lost, doubled, differing, balances, limits, books] = self.wrong().map(Vec::len);
        write!(
            f,
            "payments by card {}, taken back {}, lost {lost}, doubled {doubled}, differing {differing}, \
             balances wrong {balances}, limits wrong {limits}, books wrong {books}",
            self.orders, self.reversals,
        )
    }
}
