//! Which lots a payment consumes: at most four, those with the fewest hops first, and a bundle that fits.

use super::{PurseRefusal, PurseState, contents::Lot, state::sum};
use crate::{
    money::Amount,
    offline::{
        HOPS_MAX, LOTS_MAX,
        bundle::{BUNDLE_BYTES_MAX, Behind},
        ids::Epoch,
        message::Message,
        messages::{Certificate, Grant, LotPart, Lots, Spend},
        signed::Signed,
    },
};

/// What a payment may consume.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    pub amount: Amount,
    /// The most hops that the new transfer may have.
    pub hops_max: u8,
}

impl PurseState {
    /// The most hops of what this purse pays; its payee may allow less.
    pub(super) fn hops_max(&self) -> u8 {
        HOPS_MAX.min(self.rules.hops_max).min(self.own().hops_max)
    }

    /// Whether anyone behind it is on the revocation list: payees refuse it, and the ledger redeems it.
    fn is_revoked(&self, lot: &Lot) -> bool {
        let of_purse =
            |it: &Signed<Certificate>| self.revoked.has_purse(it.body.purse) || self.revoked.has_key(it.body.issuer);
        let of_grant = |grant: &Signed<Grant>| self.revoked.has_key(grant.body.issuer);
        match lot.behind() {
            Behind::Grant(grant) => of_grant(&grant),
            Behind::Bundle(bundle) => {
                bundle.certificates().iter().any(of_purse) || bundle.grants().iter().any(of_grant)
            }
        }
    }

    /// Candidates, each list in an order in which they are taken until they suffice: first with as few hops as
    /// possible; within these lowest hop first, or the largest first if that takes too many.
    fn orders(&self, hops_max: u8) -> Vec<Vec<&Lot>> {
        let now = self.counters.epoch;
        let may_respend = self.own().class.can_respend;
        let usable = |lot: &&Lot| {
            let is_there = !lot.left.is_zero() && !now.has_reached(lot.expiry);
            is_there && (lot.hop == 0 || may_respend) && !self.is_revoked(lot)
        };
        let usable: Vec<_> = self.lots.iter().filter(usable).collect();
        let mut orders = Vec::new();
        for hop in 0..hops_max {
            if !usable.iter().any(|lot| lot.hop == hop) {
                continue;
            }
            let mut lots: Vec<_> = usable.iter().copied().filter(|lot| lot.hop <= hop).collect();
            lots.sort_by_key(|lot| (lot.hop, std::cmp::Reverse(lot.left), lot.id));
            orders.push(lots.clone());
            lots.sort_by_key(|lot| (std::cmp::Reverse(lot.left), lot.hop, lot.id));
            orders.push(lots);
        }
        orders
    }

    /// The parts of lots that pay this amount, the hop and the expiry that they give, if `fits` says that they do.
    pub(super) fn choose<T>(
        &self,
        demand: Demand,
        mut fits: impl FnMut(&Spend, &[&Lot]) -> Option<T>,
    ) -> Result<T, PurseRefusal> {
        for order in self.orders(demand.hops_max) {
            let Some((parts, lots)) = take(&order, demand.amount) else {
                continue;
            };
            let spend = self.spend_of(parts, &lots);
            if let Some(found) = fits(&spend, &lots) {
                return Ok(found);
            }
        }
        Err(PurseRefusal::NoLots(demand.amount))
    }

    pub(super) fn spend_of(&self, mut parts: Vec<LotPart>, lots: &[&Lot]) -> Spend {
        parts.sort_by_key(|part| part.lot);
        let hop = lots.iter().map(|lot| lot.hop).max().unwrap_or(0);
        let expiry = lots.iter().map(|lot| lot.expiry).min().unwrap_or(Epoch(0));
        Spend {
            amount: sum(parts.iter().map(|part| part.amount)),
            currency: self.own().currency,
            hop: hop + 1,
            expiry,
            epoch: self.counters.epoch,
            lots: Lots::new(parts).expect("at most four were taken"),
        }
    }

    /// The largest amount that one payment can have, limits of the payee aside.
    pub(super) fn largest_payment(&self) -> Amount {
        let orders = self.orders(self.hops_max());
        let prefixes = orders
            .iter()
            .flat_map(|order| (1..=order.len().min(LOTS_MAX)).map(move |count| &order[..count]));
        let fitting = prefixes.filter(|lots| behind_bytes(lots) + OWN_BYTES_MAX <= BUNDLE_BYTES_MAX);
        let most = fitting.map(|lots| sum(lots.iter().map(|lot| lot.left))).max();
        let paid_left = Amount(self.own().paid_max.0.saturating_sub(self.counters.paid.0));
        let limits = [self.rules.payment_max, self.own().payment_max, paid_left];
        limits.into_iter().fold(most.unwrap_or_default(), Amount::min)
    }
}

/// A transfer of four lots and a certificate, with signatures; numbers as long as they may come to be.
const OWN_BYTES_MAX: usize = 270 + 155;

fn take<'a>(order: &[&'a Lot], amount: Amount) -> Option<(Vec<LotPart>, Vec<&'a Lot>)> {
    let (mut rest, mut parts, mut lots) = (amount, Vec::new(), Vec::new());
    for lot in order.iter().take(LOTS_MAX) {
        let part = rest.min(lot.left);
        parts.push(LotPart {
            lot: lot.id,
            amount: part,
        });
        lots.push(*lot);
        rest = rest.checked_sub(part)?;
        if rest.is_zero() {
            return Some((parts, lots));
        }
    }
    None
}

/// How many bytes are behind these lots, each message once.
pub(super) fn behind_bytes(lots: &[&Lot]) -> usize {
    behind(lots).iter().map(|message| message.to_bytes().len()).sum()
}

/// What is behind these lots, each message once, parents first.
pub(super) fn behind(lots: &[&Lot]) -> Vec<Message> {
    let (mut ids, mut messages) = (std::collections::HashSet::new(), Vec::new());
    for lot in lots {
        let of_lot = match lot.behind() {
            Behind::Grant(grant) => vec![Message::from(grant)],
            Behind::Bundle(bundle) => bundle.messages().collect(),
        };
        messages.extend(of_lot.into_iter().filter(|message| ids.insert(message.id())));
    }
    messages
}
