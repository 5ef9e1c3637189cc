//! Whether what tills were told, orders, customers' accounts and the ledger are one story.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use super::{
    books::{Books, cents, change, is_approved, is_paid},
    limits::Limits,
    till::{Sale, Till},
    town::{FUNDS, Town},
};
use crate::services::api::text;

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
    /// Payments that were taken back.
    reversals: u64,
    lost: Vec<String>,
    doubled: Vec<String>,
    differing: Vec<String>,
    balances: Vec<String>,
    limits: Vec<String>,
    cards: usize,
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
            verdict.sale(books, sale);
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
        self.cards = limits.right + limits.wrong.len();
        self.limits = limits.wrong;
    }

    /// What a till was told is what there is.
    fn sale(&mut self, books: &Books, sale: &Sale) {
        for told in &sale.told {
            *self
                .told
                .entry(format!("{} ({})", told.outcome, told.code))
                .or_default() += 1;
        }
        let Some(order) = books.orders.get(&sale.order) else {
            self.lost.push(format!("{} is not there", sale.order));
            return;
        };
        if sale.told.iter().any(|told| told.outcome == "approved") && !is_paid(order) {
            self.lost
                .push(format!("{} was approved, and is {}", sale.order, order["state"]));
        }
        let attempts = order["attempts"].as_array().map_or(&[][..], Vec::as_slice);
        for told in &sale.told {
            let found = attempts.iter().find(|attempt| attempt["id"] == told.attempt.as_str());
            if found.is_none_or(|found| found["outcome"] != told.outcome.as_str()) {
                self.differing
                    .push(format!("{}: {} was {}", sale.order, told.attempt, told.outcome));
            }
        }
    }

    /// What its payer's account has of an order is what the order says.
    fn order(&mut self, id: &str, order: &Value, of: OfOrder) -> anyhow::Result<()> {
        let state = text(order, "/state")?;
        *self.states.entry(state.to_owned()).or_default() += 1;
        self.reversals += of.reversals;
        let amount = i128::from(cents(order, "/amount")?);
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
        if is_approved(order) != is_paid(order) {
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
            let keeps = i128::from(cents(order, "/amount")?) - i128::from(cents(order, "/refunded")?);
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

    pub fn holds(&self) -> bool {
        let wrong = [&self.lost, &self.doubled, &self.differing, &self.balances, &self.limits];
        self.orders > 0 && self.cards > 0 && wrong.into_iter().all(Vec::is_empty) && self.open.is_none()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (told, count) in &self.told {
            writeln!(f, "  {count:>6} tries by card: {told}")?;
        }
        for (state, count) in &self.states {
            writeln!(f, "  {count:>6} orders {state}")?;
        }
        let wrong = [&self.lost, &self.doubled, &self.differing, &self.balances, &self.limits];
        for what in wrong.into_iter().flatten().chain(&self.open) {
            writeln!(f, "  {what}")?;
        }
        write!(
            f,
            "payments by card {}, taken back {}, lost {}, doubled {}, differing {}, balances wrong {}, limits wrong {}",
            self.orders,
            self.reversals,
            self.lost.len(),
            self.doubled.len(),
            self.differing.len(),
            self.balances.len(),
            self.limits.len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(direction: &str, cents: u64, memo: &str) -> Value {
        let value = format!("{}.{:02}", cents / 100, cents % 100);
        json!({ "direction": direction, "amount": { "value": value, "currency": "EUR" }, "memo": memo })
    }

    fn order(state: &str, refunded: &str, outcome: &str) -> Value {
        json!({
            "state": state,
            "memo": "order A",
            "amount": { "value": "10.00", "currency": "EUR" },
            "refunded": { "value": refunded, "currency": "EUR" },
            "attempts": [{ "id": "att_1", "outcome": outcome }],
            "strays": [],
        })
    }

    /// How many are lost, doubled and differing.
    #[track_caller]
    fn check(order: &Value, entries: &[Value], expected: [usize; 3]) {
        let mut known = Entries::default();
        for entry in entries {
            known.add(entry).unwrap();
        }
        let mut verdict = Verdict::default();
        verdict.order("ord_1", order, known.of(order)).unwrap();
        let found = [&verdict.lost, &verdict.doubled, &verdict.differing].map(Vec::len);
        assert_eq!(found, expected, "{verdict:?}");
    }

    #[test]
    fn an_order_is_paid_once_or_nothing_of_it_stands() {
        let paid = entry("debit", 1_000, "order A");
        let reversed = entry("credit", 1_000, "reversal A");
        let returned = entry("credit", 400, "return A");
        let other = entry("debit", 1_000, "order B");
        check(&order("paid", "0.00", "approved"), &[paid.clone(), other], [0; 3]);
        check(&order("paid", "0.00", "approved"), &[], [1, 0, 0]);
        check(
            &order("paid", "0.00", "approved"),
            &[paid.clone(), paid.clone()],
            [0, 1, 0],
        );
        let again = [paid.clone(), reversed.clone(), paid.clone()];
        check(&order("paid", "0.00", "approved"), &again, [0; 3]);
        check(
            &order("reversed", "0.00", "unknown"),
            &[paid.clone(), reversed.clone()],
            [0; 3],
        );
        check(
            &order("reversed", "0.00", "unknown"),
            std::slice::from_ref(&paid),
            [0, 1, 0],
        );
        check(
            &order("reversed", "0.00", "approved"),
            &[paid.clone(), reversed.clone()],
            [0, 0, 1],
        );
        check(&order("created", "0.00", "declined"), &[reversed], [1, 0, 0]);
        let partly = [paid.clone(), returned];
        check(&order("partially_refunded", "4.00", "approved"), &partly, [0; 3]);
        check(&order("partially_refunded", "5.00", "approved"), &partly, [0, 0, 1]);
        check(
            &order("paid", "0.00", "approved"),
            &[entry("debit", 999, "order A")],
            [0, 0, 1],
        );
    }
}
