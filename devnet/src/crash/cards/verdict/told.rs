//! Whether what a till was told of an order is what there is.

use serde_json::Value;

use super::Verdict;
use crate::crash::cards::{
    books::{all, cents, is_paid},
    till::Sale,
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
        if sale.told.iter().any(|told| told.outcome == "approved") && !is_paid(order) {
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
        self.refunds(order, sale)
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
