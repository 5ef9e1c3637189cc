//! What is known of purses, as it is on disk.

use causeway_contracts::{
    codec::{self, Bounded},
    keys::PublicKey,
    ledger::{StateKey, StateValue, Tip},
    money::{Amount, Balance, Currency},
    offline::{
        ids::{Epoch, KeyId, ListVersion, LoadCounter, MessageId, PurseId, RequestSeq, Seq},
        record::{OfflineKey, OfflineRow, Proof, PurseCurrency, ServiceKey, Spent},
        signed::Signed,
    },
    statement::{
        CLAIMS_COUNTED_MAX, LoadView, PROOFS_SHOWN_MAX, ProofView, PurseCurrencyView, PurseView, REVOCATION_PAGE_MAX,
        RevocationPage, SERVICE_KEYS_MAX, ServiceKeyView, SpentView,
    },
};

use super::{
    database::View,
    error::StoreError,
    format::Column,
    open::{read_tip, state_entry},
    reader::{Reader, state},
};

/// More than a key of a row has.
const KEY_BYTES_MAX: usize = 64;

/// How many bytes of a key say of which kind its row is.
const KIND_BYTES: usize = 2;

/// A row by its key, as what the key says that it is; or none.
macro_rules! row {
    ($reader:expr, $view:expr, $kind:ident($($key:expr),+)) => {
        match $reader.purse_row($view, OfflineKey::$kind($($key),+))? {
            Some(OfflineRow::$kind(row)) => Some(row),
            Some(_) => return Err($reader.wrong_table()),
            None => None,
        }
    };
}

impl Reader {
    /// A currency that purses may hold, and the block it is of.
    pub fn purse_currency(&self, code: Currency) -> Result<(Tip, Option<PurseCurrencyView>), StoreError> {
        let view = self.database().view();
        let tip = read_tip(&view)?;
        let Some(record) = row!(self, &view, Currency(code)) else {
            return Ok((tip, None));
        };
        let beacon = match record.epoch {
            Epoch(0) => None,
            epoch => row!(self, &view, Beacon(record.index.0.to_be_bytes(), epoch.0.to_be_bytes())),
        };
        let currency = PurseCurrencyView {
            currency: code,
            index: record.index,
            fund: record.fund,
            keys: self.service_keys(&view, code)?,
            beacon,
            list_version: record.list_version,
            guarantee: record.guarantee,
            claims_waiting: self.claims_waiting(&view, &record)?,
        };
        Ok((tip, Some(currency)))
    }

    /// Withdrawn keys stay in the table, and fill what room is left.
    fn service_keys(
        &self,
        view: &View<'_>,
        code: Currency,
    ) -> Result<Bounded<ServiceKeyView, SERVICE_KEYS_MAX>, StoreError> {
        let mut keys = Vec::new();
        let mut withdrawn = 0;
        for entry in self.purse_rows(view, OfflineKey::Key(KeyId([0; 4])), KIND_BYTES) {
            let (_, OfflineRow::Key(entry)) = entry? else {
                return Err(self.wrong_table());
            };
            withdrawn += usize::from(entry.currency == code && entry.is_withdrawn);
            if entry.currency == code && !(entry.is_withdrawn && withdrawn > SERVICE_KEYS_MAX / 2) {
                keys.push(ServiceKeyView {
                    key: entry.key,
                    role: entry.role,
                    is_withdrawn: entry.is_withdrawn,
                });
            }
        }
        Ok(Bounded::new(keys).expect("at most 64 are in use, and 64 of the others are here"))
    }

    fn claims_waiting(&self, view: &View<'_>, record: &PurseCurrency) -> Result<u32, StoreError> {
        let first = OfflineKey::Claim(record.index.0.to_be_bytes(), [0; 8]);
        let mut waiting = 0;
        for entry in self
            .purse_rows(view, first, KIND_BYTES + 2)
            .take(CLAIMS_COUNTED_MAX as usize)
        {
            entry?;
            waiting += 1;
        }
        Ok(waiting)
    }

    /// A page of a currency's revocation list, and the block it is of; none if purses may not hold the currency.
    pub fn revocations(&self, code: Currency, after: ListVersion) -> Result<(Tip, Option<RevocationPage>), StoreError> {
        let view = self.database().view();
        let tip = read_tip(&view)?;
        let Some(record) = row!(self, &view, Currency(code)) else {
            return Ok((tip, None));
        };
        let mut deltas = Vec::new();
        if let Some(from) = after.next() {
            let first = OfflineKey::Delta(record.index.0.to_be_bytes(), from.0.to_be_bytes());
            let rows = self.purse_rows(&view, first, KIND_BYTES + 2);
            for entry in rows.take(REVOCATION_PAGE_MAX + 1) {
                let (_, OfflineRow::Delta(delta)) = entry? else {
                    return Err(self.wrong_table());
                };
                deltas.push(delta);
            }
        }
        let has_more = deltas.len() > REVOCATION_PAGE_MAX;
        deltas.truncate(REVOCATION_PAGE_MAX);
        let page = RevocationPage {
            currency: code,
            after,
            deltas: Bounded::new(deltas).expect("cut to a page"),
            has_more,
        };
        Ok((tip, Some(page)))
    }

