//! What a payee checks before it takes money, and a payer before it gives any: from the issuer's keys downwards,
//! without asking anyone.
//!
//! Looked for in this order, of which the first is told: bytes that are no messages; signatures; messages that are
//! no bundle; another request than the open one; lots that are not the spender's, or do not suffice; hops; hours;
//! revocations; limits. Signatures come before everything that depends on what messages say, so that a
//! damaged message is called that.

use std::collections::{HashMap, HashSet};

use super::{
    HOPS_MAX,
    bundle::{Bundle, BundleError, Parts, Ranked},
    ids::{CurrencyIndex, Epoch, Id16, MessageId, PurseId, RevocationEntry, Serial},
    issuer::IssuerKeys,
    messages::{Certificate, Request, Transfer},
    refusal::{Limit, Refusal},
    revocation::RevocationList,
    signed::{Body as _, Signed},
};
use crate::money::Amount;

/// What a network allows; certificates may allow less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub payment_max: Amount,
    pub hops_max: u8,
    /// Payments above this need a revocation list that is not stale.
    pub stale_floor: Amount,
    /// How old a list may be before it is stale.
    pub list_hours_max: u32,
}

impl Limits {
    /// 500.00 a payment; above 100.00 a list of the last 7 days.
    pub const DEVNET: Self = Self {
        payment_max: Amount(50_000),
        hops_max: HOPS_MAX,
        stale_floor: Amount(10_000),
        list_hours_max: 7 * 24,
    };
}

/// What a purse believes.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    pub keys: &'a IssuerKeys,
    pub revoked: &'a RevocationList,
    /// The latest hour that it knows of.
    pub epoch: Epoch,
    pub limits: &'a Limits,
}

/// A lot that a payee may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedLot {
    /// Of the transfer; its first 16 bytes are the lot's name.
    pub transfer: MessageId,
    pub amount: Amount,
    pub currency: CurrencyIndex,
    pub hop: u8,
    pub expiry: Epoch,
    pub payer: PurseId,
    /// Of the payer's certificate: what is taken from one payer is counted by this.
    pub payer_serial: Serial,
    /// When that count may be forgotten.
    pub payer_not_after: Epoch,
    /// To be kept with the lot: it travels with what is spent of it.
    pub bundle: Bundle,
}

/// Checks what a payee is given for its request. What a purse has promised or taken before is for the purse to check:
/// that the request is open, what it may hold, and what it takes from one payer.
pub fn accept(bytes: &[u8], request: &Request, own: &Certificate, trust: &Trust<'_>) -> Result<AcceptedLot, Refusal> {
    accept_bundle(read(bytes, own.currency, trust.keys)?, request, own, trust)
}

/// What was signed as it says; whether it is money is another question.
pub fn read(bytes: &[u8], currency: CurrencyIndex, keys: &IssuerKeys) -> Result<Bundle, Refusal> {
    let parts = Parts::from_bytes(bytes)?;
    check_signatures(&parts, currency, keys)?;
    Ok(Bundle::from_parts(parts)?)
}

/// As [`accept`], of what was [`read`].
pub fn accept_bundle(
    bundle: Bundle,
    request: &Request,
    own: &Certificate,
    trust: &Trust<'_>,
) -> Result<AcceptedLot, Refusal> {
    check_bundle(&bundle, request, own, trust)?;
    let transfer = &bundle.transfer().body;
    let payer = certificate_of(&bundle, transfer.payer)?;
    Ok(AcceptedLot {
        transfer: transfer.id(),
        amount: transfer.spend.amount,
        currency: transfer.spend.currency,
        hop: transfer.spend.hop,
        expiry: transfer.spend.expiry,
        payer: transfer.payer,
        payer_serial: payer.serial,
        payer_not_after: payer.not_after,
        bundle,
    })
}

/// All that a payee looks for but signatures. A payer that has its payee's request and certificate sees by this, before
/// it signs for good, whether it would be refused: also lots that are sound alone may not go together.
pub fn check_bundle(bundle: &Bundle, request: &Request, payee: &Certificate, trust: &Trust<'_>) -> Result<(), Refusal> {
    answers(&bundle.transfer().body, request, payee)?;
    check_currency(bundle, payee.currency)?;
    check_lots(bundle, payee)?;
    check_forks(bundle)?;
    check_hops(bundle, payee, trust.limits)?;
    check_hours(bundle, trust.epoch)?;
    check_revocations(bundle, trust.revoked)?;
    check_limits(bundle, payee, trust)
}

