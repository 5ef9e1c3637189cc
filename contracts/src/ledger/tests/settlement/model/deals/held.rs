//! Money that is set aside: holds, escrows, allowances.

use super::{Kind, Model, Side};

impl Model {
    pub(super) fn post(&mut self, which: usize, by: usize, amount: Option<u64>, keep_rest: bool) -> Option<()> {
        let deal = self.deal(which)?;
        let [leg] = deal.legs[..] else { return None };
        let amount = amount.unwrap_or(leg.3);
        let rest = leg.3.checked_sub(amount)?;
        let is_frozen = self.frozen.contains(&by) || self.frozen.contains(&leg.0);
        if deal.poster() != Some(by) || is_frozen || amount == 0 {
            return None;
        }
        self.pay((leg.0, leg.1, leg.2, amount));
        if keep_rest && rest > 0 {
            self.deals[which].legs[0].3 = rest;
        } else {
            self.give_back((leg.0, leg.1, leg.2, rest));
            self.deals[which].is_open = false;
        }
        Some(())
    }

    pub(super) fn post_group(&mut self, which: usize, by: usize) -> Option<()> {
        let deal = self.deal(which)?;
        let is_frozen = deal.legs.iter().any(|leg| self.frozen.contains(&leg.0));
        if deal.poster() != Some(by) || self.frozen.contains(&by) || is_frozen {
            return None;
        }
        deal.legs.iter().for_each(|leg| self.pay(*leg));
        self.deals[which].is_open = false;
        Some(())
    }

    pub(super) fn void(&mut self, which: usize, by: usize) -> Option<()> {
        let deal = self.deal(which)?;
        deal.legs.iter().for_each(|leg| self.give_back(*leg));
        self.deals[which].is_open = false;
        (deal.voider() == Some(by)).then_some(())
    }

    pub(super) fn claim(&mut self, which: usize, side: Side, knows: bool) -> Option<()> {
        let deal = self.deal(which)?;
        let Kind::Escrow { refund_from, .. } = deal.kind else {
            return None;
        };
        let leg = deal.legs[0];
        self.deals[which].is_open = false;
        match side {
            Side::Release if knows && !self.frozen.contains(&leg.0) => self.pay(leg),
            Side::Refund if self.now >= refund_from => self.give_back(leg),
            _ => return None,
        }
        Some(())
    }

    pub(super) fn spend(&mut self, which: usize, by: usize, to: usize, amount: u64) -> Option<()> {
        let deal = self.deal(which)?;
        let Kind::Allowance { payees, max_payment } = deal.kind else {
            return None;
        };
        let (grantor, holder, code, left) = deal.legs[0];
        let is_frozen = self.frozen.contains(&grantor) || self.frozen.contains(&by);
        let most = max_payment.unwrap_or(left).min(left);
        if holder != by || !payees.contains(&to) || is_frozen || grantor == to || amount == 0 || amount > most {
            return None;
        }
        self.pay((grantor, to, code, amount));
        self.deals[which].legs[0].3 -= amount;
        self.deals[which].is_open = amount < left;
        Some(())
    }
}
