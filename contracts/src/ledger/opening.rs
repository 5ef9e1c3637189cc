//! How a ledger begins: from a genesis, or from what was stored of one.

use std::collections::BTreeMap;

use super::{
    IsGood, Ledger, Tip,
    apply::{EVIDENCE_MAX, own_account},
    contracts::Contracts,
    overlay::{Changes, Overlay, Turnover},
    posting::{BalanceId, Posting, post},
    purses::Purses,
    recent::{RecentDigests, RecentIds},
    state::{Account, State, StateKey, StateValue},
    table::{Seed, Table},
};
use crate::{
    block::{BatchDigest, Checkpoints, GenesisHash, Height, StateHash, TimeMs, genesis_block_id},
    committee::{ValidatorId, ValidatorSetError, change::FormerValidators, rotation::Rotation},
    genesis::Genesis,
    identity::{AccountId, AccountStatus},
    money::{Amount, Currency},
    offline::record::{OfflineKey, OfflineRow},
    protocol::Protocol,
    registry::RegistryError,
    settlement::{Contract, ContractId, Terms},
    snapshot::{self, SnapshotEntry},
    transaction::{TxId, UnixSeconds},
};

/// Why stored entries are no ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    #[error("the entry {0:?} is missing")]
    Missing(StateKey),
    #[error("the entry {0:?} appears twice")]
    Duplicate(StateKey),
    #[error("the entry {0:?} holds a value of another table")]
    WrongTable(StateKey),
    #[error("the validators: {0}")]
    Validators(#[from] ValidatorSetError),
    #[error("the registry of nodes: {0}")]
    Nodes(#[from] RegistryError),
    #[error("there is a balance of {1} for account {0}, and no such account or currency")]
    Stray(AccountId, Currency),
    #[error("the balances of {currency} add up to {sum}, not to zero")]
    NotConserved { currency: Currency, sum: i128 },
    #[error("account {account} holds {held} of {currency}, and its open contracts hold {contracts}")]
    Held {
        account: AccountId,
        currency: Currency,
        held: Amount,
        contracts: u128,
    },
    #[error("contract {0} is an open offer and not in its place in a book, or in one and no open offer")]
    Book(ContractId),
    #[error(
        "account {1} has a position in {0}, which is no cycle that it is in, or owed more in it than was prefunded"
    )]
    Position(ContractId, AccountId),
    #[error("record {1} of evidence against {0} is above the last place, without the one before it, or of another")]
    StrayEvidence(ValidatorId, u8),
    #[error("transaction id {0} appears twice")]
    DuplicateId(TxId),
    #[error("batch digest {0} appears twice")]
    DuplicateDigest(BatchDigest),
}

impl Ledger {
    /// The state that a network begins with. `hash_seed` keys the hash tables: any number that clients
    /// cannot guess. Nothing that can be observed depends on it.
    ///
    /// # Panics
    /// If [`Genesis::check`] would refuse the genesis, or it continues a network: see [`Self::continued_by`].
    pub fn from_genesis(genesis: &Genesis, hash_seed: u64) -> Self {
        assert!(
            genesis.continues.is_none(),
            "it begins with the state of another network"
        );
        let hash = genesis.hash();
        let seed = Seed::new(hash_seed);
        let mut state = State {
            genesis: hash,
            origin: hash,
            accounts: Table::new(seed),
            balances: Table::new(seed),
            currencies: Table::new(seed),
            participants: Table::new(seed),
            parameters: genesis.parameters.clone(),
            council: genesis.council.clone(),
            validators: genesis.validator_set().expect("a checked genesis"),
            rotation: Rotation::default(),
            evidence: Table::new(seed),
            protocol: Protocol::default(),
            next_validators: genesis.validator_set().expect("a checked genesis"),
            nodes: genesis.registry().expect("a checked genesis"),
            former_validators: FormerValidators::default(),
            checkpoints: Checkpoints::default(),
            contracts: Contracts::default(),
            reference_rates: BTreeMap::new(),
            categories: BTreeMap::new(),
            book: BTreeMap::new(),
            positions: BTreeMap::new(),
            obligations: BTreeMap::new(),
            offline: Purses::default(),
        };
        let changes = opening_entries(genesis, &state, seed);
        state.set_all(changes);
        let root = state.root();
        let tip = Tip {
            height: Height::GENESIS,
            time_ms: genesis.time_ms,
            block: genesis_block_id(&hash),
            state_hash: StateHash(hash.0).after(&root),
            checkpoint_root: snapshot::root_of(state.entries().count() as u64, &root),
        };
        Self::new(seed, tip, state, RecentIds::new(seed), RecentDigests::default())
    }

