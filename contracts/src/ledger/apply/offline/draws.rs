//! What is redeemed of a lot, along the transfers behind it and down to loads, and who owes what is not there.
//!
//! Of each lot it is known what redemptions have asked of it in all. A transfer asks as much of the lots that it consumed, each
//! part filled before the next, and never more than its amount. What a lot is asked for and does not cover, its
//! purse owes. So who owes what depends on what was redeemed and what is void, and not on the order of that.
//!
//! A void transfer asks nothing of the lots that its payer has back: its payee owes all of it.

use super::standing;
use crate::{
    identity::AccountId,
    ledger::{
        overlay::Overlay,
        posting::{BalanceId, Part, Posting, post},
    },
    money::{Amount, Currency},
    offline::{
        ids::{Id16, LoadCounter, MessageId, PurseId},
        record::{Load, OfflineKey, OfflineRow, Origin, Purse, Spending, Spent, Unbacked, cover},
    },
};

/// A purse may owe others so many times what it may hold; what goes beyond waits for the issuer.
const OWED_BALANCES_MAX: u128 = 10;

/// Pays from loads what is redeemed.
pub(super) struct Draw<'o, 'a> {
    overlay: &'o mut Overlay<'a>,
    to: AccountId,
    /// Of that account.
    part: Part,
    /// Whose lots were asked for more than they cover, now or at some time.
    passed: Vec<PurseId>,
    is_doubtful: bool,
}

impl<'o, 'a> Draw<'o, 'a> {
    pub(super) fn new(overlay: &'o mut Overlay<'a>, to: AccountId) -> Self {
        Self {
            overlay,
            to,
            part: Part::Available,
            passed: Vec::new(),
            is_doubtful: false,
        }
    }

    /// Into what the fund holds: the caller adds it to the guarantee.
    pub(super) fn to_guarantee(overlay: &'o mut Overlay<'a>, fund: AccountId) -> Self {
        Self {
            part: Part::Held,
            ..Self::new(overlay, fund)
        }
    }

    /// Pays so much of a purse's lot, whose provenance was checked. Gives what there still was.
    pub(super) fn draw(&mut self, lot: Id16, owner: PurseId, amount: u64) -> u64 {
        match *self.overlay.lot(lot, owner).expect("its provenance was checked") {
            Origin::Load(counter) => self.draw_load(owner, counter, amount),
            Origin::Transfer(id) => self.draw_transfer(id, amount),
            Origin::Unbacked => {
                let row = self.overlay.unbacked(owner, lot).expect("its lot names it").clone();
                self.is_doubtful |= row.is_doubtful;
                put_unbacked(self.overlay, owner, lot, row.asked + u128::from(amount), row);
                self.owe(owner, amount);
                0
            }
        }
    }

    fn draw_load(&mut self, owner: PurseId, counter: LoadCounter, amount: u64) -> u64 {
        let load = self.overlay.load(owner, counter).expect("its lot names it").clone();
        let asked = load.asked + u128::from(amount);
        let covered = cover(load.amount, asked) - cover(load.amount, load.asked);
        self.owe(owner, amount - covered);
        // What is asked no more since it was void has been paid all the same.
        let paid = covered.min(load.left.0);
        let to = BalanceId {
            account: self.to,
            currency: load.currency,
            part: self.part,
        };
        move_held(self.overlay, load.account, to, paid);
        let left = Amount(load.left.0 - paid);
        put_load(self.overlay, owner, counter, Load { asked, left, ..load });
        paid
    }

    fn draw_transfer(&mut self, id: MessageId, amount: u64) -> u64 {
        let is_void = standing::is_void(self.overlay, id);
        if is_void {
            take_back(self.overlay, id);
        }
        let mut spending = known(self.overlay, id);
        let (payer, payee) = sides(&spending);
        spending.asked += u128::from(amount);
        let mut shares = Vec::new();
        if !is_void {
            let mut left = cover(spending.spent.spend().amount, spending.asked) - spending.drawn();
            let parts = spending.spent.spend().lots.clone();
            for (part, drawn) in parts.iter().zip(&mut spending.drawn) {
                let share = left.min(part.amount.0 - drawn.0);
                drawn.0 += share;
                left -= share;
                shares.push((part.lot, share));
            }
        }
        let shared: u64 = shares.iter().map(|(_, share)| share).sum();
        put_spending(self.overlay, id, spending);
        self.owe(payee, amount - shared);
        let asked = shares.into_iter().filter(|(_, share)| *share > 0);
        asked.map(|(lot, share)| self.draw(lot, payer, share)).sum()
    }

    /// At once, since what is taken back in the same draw is owed less.
    fn owe(&mut self, id: PurseId, amount: u64) {
        let purse = self.overlay.purse(id).expect("it signed what is behind a lot");
        let owed = purse.owed + u128::from(amount);
        put_owed(self.overlay, id, owed);
        self.passed.push(id);
    }

    /// Whether the issuer has to look at what loads do not cover of it: since a purse on the way owes too much, by this
    /// or by what was before, or since the key of a grant was withdrawn.
    pub(super) fn finish(self) -> bool {
        self.is_doubtful || self.passed.iter().any(|id| owes_too_much(self.overlay, *id))
    }
}