/// Checks what a payer is asked for, before the person consents.
pub fn check_request(
    request: &Signed<Request>,
    payee: &Signed<Certificate>,
    currency: CurrencyIndex,
    trust: &Trust<'_>,
) -> Result<(), Refusal> {
    trust.keys.verify(payee, currency)?;
    let certificate = &payee.body;
    if certificate.purse != request.body.payee {
        return Err(BundleError::NotCertified(request.body.payee).into());
    }
    let bad = |_| Refusal::Signature(request.id());
    request.verify(&certificate.key).map_err(bad)?;
    same_currency(currency, certificate.currency)?;
    if !certificate.class.can_receive {
        return Err(Refusal::MayNotReceive(certificate.purse));
    }
    covers(certificate, trust.epoch.max(request.body.epoch))?;
    check_certificate_not_revoked(certificate, trust.revoked)?;
    let amount = request.body.amount;
    within(Limit::Payment, amount, trust.limits.payment_max)?;
    within(Limit::PayeesBalance, amount, certificate.balance_max)
}

fn check_signatures(parts: &Parts, currency: CurrencyIndex, keys: &IssuerKeys) -> Result<(), Refusal> {
    for certificate in &parts.certificates {
        keys.verify(certificate, currency)?;
    }
    for grant in &parts.grants {
        keys.verify(grant, currency)?;
    }
    let mut not_certified = None;
    for transfer in &parts.transfers {
        let payer = transfer.body.payer;
        match parts.certificate(payer) {
            Some(certificate) => {
                let bad = |_| Refusal::Signature(transfer.id());
                transfer.verify(&certificate.key).map_err(bad)?;
            }
            None => not_certified = not_certified.or(Some(payer)),
        }
    }
    // Only after all signatures: nothing has been said yet of one that cannot be checked.
    not_certified.map_or(Ok(()), |payer| Err(BundleError::NotCertified(payer).into()))
}

fn answers(transfer: &Transfer, request: &Request, payee: &Certificate) -> Result<(), Refusal> {
    if let Some(another) = [transfer.payee, request.payee]
        .into_iter()
        .find(|it| *it != payee.purse)
    {
        return Err(Refusal::AnotherPayee(another));
    }
    if transfer.request != request.id() {
        return Err(Refusal::AnotherRequest(transfer.request));
    }
    if transfer.spend.amount != request.amount {
        return Err(Refusal::AnotherAmount {
            asked: request.amount,
            given: transfer.spend.amount,
        });
    }
    Ok(())
}

fn same_currency(own: CurrencyIndex, given: CurrencyIndex) -> Result<(), Refusal> {
    if own == given {
        Ok(())
    } else {
        Err(Refusal::AnotherCurrency { own, given })
    }
}

fn check_currency(bundle: &Bundle, own: CurrencyIndex) -> Result<(), Refusal> {
    let certificates = bundle.certificates().iter().map(|it| it.body.currency);
    let grants = bundle.grants().iter().map(|it| it.body.currency);
    let mut all = certificates
        .chain(grants)
        .chain(transfers(bundle).map(|it| it.spend.currency));
    all.try_for_each(|given| same_currency(own, given))
}

fn transfers(bundle: &Bundle) -> impl Iterator<Item = &Transfer> {
    bundle.transfers().iter().map(|ranked| &ranked.transfer.body)
}

fn certificate_of(bundle: &Bundle, purse: PurseId) -> Result<&Certificate, Refusal> {
    let certificate = bundle.certificate(purse);
    certificate.ok_or_else(|| BundleError::NotCertified(purse).into())
}

/// A grant or a transfer, as one that spends it sees it.
struct Lot {
    owner: PurseId,
    amount: Amount,
    expiry: Epoch,
    was_paid: bool,
}

fn lots(bundle: &Bundle) -> HashMap<Id16, Lot> {
    let grants = bundle.grants().iter().map(|grant| {
        let lot = Lot {
            owner: grant.body.purse,
            amount: grant.body.amount,
            expiry: grant.body.expiry,
            was_paid: false,
        };
        (grant.body.load, lot)
    });
    let transfers = bundle.transfers().iter().map(|Ranked { transfer, .. }| {
        let lot = Lot {
            owner: transfer.body.payee,
            amount: transfer.body.spend.amount,
            expiry: transfer.body.spend.expiry,
            was_paid: true,
        };
        (transfer.id().short(), lot)
    });
    grants.chain(transfers).collect()
}

/// Each spends what is its own, no more than there is, and until the first of it is over.
fn check_lots(bundle: &Bundle, payee: &Certificate) -> Result<(), Refusal> {
    if !payee.class.can_receive {
        return Err(Refusal::MayNotReceive(payee.purse));
    }
    let mut lots = lots(bundle);
    for Ranked { transfer, .. } in bundle.transfers() {
        let (payer, spend) = (transfer.body.payer, &transfer.body.spend);
        let class = certificate_of(bundle, payer)?.class;
        let mut least = Epoch(u32::MAX);
        for part in &spend.lots {
            let lot = lots.get_mut(&part.lot).ok_or(BundleError::ParentMissing(part.lot))?;
            if lot.was_paid && !class.can_receive {
                return Err(Refusal::MayNotReceive(payer));
            }
            if lot.was_paid && !class.can_respend {
                return Err(Refusal::MayNotRespend(payer));
            }
            if lot.owner != payer {
                return Err(Refusal::NotThePayersLot(part.lot));
            }
            // What is left of it for others in this bundle.
            lot.amount = lot
                .amount
                .checked_sub(part.amount)
                .ok_or(Refusal::Overspent(part.lot))?;
            least = least.min(lot.expiry);
        }
        if spend.expiry != least {
            return Err(Refusal::ExpiryNotTheLeast(transfer.id()));
        }
    }
    Ok(())
}

