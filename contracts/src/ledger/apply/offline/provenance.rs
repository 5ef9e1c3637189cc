//! Whether all that is behind a purse's lots is known and fits together.

use crate::{
    ledger::{overlay::Overlay, rejection::Rejection},
    offline::{
        HOPS_MAX, LOTS_MAX,
        ids::{CurrencyIndex, Epoch, Id16, PurseId},
        messages::Spend,
        record::{Origin, Spent},
    },
};

/// How many lots are looked at, at most, behind one redemption.
pub const LOTS_BEHIND_MAX: usize = 128;

/// How many there may be, its own included: each that has hops has at most four behind it, with a hop less.
pub(in crate::ledger) fn lots_behind_max(spend: &Spend) -> usize {
    let hops = 1..spend.hop;
    let behind = hops.scan(spend.lots.len(), |lots, _| {
        *lots = lots.saturating_mul(LOTS_MAX);
        Some(*lots)
    });
    let all = behind.fold(spend.lots.len(), usize::saturating_add);
    all.min(LOTS_BEHIND_MAX)
}

pub(super) struct Walk<'a> {
    overlay: &'a Overlay<'a>,
    currency: CurrencyIndex,
    left: usize,
}

impl<'a> Walk<'a> {
    /// Looks at so many lots at most.
    pub(super) fn new(overlay: &'a Overlay<'a>, currency: CurrencyIndex, most: usize) -> Self {
        Self {
            overlay,
            currency,
            left: most,
        }
    }

    /// Whether the payer is a purse of the currency, the lots are its own, and hop and expiry follow from theirs.
    pub(super) fn check(&mut self, spend: &Spend, payer: PurseId) -> Result<(), Rejection> {
        // What it may owe is counted in its own currency.
        let purse = self.overlay.purse(payer).ok_or(Rejection::LotUnknown)?;
        if purse.certificate.body.currency != self.currency {
            return Err(Rejection::LotUnknown);
        }
        let (mut hop, mut expiry) = (0, Epoch(u32::MAX));
        for part in &spend.lots {
            let (of_lot, end) = self.lot(part.lot, payer)?;
            hop = hop.max(of_lot);
            expiry = expiry.min(end);
        }
        let is_next = spend.hop.checked_sub(1) == Some(hop);
        if !is_next || spend.expiry != expiry || spend.currency != self.currency {
            return Err(Rejection::LotUnknown);
        }
        Ok(())
    }

    /// The hops and the expiry of a lot.
    pub(super) fn lot(&mut self, lot: Id16, owner: PurseId) -> Result<(u8, Epoch), Rejection> {
        self.left = self.left.checked_sub(1).ok_or(Rejection::LotUnknown)?;
        let grant = match *self.overlay.lot(lot, owner).ok_or(Rejection::LotUnknown)? {
            Origin::Load(counter) => {
                let load = self.overlay.load(owner, counter);
                load.and_then(|load| load.grant.as_ref())
            }
            Origin::Unbacked => self.overlay.unbacked(owner, lot).map(|row| &row.grant),
            Origin::Transfer(id) => {
                let spending = self.overlay.spending(id).ok_or(Rejection::LotUnknown)?;
                let Spent::Transfer(signed) = &spending.spent else {
                    return Err(Rejection::LotUnknown);
                };
                let spend = &signed.body.spend;
                if spend.hop > HOPS_MAX {
                    return Err(Rejection::LotUnknown);
                }
                self.check(spend, signed.body.payer)?;
                return Ok((spend.hop, spend.expiry));
            }
        };
        grant
            .filter(|grant| grant.body.currency == self.currency)
            .map(|grant| (0, grant.body.expiry))
            .ok_or(Rejection::LotUnknown)
    }
}
