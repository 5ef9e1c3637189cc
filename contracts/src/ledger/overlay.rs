//! A block's state in the making: what it changes, over the committed tables.
//!
//! A transaction's changes are kept or taken back as one. Old values go into a journal, and taking
//! back puts them in again from the last to the first.

mod offline;

use std::{collections::BTreeMap, hint::black_box};

use super::{
    ordered::OrderedLayer,
    posting::Part,
    state::{Account, BalanceRecord, Change, State, StateKey, StateValue},
    table::{Key, Row, Seed, Table},
};
use crate::{
    block::{Checkpoints, Height},
    committee::{ValidatorId, ValidatorSet, change::FormerValidators, rotation::Rotation},
    evidence::EvidenceRecord,
    governance::{CurrencyRecord, Parameters},
    identity::{AccountId, KeyPolicy, Participant, ParticipantId},
    money::Currency,
    offline::record::{OfflineKey, OfflineRow},
    protocol::{Protocol, Upcoming},
    registry::Registry,
    settlement::{
        Contract, ContractId, MerchantCategory, ReferenceRate,
        netting::{Obligation, Position},
        offer::BookKey,
    },
    transaction::{Action, SignedTransaction},
};

/// A row that a block has touched.
#[derive(Debug)]
struct Touched<V> {
    /// Its place in the committed table, if it is there.
    place: Option<Row>,
    /// In the committed table. Copied, since at the block's end all are compared: here they lie
    /// side by side.
    before: Option<V>,
    /// `None`: not in the committed table, and not added either, or taken back.
    value: Option<V>,
}

/// The rows of one table that a block has touched.
struct Layer<K, V> {
    rows: Table<K, Touched<V>>,
    journal: Vec<(Row, Option<V>)>,
}

impl<K: Key, V: Clone + PartialEq> Layer<K, V> {
    fn new(seed: Seed) -> Self {
        Self::with_room_for(seed, 0)
    }

    fn with_room_for(seed: Seed, rows: usize) -> Self {
        Self {
            rows: Table::with_room_for(seed, rows),
            journal: Vec::new(),
        }
    }

    #[inline]
    fn get<'a>(&'a self, base: &'a Table<K, V>, key: &K) -> Option<&'a V> {
        let hash = base.hash(key);
        match self.rows.find(hash, key) {
            Some(row) => self.rows.row(row).1.value.as_ref(),
            None => base.get_hashed(hash, key),
        }
    }

    #[inline]
    fn touch(&mut self, base: &Table<K, V>, key: K) -> Row {
        let hash = base.hash(&key);
        self.rows.find(hash, &key).unwrap_or_else(|| {
            let place = base.find(hash, &key);
            let before = place.map(|row| base.row(row).1.clone());
            let touched = Touched {
                place,
                value: before.clone(),
                before,
            };
            self.rows.insert_new(hash, key, touched)
        })
    }

    /// Changes a row, or the default that stands for a missing one.
    #[inline]
    fn update(&mut self, row: Row, missing: impl FnOnce() -> V, change: impl FnOnce(&mut V)) {
        let value = &mut self.rows.value_mut(row).value;
        self.journal.push((row, value.clone()));
        change(value.get_or_insert_with(missing));
    }

    fn put(&mut self, base: &Table<K, V>, key: K, value: V) {
        let row = self.touch(base, key);
        let old = self.rows.value_mut(row).value.replace(value);
        self.journal.push((row, old));
    }

    fn keep(&mut self) {
        self.journal.clear();
    }

    fn take_back(&mut self) {
        while let Some((row, value)) = self.journal.pop() {
            self.rows.value_mut(row).value = value;
        }
    }

    /// How many rows there are, the committed ones included.
    fn count(&self, base: &Table<K, V>) -> usize {
        let added = |(_, touched): &&(K, Touched<V>)| touched.value.is_some() && touched.place.is_none();
        base.len() + self.rows.iter().filter(added).count()
    }

