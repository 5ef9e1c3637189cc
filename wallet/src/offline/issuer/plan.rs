//! What the service signs next: a function of the blocks that came, of what the ledger says of purses, and of what
//! was remembered of earlier blocks. It reads no clock and draws nothing: hours are those of blocks.

use std::collections::{BTreeMap, BTreeSet};

use causeway_contracts::{
    block::{BlockId, Height},
    codec::Bounded,
    offline::{
        ids::{Epoch, KeyId, PurseId, RevocationEntry},
        message::Message,
        messages::{Beacon, Grant, RevocationDelta},
        revocation::{REVOCATIONS_MAX, RevocationList},
        signed::Signed,
    },
    statement::{PROOFS_SHOWN_MAX, ProofView, PurseView},
};

use super::{
    events::{Events, Loaded},
    rules::{KeyIds, LIST_HOURS, Rules, ServiceKeys},
};

/// How many entries one delta has at most.
pub const DELTA_ENTRIES_MAX: usize = 54;

/// How far the service has come. All that had to be done up to this block is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    pub height: Height,
    /// None before the first.
    pub block: Option<BlockId>,
    /// Purses that have overspent a lot, and since when: they are listed later, if that still holds.
    pub overspent: BTreeMap<PurseId, Epoch>,
    /// Entries whose delta the ledger refused, since it had another in its place: they come with the next.
    pub missed: BTreeSet<RevocationEntry>,
}

/// What the ledger says of a purse of this currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Sound,
    /// Nothing but overspending is proved, which a void that comes late may lift.
    Overspent,
    /// It is out of use, or something is proved that nothing lifts soon.
    Guilty,
}

impl Standing {
    pub fn of(purse: &PurseView) -> Self {
        let is_of_lot = |proof: &ProofView| matches!(proof, ProofView::Lot(_));
        let shows_all = purse.proofs.len() < PROOFS_SHOWN_MAX;
        if purse.is_revoked || !shows_all || !purse.proofs.iter().all(is_of_lot) {
            Self::Guilty
        } else if purse.proofs.is_empty() {
            Self::Sound
        } else {
            Self::Overspent
        }
    }
}

/// What of the ledger the plan depends on besides the blocks.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Of all deltas.
    pub list: &'a RevocationList,
    /// Of the newest beacon.
    pub beacon: Option<Epoch>,
    /// Of those purses that [`asked_of`] names; none of a purse that is of another currency.
    pub standings: &'a BTreeMap<PurseId, Standing>,
}

/// What is signed, in this order, and what is remembered once the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub grants: Vec<Grant>,
    pub deltas: Vec<RevocationDelta>,
    pub beacon: Option<Beacon>,
    pub book: Book,
    /// For so many entries the list has no room.
    pub unlisted: usize,
}

fn hour_of(events: &[Events]) -> Epoch {
    events.last().map_or(Epoch::default(), |block| block.hour)
}

fn is_due(since: Epoch, hour: Epoch, rules: &Rules) -> bool {
    hour.0 >= since.0.saturating_add(rules.lot_proof_hours)
}

/// The purses of which the ledger has to say how they stand.
pub fn asked_of(book: &Book, events: &[Events], list: &RevocationList, rules: &Rules) -> BTreeSet<PurseId> {
    let hour = hour_of(events);
    let named = events
        .iter()
        .flat_map(|block| block.revoked.iter().chain(&block.suspects));
    let due = book.overspent.iter().filter(|(_, since)| is_due(**since, hour, rules));
    let asked = named.chain(due.map(|(purse, _)| purse));
    asked.filter(|purse| !list.has_purse(**purse)).copied().collect()
}

/// What follows from blocks in a row, of which the first comes after the book's.
pub fn plan(book: &Book, events: &[Events], known: &Known<'_>, rules: &Rules, keys: &KeyIds) -> Plan {
    let hour = hour_of(events);
    let (overspent, guilty) = judge(book, events, known, rules);
    let withdrawn = events.iter().flat_map(|block| &block.withdrawn);
    let entries = guilty.iter().map(|purse| RevocationEntry::purse(*purse));
    let entries = entries.chain(withdrawn.map(|key| RevocationEntry::key(*key)));
    let entries: BTreeSet<_> = entries.chain(book.missed.iter().copied()).collect();
    let Listing { deltas, list, unlisted } = add(known.list, &entries, hour, keys.beacon);
    let last = events.last();
    Plan {
        grants: grants(events, &list, rules, keys.grant),
        deltas,
        beacon: beacon(&list, hour, known.beacon, rules, keys.beacon),
        book: Book {
            height: last.map_or(book.height, |block| block.height),
            block: last.map_or(book.block, |block| Some(block.block)),
            overspent,
            missed: BTreeSet::new(),
        },
        unlisted,
    }
}

