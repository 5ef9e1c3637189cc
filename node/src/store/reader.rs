//! Reads what is committed, from any thread.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use causeway_contracts::{
    block::{BatchDigest, Block, CheckpointCertificate, GenesisHash, Height, SignedBatch, TimeMs},
    codec::{self, Bounded},
    committee::ValidatorId,
    evidence::EvidenceRecord,
    governance::CurrencyRecord,
    identity::{AccountId, KeyPolicy, Participant, ParticipantId},
    ledger::{
        Day, StateKey, StateValue, Tip,
        receipt::{Receipt, Subject},
    },
    merkle::{self, Root},
    money::Currency,
    proof::{CertifiedHeader, HANDOVERS_MAX, Handover, PROOF_VERSION, PaymentProof},
    registry::Registry,
    settlement::{Contract, ContractId, ReferenceRate, Terms},
    snapshot::SNAPSHOT_HANDOVERS_MAX,
    statement::{AccountView, BalanceView, PositionView},
    transaction::{SignedTransaction, TxId},
};
use tokio::sync::oneshot;

use super::{
    database::{Database, View},
    error::{Damage, StoreError},
    format::{
        CERTIFIER_KEY, CURRENCY_TABLE, Column, EVIDENCE_TABLE, IndexEntry, Location, PARTICIPANT_TABLE, StoredBlock,
        StoredReceipts, balances_prefix, evidence_after, height_key, pending_of,
    },
    handovers::{all_handovers, first_handovers, last_handovers},
    kept::KeptSnapshots,
    open::{decode_key, read_beginning, read_tip, state_entry},
    snapshot,
};

/// A contract with the positions in it.
pub struct StoredContract {
    pub contract: Contract,
    /// Ascending by account and currency; none unless it is an open netting cycle.
    pub positions: Vec<PositionView>,
}

/// Answers each question from one committed block, never from between two.
#[derive(Clone)]
pub struct Reader {
    database: Arc<Database>,
}

