//! What the acquirer says of orders, the issuer of its customers' accounts, and the ledger of both operators' own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    till::Till,
    town::Town,
    verdict::{Entries, Verdict},
};
use crate::{
    crash::books::{balances, listed, minor},
    services::api::text,
};

pub(super) struct Books {
    /// By id.
    pub orders: BTreeMap<String, Value>,
    /// Of each customer, what was booked, and what is available and held.
    pub entries: Vec<Vec<Value>>,
    pub balances: Vec<(u64, u64)>,
    /// Of the issuer and of the acquirer.
    pub own: [i128; 2],
}

/// In cents; `path` is that of an object with value and currency.
pub(super) fn cents(object: &Value, path: &str) -> anyhow::Result<u64> {
    minor(text(object, &format!("{path}/value"))?)
}

/// Whether money has come, of which nothing was taken back.
pub(super) fn is_paid(order: &Value) -> bool {
    let state = order["state"].as_str().unwrap_or_default();
    matches!(state, "paid" | "partially_refunded" | "refunded")
}

/// Whether what a card's issuer held for it went back.
pub(super) fn is_voided(order: &Value) -> bool {
    order["state"] == "voided"
}

/// What it has brought, in cents, or what is to be paid.
pub(super) fn amount(order: &Value) -> anyhow::Result<u64> {
    match order.get("payment") {
        Some(_) => cents(order, "/payment/amount"),
        None => cents(order, "/amount"),
    }
}

/// Its attempts, refunds and so on.
pub(super) fn all<'a>(order: &'a Value, of: &str) -> impl Iterator<Item = &'a Value> {
    order[of].as_array().into_iter().flatten()
}

/// Whether an issuer has approved one of its payments.
pub(super) fn is_approved(order: &Value) -> bool {
    all(order, "attempts").any(|attempt| attempt["outcome"] == "approved")
}

impl Books {
    pub async fn read(town: &Town) -> anyhow::Result<Self> {
        let mut orders = BTreeMap::new();
        for order in listed(&town.shop, "/v1/orders", "cursor").await? {
            orders.insert(text(&order, "/id")?.to_owned(), order);
        }
        let (mut entries, mut found) = (Vec::new(), Vec::new());
        for holder in &town.holders {
            let path = format!("/v1/accounts/{}/entries", holder.account);
            entries.push(listed(&town.bank, &path, "cursor").await?);
            let euros = balances(&town.bank, &holder.account).await?.remove("EUR");
            found.push(euros.unwrap_or_default());
        }
        Ok(Self {
            orders,
            entries,
            balances: found,
            own: town.own_accounts().await?,
        })
    }

    /// What is still under way, in words.
    pub fn open(&self) -> Option<String> {
        let count = |is_it: &dyn Fn(&Value) -> bool| self.orders.values().filter(|order| is_it(order)).count();
        let is_pending = |order: &Value, of: &str| all(order, of).any(|one| one["state"] == "pending");
        let under_way = [
            (count(&|order| order["state"] == "created"), "orders are not paid"),
            (
                count(&|order| order["state"] == "authorized"),
                "are neither captured nor voided",
            ),
            (
                count(&|order| is_paid(order) && !is_approved(order)),
                "are paid and not taken back though nobody was told that they are",
            ),
            (count(&|order| is_pending(order, "refunds")), "have refunds under way"),
            (count(&|order| is_pending(order, "advices")), "have advices under way"),
            (
                self.unbooked(),
                "customers' books are behind the ledger, or have something held",
            ),
        ];
        let under_way: Vec<_> = under_way
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!under_way.is_empty()).then(|| under_way.join(", "))
    }

    /// Accounts whose entries do not come to what the ledger has, or of which something is held.
    fn unbooked(&self) -> usize {
        let accounts = self.entries.iter().zip(&self.balances);
        let is_behind = |(entries, balance): &(&Vec<Value>, &(u64, u64))| {
            let total: anyhow::Result<i128> = entries.iter().map(change).sum();
            total.ok() != Some(i128::from(balance.0)) || balance.1 != 0
        };
        accounts.filter(is_behind).count()
    }

    /// What each customer's card has paid and was not taken back, in cents.
    pub fn paid(&self) -> anyhow::Result<Vec<u64>> {
        let is_of_card = |entry: &&Value| {
            let memo = entry["memo"].as_str().unwrap_or_default();
            memo.starts_with("order ") || memo.starts_with("reversal ")
        };
        let paid = |entries: &Vec<Value>| {
            let change: anyhow::Result<i128> = entries.iter().filter(is_of_card).map(change).sum();
            Ok(u64::try_from(-change?)?)
        };
        self.entries.iter().map(paid).collect()
    }

    pub fn verdict(&self, town: &Town, tills: &[Till]) -> anyhow::Result<Verdict> {
        let mut entries = Entries::default();
        for entry in self.entries.iter().flatten() {
            entries.add(entry)?;
        }
        Verdict::of(self, &entries, town, tills)
    }
}

/// What an entry changes its account's balance by.
pub(super) fn change(entry: &Value) -> anyhow::Result<i128> {
    let amount = i128::from(cents(entry, "/amount")?);
    Ok(if entry["direction"] == "credit" {
        amount
    } else {
        -amount
    })
}