    pub(super) fn new(seed: Seed, tip: Tip, state: State, ids: RecentIds, digests: RecentDigests) -> Self {
        let validators_hash = state.validators.hash();
        let next_validators_hash = state.next_validators.hash();
        Self {
            seed,
            tip,
            state,
            validators_hash,
            next_validators_hash,
            ids,
            digests,
            is_good: |signed| signed.verify().is_ok(),
        }
    }

    /// Evidence is then judged by this in place of the one rule of [`crate::keys`]: for simulations in which
    /// something cheaper stands for signatures. All validators of a network must have the same.
    pub fn judging_by(self, is_good: IsGood) -> Self {
        Self { is_good, ..self }
    }

    /// The ledger of which these were stored: its [`Ledger::entries`] in any order, and what it
    /// remembered. Checks that they make a whole and that every currency's balances add up to zero.
    pub fn restore(
        genesis: GenesisHash,
        tip: Tip,
        entries: impl Iterator<Item = (StateKey, StateValue)>,
        ids: impl Iterator<Item = (UnixSeconds, TxId)>,
        digests: impl Iterator<Item = (TimeMs, BatchDigest)>,
        hash_seed: u64,
    ) -> Result<Self, RestoreError> {
        let seed = Seed::new(hash_seed);
        let state = restore_state(genesis, seed, entries)?;
        check_balances(&state)?;
        check_held(&state)?;
        check_book(&state)?;
        check_evidence(&state)?;
        state.nodes.check()?;
        let mut recent_ids = RecentIds::new(seed);
        for (valid_until, id) in ids {
            if !recent_ids.insert(valid_until, id) {
                return Err(RestoreError::DuplicateId(id));
            }
        }
        let mut recent_digests = RecentDigests::default();
        for (forgotten_at, digest) in digests {
            if !recent_digests.insert(forgotten_at, digest) {
                return Err(RestoreError::DuplicateDigest(digest));
            }
        }
        Ok(Self::new(seed, tip, state, recent_ids, recent_digests))
    }
}

impl Ledger {
    /// [`Self::restore`] from what a snapshot holds, in any order.
    pub fn from_snapshot(
        genesis: GenesisHash,
        tip: Tip,
        entries: impl Iterator<Item = SnapshotEntry>,
        hash_seed: u64,
    ) -> Result<Self, RestoreError> {
        let (mut ids, mut digests) = (Vec::new(), Vec::new());
        let state = entries.filter_map(|entry| match entry {
            SnapshotEntry::State(key, value) => Some((key, value)),
            SnapshotEntry::Id(valid_until, id) => {
                ids.push((valid_until, id));
                None
            }
            SnapshotEntry::Digest(forgotten_at, digest) => {
                digests.push((forgotten_at, digest));
                None
            }
        });
        let state: Vec<_> = state.collect();
        Self::restore(
            genesis,
            tip,
            state.into_iter(),
            ids.into_iter(),
            digests.into_iter(),
            hash_seed,
        )
    }
}

/// What a genesis adds to a state that has its single entries: registries, accounts, and balances
/// posted from their issuers.
fn opening_entries(genesis: &Genesis, empty: &State, seed: Seed) -> Changes {
    let mut overlay = Overlay::new(empty, seed);
    for participant in &genesis.participants {
        let id = AccountId::of_participant(&empty.origin, participant.id);
        overlay.put_account(id, own_account(participant));
        overlay.put_participant(participant.clone());
    }
    let mut issuers = BTreeMap::new();
    for record in &genesis.currencies {
        issuers.insert(record.code, AccountId::of_participant(&empty.origin, record.issuer));
        overlay.put_currency(record.clone());
    }
    for opening in &genesis.accounts {
        let id = AccountId::derive(&empty.origin, opening.operator, &opening.keys, &opening.salt);
        let account = Account {
            operator: opening.operator,
            keys: opening.keys.clone(),
            tier: opening.tier,
            status: AccountStatus::Active,
            identity: opening.identity,
        };
        overlay.put_account(id, account);
        for balance in &opening.balances {
            let posting = Posting {
                debit: BalanceId::available(issuers[&balance.currency], balance.currency),
                credit: BalanceId::available(id, balance.currency),
                amount: balance.amount,
            };
            post(&mut overlay, &posting, None);
        }
        overlay.keep();
    }
    overlay.keep();
    overlay.into_changes(Turnover {
        height: Height::GENESIS,
        rotation: empty.rotation.clone(),
        former: empty.former_validators.clone(),
        checkpoints: empty.checkpoints,
    })
}