    /// The rows that are now other than in the committed table, ascending by key, each with its place
    /// there. `audit` sees each before, with its value in the committed table and the one it has now.
    fn into_changed<A>(mut self, mut audit: A) -> impl Iterator<Item = (K, V, Option<Row>)> + use<K, V, A>
    where
        A: FnMut(&K, Option<&V>, &V),
    {
        assert!(self.journal.is_empty(), "every transaction was kept or taken back");
        let mut changed: Vec<(u64, Row)> = Vec::with_capacity(self.rows.len());
        for (row, (key, touched)) in (0..).zip(self.rows.iter()) {
            let Some(after) = &touched.value else { continue };
            let before = touched.before.as_ref();
            if before != Some(after) {
                audit(key, before, after);
                changed.push((key.rank(), row));
            }
        }
        // Ranks with places rather than rows: rows are several times larger.
        let key = |row: Row| self.rows.row(row).0;
        changed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(&key(b.1))));
        changed.into_iter().map(move |(_, row)| {
            let (key, touched) = self.rows.row_mut(row);
            let value = touched.value.take().expect("it is there, and taken once");
            (*key, value, touched.place)
        })
    }
}

/// A single entry, or a part of one, that a block may replace.
#[derive(Debug)]
struct Single<V> {
    /// `None`: as in committed state.
    now: Option<V>,
    /// What `now` was before this transaction, if it changed it.
    before: Option<Option<V>>,
}

impl<V> Default for Single<V> {
    fn default() -> Self {
        Self {
            now: None,
            before: None,
        }
    }
}

impl<V> Single<V> {
    fn put(&mut self, value: V) {
        let before = self.now.replace(value);
        self.before.get_or_insert(before);
    }

    fn keep(&mut self) {
        self.before = None;
    }

    fn take_back(&mut self) {
        if let Some(before) = self.before.take() {
            self.now = before;
        }
    }
}

/// What a block makes of committed state.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Ascending by key.
    pub(super) entries: Vec<Change>,
    /// Of each entry, its place in its committed table, if it has one.
    pub(super) places: Vec<Option<Row>>,
}

impl Changes {
    pub(super) fn push(&mut self, key: StateKey, value: StateValue, place: Option<Row>) {
        self.entries.push((key, Some(value)));
        self.places.push(place);
    }
}

/// Where in an overlay a balance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BalancePlace(Row);

/// What a block changes that none of its transactions does.
pub(super) struct Turnover {
    /// The block's.
    pub(super) height: Height,
    /// After its author has had its turn.
    pub(super) rotation: Rotation,
    /// All who have left by then.
    pub(super) former: FormerValidators,
    pub(super) checkpoints: Checkpoints,
}

