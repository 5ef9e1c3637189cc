//! What the issuer of a currency and its service say to all purses: keys, beacons and revocations.

use super::{Context, account, check_signature, currency, hour};
use crate::{
    identity::AccountId,
    keys::PublicKey,
    ledger::{overlay::Overlay, rejection::Rejection},
    merkle::Root,
    money::{Amount, Currency},
    offline::{
        action::OfflineAction,
        ids::{CurrencyIndex, Epoch, KeyId, ListVersion, PurseId},
        issuer::{ByIssuer, ISSUER_KEYS_MAX, KeyRole},
        messages::{Beacon, RevocationDelta},
        record::{OfflineKey, OfflineRow, Purse, PurseCurrency, ServiceKey},
        revocation::{RevocationError, RevocationList},
        signed::Signed,
    },
    transaction::Action,
};

pub(super) fn open_currency(overlay: &mut Overlay<'_>, code: Currency, fund: AccountId) -> Result<(), Rejection> {
    account(overlay, &fund)?.is_open()?;
    currency(overlay, code)?;
    if overlay.purse_currency(code).is_some() {
        return Err(Rejection::PursesOpen);
    }
    let index = overlay.next_currency_index().ok_or(Rejection::RegistryFull)?;
    let record = PurseCurrency {
        index,
        fund,
        keys: 0,
        epoch: Default::default(),
        list_version: Default::default(),
        guarantee: Amount::ZERO,
        claims: 0,
        waiting: 0,
    };
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
    overlay.put_offline(OfflineKey::Index(index.0.to_be_bytes()), OfflineRow::Index(code));
    Ok(())
}

pub(super) fn open<'a>(overlay: &'a Overlay<'_>, code: Currency) -> Result<&'a PurseCurrency, Rejection> {
    currency(overlay, code)?;
    overlay.purse_currency(code).ok_or(Rejection::PursesNotOpen)
}

fn put_currency(overlay: &mut Overlay<'_>, code: Currency, record: PurseCurrency) {
    overlay.put_offline(OfflineKey::Currency(code), OfflineRow::Currency(record));
}

pub(super) fn set_key(
    overlay: &mut Overlay<'_>,
    code: Currency,
    key: PublicKey,
    role: KeyRole,
) -> Result<(), Rejection> {
    let mut record = open(overlay, code)?.clone();
    if usize::from(record.keys) >= ISSUER_KEYS_MAX {
        return Err(Rejection::RegistryFull);
    }
    let id = KeyId::of(&key);
    if overlay.service_key(id).is_some() {
        return Err(Rejection::ServiceKeyTaken);
    }
    key.check().map_err(|_| Rejection::KeyUnusable)?;
    record.keys += 1;
    put_currency(overlay, code, record);
    let entry = ServiceKey {
        key,
        role,
        currency: code,
        is_withdrawn: false,
    };
    overlay.put_offline(OfflineKey::Key(id), OfflineRow::Key(entry));
    Ok(())
}

pub(super) fn withdraw_key(overlay: &mut Overlay<'_>, code: Currency, id: KeyId) -> Result<(), Rejection> {
    let mut record = open(overlay, code)?.clone();
    let found = overlay.service_key(id);
    let in_use = found.filter(|entry| entry.currency == code && !entry.is_withdrawn);
    let mut entry = in_use.ok_or(Rejection::UnknownServiceKey)?.clone();
    entry.is_withdrawn = true;
    overlay.put_offline(OfflineKey::Key(id), OfflineRow::Key(entry));
    record.keys -= 1;
    put_currency(overlay, code, record);
    Ok(())
}

/// The key by which a message of an issuer is checked, if it is for that.
pub(super) fn key_of<'a, M: ByIssuer>(overlay: &'a Overlay<'_>, message: &M) -> Result<&'a ServiceKey, Rejection> {
    let found = overlay.service_key(message.issuer());
    let usable = found.filter(|entry| entry.role == M::ROLE && !entry.is_withdrawn);
    usable.ok_or(Rejection::UnknownServiceKey)
}

pub(super) fn beacon(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    beacon: &Signed<Beacon>,
) -> Result<(), Rejection> {
    let key = key_of(overlay, &beacon.body)?;
    let (code, key) = (key.currency, key.key);
    let mut record = open(overlay, code)?.clone();
    let Beacon {
        epoch, list_version, ..
    } = beacon.body;
    if let Some(known) = overlay.beacon(record.index, epoch) {
        return if known.id() == beacon.id() {
            Ok(())
        } else {
            Err(Rejection::MessageConflict)
        };
    }
    if epoch <= record.epoch || epoch > hour(context) {
        return Err(Rejection::EpochOutOfTime);
    }
    let root = list_root(overlay, record.index, list_version).ok_or(Rejection::ListVersionUnknown)?;
    if root != beacon.body.list_root {
        return Err(Rejection::ListMismatch);
    }
    check_signature(context, beacon, key)?;
    let place = OfflineKey::Beacon(record.index.0.to_be_bytes(), epoch.0.to_be_bytes());
    overlay.put_offline(place, OfflineRow::Beacon(beacon.clone()));
    record.epoch = epoch;
    put_currency(overlay, code, record);
    Ok(())
}