impl Reader {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// What is committed now, for tests of what reads it.
    #[cfg(test)]
    pub(super) fn view(&self) -> View<'_> {
        self.database.view()
    }

    pub fn tip(&self) -> Result<Tip, StoreError> {
        read_tip(&self.database.view())
    }

    /// The height of the snapshot that this database was made from; 0 where all is here from the genesis
    /// on. Of blocks at or below it there are no receipts and no batches here.
    pub fn beginning(&self) -> Result<Height, StoreError> {
        read_beginning(&self.database.view())
    }

    /// The last certificate of a checkpoint, and the height of the block that carries it.
    pub fn certified(&self) -> Result<Option<(Height, CheckpointCertificate)>, StoreError> {
        let view = self.database.view();
        let Some(height) = view.get::<Height>(Column::Meta, CERTIFIER_KEY)? else {
            return Ok(None);
        };
        let carrier: Option<StoredBlock> = view.get(Column::Blocks, &height_key(height))?;
        let certificate = carrier.and_then(|carrier| carrier.block.checkpoint);
        let certificate = certificate.ok_or_else(|| self.database.damaged(Damage::NoBlock(height)))?;
        Ok(Some((height, certificate)))
    }

    /// The root over the state as it is now, worked out on a thread of its own: what is committed later does
    /// not change the answer. Returns once that thread sees the state. The state is kept as a file too, if it can
    /// be.
    pub fn root_beside(
        &self,
        genesis: GenesisHash,
        kept: KeptSnapshots,
    ) -> oneshot::Receiver<Result<Root, StoreError>> {
        let database = Arc::clone(&self.database);
        let (seen, sees) = mpsc::channel();
        let (done, root) = oneshot::channel();
        let work = move || {
            let view = database.view();
            // Nobody waits for either any more while the process stops.
            seen.send(()).ok();
            done.send(snapshot::root_and_file(&view, &genesis, &kept)).ok();
        };
        match thread::Builder::new().name("checkpoint".to_owned()).spawn(work) {
            // An error says that the thread has panicked, which it has reported.
            Ok(_) => drop(sees.recv()),
            Err(error) => tracing::error!(%error, "no thread for the root of the state"),
        }
        root
    }

    /// `None` for the genesis and for what is not committed.
    pub fn block(&self, height: Height) -> Result<Option<StoredBlock>, StoreError> {
        self.database.view().get(Column::Blocks, &height_key(height))
    }

    pub fn receipts(&self, height: Height) -> Result<Option<Vec<Receipt>>, StoreError> {
        let receipts: Option<StoredReceipts> = self.database.view().get(Column::Receipts, &height_key(height))?;
        Ok(receipts.map(Bounded::into_vec))
    }

    /// Where the receipt of a transaction is, if it has one.
    pub fn locate(&self, id: &TxId) -> Result<Option<Location>, StoreError> {
        let entry: Option<IndexEntry> = self.database.view().get(Column::Index, id.as_bytes())?;
        Ok(entry.map(|entry| entry.location))
    }

    /// What a wallet checks to believe in a transaction's outcome; `None` if it has no receipt. Of changes of
    /// validators it has those at or above the height `from`: earlier ones the reader has followed.
    pub fn proof(&self, id: &TxId, from: Height) -> Result<Option<PaymentProof>, StoreError> {
        let view = self.database.view();
        match view.get(Column::Index, id.as_bytes())? {
            Some(entry) => self.proof_of(&view, &entry, from).map(Some),
            None => Ok(None),
        }
    }

    fn proof_of(&self, view: &View<'_>, entry: &IndexEntry, from: Height) -> Result<PaymentProof, StoreError> {
        let IndexEntry {
            location: Location { height, index },
            batch,
            transaction,
        } = *entry;
        let damaged = |damage| self.database.damaged(damage);
        let StoredBlock { block, certificate } = view
            .get(Column::Blocks, &height_key(height))?
            .ok_or_else(|| damaged(Damage::NoBlock(height)))?;
        let receipts: StoredReceipts = view
            .get(Column::Receipts, &height_key(height))?
            .ok_or_else(|| damaged(Damage::NoReceipts(height)))?;
        let nowhere = || {
            damaged(Damage::Index {
                height,
                batch,
                transaction,
            })
        };
        let digest = block.batches.get(batch as usize).ok_or_else(nowhere)?;
        let SignedBatch { batch, .. } = view.get(Column::Batches, digest.as_bytes())?.ok_or_else(|| {
            damaged(Damage::NoBatch {
                height,
                digest: *digest,
            })
        })?;
        let transaction = batch.transactions.get(transaction as usize).ok_or_else(nowhere)?;
        let receipt = receipts.get(index as usize).ok_or_else(nowhere)?;
        let leaves: Vec<_> = receipts.iter().map(Receipt::leaf).collect();
        Ok(PaymentProof {
            version: PROOF_VERSION,
            transaction: transaction.clone(),
            receipt: receipt.clone(),
            path: merkle::path(&leaves, index as usize),
            block: CertifiedHeader {
                header: block.header,
                certificate,
            },
            handovers: last_handovers(view, from, height)?,
        })
    }

    /// The transactions that these receipts of a block are about, in the receipts' order; those of what the ledger
    /// did by itself are about none.
    pub fn transactions(&self, block: &Block, receipts: &[Receipt]) -> Result<Vec<SignedTransaction>, StoreError> {
        let view = self.database.view();
        let height = block.header.height;
        let damaged = |damage| self.database.damaged(damage);
        let mut batches = Vec::with_capacity(block.batches.len());
        for digest in &block.batches {
            let SignedBatch { batch, .. } = view.get(Column::Batches, digest.as_bytes())?.ok_or_else(|| {
                damaged(Damage::NoBatch {
                    height,
                    digest: *digest,
                })
            })?;
            batches.push(batch);
        }
        let mut transactions = Vec::new();
        for receipt in receipts {
            let Subject::Transaction(id) = receipt.subject else {
                continue;
            };
            // Not the first of that id: one whose signatures did not suffice may come before.
            let entry: Option<IndexEntry> = view.get(Column::Index, id.as_bytes())?;
            let at = entry.filter(|entry| entry.location.height == height);
            let IndexEntry { batch, transaction, .. } = at.ok_or_else(|| damaged(Damage::NotIndexed { height, id }))?;
            let found = batches
                .get(batch as usize)
                .and_then(|batch| batch.transactions.get(transaction as usize));
            let found = found.ok_or_else(|| {
                damaged(Damage::Index {
                    height,
                    batch,
                    transaction,
                })
            })?;
            transactions.push(found.clone());
        }
        Ok(transactions)
    }

    /// The last changes of validators before a block of this height, the first of them first: of those that
    /// decided it, the last one made them its validators.
    pub fn handovers(&self, before: Height) -> Result<Bounded<Handover, HANDOVERS_MAX>, StoreError> {
        last_handovers(&self.database.view(), Height::GENESIS, before)
    }

    /// All changes of validators since the genesis before a block of this height; `None` if there are more than go
    /// with a snapshot.
    pub fn all_handovers(
        &self,
        before: Height,
    ) -> Result<Option<Bounded<Handover, SNAPSHOT_HANDOVERS_MAX>>, StoreError> {
        let view = self.database.view();
        let all = all_handovers(&view, Height::GENESIS, before).take(SNAPSHOT_HANDOVERS_MAX + 1);
        Ok(Bounded::new(all.collect::<Result<_, _>>()?).ok())
    }

    /// The first changes of validators at or above this height, in their order.
    pub fn handovers_from(&self, from: Height) -> Result<Bounded<Handover, HANDOVERS_MAX>, StoreError> {
        first_handovers(&self.database.view(), from)
    }

    /// Whether a key has decided blocks of this network after the genesis, as long ago as it may be.
    pub fn has_been_validator(&self, id: &ValidatorId) -> Result<bool, StoreError> {
        let view = self.database.view();
        for handover in all_handovers(&view, Height::GENESIS, Height(u64::MAX)) {
            if handover?.next.iter().any(|validator| validator.id() == *id) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The registered nodes, and the block they are of.
    pub fn nodes(&self) -> Result<(Tip, Registry), StoreError> {
        let view = self.database.view();
        let tip = read_tip(&view)?;
        match state(&view, &StateKey::Nodes)? {
            Some(StateValue::Nodes(nodes)) => Ok((tip, nodes)),
            Some(_) | None => Err(self.wrong_table()),
        }
    }

    /// An account with all its balances, and the block they are of.
    pub fn account(&self, id: &AccountId) -> Result<(Tip, Option<AccountView>), StoreError> {
        let view = self.database.view();
        let tip = read_tip(&view)?;
        let account = match state(&view, &StateKey::Account(*id))? {
            Some(StateValue::Account(account)) => account,
            None => return Ok((tip, None)),
            Some(_) => return Err(self.wrong_table()),
        };
        let balances = self.balances(&view, id, tip.time_ms)?;
        let account = AccountView {
            id: *id,
            operator: account.operator,
            keys: account.keys,
            tier: account.tier,
            status: account.status,
            balances: Bounded::new(balances).expect("there are at most 256 currencies"),
        };
        Ok((tip, Some(account)))
    }

    fn balances(&self, view: &View<'_>, id: &AccountId, now: TimeMs) -> Result<Vec<BalanceView>, StoreError> {
        let today = Day::of(now);
        let mut balances = Vec::new();
        for entry in view.scan_prefix(Column::State, &balances_prefix(*id)) {
            let (key, value) = state_entry(view, entry?)?;
            let (StateKey::Balance(_, currency), StateValue::Balance(record)) = (key, value) else {
                return Err(self.wrong_table());
            };
            balances.push(BalanceView {
                currency,
                available: record.available,
                held: record.held,
                spent_today: record.spent_on(today),
                frozen: record.frozen,
            });
        }
        Ok(balances)
    }

    /// Who signs for an account, and who serves it; `None` if there is no such account.
    pub fn keys_of(&self, id: &AccountId) -> Result<Option<(KeyPolicy, ParticipantId)>, StoreError> {
        match state(&self.database.view(), &StateKey::Account(*id))? {
            Some(StateValue::Account(account)) => Ok(Some((account.keys, account.operator))),
            None => Ok(None),
            Some(_) => Err(self.wrong_table()),
        }
    }

    /// A contract that is open or remembered, with everybody's positions if it is a netting cycle, and the block
    /// it is of.
    pub fn contract(&self, id: &ContractId) -> Result<(Tip, Option<StoredContract>), StoreError> {
        let view = self.database.view();
        let tip = read_tip(&view)?;
        match state(&view, &StateKey::Contract(*id))? {
            Some(StateValue::Contract(contract)) => {
                let positions = match &contract.terms {
                    Terms::Cycle(_) => self.positions(&view, id)?,
                    _ => Vec::new(),
                };
                let contract = *contract;
                Ok((tip, Some(StoredContract { contract, positions })))
            }
            None => Ok((tip, None)),
            Some(_) => Err(self.wrong_table()),
        }
    }

    fn positions(&self, view: &View<'_>, cycle: &ContractId) -> Result<Vec<PositionView>, StoreError> {
        let lowest = StateKey::Position(*cycle, AccountId([0; 20]), Currency::LOWEST);
        let prefix = &codec::encode(&lowest)[..=20];
        let mut positions = Vec::new();
        for entry in view.scan_prefix(Column::State, prefix) {
            let (StateKey::Position(_, account, currency), StateValue::Position(position)) = state_entry(view, entry?)?
            else {
                return Err(self.wrong_table());
            };
            positions.push(PositionView {
                account,
                currency,
                prefunded: position.prefunded,
                net: position.net,
            });
        }
        Ok(positions)
    }

    pub fn reference_rate(&self, from: Currency, to: Currency) -> Result<(Tip, Option<ReferenceRate>), StoreError> {
        let view = self.database.view();
        let tip = read_tip(&view)?;
        match state(&view, &StateKey::ReferenceRate(from, to))? {
            Some(StateValue::ReferenceRate(rate)) => Ok((tip, Some(rate))),
            None => Ok((tip, None)),
            Some(_) => Err(self.wrong_table()),
        }
    }

    pub fn currency(&self, code: Currency) -> Result<(Tip, Option<CurrencyRecord>), StoreError> {
        let view = self.database.view();
        let tip = read_tip(&view)?;
        match state(&view, &StateKey::Currency(code))? {
            Some(StateValue::Currency(record)) => Ok((tip, Some(record))),
            None => Ok((tip, None)),
            Some(_) => Err(self.wrong_table()),
        }
    }

    /// All registered currencies, ascending by code.
    pub fn currencies(&self) -> Result<Vec<CurrencyRecord>, StoreError> {
        let view = self.database.view();
        let mut records = Vec::new();
        for entry in view.scan_prefix(Column::State, &[CURRENCY_TABLE]) {
            match state_entry(&view, entry?)?.1 {
                StateValue::Currency(record) => records.push(record),
                _ => return Err(self.wrong_table()),
            }
        }
        Ok(records)
    }

    pub fn participant(&self, id: &ParticipantId) -> Result<Option<Participant>, StoreError> {
        match state(&self.database.view(), &StateKey::Participant(*id))? {
            Some(StateValue::Participant(participant)) => Ok(Some(participant)),
            None => Ok(None),
            Some(_) => Err(self.wrong_table()),
        }
    }

    /// Evidence against the validators after this one, or from the first on: all of each, until there are
    /// at least `enough`. With the tip, and whether there is more.
    pub fn evidence(
        &self,
        after: Option<ValidatorId>,
        enough: usize,
    ) -> Result<(Tip, Vec<EvidenceRecord>, bool), StoreError> {
        let view = self.database.view();
        let tip = read_tip(&view)?;
        let from = after.map_or_else(|| vec![EVIDENCE_TABLE], |after| evidence_after(after).to_vec());
        let mut records: Vec<EvidenceRecord> = Vec::new();
        for entry in view.scan(Column::State, &from) {
            let (StateKey::Evidence(against, _), StateValue::Evidence(record)) = state_entry(&view, entry?)? else {
                break;
            };
            let is_next = records.last().is_some_and(|last| last.evidence.validator != against);
            if is_next && records.len() >= enough {
                return Ok((tip, records, true));
            }
            records.push(*record);
        }
        Ok((tip, records, false))
    }

    /// All registered participants, ascending by id.
    pub fn participants(&self) -> Result<Vec<Participant>, StoreError> {
        let view = self.database.view();
        let mut participants = Vec::new();
        for entry in view.scan_prefix(Column::State, &[PARTICIPANT_TABLE]) {
            match state_entry(&view, entry?)?.1 {
                StateValue::Participant(participant) => participants.push(participant),
                _ => return Err(self.wrong_table()),
            }
        }
        Ok(participants)
    }

    /// A batch that was put, whether a block names it or not.
    pub fn batch(&self, digest: &BatchDigest) -> Result<Option<SignedBatch>, StoreError> {
        self.database.view().get(Column::Batches, digest.as_bytes())
    }

    /// The batches that were put and that no committed block names, in no particular order: what a
    /// restarted node may still order. At most `max`.
    pub fn pending_batches(&self, max: usize) -> Result<Vec<(BatchDigest, SignedBatch)>, StoreError> {
        let view = self.database.view();
        let mut pending = Vec::new();
        for entry in view.scan(Column::Pending, &[]).take(max) {
            let digest = decode_key(&view, Column::Pending, pending_of, &entry?.0)?;
            let batch = view.get(Column::Batches, digest.as_bytes())?;
            let batch = batch.ok_or_else(|| self.database.damaged(Damage::NoPendingBatch(digest)))?;
            pending.push((digest, batch));
        }
        Ok(pending)
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn wrong_table(&self) -> StoreError {
        self.database.damaged(Damage::WrongTable)
    }
}

pub(super) fn state(view: &View<'_>, key: &StateKey) -> Result<Option<StateValue>, StoreError> {
    view.get(Column::State, &codec::encode(key))
}
