//! A block's state in the making: what it changes, over the committed tables.
//!
//! A transaction's changes are kept or taken back as one. Old values go into a journal, and taking
//! back puts them in again from the last to the first.

use super::{
    posting::Part,
    state::{Account, BalanceRecord, Change, State, StateKey, StateValue},
    table::{Key, Row, Seed, Table},
};
use crate::{
    governance::{CurrencyRecord, Parameters},
    identity::{AccountId, Participant, ParticipantId},
    money::Currency,
};

/// The rows of one table that a block has touched.
struct Layer<K, V> {
    /// `None`: not in the committed table, and not added either, or taken back.
    rows: Table<K, Option<V>>,
    journal: Vec<(Row, Option<V>)>,
}

impl<K: Key, V: Clone + PartialEq> Layer<K, V> {
    fn new(seed: Seed) -> Self {
        Self {
            rows: Table::new(seed),
            journal: Vec::new(),
        }
    }

    #[inline]
    fn get<'a>(&'a self, base: &'a Table<K, V>, key: &K) -> Option<&'a V> {
        let hash = base.hash(key);
        match self.rows.find(hash, key) {
            Some(row) => self.rows.row(row).1.as_ref(),
            None => base.get_hashed(hash, key),
        }
    }

    /// Changes a row, or the default that stands for a missing one.
    #[inline]
    fn update(&mut self, base: &Table<K, V>, key: K, missing: impl FnOnce() -> V, change: impl FnOnce(&mut V)) {
        let hash = base.hash(&key);
        let row = match self.rows.find(hash, &key) {
            Some(row) => row,
            None => self.rows.insert_new(hash, key, base.get_hashed(hash, &key).cloned()),
        };
        let value = self.rows.value_mut(row);
        self.journal.push((row, value.clone()));
        change(value.get_or_insert_with(missing));
    }

    fn put(&mut self, base: &Table<K, V>, key: K, value: V) {
        let hash = base.hash(&key);
        let row = match self.rows.find(hash, &key) {
            Some(row) => row,
            None => self.rows.insert_new(hash, key, base.get_hashed(hash, &key).cloned()),
        };
        let old = self.rows.value_mut(row).replace(value);
        self.journal.push((row, old));
    }

    fn keep(&mut self) {
        self.journal.clear();
    }

    fn take_back(&mut self) {
        while let Some((row, value)) = self.journal.pop() {
            *self.rows.value_mut(row) = value;
        }
    }

    /// The rows that are now other than in the committed table, ascending by key.
    fn into_changed(mut self, base: &Table<K, V>) -> impl Iterator<Item = (K, V)> + use<K, V> {
        assert!(self.journal.is_empty(), "every transaction was kept or taken back");
        let mut changed: Vec<(K, Row)> = Vec::with_capacity(self.rows.len());
        for (row, (key, value)) in (0..).zip(self.rows.iter()) {
            if value.is_some() && base.get(key) != value.as_ref() {
                changed.push((*key, row));
            }
        }
        // Keys with their places rather than rows: rows are several times larger.
        changed.sort_unstable_by_key(|(key, _)| *key);
        changed.into_iter().map(move |(key, row)| {
            let value = self.rows.value_mut(row).take();
            (key, value.expect("it is there, and taken once"))
        })
    }
}

pub(super) struct Overlay<'a> {
    base: &'a State,
    accounts: Layer<AccountId, Account>,
    balances: Layer<(AccountId, Currency), BalanceRecord>,
    currencies: Layer<Currency, CurrencyRecord>,
    participants: Layer<ParticipantId, Participant>,
    /// In force from the next block on, so that one block is computed with one set of parameters.
    next_parameters: Option<Parameters>,
    /// What `next_parameters` was before this transaction, if it changed them.
    parameters_before: Option<Option<Parameters>>,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(base: &'a State, seed: Seed) -> Self {
        Self {
            base,
            accounts: Layer::new(seed),
            balances: Layer::new(seed),
            currencies: Layer::new(seed),
            participants: Layer::new(seed),
            next_parameters: None,
            parameters_before: None,
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

    pub(super) fn currency_count(&self) -> usize {
        count(&self.currencies.rows, &self.base.currencies)
    }

    pub(super) fn participant_count(&self) -> usize {
        count(&self.participants.rows, &self.base.participants)
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

    #[inline]
    pub(super) fn update_balance(
        &mut self,
        account: AccountId,
        currency: Currency,
        change: impl FnOnce(&mut BalanceRecord),
    ) {
        self.balances
            .update(&self.base.balances, (account, currency), BalanceRecord::default, change);
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

    pub(super) fn put_parameters(&mut self, parameters: Parameters) {
        let before = self.next_parameters.replace(parameters);
        self.parameters_before.get_or_insert(before);
    }

    /// Ends a transaction that applies.
    #[inline]
    pub(super) fn keep(&mut self) {
        self.accounts.keep();
        self.balances.keep();
        self.currencies.keep();
        self.participants.keep();
        self.parameters_before = None;
    }

    /// Ends a transaction that does not apply: all is as it was before its first action.
    pub(super) fn take_back(&mut self) {
        self.accounts.take_back();
        self.balances.take_back();
        self.currencies.take_back();
        self.participants.take_back();
        if let Some(before) = self.parameters_before.take() {
            self.next_parameters = before;
        }
    }

    /// Every entry that is now other than in committed state, ascending by key.
    pub(super) fn into_changes(self) -> Vec<Change> {
        let base = self.base;
        let mut changes = Vec::with_capacity(self.accounts.rows.len() + self.balances.rows.len() + 16);
        let accounts = self.accounts.into_changed(&base.accounts);
        changes.extend(accounts.map(|(id, it)| (StateKey::Account(id), Some(StateValue::Account(it)))));
        let balances = self.balances.into_changed(&base.balances);
        changes.extend(balances.map(|((id, code), it)| (StateKey::Balance(id, code), Some(StateValue::Balance(it)))));
        let currencies = self.currencies.into_changed(&base.currencies);
        changes.extend(currencies.map(|(code, it)| (StateKey::Currency(code), Some(StateValue::Currency(it)))));
        let participants = self.participants.into_changed(&base.participants);
        changes.extend(participants.map(|(id, it)| (StateKey::Participant(id), Some(StateValue::Participant(it)))));
        if let Some(parameters) = self.next_parameters.filter(|next| *next != base.parameters) {
            changes.push((StateKey::Parameters, Some(StateValue::Parameters(parameters))));
        }
        changes
    }
}

fn count<K: Key, V>(rows: &Table<K, Option<V>>, base: &Table<K, V>) -> usize {
    let added = |(key, value): &&(K, Option<V>)| value.is_some() && base.get(key).is_none();
    base.len() + rows.iter().filter(added).count()
}