fn restore_state(
    genesis: GenesisHash,
    seed: Seed,
    entries: impl Iterator<Item = (StateKey, StateValue)>,
) -> Result<State, RestoreError> {
    let mut accounts = Table::new(seed);
    let mut balances = Table::new(seed);
    let mut currencies = Table::new(seed);
    let mut participants = Table::new(seed);
    let mut parameters = None;
    let mut council = None;
    let mut validators = None;
    let mut rotation = None;
    let mut evidence = Table::new(seed);
    let mut protocol = None;
    let mut origin = None;
    let mut next_validators = None;
    let mut nodes = None;
    let mut former_validators = None;
    let mut checkpoints = None;
    let mut contracts = Contracts::default();
    let mut reference_rates = BTreeMap::new();
    let mut categories = BTreeMap::new();
    let mut book = BTreeMap::new();
    let mut positions = BTreeMap::new();
    let mut obligations = BTreeMap::new();
    let mut offline = Purses::default();
    for (key, value) in entries {
        let is_new = match (key, value) {
            (StateKey::Account(id), StateValue::Account(it)) => accounts.insert(id, it).is_none(),
            (StateKey::Balance(id, code), StateValue::Balance(it)) => balances.insert((id, code), it).is_none(),
            (StateKey::Currency(code), StateValue::Currency(it)) => currencies.insert(code, it).is_none(),
            (StateKey::Participant(id), StateValue::Participant(it)) => participants.insert(id, it).is_none(),
            (StateKey::Parameters, StateValue::Parameters(it)) => parameters.replace(it).is_none(),
            (StateKey::Council, StateValue::Council(it)) => council.replace(it).is_none(),
            (StateKey::Validators, StateValue::Validators(it)) => validators.replace(it).is_none(),
            (StateKey::Rotation, StateValue::Rotation(it)) => rotation.replace(it).is_none(),
            (StateKey::Evidence(id, at), StateValue::Evidence(it)) => evidence.insert((id, at), it).is_none(),
            (StateKey::Protocol, StateValue::Protocol(it)) => protocol.replace(it).is_none(),
            (StateKey::Origin, StateValue::Origin(it)) => origin.replace(it).is_none(),
            (StateKey::NextValidators, StateValue::NextValidators(it)) => next_validators.replace(it).is_none(),
            (StateKey::Nodes, StateValue::Nodes(it)) => nodes.replace(it).is_none(),
            (StateKey::FormerValidators, StateValue::FormerValidators(it)) => former_validators.replace(it).is_none(),
            (StateKey::Checkpoints, StateValue::Checkpoints(it)) => checkpoints.replace(it).is_none(),
            (StateKey::Contract(id), StateValue::Contract(it)) => contracts.insert(id, *it).is_none(),
            (StateKey::ReferenceRate(from, to), StateValue::ReferenceRate(it)) => {
                reference_rates.insert((from, to), it).is_none()
            }
            (StateKey::Category(id), StateValue::Category(it)) => categories.insert(id, it).is_none(),
            (StateKey::Book(key), StateValue::Book(id)) => book.insert(key, id).is_none(),
            (StateKey::Position(id, who, code), StateValue::Position(it)) => {
                positions.insert((id, who, code), it).is_none()
            }
            (StateKey::Obligation(id, at), StateValue::Obligation(it)) => obligations.insert((id, at), it).is_none(),
            (StateKey::Offline(key), StateValue::Offline(it)) if it.is_of(&key) => offline.insert(key, it).is_none(),
            _ => return Err(RestoreError::WrongTable(key)),
        };
        if !is_new {
            return Err(RestoreError::Duplicate(key));
        }
    }
    Ok(State {
        genesis,
        origin: origin.ok_or(RestoreError::Missing(StateKey::Origin))?,
        accounts,
        balances,
        currencies,
        participants,
        parameters: parameters.ok_or(RestoreError::Missing(StateKey::Parameters))?,
        council: council.ok_or(RestoreError::Missing(StateKey::Council))?,
        validators: validators
            .ok_or(RestoreError::Missing(StateKey::Validators))?
            .try_into()?,
        rotation: rotation.ok_or(RestoreError::Missing(StateKey::Rotation))?,
        evidence,
        protocol: protocol.ok_or(RestoreError::Missing(StateKey::Protocol))?,
        next_validators: next_validators
            .ok_or(RestoreError::Missing(StateKey::NextValidators))?
            .try_into()?,
        nodes: nodes.ok_or(RestoreError::Missing(StateKey::Nodes))?,
        former_validators: former_validators.ok_or(RestoreError::Missing(StateKey::FormerValidators))?,
        checkpoints: checkpoints.ok_or(RestoreError::Missing(StateKey::Checkpoints))?,
        contracts,
        reference_rates,
        categories,
        book,
        positions,
        obligations,
        offline,
    })
}