/// What only broken purses sign, and two branches of one bundle can show.
fn check_forks(bundle: &Bundle) -> Result<(), Refusal> {
    let (mut places, mut requests) = (HashSet::new(), HashSet::new());
    for transfer in transfers(bundle) {
        if !places.insert((transfer.payer, transfer.seq)) {
            return Err(Refusal::Equivocation(transfer.payer));
        }
        // Who asked counts too: anyone can pay an accomplice for a request that he has seen, and so name it.
        if !requests.insert((transfer.payee, transfer.request)) {
            return Err(Refusal::PaidTwice(transfer.request));
        }
    }
    Ok(())
}

fn check_hops(bundle: &Bundle, own: &Certificate, limits: &Limits) -> Result<(), Refusal> {
    let network = limits.hops_max.min(HOPS_MAX);
    for Ranked { transfer, rank } in bundle.transfers() {
        let given = transfer.body.spend.hop;
        if given != *rank {
            return Err(Refusal::AnotherHop { expected: *rank, given });
        }
        let payer = certificate_of(bundle, transfer.body.payer)?;
        let max = network.min(payer.hops_max);
        if given > max {
            return Err(Refusal::TooManyHops { max, given });
        }
    }
    let (max, given) = (network.min(own.hops_max), bundle.transfer().body.spend.hop);
    if given > max {
        return Err(Refusal::TooManyHops { max, given });
    }
    Ok(())
}

fn covers(certificate: &Certificate, epoch: Epoch) -> Result<(), Refusal> {
    if certificate.covers(epoch) {
        return Ok(());
    }
    let purse = certificate.purse;
    Err(Refusal::CertificateWindow { purse, epoch })
}

fn check_hours(bundle: &Bundle, known: Epoch) -> Result<(), Refusal> {
    let last = bundle.transfer().id();
    for Ranked { transfer, .. } in bundle.transfers() {
        let spend = &transfer.body.spend;
        // Ancestors were good when they were signed; the new transfer has to be good now.
        let now = if transfer.id() == last {
            known.max(spend.epoch)
        } else {
            spend.epoch
        };
        covers(certificate_of(bundle, transfer.body.payer)?, now)?;
        if now.has_reached(spend.expiry) {
            let expiry = spend.expiry;
            return Err(Refusal::Expired { expiry, now });
        }
    }
    Ok(())
}

fn check_certificate_not_revoked(certificate: &Certificate, revoked: &RevocationList) -> Result<(), Refusal> {
    if revoked.has_purse(certificate.purse) {
        return Err(Refusal::Revoked(RevocationEntry::purse(certificate.purse)));
    }
    if revoked.has_key(certificate.issuer) {
        return Err(Refusal::Revoked(RevocationEntry::key(certificate.issuer)));
    }
    Ok(())
}

/// Every purse that has spent it, and every key that vouches for it. (A grant's purse has spent it.)
fn check_revocations(bundle: &Bundle, revoked: &RevocationList) -> Result<(), Refusal> {
    for certificate in bundle.certificates() {
        check_certificate_not_revoked(&certificate.body, revoked)?;
    }
    match bundle.grants().iter().find(|grant| revoked.has_key(grant.body.issuer)) {
        Some(grant) => Err(Refusal::Revoked(RevocationEntry::key(grant.body.issuer))),
        None => Ok(()),
    }
}

fn within(limit: Limit, given: Amount, max: Amount) -> Result<(), Refusal> {
    if given <= max {
        Ok(())
    } else {
        Err(Refusal::OverLimit { limit, max, given })
    }
}

fn check_limits(bundle: &Bundle, own: &Certificate, trust: &Trust<'_>) -> Result<(), Refusal> {
    // Of the new transfer alone. What its ancestors' payers and the network allowed when those were signed may have been
    // more, and was checked by whom they paid.
    let transfer = &bundle.transfer().body;
    let given = transfer.spend.amount;
    let payer = certificate_of(bundle, transfer.payer)?;
    within(Limit::PayersPayment, given, payer.payment_max)?;
    within(Limit::Payment, given, trust.limits.payment_max)?;
    within(Limit::PayeesBalance, given, own.balance_max)?;
    let hours = trust.revoked.age(trust.epoch);
    let floor = trust.limits.stale_floor;
    if given > floor && hours > trust.limits.list_hours_max {
        return Err(Refusal::StaleList { hours, floor });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
