//! What both gateways, the ledger and the webhook receiver say in the end, and whether that is one story.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use anyhow::Context;
use serde_json::Value;

use super::{
    orders::{FUNDS_CENTS, Orders, Party},
    receiver::Receiver,
};
use crate::services::api::{Api, text};

/// Ends of a remittance.
const ENDS: [&str; 6] = ["completed", "returned", "cancelled", "expired", "failed", "refunded"];

pub struct Books {
    told: Vec<String>,
    /// Of the sender's side and of the beneficiaries', by UETR.
    remittances: [BTreeMap<String, Value>; 2],
    /// Of each side, by id, in order.
    events: [BTreeMap<String, String>; 2],
    received: [BTreeMap<String, String>; 2],
    wrong: Vec<String>,
    /// What the sender has, and what beneficiaries have, in minor units.
    sender: BTreeMap<String, (u64, u64)>,
    beneficiary: BTreeMap<String, (u64, u64)>,
}

/// All of a list. `parameter` is that which says after what a page begins.
pub async fn listed(api: &Api, path: &str, parameter: &str) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("{path}?limit=100{cursor}")).await?;
        all.extend(page["data"].as_array().context("a list")?.iter().cloned());
        if page["has_more"] != true {
            return Ok(all);
        }
        cursor = format!("&{parameter}={}", text(&page, "/next_cursor")?);
    }
}

pub(super) fn minor(value: &str) -> anyhow::Result<u64> {
    Ok(value.replace('.', "").parse()?)
}

/// By currency, available and held. All currencies here have two digits.
pub(super) async fn balances(api: &Api, account: &str) -> anyhow::Result<BTreeMap<String, (u64, u64)>> {
    let view = api.get(&format!("/v1/accounts/{account}")).await?;
    let mut all = BTreeMap::new();
    for balance in view["balances"].as_array().into_iter().flatten() {
        let part = |name: &str| minor(text(balance, &format!("/{name}/value"))?);
        let currency = text(balance, "/available/currency")?.to_owned();
        all.insert(currency, (part("available")?, part("held")?));
    }
    Ok(all)
}

impl Books {
    pub async fn read(parties: &[Party; 2], orders: &Orders, receiver: &Receiver) -> anyhow::Result<Self> {
        let mut remittances = [BTreeMap::new(), BTreeMap::new()];
        let mut events = [BTreeMap::new(), BTreeMap::new()];
        for (side, party) in parties.iter().enumerate() {
            for remittance in listed(&party.api, "/v1/remittances", "cursor").await? {
                remittances[side].insert(text(&remittance, "/uetr")?.to_owned(), remittance);
            }
            for event in listed(&party.api, "/v1/events", "after").await? {
                events[side].insert(text(&event, "/id")?.to_owned(), event.to_string());
            }
        }
        Ok(Self {
            told: orders.all(),
            remittances,
            events,
            received: [receiver.events(parties[0].place), receiver.events(parties[1].place)],
            wrong: receiver.wrong(),
            sender: balances(&parties[0].api, &parties[0].account).await?,
            beneficiary: balances(&parties[1].api, &parties[1].account).await?,
        })
    }

    /// What is still under way, in words.
    pub fn open(&self) -> Option<String> {
        let open = |side: usize| {
            let all = self.remittances[side].values();
            all.filter(|one| !ENDS.contains(&one["state"].as_str().unwrap_or_default()))
                .count()
        };
        let missing = |side: usize| {
            let received = &self.received[side];
            self.events[side]
                .keys()
                .filter(|id| !received.contains_key(*id))
                .count()
        };
        let (open, missing) = ([open(0), open(1)], [missing(0), missing(1)]);
        (open != [0, 0] || missing != [0, 0]).then(|| {
            format!(
                "{} and {} remittances are under way, {} and {} webhooks have not come",
                open[0], open[1], missing[0], missing[1]
            )
        })
    }

