//! The model: what everybody has, and what was agreed. Simpler than the ledger: currencies without caps, and of
//! a refusal only that it is one.

mod held;
mod pulled;
mod traded;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CODES, ContractId, FUNDS, NAMES, Side,
    op::{LegSpec, Op},
};

/// What the model knows of a contract.
#[derive(Debug, Clone)]
pub(super) struct Deal {
    pub(super) id: ContractId,
    is_open: bool,
    expires_at: u64,
    /// What is held.
    legs: Vec<LegSpec>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Hold {
        post_by: usize,
        void_by: usize,
    },
    /// Released with a preimage, refunded from this time on.
    Escrow {
        refund_from: u64,
        on_expiry: Side,
    },
    Allowance {
        payees: BTreeSet<usize>,
        max_payment: Option<u64>,
    },
    Mandate {
        leg: LegSpec,
        max_per_period: u64,
        period: u64,
        starts_at: u64,
        /// When, and how much.
        collected: Vec<(u64, u64)>,
    },
    Request {
        payee: usize,
        payer: Option<usize>,
        code: usize,
        amount: u64,
    },
}

#[derive(Debug, Default, Clone)]
pub(super) struct Model {
    pub(super) available: BTreeMap<(usize, usize), u64>,
    pub(super) held: BTreeMap<(usize, usize), u64>,
    pub(super) frozen: BTreeSet<usize>,
    deals: Vec<Deal>,
    /// Used or withdrawn.
    quotes: BTreeSet<(usize, u8)>,
    /// The seconds of the block.
    now: u64,
}

/// Numbers of contracts below this are made to mean one that fits and is open.
const AIMED_AT_OPEN: usize = 18;

/// Those below this, one that fits.
const AIMED: usize = 22;

/// Who may do something with a contract, if it is of the kind with which it can be done.
type WhoMay = fn(&Deal) -> Option<usize>;

impl Model {
    pub(super) fn new() -> Self {
        let all = || (0..NAMES.len()).flat_map(|who| (0..CODES.len()).map(move |code| (who, code)));
        Self {
            available: all().map(|key| (key, FUNDS)).collect(),
            held: all().map(|key| (key, 0)).collect(),
            ..Self::default()
        }
    }

    pub(super) fn id_of(&self, which: usize) -> ContractId {
        self.deals.get(which).map_or(ContractId([0xee; 20]), |deal| deal.id)
    }

    pub(super) fn open_deals(&self) -> BTreeSet<ContractId> {
        let open = self.deals.iter().filter(|deal| deal.is_open);
        open.map(|deal| deal.id).collect()
    }

    /// What a request asks for.
    pub(super) fn asked(&self, which: usize) -> u64 {
        match self.deals.get(which).map(|deal| &deal.kind) {
            Some(Kind::Request { amount, .. }) => *amount,
            _ => 0,
        }
    }

    /// The same on a contract that fits, by one who may, if it is not meant to miss.
    pub(super) fn aim(&self, op: &Op) -> Op {
        let mut op = op.clone();
        let (which, by, who_may): (_, _, WhoMay) = match &mut op {
            Op::Post { which, by, .. } => (which, by, |deal| deal.poster().filter(|_| deal.legs.len() == 1)),
            Op::PostGroup(which, by) => (which, by, |deal| deal.poster().filter(|_| deal.legs.len() > 1)),
            Op::Void(which, by) => (which, by, |deal| deal.voider().filter(|_| deal.legs.len() == 1)),
            Op::VoidGroup(which, by) => (which, by, |deal| deal.voider().filter(|_| deal.legs.len() > 1)),
            Op::Claim { which, by, .. } => (which, by, |deal| {
                matches!(deal.kind, Kind::Escrow { .. }).then(|| deal.legs[0].0)
            }),
            Op::Spend { which, by, .. } => (which, by, |deal| {
                matches!(deal.kind, Kind::Allowance { .. }).then(|| deal.legs[0].1)
            }),
            Op::Collect { which, by, .. } => (which, by, |deal| match deal.kind {
                Kind::Mandate { leg, .. } => Some(leg.1),
                _ => None,
            }),
            Op::PayRequest { which, by, .. } => (which, by, |deal| match deal.kind {
                Kind::Request { payee, payer, .. } => Some(payer.unwrap_or((payee + 1) % NAMES.len())),
                _ => None,
            }),
            Op::Revoke(which, by) => (which, by, |deal| deal.revokers().first().copied()),
            _ => return op,
        };
        let must_be_open = *which < AIMED_AT_OPEN;
        let fits = |deal: &Deal| (deal.is_open || !must_be_open) && who_may(deal).is_some();
        let fitting: Vec<_> = (0..self.deals.len()).filter(|at| fits(&self.deals[*at])).collect();
        if *which < AIMED && !fitting.is_empty() {
            *which = fitting[*which % fitting.len()];
        }
        if *by >= NAMES.len() {
            *by = self.deals.get(*which).and_then(who_may).unwrap_or(0);
        }
        if let Op::Spend { which, to, .. } = &mut op
            && *to >= NAMES.len()
        {
            *to = self.deals.get(*which).and_then(Deal::payee).unwrap_or(0);
        }
        op
    }

    /// Ends what is over before a block of this time does anything else.
    pub(super) fn begin(&mut self, now: u64) {
        self.now = now;
        for at in 0..self.deals.len() {
            let deal = self.deals[at].clone();
            if !deal.is_open || deal.expires_at > now {
                continue;
            }
            self.deals[at].is_open = false;
            for leg in deal.legs {
                match deal.kind {
                    Kind::Escrow {
                        on_expiry: Side::Release,
                        ..
                    } if !self.frozen.contains(&leg.0) => self.pay(leg),
                    _ => self.give_back(leg),
                }
            }
        }
    }