/// Who has to wait, and who is listed now.
fn judge(
    book: &Book,
    events: &[Events],
    known: &Known<'_>,
    rules: &Rules,
) -> (BTreeMap<PurseId, Epoch>, BTreeSet<PurseId>) {
    let hour = hour_of(events);
    let mut waiting = book.overspent.clone();
    let mut guilty = BTreeSet::new();
    for (purse, standing) in known.standings {
        let named = || events.iter().find(|block| block.suspects.contains(purse));
        let before = waiting.remove(purse);
        let since = before.unwrap_or_else(|| named().map_or(hour, |block| block.hour));
        let is_over = is_due(since, hour, rules) || waiting.len() >= REVOCATIONS_MAX;
        match standing {
            Standing::Sound => {}
            Standing::Overspent if !is_over => {
                waiting.insert(*purse, since);
            }
            Standing::Overspent | Standing::Guilty => {
                guilty.insert(*purse);
            }
        }
    }
    (waiting, guilty)
}

struct Listing {
    deltas: Vec<RevocationDelta>,
    /// With all of them.
    list: RevocationList,
    unlisted: usize,
}

/// What adds these to the list, as far as they are not in it and there is room; or says that it has not become longer,
/// if nobody has for a day.
fn add(list: &RevocationList, entries: &BTreeSet<RevocationEntry>, hour: Epoch, key: KeyId) -> Listing {
    let is_new = |entry: &&RevocationEntry| list.entries().binary_search(entry).is_err();
    let mut new: Vec<_> = entries.iter().filter(is_new).copied().collect();
    let room = REVOCATIONS_MAX - list.entries().len();
    let unlisted = new.len().saturating_sub(room);
    new.truncate(room);
    let is_old = list.age(hour) >= LIST_HOURS;
    let parts: Vec<&[RevocationEntry]> = match new.is_empty() {
        true if is_old => vec![&[]],
        _ => new.chunks(DELTA_ENTRIES_MAX).collect(),
    };
    let mut listing = Listing {
        deltas: Vec::new(),
        list: list.clone(),
        unlisted,
    };
    for part in parts {
        let previous = listing.list.version();
        // After the last version there is none: whoever has the key has used them all up.
        let Some(version) = previous.next() else {
            listing.unlisted += part.len();
            continue;
        };
        let delta = RevocationDelta {
            issuer: key,
            version,
            previous,
            epoch: hour.max(list.epoch()),
            entries: Bounded::new(part.to_vec()).expect("cut to as many as there may be"),
        };
        listing
            .list
            .apply(&delta)
            .expect("the next one, for which there is room");
        listing.deltas.push(delta);
    }
    listing
}

/// For each load, but not for purses that are listed: what they loaded goes back.
fn grants(events: &[Events], list: &RevocationList, rules: &Rules, key: KeyId) -> Vec<Grant> {
    let is_granted = |load: &Loaded| {
        let place = (load.purse, load.counter);
        events.iter().any(|block| block.granted.contains(&place))
    };
    let mut grants = Vec::new();
    for block in events {
        let open = block
            .loads
            .iter()
            .filter(|load| !is_granted(load) && !list.has_purse(load.purse));
        grants.extend(open.map(|load| Grant {
            issuer: key,
            load: load.lot,
            purse: load.purse,
            load_counter: load.counter,
            amount: load.amount,
            currency: rules.currency,
            epoch: block.hour,
            expiry: Epoch(block.hour.0.saturating_add(rules.limits.lot_hours)),
        }));
    }
    grants
}

fn beacon(list: &RevocationList, hour: Epoch, newest: Option<Epoch>, rules: &Rules, key: KeyId) -> Option<Beacon> {
    let period = |epoch: Epoch| epoch.0 / rules.beacon_hours.max(1);
    let is_due = newest.is_none_or(|newest| period(hour) > period(newest));
    (is_due && hour > Epoch::default()).then(|| Beacon {
        issuer: key,
        epoch: hour,
        list_version: list.version(),
        list_root: list.root(),
    })
}

impl Plan {
    /// All that is signed: grants, then what is added to the list, then the beacon, which may speak of that.
    pub fn sign(&self, keys: &ServiceKeys) -> Vec<Message> {
        let sound = "what is planned would be read back";
        let grants = self
            .grants
            .iter()
            .map(|grant| Signed::sign(grant.clone(), &keys.grant).expect(sound).into());
        let deltas = self
            .deltas
            .iter()
            .map(|delta| Signed::sign(delta.clone(), &keys.beacon).expect(sound).into());
        let beacon = self
            .beacon
            .iter()
            .map(|beacon| Signed::sign(beacon.clone(), &keys.beacon).expect(sound).into());
        grants.chain(deltas).chain(beacon).collect()
    }
}

#[cfg(test)]
mod tests;