    pub fn verdict(&self) -> anyhow::Result<Verdict> {
        let mut verdict = Verdict::default();
        let [ours, theirs] = &self.remittances;
        verdict.remittances = ours.len();
        let ids: BTreeSet<_> = ours
            .values()
            .map(|one| one["id"].as_str().unwrap_or_default())
            .collect();
        verdict.lost = self.told.iter().filter(|id| !ids.contains(id.as_str())).count();
        let told: BTreeSet<_> = self.told.iter().collect();
        verdict.doubled = ids.len().saturating_sub(told.len()) + (self.told.len() - told.len());
        let (mut paid, mut arrived, mut back) = (0, 0, 0);
        for (uetr, one) in ours {
            let state = text(one, "/state")?;
            *verdict.states.entry(state.to_owned()).or_default() += 1;
            let target = minor(text(one, "/target/value")?)?;
            if matches!(state, "completed" | "returned") {
                paid += minor(text(one, "/source/value")?)?;
                for fee in one["fees"].as_array().into_iter().flatten() {
                    paid += minor(text(fee, "/amount/value")?)?;
                }
            }
            match state {
                "completed" => arrived += target,
                "returned" => back += target,
                _ => {}
            }
            let other = theirs
                .get(uetr)
                .map(|other| other["state"].as_str().unwrap_or_default());
            if !agree(state, other) {
                verdict
                    .differing
                    .push(format!("{uetr}: {state} and {}", other.unwrap_or("nothing")));
            }
        }
        verdict.differing.extend(
            theirs
                .keys()
                .filter(|uetr| !ours.contains_key(*uetr))
                .map(|uetr| format!("{uetr}: only at the beneficiary's side")),
        );
        let has = |of: &BTreeMap<String, (u64, u64)>, currency: &str| of.get(currency).copied().unwrap_or_default();
        let expected = [
            ("the sender's EUR", has(&self.sender, "EUR"), FUNDS_CENTS - paid),
            ("the sender's THB", has(&self.sender, "THB"), back),
            ("the beneficiary's THB", has(&self.beneficiary, "THB"), arrived),
        ];
        for (what, found, expected) in expected {
            if found != (expected, 0) {
                verdict.balances.push(format!(
                    "{what} are {} and {} held, and should be {expected} and none",
                    found.0, found.1
                ));
            }
        }
        for side in 0..2 {
            let (events, received) = (&self.events[side], &self.received[side]);
            verdict.webhooks += received.len();
            verdict.missing += events.keys().filter(|id| !received.contains_key(*id)).count();
            verdict.false_webhooks += received.keys().filter(|id| !events.contains_key(*id)).count();
        }
        verdict.wrong.clone_from(&self.wrong);
        verdict.open = self.open();
        Ok(verdict)
    }
}

/// Whether the two sides tell one story. What was never reserved, the beneficiary's side may never have heard of.
fn agree(ours: &str, theirs: Option<&str>) -> bool {
    match (ours, theirs) {
        ("completed" | "returned" | "refunded", Some(theirs)) => ours == theirs,
        ("cancelled" | "expired" | "failed", None | Some("cancelled" | "expired")) => true,
        _ => false,
    }
}

#[derive(Debug, Default)]
pub struct Verdict {
    remittances: usize,
    states: BTreeMap<String, usize>,
    lost: usize,
    doubled: usize,
    differing: Vec<String>,
    balances: Vec<String>,
    webhooks: usize,
    missing: usize,
    false_webhooks: usize,
    wrong: Vec<String>,
    open: Option<String>,
}

impl Verdict {
    pub fn holds(&self) -> bool {
        self.remittances > 0
            && [self.lost, self.doubled, self.missing, self.false_webhooks] == [0; 4]
            && self.differing.is_empty()
            && self.balances.is_empty()
            && self.wrong.is_empty()
            && self.open.is_none()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (state, count) in &self.states {
            writeln!(f, "  {count:>6} {state}")?;
        }
        let all = self
            .differing
            .iter()
            .chain(&self.balances)
            .chain(&self.wrong)
            .chain(&self.open);
        for what in all {
            writeln!(f, "  {what}")?;
        }
        write!(
            f,
            "remittances {}, lost {}, doubled {}, differing {}, balances wrong {}; webhooks {}, missing {}, false {}",
            self.remittances,
            self.lost,
            self.doubled,
            self.differing.len(),
            self.balances.len(),
            self.webhooks,
            self.missing,
            self.false_webhooks + self.wrong.len(),
        )
    }
}
