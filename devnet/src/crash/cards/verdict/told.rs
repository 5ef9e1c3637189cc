//! Whether what a till was told of an order is what there is.

use serde_json::Value;

use super::Verdict;
use crate::crash::cards::{
    books::{all, cents, is_paid, is_voided},
    till::sale::Sale,
};

impl Verdict {
    /// `order`: as its acquirer has it.
    pub(super) fn sale(&mut self, order: Option<&Value>, sale: &Sale) -> anyhow::Result<()> {
        for told in &sale.told {
            *self
                .told
                .entry(format!("{} ({})", told.outcome, told.code))
                .or_default() += 1;
        }
        let Some(order) = order else {
            self.lost.push(format!("{} is not there", sale.order));
            return Ok(());
        };
        let stands = is_paid(order) || is_voided(order) && sale.is_voided();
        if sale.told.iter().any(|told| told.outcome == "approved") && !stands {
            self.lost
                .push(format!("{} was approved, and is {}", sale.order, order["state"]));
        }
        for told in &sale.told {
            let found = all(order, "attempts").find(|attempt| attempt["id"] == told.attempt.as_str());
            if found.is_none_or(|found| found["outcome"] != told.outcome.as_str()) {
                self.differing
                    .push(format!("{}: {} was {}", sale.order, told.attempt, told.outcome));
            }
        }
        self.decision(order, sale)?;
        self.refunds(order, sale)
    }

    /// What the till has decided about what was held is done, and nothing else.
    fn decision(&mut self, order: &Value, sale: &Sale) -> anyhow::Result<()> {
        let id = &sale.order;
        let told = sale.decision.as_ref();
        let is_told = |advice: &Value| told.is_some_and(|told| advice["id"] == told.advice.as_str());
        if let Some(told) = told {
            let what = match told.captured {
                None => "voided",
                Some(all) if all == sale.cents => "captured whole",
                Some(_) => "captured in part",
            };
            *self.decided.entry(what).or_default() += 1;
            match all(order, "advices").find(|advice| is_told(advice)) {
                None => self.lost.push(format!("{id}: {} is not there", told.advice)),
                Some(found) if found["state"] != "approved" => self.differing.push(format!("{id}: {found}")),
                Some(_) => {}
            }
        }
        // Voids that nobody has asked for are of tries that nobody knows the end of.
        for other in all(order, "advices").filter(|advice| advice["kind"] == "capture" && !is_told(advice)) {
            self.doubled.push(format!("{id}: nobody was told of {}", other["id"]));
        }
        if is_paid(order) && cents(order, "/payment/amount")? != sale.brings() {
            let brings = sale.brings();
            self.differing
                .push(format!("{id} should bring {brings} cents: {}", order["payment"]));
        }
        if is_voided(order) && !sale.is_voided() {
            self.differing.push(format!(
                "{id} is voided, and nobody has asked for it: {}",
                order["timeline"]
            ));
        }
        Ok(())
    }

    /// Each that the till was told of is made, and no other.
    fn refunds(&mut self, order: &Value, sale: &Sale) -> anyhow::Result<()> {
        let id = &sale.order;
        let mut standing = 0;
        for refund in &sale.refunds {
            let found = all(order, "refunds").find(|found| found["id"] == refund.id.as_str());
            if found.is_none() {
                self.lost.push(format!("{id}: {} is not there", refund.id));
            }
            match found.filter(|found| found["state"] == "failed") {
                Some(failed) => self.differing.push(format!("{id}: a refund has failed: {failed}")),
                None => standing += refund.cents,
            }
        }
        for found in all(order, "refunds") {
            if !sale.refunds.iter().any(|refund| found["id"] == refund.id.as_str()) {
                self.doubled.push(format!("{id}: nobody was told of {}", found["id"]));
            }
        }
        let refunded = cents(order, "/refunded")?;
        if refunded != standing {
            self.differing.push(format!(
                "{id} has {refunded} cents of refunds, and should have {standing}"
            ));
        }
        Ok(())
    }
}