pub(super) struct Overlay<'a> {
    base: &'a State,
    accounts: Layer<AccountId, Account>,
    balances: Layer<(AccountId, Currency), BalanceRecord>,
    currencies: Layer<Currency, CurrencyRecord>,
    participants: Layer<ParticipantId, Participant>,
    evidence: Layer<(ValidatorId, u8), Box<EvidenceRecord>>,
    contracts: OrderedLayer<ContractId, Contract>,
    reference_rates: OrderedLayer<(Currency, Currency), ReferenceRate>,
    categories: OrderedLayer<AccountId, MerchantCategory>,
    book: OrderedLayer<BookKey, ContractId>,
    positions: OrderedLayer<(ContractId, AccountId, Currency), Position>,
    obligations: OrderedLayer<(ContractId, [u8; 8]), Obligation>,
    offline: OrderedLayer<OfflineKey, Box<OfflineRow>>,
    /// In force from the next block on, so that one block is computed with one set of parameters.
    next_parameters: Option<Parameters>,
    /// What `next_parameters` was before this transaction, if it changed them.
    parameters_before: Option<Option<Parameters>>,
    council: Single<KeyPolicy>,
    /// What is scheduled from now on: with the block itself, only what it schedules changes.
    upcoming: Single<Option<Upcoming>>,
    next_validators: Single<ValidatorSet>,
    nodes: Single<Registry>,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(base: &'a State, seed: Seed) -> Self {
        Self::for_transactions(base, seed, 0)
    }

    /// With room for what this many transfers change.
    pub(super) fn for_transactions(base: &'a State, seed: Seed, transactions: usize) -> Self {
        Self {
            base,
            accounts: Layer::new(seed),
            balances: Layer::with_room_for(seed, 2 * transactions),
            currencies: Layer::new(seed),
            participants: Layer::new(seed),
            evidence: Layer::new(seed),
            contracts: OrderedLayer::default(),
            reference_rates: OrderedLayer::default(),
            categories: OrderedLayer::default(),
            book: OrderedLayer::default(),
            positions: OrderedLayer::default(),
            obligations: OrderedLayer::default(),
            offline: OrderedLayer::default(),
            next_parameters: None,
            parameters_before: None,
            council: Single::default(),
            upcoming: Single::default(),
            next_validators: Single::default(),
            nodes: Single::default(),
        }
    }

    pub(super) fn base(&self) -> &'a State {
        self.base
    }

    #[inline]
    pub(super) fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(&self.base.accounts, id)
    }

    #[inline]
    pub(super) fn balance(&self, account: AccountId, currency: Currency) -> BalanceRecord {
        self.balances
            .get(&self.base.balances, &(account, currency))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn currency(&self, code: Currency) -> Option<&CurrencyRecord> {
        self.currencies.get(&self.base.currencies, &code)
    }

    pub(super) fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.participants.get(&self.base.participants, &id)
    }

    /// One of the records against a validator; they are in places from 0 on, without gaps.
    pub(super) fn evidence(&self, against: ValidatorId, place: u8) -> Option<&EvidenceRecord> {
        let record = self.evidence.get(&self.base.evidence, &(against, place));
        record.map(Box::as_ref)
    }

    pub(super) fn contract(&self, id: &ContractId) -> Option<&Contract> {
        self.contracts.get(self.base.contracts.rows(), id)
    }

    pub(super) fn currency_count(&self) -> usize {
        self.currencies.count(&self.base.currencies)
    }

    pub(super) fn participant_count(&self) -> usize {
        self.participants.count(&self.base.participants)
    }

    /// Whether an account has nothing, in no currency.
    pub(super) fn is_empty(&self, account: AccountId) -> bool {
        let codes = self.base.currencies.iter().map(|(code, _)| code);
        let added = self.currencies.rows.iter().map(|(code, _)| code);
        codes.chain(added).all(|code| {
            let record = self.balance(account, *code);
            [Part::Available, Part::Held]
                .into_iter()
                .all(|part| record.part(part).0 == 0)
        })
    }

    /// The place of what an account has of a currency, if only nothing: looked up once, then read and
    /// changed without looking it up again.
    #[inline]
    pub(super) fn balance_place(&mut self, account: AccountId, currency: Currency) -> BalancePlace {
        BalancePlace(self.balances.touch(&self.base.balances, (account, currency)))
    }

    #[inline]
    pub(super) fn balance_at(&self, BalancePlace(row): BalancePlace) -> BalanceRecord {
        self.balances.rows.row(row).1.value.unwrap_or_default()
    }

    #[inline]
    pub(super) fn update_balance(&mut self, BalancePlace(row): BalancePlace, change: impl FnOnce(&mut BalanceRecord)) {
        self.balances.update(row, BalanceRecord::default, change);
    }

    pub(super) fn put_account(&mut self, id: AccountId, account: Account) {
        self.accounts.put(&self.base.accounts, id, account);
    }

    pub(super) fn put_currency(&mut self, record: CurrencyRecord) {
        self.currencies.put(&self.base.currencies, record.code, record);
    }

    pub(super) fn put_participant(&mut self, participant: Participant) {
        self.participants
            .put(&self.base.participants, participant.id, participant);
    }

    pub(super) fn put_evidence(&mut self, against: ValidatorId, place: u8, record: EvidenceRecord) {
        self.evidence
            .put(&self.base.evidence, (against, place), Box::new(record));
    }

    pub(super) fn reference_rate(&self, from: Currency, to: Currency) -> Option<&ReferenceRate> {
        self.reference_rates.get(&self.base.reference_rates, &(from, to))
    }

    pub(super) fn put_reference_rate(&mut self, from: Currency, to: Currency, rate: ReferenceRate) {
        self.reference_rates.set((from, to), Some(rate));
    }

    pub(super) fn category(&self, account: &AccountId) -> Option<MerchantCategory> {
        self.categories.get(&self.base.categories, account).copied()
    }

    pub(super) fn put_category(&mut self, account: AccountId, category: Option<MerchantCategory>) {
        self.categories.set(account, category);
    }

    /// Of a participant in one currency of a cycle; all zero if there is none.
    pub(super) fn position(&self, key: &(ContractId, AccountId, Currency)) -> Position {
        let found = self.positions.get(&self.base.positions, key);
        found.copied().unwrap_or_default()
    }

    pub(super) fn put_position(&mut self, key: (ContractId, AccountId, Currency), position: Option<Position>) {
        self.positions.set(key, position);
    }

    /// Those of a cycle that wait, the oldest first, each with its number.
    pub(super) fn obligations(&self, cycle: ContractId) -> Vec<([u8; 8], Obligation)> {
        let from = self
            .obligations
            .from(&self.base.obligations, (cycle, [0; 8]), usize::MAX);
        let own = from.take_while(|((of, _), _)| *of == cycle);
        own.map(|((_, at), obligation)| (at, *obligation)).collect()
    }

    pub(super) fn put_obligation(&mut self, key: (ContractId, [u8; 8]), obligation: Option<Obligation>) {
        self.obligations.set(key, obligation);
    }

    /// The offers that stand at this place or after it, in order, of so many places that are looked at.
    pub(super) fn book(&self, from: BookKey, looks: usize) -> impl Iterator<Item = (BookKey, &ContractId)> {
        self.book.from(&self.base.book, from, looks)
    }

    /// An open offer is in its place in a book from then on, and one that has ended in none.
    pub(super) fn put_contract(&mut self, id: ContractId, contract: Contract) {
        let before = self.contract(&id).and_then(Contract::book_key);
        let after = contract.book_key();
        if before != after {
            if let Some(key) = before {
                self.book.set(key, None);
            }
            if let Some(key) = after {
                self.book.set(key, Some(id));
            }
        }
        self.contracts.set(id, Some(contract));
    }

    pub(super) fn remove_contract(&mut self, id: ContractId) {
        self.contracts.set(id, None);
    }

    pub(super) fn put_parameters(&mut self, parameters: Parameters) {
        let before = self.next_parameters.replace(parameters);
        self.parameters_before.get_or_insert(before);
    }

    /// In force for later transactions of the same block too.
    pub(super) fn council(&self) -> &KeyPolicy {
        self.council.now.as_ref().unwrap_or(&self.base.council)
    }

    pub(super) fn put_council(&mut self, keys: KeyPolicy) {
        self.council.put(keys);
    }

    /// Versions as they are at this height: of the block, or another after the committed ones.
    pub(super) fn protocol(&self, height: Height) -> Protocol {
        let settled = self.base.protocol.after(height);
        Protocol {
            upcoming: self.upcoming.now.unwrap_or(settled.upcoming),
            ..settled
        }
    }

    pub(super) fn put_upcoming(&mut self, upcoming: Option<Upcoming>) {
        self.upcoming.put(upcoming);
    }

    /// Those who decide the block after the next one, as it is to be after this block.
    pub(super) fn next_validators(&self) -> &ValidatorSet {
        self.next_validators.now.as_ref().unwrap_or(&self.base.next_validators)
    }

    pub(super) fn put_next_validators(&mut self, set: ValidatorSet) {
        self.next_validators.put(set);
    }

    pub(super) fn nodes(&self) -> &Registry {
        self.nodes.now.as_ref().unwrap_or(&self.base.nodes)
    }

    pub(super) fn put_nodes(&mut self, nodes: Registry) {
        self.nodes.put(nodes);
    }

    /// Ends a transaction that applies.
    #[inline]
    pub(super) fn keep(&mut self) {
        self.accounts.keep();
        self.balances.keep();
        self.currencies.keep();
        self.participants.keep();
        self.evidence.keep();
        self.contracts.keep();
        self.reference_rates.keep();
        self.categories.keep();
        self.book.keep();
        self.positions.keep();
        self.obligations.keep();
        self.offline.keep();
        self.parameters_before = None;
        self.council.keep();
        self.upcoming.keep();
        self.next_validators.keep();
        self.nodes.keep();
    }

    /// Ends a transaction that does not apply: all is as it was before its first action.
    pub(super) fn take_back(&mut self) {
        self.accounts.take_back();
        self.balances.take_back();
        self.currencies.take_back();
        self.participants.take_back();
        self.evidence.take_back();
        self.contracts.take_back();
        self.reference_rates.take_back();
        self.categories.take_back();
        self.book.take_back();
        self.positions.take_back();
        self.obligations.take_back();
        self.offline.take_back();
        if let Some(before) = self.parameters_before.take() {
            self.next_parameters = before;
        }
        self.council.take_back();
        self.upcoming.take_back();
        self.next_validators.take_back();
        self.nodes.take_back();
    }

    /// Loads what these transactions are going to read, so that they do not wait for memory one after
    /// the other. Changes nothing, and may leave out what it likes.
    pub(super) fn read_ahead(&self, transactions: &[SignedTransaction]) {
        let mut payers = Vec::with_capacity(transactions.len());
        let mut payees = Vec::with_capacity(transactions.len());
        let mut balances = Vec::with_capacity(2 * transactions.len());
        for signed in transactions {
            black_box(signed.signatures.first().map(|first| first.key));
        }
        for action in transactions.iter().flat_map(|signed| &signed.transaction.actions) {
            if let Action::Transfer { from, to, currency, .. } = action {
                payers.push(*from);
                payees.push(*to);
                balances.extend([(*from, *currency), (*to, *currency)]);
            }
        }
        let of_payee = |account: &Account| u64::from(account.tier.0);
        // Of payers alone the keys are looked at, which lie elsewhere.
        let of_payer = |account: &Account| {
            let first = account.keys.keys.first().map_or(0, |key| u64::from(key.weight));
            first + of_payee(account)
        };
        let of_balance = |record: &BalanceRecord| record.available.0 as u64 ^ u64::from(record.frozen.is_some());
        black_box(self.base.accounts.read_ahead(&payees, of_payee));
        black_box(self.base.accounts.read_ahead(&payers, of_payer));
        black_box(self.base.balances.read_ahead(&balances, of_balance));
        black_box(
            self.balances
                .rows
                .read_ahead(&balances, |touched| u64::from(touched.value.is_some())),
        );
    }

    /// Every entry that is now other than in committed state, ascending by key.
    ///
    /// # Panics
    /// If debits do not equal credits: if, per currency, what the changes add to balances and what they
    /// take is not the same, worked out from the records alone, not from the postings that made them;
    /// or if an account other than the currency's issuer would be below zero. Money would appear or
    /// vanish, and the process must not go on.
    pub(super) fn into_changes(self, turnover: Turnover) -> Changes {
        let Turnover {
            height,
            rotation,
            former,
            checkpoints,
        } = turnover;
        let protocol = self.protocol(height);
        let room = self.accounts.rows.len() + self.balances.rows.len() + 16;
        let mut changes = Changes {
            entries: Vec::with_capacity(room),
            places: Vec::with_capacity(room),
        };
        let mut audit = Audit::new(self.base);
        for (id, account, place) in self.accounts.into_changed(|_, _, _| {}) {
            changes.push(StateKey::Account(id), StateValue::Account(account), place);
        }
        let balances = self.balances.into_changed(|(id, code), before, after| {
            audit.balance(id, *code, before, after);
        });
        for ((id, code), record, place) in balances {
            changes.push(StateKey::Balance(id, code), StateValue::Balance(record), place);
        }
        audit.assert_conserved();
        for (code, record, place) in self.currencies.into_changed(|_, _, _| {}) {
            changes.push(StateKey::Currency(code), StateValue::Currency(record), place);
        }
        for (id, participant, place) in self.participants.into_changed(|_, _, _| {}) {
            changes.push(StateKey::Participant(id), StateValue::Participant(participant), place);
        }
        if let Some(parameters) = self.next_parameters.filter(|next| *next != self.base.parameters) {
            changes.push(StateKey::Parameters, StateValue::Parameters(parameters), None);
        }
        if let Some(council) = self.council.now.filter(|council| *council != self.base.council) {
            changes.push(StateKey::Council, StateValue::Council(council), None);
        }
        if self.base.next_validators != self.base.validators {
            let validators = self.base.next_validators.to_list();
            changes.push(StateKey::Validators, StateValue::Validators(validators), None);
        }
        if rotation != self.base.rotation {
            changes.push(StateKey::Rotation, StateValue::Rotation(rotation), None);
        }
        for ((id, at), record, place) in self.evidence.into_changed(|_, _, _| {}) {
            changes.push(StateKey::Evidence(id, at), StateValue::Evidence(record), place);
        }
        if protocol != self.base.protocol {
            changes.push(StateKey::Protocol, StateValue::Protocol(protocol), None);
        }
        if let Some(next) = self
            .next_validators
            .now
            .filter(|next| *next != self.base.next_validators)
        {
            changes.push(
                StateKey::NextValidators,
                StateValue::NextValidators(next.to_list()),
                None,
            );
        }
        if let Some(nodes) = self.nodes.now.filter(|nodes| *nodes != self.base.nodes) {
            changes.push(StateKey::Nodes, StateValue::Nodes(nodes), None);
        }
        if former != self.base.former_validators {
            changes.push(StateKey::FormerValidators, StateValue::FormerValidators(former), None);
        }
        if checkpoints != self.base.checkpoints {
            changes.push(StateKey::Checkpoints, StateValue::Checkpoints(checkpoints), None);
        }
        for (id, contract) in self.contracts.into_changed(self.base.contracts.rows()) {
            changes.entries.push((
                StateKey::Contract(id),
                contract.map(|it| StateValue::Contract(Box::new(it))),
            ));
            changes.places.push(None);
        }
        for ((from, to), rate) in self.reference_rates.into_changed(&self.base.reference_rates) {
            let key = StateKey::ReferenceRate(from, to);
            changes.entries.push((key, rate.map(StateValue::ReferenceRate)));
            changes.places.push(None);
        }
        for (id, category) in self.categories.into_changed(&self.base.categories) {
            changes
                .entries
                .push((StateKey::Category(id), category.map(StateValue::Category)));
            changes.places.push(None);
        }
        for (key, id) in self.book.into_changed(&self.base.book) {
            changes.entries.push((StateKey::Book(key), id.map(StateValue::Book)));
            changes.places.push(None);
        }
        for ((id, who, code), position) in self.positions.into_changed(&self.base.positions) {
            let key = StateKey::Position(id, who, code);
            changes.entries.push((key, position.map(StateValue::Position)));
            changes.places.push(None);
        }
        for ((id, at), obligation) in self.obligations.into_changed(&self.base.obligations) {
            let key = StateKey::Obligation(id, at);
            changes.entries.push((key, obligation.map(StateValue::Obligation)));
            changes.places.push(None);
        }
        for (key, row) in self.offline.into_changed(self.base.offline.rows()) {
            changes
                .entries
                .push((StateKey::Offline(key), row.map(StateValue::Offline)));
            changes.places.push(None);
        }
        changes
    }
}

/// Checks a block's changes of balances, apart from the rules that made them.
struct Audit<'a> {
    base: &'a State,
    sums: BTreeMap<Currency, i128>,
}

impl<'a> Audit<'a> {
    fn new(base: &'a State) -> Self {
        Self {
            base,
            sums: BTreeMap::new(),
        }
    }

    fn balance(&mut self, id: &AccountId, code: Currency, before: Option<&BalanceRecord>, after: &BalanceRecord) {
        *self.sums.entry(code).or_default() += after.total() - before.map_or(0, BalanceRecord::total);
        if after.available.0 < 0 {
            let issuer = self.base.currencies.get(&code).map(|record| record.issuer);
            let own = issuer.map(|issuer| AccountId::of_participant(&self.base.origin, issuer));
            let registered_now = issuer.is_none();
            assert!(
                own == Some(*id) || registered_now,
                "account {id} would have {} {code}",
                after.available
            );
        }
    }

    fn assert_conserved(&self) {
        for (code, sum) in &self.sums {
            assert_eq!(*sum, 0, "the block would change the sum of {code}");
        }
    }
}