    /// Does it and says so, or does nothing.
    pub(super) fn apply(&mut self, op: &Op, id: ContractId) -> bool {
        let before = self.clone();
        let is_done = self.attempt(op, id).is_some();
        if !is_done {
            *self = before;
        }
        is_done
    }

    /// `None`: not possible, whatever it has done so far.
    fn attempt(&mut self, op: &Op, id: ContractId) -> Option<()> {
        match op {
            Op::Hold {
                legs,
                seconds,
                post_by,
                void_by,
            } => {
                let (post_by, void_by) = (*post_by, *void_by);
                self.open(id, *seconds, legs, Kind::Hold { post_by, void_by })
            }
            Op::Escrow {
                leg,
                seconds,
                on_expiry,
            } => {
                let (refund_from, on_expiry) = (self.after(seconds / 4), *on_expiry);
                self.open(id, *seconds, &[*leg], Kind::Escrow { refund_from, on_expiry })
            }
            Op::Allow {
                leg,
                payees,
                max_payment,
                seconds,
            } => {
                let (payees, max_payment) = (payees.clone(), *max_payment);
                self.open(id, *seconds, &[*leg], Kind::Allowance { payees, max_payment })
            }
            Op::Post {
                which,
                by,
                amount,
                keep_rest,
            } => self.post(*which, *by, *amount, *keep_rest),
            Op::Void(which, by) => (self.deal(*which)?.legs.len() == 1).then(|| self.void(*which, *by))?,
            Op::PostGroup(which, by) => self.post_group(*which, *by),
            Op::VoidGroup(which, by) => self.void(*which, *by),
            Op::Claim { which, side, knows, .. } => self.claim(*which, *side, *knows),
            Op::Spend { which, by, to, amount } => self.spend(*which, *by, *to, *amount),
            Op::Mandate { .. } => self.mandate(op, id),
            Op::Collect { which, by, amount } => self.collect(*which, *by, *amount),
            Op::Request { .. } => self.request(op, id),
            Op::PayRequest { which, by, more } => self.pay_request(*which, *by, *more),
            Op::Revoke(which, by) => self.revoke(*which, *by),
            Op::SplitAmounts { from, code, shares } => shares
                .iter()
                .try_for_each(|(to, amount)| self.transfer((*from, *to, *code, *amount))),
            Op::SplitParts {
                from,
                code,
                amount,
                parts,
            } => self.split(*from, *code, *amount, parts),
            Op::Exchange(trade) => self.exchange(trade, id),
            Op::Withdraw { maker, id } => self.quotes.insert((*maker, *id)).then_some(()),
            Op::Freeze(who) => self.frozen.insert(*who).then_some(()),
            Op::Unfreeze(who) => self.frozen.remove(who).then_some(()),
            Op::Pass(_) => None,
        }
    }

    /// So many seconds after the block before: an action comes a second after it.
    fn after(&self, seconds: u64) -> u64 {
        self.now - 1 + seconds
    }

    fn open(&mut self, id: ContractId, seconds: u64, legs: &[LegSpec], kind: Kind) -> Option<()> {
        legs.iter().try_for_each(|leg| self.set_aside(*leg))?;
        let expires_at = self.after(seconds);
        self.deals.push(Deal {
            id,
            is_open: true,
            expires_at,
            legs: legs.to_vec(),
            kind,
        });
        (expires_at > self.now).then_some(())
    }

    fn deal(&self, which: usize) -> Option<Deal> {
        self.deals.get(which).filter(|deal| deal.is_open).cloned()
    }

    fn set_aside(&mut self, (debtor, creditor, code, amount): LegSpec) -> Option<()> {
        let from = self.available.get_mut(&(debtor, code))?;
        if self.frozen.contains(&debtor) || debtor == creditor || amount == 0 || *from < amount {
            return None;
        }
        *from -= amount;
        *self.held.get_mut(&(debtor, code))? += amount;
        Some(())
    }

    fn pay(&mut self, (debtor, creditor, code, amount): LegSpec) {
        *self.held.get_mut(&(debtor, code)).unwrap() -= amount;
        *self.available.get_mut(&(creditor, code)).unwrap() += amount;
    }

    fn give_back(&mut self, (debtor, _, code, amount): LegSpec) {
        self.pay((debtor, debtor, code, amount));
    }

    fn transfer(&mut self, leg: LegSpec) -> Option<()> {
        self.set_aside(leg)?;
        self.pay(leg);
        Some(())
    }
}

impl Deal {
    fn poster(&self) -> Option<usize> {
        match self.kind {
            Kind::Hold { post_by, .. } => Some(post_by),
            _ => None,
        }
    }

    fn voider(&self) -> Option<usize> {
        match self.kind {
            Kind::Hold { void_by, .. } => Some(void_by),
            _ => None,
        }
    }

    fn payee(&self) -> Option<usize> {
        match &self.kind {
            Kind::Allowance { payees, .. } => payees.iter().copied().find(|payee| *payee != self.legs[0].0),
            _ => None,
        }
    }

    fn revokers(&self) -> Vec<usize> {
        match self.kind {
            Kind::Hold { .. } | Kind::Escrow { .. } => vec![],
            Kind::Allowance { .. } => vec![self.legs[0].1],
            Kind::Mandate { leg, .. } => vec![leg.0, leg.1],
            Kind::Request { payee, .. } => vec![payee],
        }
    }
}
