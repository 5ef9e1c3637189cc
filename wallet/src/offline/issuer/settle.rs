//! What the service answers to a sync: what became of payments, by the ledger's word alone, and the next certificate.

use std::collections::BTreeMap;

use causeway_contracts::{
    codec::Bounded,
    ledger::GRACE_HOURS,
    money::Amount,
    offline::{
        HOPS_MAX,
        ids::{CurrencyIndex, Epoch, Id16, KeyId, PurseId, Seq, Serial},
        messages::{Certificate, Class, LogEntry, PaymentStatus, SETTLED_MAX, Settled, SettledStatus, SyncUpload},
    },
    statement::SpentView,
};

use super::{
    client::IssuerLimits,
    upload::{Upload, Uploaded},
};

/// What of the ledger an answer depends on.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Of the block that the ledger's word is of.
    pub hour: Epoch,
    /// What it knows under each number that is pending.
    pub spent: BTreeMap<Seq, Vec<SpentView>>,
    /// Whether the loads of this purse have ended, by their lots.
    pub loads: BTreeMap<Id16, bool>,
}

/// The numbers of the log that are pending.
pub fn pending(upload: &SyncUpload) -> impl Iterator<Item = Seq> {
    let is_pending = |entry: &&LogEntry| entry.status == PaymentStatus::Pending;
    upload.log.iter().filter(is_pending).map(|entry| entry.seq)
}

/// Whether it is too late for anybody to claim what was signed away.
pub fn is_late(spent: &Uploaded, hour: Epoch) -> bool {
    hour.has_reached(Epoch(spent.expiry.0.saturating_add(GRACE_HOURS)))
}

/// The lots whose loads have to be looked at, of what nobody can claim any more.
pub fn lots_of_late<'a>(upload: &'a Upload, hour: Epoch) -> impl Iterator<Item = Id16> + 'a {
    let late = pending(&upload.sync.body).filter_map(move |seq| {
        let spent = upload.spent.get(&seq)?;
        is_late(spent, hour).then_some(spent)
    });
    late.flat_map(|spent| spent.lots.iter().map(|part| part.lot))
}

/// What has ended, ascending by number. What is not known for certain stays pending.
pub fn settled(upload: &Upload, known: &Known, limits: &IssuerLimits) -> Bounded<Settled, SETTLED_MAX> {
    let ended = pending(&upload.sync.body).filter_map(|seq| {
        let spent = upload.spent.get(&seq)?;
        let found = known
            .spent
            .get(&seq)
            .and_then(|views| views.iter().find(|view| view.id == spent.id));
        let status = outcome(spent, found, known, limits)?;
        Some(Settled { seq, status })
    });
    Bounded::new(ended.collect()).expect("a log has as many entries at most")
}

/// `found`: what the ledger knows of it.
fn outcome(spent: &Uploaded, found: Option<&SpentView>, known: &Known, limits: &IssuerLimits) -> Option<SettledStatus> {
    if let Some(found) = found {
        // What is void was not paid, whatever else its payee says: the payer has the lots back on the ledger too.
        if found.is_void {
            return Some(SettledStatus::Voided);
        }
        if found.is_received || found.is_settled || !found.drawn.is_zero() {
            return Some(SettledStatus::Paid);
        }
    }
    let is_returned = |lot| is_returned(lot, spent, known, limits);
    let is_refunded = is_late(spent, known.hour) && spent.lots.iter().all(|part| is_returned(part.lot));
    is_refunded.then_some(SettledStatus::Refunded)
}

/// Whether the ledger has given back the money behind a lot. Of a lot that another purse loaded it is known when every
/// load has ended that there was when the transfer was signed.
fn is_returned(lot: Id16, spent: &Uploaded, known: &Known, limits: &IssuerLimits) -> bool {
    known.loads.get(&lot).copied().unwrap_or_else(|| {
        let last = spent.epoch.0.saturating_add(limits.lot_hours).max(spent.expiry.0);
        known.hour.has_reached(Epoch(last.saturating_add(GRACE_HOURS)))
    })
}

/// Why there is no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCertificate {
    #[error("a counter of the purse is at its end: redeem what it holds, and make a new one")]
    CounterEnd,
}

/// What a new purse's certificate says.
pub struct NewPurse {
    pub issuer: KeyId,
    pub purse: PurseId,
    pub key: causeway_contracts::keys::PublicKey,
    pub currency: CurrencyIndex,
    pub class: Class,
    /// The newest hour that purses know of.
    pub not_before: Epoch,
    /// By the ledger.
    pub now: Epoch,
}

fn balance_max(class: Class, limits: &IssuerLimits) -> Amount {
    match class.is_merchant() {
        true => limits.merchant_balance,
        false => limits.balance,
    }
}

fn not_after(not_before: Epoch, now: Epoch, limits: &IssuerLimits) -> Epoch {
    Epoch(now.0.saturating_add(limits.certificate_hours)).max(not_before)
}

/// A purse's first.
pub fn first_certificate(new: &NewPurse, limits: &IssuerLimits) -> Certificate {
    Certificate {
        issuer: new.issuer,
        purse: new.purse,
        key: new.key,
        currency: new.currency,
        class: new.class,
        not_before: new.not_before,
        not_after: not_after(new.not_before, new.now, limits),
        payment_max: limits.payment,
        balance_max: balance_max(new.class, limits),
        paid_max: limits.out,
        payments_max: limits.payments,
        hops_max: HOPS_MAX,
        serial: Serial(1),
    }
}

/// The one with the next serial. Its limits are absolute: what the purse has paid so far, and what it may pay before
/// the next sync.
pub fn next_certificate(
    previous: &Certificate,
    upload: &SyncUpload,
    issuer: KeyId,
    now: Epoch,
    limits: &IssuerLimits,
) -> Result<Certificate, NoCertificate> {
    let end = NoCertificate::CounterEnd;
    Ok(Certificate {
        issuer,
        not_after: not_after(previous.not_before, now, limits),
        payment_max: limits.payment,
        balance_max: balance_max(previous.class, limits),
        paid_max: upload.paid.checked_add(limits.out).ok_or(end)?,
        payments_max: upload.payments.checked_add(limits.payments).ok_or(end)?,
        hops_max: HOPS_MAX,
        serial: previous.serial.next().ok_or(end)?,
        ..previous.clone()
    })
}

#[cfg(test)]
mod tests;