pub(super) fn owes_too_much(overlay: &Overlay<'_>, id: PurseId) -> bool {
    let purse = overlay.purse(id).expect("it is registered");
    purse.owed > OWED_BALANCES_MAX * u128::from(purse.certificate.body.balance_max.0)
}

/// A transfer that is void asks no more of the lots that it consumed what it asked before.
pub(super) fn take_back(overlay: &mut Overlay<'_>, id: MessageId) {
    let spending = known(overlay, id);
    let (payer, payee) = sides(&spending);
    let drawn = spending.drawn();
    if drawn == 0 {
        return;
    }
    let shares: Vec<_> = shares(&spending).collect();
    let spending = Spending {
        drawn: Default::default(),
        ..spending
    };
    put_spending(overlay, id, spending);
    let owed = overlay.purse(payee).expect("it spent of it").owed + u128::from(drawn);
    put_owed(overlay, payee, owed);
    for (lot, share) in shares {
        ask_less(overlay, lot, payer, share);
    }
}

/// Undoes what was asked of a lot, but not what was paid.
fn ask_less(overlay: &mut Overlay<'_>, lot: Id16, owner: PurseId, amount: u64) {
    let less = match *overlay.lot(lot, owner).expect("it was asked") {
        Origin::Load(counter) => {
            let load = overlay.load(owner, counter).expect("its lot names it").clone();
            let asked = load.asked - u128::from(amount);
            let uncovered = cover(load.amount, load.asked) - cover(load.amount, asked);
            put_load(overlay, owner, counter, Load { asked, ..load });
            amount - uncovered
        }
        Origin::Unbacked => {
            let row = overlay.unbacked(owner, lot).expect("its lot names it").clone();
            put_unbacked(overlay, owner, lot, row.asked - u128::from(amount), row);
            amount
        }
        Origin::Transfer(id) => amount - ask_less_of_transfer(overlay, id, amount),
    };
    let owed = overlay.purse(owner).expect("the lot is its own").owed - u128::from(less);
    put_owed(overlay, owner, owed);
}

/// Gives what it asks less of its lots.
fn ask_less_of_transfer(overlay: &mut Overlay<'_>, id: MessageId, amount: u64) -> u64 {
    let mut spending = known(overlay, id);
    let (payer, _) = sides(&spending);
    spending.asked -= u128::from(amount);
    let before = spending.drawn();
    let less = before - before.min(cover(spending.spent.spend().amount, spending.asked));
    let mut left = less;
    let mut shares = Vec::new();
    let parts = spending.spent.spend().lots.clone();
    for (part, drawn) in parts.iter().zip(&mut spending.drawn).rev() {
        let share = left.min(drawn.0);
        drawn.0 -= share;
        left -= share;
        shares.push((part.lot, share));
    }
    put_spending(overlay, id, spending);
    for (lot, share) in shares.into_iter().filter(|(_, share)| *share > 0) {
        ask_less(overlay, lot, payer, share);
    }
    less
}

fn shares(spending: &Spending) -> impl Iterator<Item = (Id16, u64)> {
    let parts = spending.spent.spend().lots.iter().zip(spending.drawn);
    let asked = parts.map(|(part, drawn)| (part.lot, drawn.0));
    asked.filter(|(_, share)| *share > 0)
}

fn known(overlay: &Overlay<'_>, id: MessageId) -> Spending {
    overlay.spending(id).expect("a lot names it").clone()
}

/// Payer and payee.
fn sides(spending: &Spending) -> (PurseId, PurseId) {
    match &spending.spent {
        Spent::Transfer(signed) => (signed.body.payer, signed.body.payee),
        Spent::Redeem(_) => unreachable!("a redemption is nobody's lot"),
    }
}

fn put_spending(overlay: &mut Overlay<'_>, id: MessageId, spending: Spending) {
    overlay.put_offline(OfflineKey::Spending(id), OfflineRow::Spending(spending));
}

fn put_unbacked(overlay: &mut Overlay<'_>, owner: PurseId, lot: Id16, asked: u128, row: Unbacked) {
    let row = Unbacked { asked, ..row };
    overlay.put_offline(OfflineKey::Unbacked(owner, lot), OfflineRow::Unbacked(row));
}

pub(super) fn put_load(overlay: &mut Overlay<'_>, owner: PurseId, counter: LoadCounter, load: Load) {
    let key = OfflineKey::Load(owner, counter.0.to_be_bytes());
    overlay.put_offline(key, OfflineRow::Load(load));
}

fn put_owed(overlay: &mut Overlay<'_>, id: PurseId, owed: u128) {
    let purse = overlay.purse(id).expect("it is registered");
    if purse.owed != owed {
        let purse = Purse { owed, ..purse.clone() };
        overlay.put_offline(OfflineKey::Purse(id), OfflineRow::Purse(purse));
    }
}

pub(super) fn pay_held(overlay: &mut Overlay<'_>, from: AccountId, to: AccountId, currency: Currency, amount: u64) {
    move_held(overlay, from, BalanceId::available(to, currency), amount);
}

fn move_held(overlay: &mut Overlay<'_>, from: AccountId, to: BalanceId, amount: u64) {
    let debit = BalanceId {
        account: from,
        part: Part::Held,
        ..to
    };
    let posting = Posting {
        debit,
        credit: to,
        amount: Amount(amount),
    };
    // The fund may have a purse too.
    if amount > 0 && debit != to {
        post(overlay, &posting, None);
    }
}