/// Records are looked for in order until there is none: after a gap they would not be found.
fn check_evidence(state: &State) -> Result<(), RestoreError> {
    for ((id, at), record) in state.evidence.iter() {
        let follows = at
            .checked_sub(1)
            .is_none_or(|before| state.evidence.get(&(*id, before)).is_some());
        if !follows || *at >= EVIDENCE_MAX || record.evidence.validator != *id {
            return Err(RestoreError::StrayEvidence(*id, *at));
        }
    }
    Ok(())
}

/// Open offers are in their places, and nothing else is.
fn check_book(state: &State) -> Result<(), RestoreError> {
    let contracts = state.contracts.rows();
    let mut placed = 0;
    for (id, contract) in contracts {
        let Some(key) = contract.book_key() else { continue };
        if state.book.get(&key) != Some(id) {
            return Err(RestoreError::Book(*id));
        }
        placed += 1;
    }
    let is_open = |id: &&ContractId| contracts.get(id).is_some_and(|it| it.book_key().is_some());
    match state.book.values().find(|id| !is_open(id)) {
        Some(id) => Err(RestoreError::Book(*id)),
        None if placed == state.book.len() => Ok(()),
        // Two places for one offer.
        None => Err(RestoreError::Book(
            *state.book.values().next().expect("there are more places"),
        )),
    }
}

/// What is held is what open contracts hold, what is prefunded in open cycles, and what is set aside for purses.
fn check_held(state: &State) -> Result<(), RestoreError> {
    let mut sums: BTreeMap<(AccountId, Currency), u128> = BTreeMap::new();
    for (account, currency, amount) in state.contracts.rows().values().flat_map(|contract| contract.held()) {
        *sums.entry((account, currency)).or_default() += u128::from(amount.0);
    }
    for (key, row) in state.offline.rows() {
        let (account, currency, amount) = match (key, &**row) {
            (_, OfflineRow::Load(load)) => (load.account, load.currency, load.left),
            (OfflineKey::Currency(code), OfflineRow::Currency(record)) => (record.fund, *code, record.guarantee),
            _ => continue,
        };
        if amount.is_zero() {
            continue;
        }
        *sums.entry((account, currency)).or_default() += u128::from(amount.0);
    }
    for ((id, account, currency), position) in &state.positions {
        let cycle = state.contracts.rows().get(id);
        let names = |contract: &&Contract| match &contract.terms {
            Terms::Cycle(state) => {
                state.cycle.participants.contains(account) && state.cycle.currencies.contains(currency)
            }
            _ => false,
        };
        let cycle = cycle.filter(names).filter(|_| position.headroom() >= 0);
        if !cycle.ok_or(RestoreError::Position(*id, *account))?.is_open() {
            continue;
        }
        *sums.entry((*account, *currency)).or_default() += u128::from(position.prefunded.0);
    }
    for ((account, currency), record) in state.balances.iter() {
        let contracts = sums.remove(&(*account, *currency)).unwrap_or(0);
        if u128::from(record.held.0) != contracts {
            return Err(RestoreError::Held {
                account: *account,
                currency: *currency,
                held: record.held,
                contracts,
            });
        }
    }
    match sums.into_iter().next() {
        None => Ok(()),
        Some(((account, currency), contracts)) => Err(RestoreError::Held {
            account,
            currency,
            held: Amount::ZERO,
            contracts,
        }),
    }
}

fn check_balances(state: &State) -> Result<(), RestoreError> {
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for ((id, code), record) in state.balances.iter() {
        if state.accounts.get(id).is_none() || state.currencies.get(code).is_none() {
            return Err(RestoreError::Stray(*id, *code));
        }
        *sums.entry(*code).or_default() += record.total();
    }
    match sums.into_iter().find(|(_, sum)| *sum != 0) {
        Some((currency, sum)) => Err(RestoreError::NotConserved { currency, sum }),
        None => Ok(()),
    }
}
