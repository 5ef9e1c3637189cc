//! Rows about purses, each read as what its key says that it is.

use super::Overlay;
use crate::{
    codec::Bounded,
    merkle::Root,
    money::Currency,
    offline::{
        ids::{
            CurrencyIndex, Epoch, Id16, KeyId, ListVersion, LoadCounter, MessageId, PurseId, RequestSeq,
            RevocationEntry, Seq,
        },
        messages::{Beacon, RevocationDelta},
        record::{
            Asked, Claim, Consumed, Load, OfflineKey, OfflineRow, Origin, Proof, Purse, PurseCurrency, ServiceKey,
            Spending, Unbacked, Word,
        },
        signed::Signed,
    },
};

macro_rules! readers {
    ($($(#[$meta:meta])* $name:ident($($arg:ident: $type:ty),+) -> $variant:ident($($key:expr),+): $row:ty;)+) => {$(
        $(#[$meta])*
        pub(in crate::ledger) fn $name(&self, $($arg: $type),+) -> Option<&$row> {
            match &**self.offline.get(self.base.offline.rows(), &OfflineKey::$variant($($key),+))? {
                OfflineRow::$variant(row) => Some(row),
                other => unreachable!("a row of another kind: {other:?}"),
            }
        }
    )+};
}

impl Overlay<'_> {
    readers! {
        purse_currency(code: Currency) -> Currency(code): PurseCurrency;
        currency_at(index: CurrencyIndex) -> Index(index.0.to_be_bytes()): Currency;
        service_key(id: KeyId) -> Key(id): ServiceKey;
        purse(id: PurseId) -> Purse(id): Purse;
        load(purse: PurseId, counter: LoadCounter) -> Load(purse, counter.0.to_be_bytes()): Load;
        lot(id: Id16, owner: PurseId) -> Lot(id, owner): Origin;
        beacon(of: CurrencyIndex, epoch: Epoch) -> Beacon(of.0.to_be_bytes(), epoch.0.to_be_bytes()): Signed<Beacon>;
        delta(of: CurrencyIndex, version: ListVersion)
            -> Delta(of.0.to_be_bytes(), version.0.to_be_bytes()): Signed<RevocationDelta>;
        spending(id: MessageId) -> Spending(id): Spending;
        spent_at(purse: PurseId, seq: Seq) -> Place(purse, seq.0.to_be_bytes()): Bounded<MessageId, 2>;
        word(payee: PurseId, seq: RequestSeq) -> Word(payee, seq.0.to_be_bytes()): Word;
        asked(payee: PurseId, request: MessageId) -> Request(payee, request): Asked;
        held_back(of: CurrencyIndex, number: u64) -> HeldBack(of.0.to_be_bytes(), number.to_be_bytes()): Claim;
        consumed(lot: Id16, purse: PurseId) -> Consumed(lot, purse): Consumed;
        unbacked(purse: PurseId, lot: Id16) -> Unbacked(purse, lot): Unbacked;
        room(purse: PurseId) -> Room(purse): u32;
        list_root(of: CurrencyIndex, version: ListVersion)
            -> ListRoot(of.0.to_be_bytes(), version.0.to_be_bytes()): Root;
        proof(purse: PurseId, proof: Proof) -> Proof(purse, proof): ();
    }

    /// # Panics
    /// If the row is not of the key's kind.
    pub(in crate::ledger) fn put_offline(&mut self, key: OfflineKey, row: OfflineRow) {
        assert!(row.is_of(&key), "a row of another kind than {key:?}");
        self.offline.set(key, Some(Box::new(row)));
    }

    /// Sets or takes back a proof against a purse.
    pub(in crate::ledger) fn set_proof(&mut self, purse: PurseId, proof: Proof, holds: bool) {
        if self.proof(purse, proof).is_some() != holds {
            let row = holds.then(|| Box::new(OfflineRow::Proof(())));
            self.offline.set(OfflineKey::Proof(purse, proof), row);
        }
    }

    /// Whether there is a proof against a purse.
    pub(in crate::ledger) fn is_convicted(&self, purse: PurseId) -> bool {
        let first = OfflineKey::Proof(purse, Proof::Place([0; 4]));
        let mut rows = self.offline.from(self.base.offline.rows(), first, usize::MAX);
        rows.next()
            .is_some_and(|(key, _)| matches!(key, OfflineKey::Proof(of, _) if of == purse))
    }

    /// The first claims of a currency that wait for money, the oldest first.
    pub(in crate::ledger) fn claims(&self, of: CurrencyIndex, count: usize) -> Vec<([u8; 8], Claim)> {
        let index = of.0.to_be_bytes();
        let rows = self
            .offline
            .from(self.base.offline.rows(), OfflineKey::Claim(index, [0; 8]), usize::MAX);
        let own = rows.map_while(|(key, row)| match (key, &**row) {
            (OfflineKey::Claim(currency, number), OfflineRow::Claim(claim)) if currency == index => {
                Some((number, *claim))
            }
            _ => None,
        });
        own.take(count).collect()
    }

    /// What falls due at this hour or before, at most so many, the oldest first.
    pub(in crate::ledger) fn due_transfers(&self, hour: Epoch, count: usize) -> Vec<(OfflineKey, MessageId)> {
        let first = OfflineKey::Due([0; 4], 0, MessageId::NONE);
        let rows = self.offline.from(self.base.offline.rows(), first, usize::MAX);
        let due = rows.map_while(|(key, _)| match key {
            OfflineKey::Due(at, _, id) if hour.has_reached(Epoch(u32::from_be_bytes(at))) => Some((key, id)),
            _ => None,
        });
        due.take(count).collect()
    }

    /// The entries of a currency's revocation list, ascending.
    pub(in crate::ledger) fn listed(&self, of: CurrencyIndex) -> Vec<RevocationEntry> {
        let index = of.0.to_be_bytes();
        let first = OfflineKey::Listed(index, RevocationEntry([0; 8]));
        let rows = self.offline.from(self.base.offline.rows(), first, usize::MAX);
        let own = rows.map_while(|(key, _)| match key {
            OfflineKey::Listed(currency, entry) if currency == index => Some(entry),
            _ => None,
        });
        own.collect()
    }

    /// Removes a row, if it is there.
    pub(in crate::ledger) fn remove_offline(&mut self, key: OfflineKey) {
        self.offline.set(key, None);
    }

    /// The index of the next currency that purses may hold; the first one's is 1.
    pub(in crate::ledger) fn next_currency_index(&self) -> Option<CurrencyIndex> {
        let rows = self
            .offline
            .from(self.base.offline.rows(), OfflineKey::Index([0; 2]), usize::MAX);
        let taken = rows.take_while(|(key, _)| matches!(key, OfflineKey::Index(_))).count();
        u16::try_from(taken).ok()?.checked_add(1).map(CurrencyIndex)
    }
}