/// Of the list when it had this version.
fn list_root(overlay: &Overlay<'_>, index: CurrencyIndex, version: ListVersion) -> Option<Root> {
    if version == ListVersion::default() {
        return Some(RevocationList::default().root());
    }
    overlay.list_root(index, version).copied()
}

/// Of the last delta.
fn list_epoch(overlay: &Overlay<'_>, record: &PurseCurrency) -> Epoch {
    let last = overlay.delta(record.index, record.list_version);
    last.map_or_else(Default::default, |delta| delta.body.epoch)
}

/// The list as it is, with what a delta adds.
fn extended(
    overlay: &Overlay<'_>,
    record: &PurseCurrency,
    delta: &RevocationDelta,
) -> Result<RevocationList, Rejection> {
    let entries = overlay.listed(record.index);
    let epoch = list_epoch(overlay, record);
    let mut list = RevocationList::new(record.list_version, epoch, entries).expect("it was made of deltas");
    list.apply(delta).map_err(|error| match error {
        RevocationError::NotNext { .. } => Rejection::ListVersionUnknown,
        RevocationError::Earlier { .. } => Rejection::EpochOutOfTime,
        RevocationError::Full(_) | RevocationError::NotAscending => Rejection::RegistryFull,
    })?;
    Ok(list)
}

pub(super) fn add_revocations(
    overlay: &mut Overlay<'_>,
    context: &Context<'_>,
    delta: &Signed<RevocationDelta>,
) -> Result<(), Rejection> {
    let key = key_of(overlay, &delta.body)?;
    let (code, key) = (key.currency, key.key);
    let mut record = open(overlay, code)?.clone();
    let body = &delta.body;
    if let Some(known) = overlay.delta(record.index, body.version) {
        return if known.id() == delta.id() {
            Ok(())
        } else {
            Err(Rejection::MessageConflict)
        };
    }
    if body.epoch > hour(context) {
        return Err(Rejection::EpochOutOfTime);
    }
    // One by one, so that whoever has the key uses up no versions but by as many deltas.
    if body.previous != record.list_version || body.previous.next() != Some(body.version) {
        return Err(Rejection::ListVersionUnknown);
    }
    if adds_already(context) {
        return Err(Rejection::MessageConflict);
    }
    if body.epoch < list_epoch(overlay, &record) {
        return Err(Rejection::EpochOutOfTime);
    }
    // All entries are read next: by whom it says first.
    check_signature(context, delta, key)?;
    let list = extended(overlay, &record, body)?;
    let (index, version) = (record.index.0.to_be_bytes(), body.version.0.to_be_bytes());
    overlay.put_offline(OfflineKey::Delta(index, version), OfflineRow::Delta(delta.clone()));
    overlay.put_offline(OfflineKey::ListRoot(index, version), OfflineRow::ListRoot(list.root()));
    for entry in &body.entries {
        overlay.put_offline(OfflineKey::Listed(index, *entry), OfflineRow::Listed(()));
    }
    record.list_version = body.version;
    put_currency(overlay, code, record);
    for entry in &body.entries {
        let (key, mark) = entry.0.split_at(4);
        if mark == [0xff; 4] {
            let id = KeyId(key.try_into().expect("4 of 8 bytes"));
            // One that is withdrawn already, or none of this currency's, is nothing to the ledger.
            let _ = withdraw_key(overlay, code, id);
        } else {
            revoke_listed(overlay, code, PurseId(entry.0));
        }
    }
    Ok(())
}

/// Whether an action before this one adds to a list, whose root is much work.
fn adds_already(context: &Context<'_>) -> bool {
    let before = context.actions.split_last().map_or(&[][..], |(_, before)| before);
    before
        .iter()
        .any(|action| matches!(action, Action::Offline(it) if matches!(**it, OfflineAction::AddRevocations { .. })))
}

fn revoke_listed(overlay: &mut Overlay<'_>, code: Currency, id: PurseId) {
    let found = overlay.purse(id).filter(|purse| purse.currency == code);
    let Some(purse) = found.cloned() else { return };
    let purse = Purse {
        is_revoked: true,
        ..purse
    };
    overlay.put_offline(OfflineKey::Purse(id), OfflineRow::Purse(purse));
}
