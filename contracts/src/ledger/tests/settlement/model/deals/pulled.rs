//! Money that others draw or ask for, and payments to several.

use super::{ContractId, Kind, Model, Op};

impl Model {
    pub(super) fn mandate(&mut self, op: &Op, id: ContractId) -> Option<()> {
        let Op::Mandate {
            leg,
            max_per_period,
            period,
            starts,
            lasts,
        } = op
        else {
            return None;
        };
        if self.frozen.contains(&leg.0) || leg.0 == leg.1 || leg.3 == 0 || *max_per_period == 0 {
            return None;
        }
        let kind = Kind::Mandate {
            leg: *leg,
            max_per_period: *max_per_period,
            period: *period,
            starts_at: self.after(*starts),
            collected: vec![],
        };
        self.open(id, starts + lasts, &[], kind)
    }

    /// Within what one payment may be, and all of those in the period that is now.
    pub(super) fn collect(&mut self, which: usize, by: usize, amount: u64) -> Option<()> {
        let now = self.now;
        let mut deal = self.deal(which)?;
        let Kind::Mandate {
            leg,
            max_per_period,
            period,
            starts_at,
            collected,
        } = &mut deal.kind
        else {
            return None;
        };
        let began = (*starts_at..=now).step_by(usize::try_from(*period).ok()?).last()?;
        collected.push((now, amount));
        let in_period = collected.iter().filter(|(at, _)| *at >= began);
        let sum: u64 = in_period.map(|(_, amount)| amount).sum();
        if by != leg.1 || amount > leg.3 || sum > *max_per_period {
            return None;
        }
        let leg = (leg.0, leg.1, leg.2, amount);
        self.deals[which] = deal;
        self.transfer(leg)
    }

    pub(super) fn request(&mut self, op: &Op, id: ContractId) -> Option<()> {
        let Op::Request {
            payee,
            payer,
            code,
            amount,
            seconds,
        } = op
        else {
            return None;
        };
        if *payer == Some(*payee) || *amount == 0 {
            return None;
        }
        let kind = Kind::Request {
            payee: *payee,
            payer: *payer,
            code: *code,
            amount: *amount,
        };
        self.open(id, *seconds, &[], kind)
    }

    pub(super) fn pay_request(&mut self, which: usize, by: usize, more: u64) -> Option<()> {
        let Kind::Request {
            payee,
            payer,
            code,
            amount,
        } = self.deal(which)?.kind
        else {
            return None;
        };
        if payer.is_some_and(|payer| payer != by) || more > 0 {
            return None;
        }
        self.deals[which].is_open = false;
        self.transfer((by, payee, code, amount))
    }

    pub(super) fn revoke(&mut self, which: usize, by: usize) -> Option<()> {
        let deal = self.deal(which)?;
        deal.legs.iter().for_each(|leg| self.give_back(*leg));
        self.deals[which].is_open = false;
        deal.revokers().contains(&by).then_some(())
    }

    /// Whole units first; then one each to those who are short of most, of equal ones to the first.
    pub(super) fn split(&mut self, from: usize, code: usize, amount: u64, parts: &[(usize, u16)]) -> Option<()> {
        let due = |part: u16| amount * u64::from(part);
        let mut shares: Vec<u64> = parts.iter().map(|(_, part)| due(*part) / 10_000).collect();
        while shares.iter().sum::<u64>() < amount {
            let short = |at: &usize| due(parts[*at].1).saturating_sub(shares[*at] * 10_000);
            let most = (0..parts.len()).map(|at| short(&at)).max()?;
            let at = (0..parts.len()).find(|at| short(at) == most)?;
            shares[at] += 1;
        }
        let paid = parts.iter().zip(shares).filter(|(_, share)| *share > 0);
        paid.into_iter()
            .try_for_each(|((to, _), share)| self.transfer((from, *to, code, share)))
    }
}