    /// What a key is to the service of an issuer; none if it has never been its.
    pub fn service_key(&self, key: &PublicKey) -> Result<Option<ServiceKey>, StoreError> {
        let view = self.database().view();
        let found = row!(self, &view, Key(KeyId::of(key)));
        Ok(found.filter(|entry| entry.key == *key))
    }

    /// A purse with the proofs against it, and the block it is of.
    pub fn purse(&self, id: PurseId) -> Result<(Tip, Option<PurseView>), StoreError> {
        let view = self.database().view();
        let tip = read_tip(&view)?;
        let Some(purse) = row!(self, &view, Purse(id)) else {
            return Ok((tip, None));
        };
        let purse = PurseView {
            id,
            owner: purse.owner,
            operator: purse.operator,
            currency: purse.currency,
            certificate: purse.certificate,
            loads: purse.loads,
            owed: Balance(i128::try_from(purse.owed).unwrap_or(i128::MAX)),
            is_revoked: purse.is_revoked,
            proofs: self.proofs(&view, id)?,
        };
        Ok((tip, Some(purse)))
    }

    fn proofs(&self, view: &View<'_>, id: PurseId) -> Result<Bounded<ProofView, PROOFS_SHOWN_MAX>, StoreError> {
        let first = OfflineKey::Proof(id, Proof::Place([0; 4]));
        let mut proofs = Vec::new();
        let rows = self.purse_rows(view, first, KIND_BYTES + id.as_bytes().len());
        for entry in rows.take(PROOFS_SHOWN_MAX) {
            let (OfflineKey::Proof(_, proof), _) = entry? else {
                return Err(self.wrong_table());
            };
            proofs.push(shown(proof));
        }
        Ok(Bounded::new(proofs).expect("no more were taken"))
    }

    /// A load of a purse, and the block it is of.
    pub fn purse_load(&self, id: PurseId, counter: LoadCounter) -> Result<(Tip, Option<LoadView>), StoreError> {
        let view = self.database().view();
        let tip = read_tip(&view)?;
        let load = row!(self, &view, Load(id, counter.0.to_be_bytes())).map(|load| LoadView {
            lot: load.lot,
            amount: load.amount,
            left: load.left,
            grant: load.grant,
            due: load.due,
            is_ended: load.is_ended,
        });
        Ok((tip, load))
    }

    /// What a purse signed away under one number, and the block it is of.
    pub fn purse_spent(&self, id: PurseId, seq: Seq) -> Result<(Tip, Bounded<SpentView, 2>), StoreError> {
        let view = self.database().view();
        let tip = read_tip(&view)?;
        let ids = row!(self, &view, Place(id, seq.0.to_be_bytes())).unwrap_or_default();
        let mut spent = Vec::with_capacity(ids.len());
        for &id in &ids {
            let spending = row!(self, &view, Spending(id)).ok_or_else(|| self.wrong_table())?;
            let drawn = Amount(spending.drawn());
            let (is_void, is_received) = self.payees_word(&view, id, &spending.spent)?;
            spent.push(SpentView {
                id,
                is_void,
                is_received,
                drawn,
                is_settled: spending.is_settled,
            });
        }
        Ok((tip, Bounded::new(spent).expect("as many as there are ids")))
    }

    /// Whether a transfer is void, and whether the request that it pays is known with a receipt of its payee's that
    /// names it.
    fn payees_word(&self, view: &View<'_>, id: MessageId, spent: &Spent) -> Result<(bool, bool), StoreError> {
        let Spent::Transfer(Signed { body, .. }) = spent else {
            return Ok((false, false));
        };
        let Some(asked) = row!(self, view, Request(body.payee, body.request)) else {
            return Ok((false, false));
        };
        let word = match asked.seq {
            Some(seq) => row!(self, view, Word(body.payee, seq.0.to_be_bytes())),
            None => None,
        };
        let is_received = word.as_ref().is_some_and(|word| word.received.contains(&id));
        Ok((asked.is_void(word.as_ref(), id), is_received))
    }

    fn purse_row(&self, view: &View<'_>, key: OfflineKey) -> Result<Option<OfflineRow>, StoreError> {
        match state(view, &StateKey::Offline(key))? {
            Some(StateValue::Offline(row)) => Ok(Some(*row)),
            None => Ok(None),
            Some(_) => Err(self.wrong_table()),
        }
    }

    /// The rows from a key on whose keys begin with as many of its bytes.
    fn purse_rows(
        &self,
        view: &View<'_>,
        first: OfflineKey,
        alike: usize,
    ) -> impl Iterator<Item = Result<(OfflineKey, OfflineRow), StoreError>> {
        let first = codec::encode(&StateKey::Offline(first));
        let mut end = first[..alike].to_vec();
        end.resize(KEY_BYTES_MAX, u8::MAX);
        view.range(Column::State, &first, &end)
            .map(move |entry| match state_entry(view, entry?)? {
                (StateKey::Offline(key), StateValue::Offline(row)) => Ok((key, *row)),
                _ => Err(self.wrong_table()),
            })
    }
}

fn shown(proof: Proof) -> ProofView {
    match proof {
        Proof::Place(seq) => ProofView::Place(Seq(u32::from_be_bytes(seq))),
        Proof::Lot(lot) => ProofView::Lot(lot),
        Proof::Word(seq) => ProofView::Word(RequestSeq(u32::from_be_bytes(seq))),
        Proof::Request(request) => ProofView::Request(request),
    }
}
