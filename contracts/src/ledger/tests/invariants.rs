//! Random sequences of blocks, predicted by the model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    model::{Model, ModelAccount, Set},
    network::*,
};
use crate::{
    block::{BatchDigest, HashedBatch, Height, TimeMs},
    committee::{ValidatorId, ValidatorList},
    evidence::Conflict,
    genesis::Genesis,
    governance::{CouncilAction, Parameters},
    identity::{AccountId, AccountStatus},
    ledger::{Day, Execution, Ledger, StateKey, StateValue, Tip, receipt::Outcome},
    money::{Amount, Currency},
    protocol::ProtocolVersion,
    transaction::{Action, Authority, FreezeScope, SignedTransaction, TxId, UnixSeconds},
};

const VALIDATORS: [&str; 4] = ["v1", "v2", "v3", "v4"];
/// The last two are not registered from the start.
const NODES: [&str; 6] = ["v1", "v2", "v3", "v4", "v5", "v6"];
const PARTICIPANTS: [&str; 5] = ["ECB", "JCB", "BANK", "PSP", "LATE"];
/// Operator and key; the last two are opened on the way, if at all.
const CUSTOMERS: [(&str, &str); 6] = [
    ("BANK", "c0"),
    ("BANK", "c1"),
    ("PSP", "c2"),
    ("PSP", "c3"),
    ("BANK", "c4"),
    ("PSP", "c5"),
];

fn world() -> Genesis {
    let participants = vec![
        participant("ECB", false),
        participant("JCB", true),
        participant("BANK", true),
        participant("PSP", true),
    ];
    let currencies = vec![currency("EUR", "ECB", 1_000), currency("JPY", "JCB", u64::MAX)];
    let accounts = vec![
        opening("BANK", policy("c0"), 0, &[("EUR", 300), ("JPY", u64::MAX - 1_000)]),
        opening("BANK", policy("c1"), 1, &[("EUR", 100)]),
        opening("PSP", policy("c2"), 2, &[("EUR", 100), ("JPY", 100)]),
        opening("PSP", policy("c3"), 0, &[]),
    ];
    genesis(participants, currencies, tier_limits(60), accounts)
}

fn tier_limits(payment: u64) -> Vec<crate::governance::TierLimits> {
    vec![
        limits(1, "EUR", [Some(payment), Some(2 * payment), Some(200)]),
        limits(2, "EUR", [None, Some(80), None]),
        limits(2, "JPY", [Some(50), None, Some(150)]),
    ]
}

/// A transaction before the network is known.
#[derive(Debug, Clone)]
enum Spec {
    New {
        actions: Vec<ActionSpec>,
        signing: Signing,
        valid_seconds: u64,
    },
    /// One of those before it, with the same signatures.
    Again(usize),
}

#[derive(Debug, Clone)]
enum ActionSpec {
    Transfer(Place, Place, &'static str, u64),
    Issue(&'static str, Place, u64),
    Redeem(&'static str, Place, u64),
    Open(usize, u8),
    SetTier(&'static str, Place, u8),
    Freeze(&'static str, Place, Option<&'static str>, bool),
    Close(&'static str, Place),
    RegisterCurrency(&'static str, &'static str, u8),
    SetCap(&'static str, u64),
    FreezeEverywhere(&'static str, bool),
    RegisterParticipant(&'static str, bool),
    SetOperator(&'static str, bool),
    SetParameters(u64, u32),
    /// A version, so many heights ahead of the last block.
    Schedule(u16, u64),
    Withdraw,
    /// Who is removed, and who gets a power.
    Change(Vec<&'static str>, Vec<(&'static str, u64)>),
    /// A name, and whose keys.
    SetNode(&'static str, &'static str, Vec<&'static str>),
    RemoveNode(&'static str),
    /// By one against another, at a height, with a flaw if any.
    Report(&'static str, &'static str, u64, Flaw),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    OtherOrder,
    OtherRound,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Customer(usize),
    Own(&'static str),
    Nowhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signing {
    Right,
    OneMissing,
    OneTooMany,
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![
        1 => Just(0),
        12 => 1..100u64,
        1 => 100..2_000u64,
        1 => select(vec![u64::MAX, u64::MAX - 1_000, u64::MAX / 2]),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        20 => (0..CUSTOMERS.len()).prop_map(Place::Customer),
        4 => select(&PARTICIPANTS[..]).prop_map(Place::Own),
        1 => Just(Place::Nowhere),
    ]
}

fn action() -> impl Strategy<Value = ActionSpec> {
    let code = || prop_oneof![6 => Just("EUR"), 3 => Just("JPY"), 1 => Just("NEW")];
    let who = || select(&PARTICIPANTS[..]);
    prop_oneof![
        30 => (place(), place(), code(), amount()).prop_map(|(f, t, c, a)| ActionSpec::Transfer(f, t, c, a)),
        6 => (code(), place(), amount()).prop_map(|(c, t, a)| ActionSpec::Issue(c, t, a)),
        6 => (code(), place(), amount()).prop_map(|(c, f, a)| ActionSpec::Redeem(c, f, a)),
        3 => (0..CUSTOMERS.len(), 0..3u8).prop_map(|(c, t)| ActionSpec::Open(c, t)),
        2 => (who(), place(), 0..3u8).prop_map(|(o, a, t)| ActionSpec::SetTier(o, a, t)),
        5 => (who(), place(), proptest::option::of(code()), any::<bool>())
            .prop_map(|(by, a, c, on)| ActionSpec::Freeze(by, a, c, on)),
        2 => (who(), place()).prop_map(|(o, a)| ActionSpec::Close(o, a)),
        1 => (code(), who(), 7..10u8).prop_map(|(c, i, e)| ActionSpec::RegisterCurrency(c, i, e)),
        1 => (code(), 0..2_000u64).prop_map(|(c, cap)| ActionSpec::SetCap(c, cap)),
        1 => (code(), any::<bool>()).prop_map(|(c, on)| ActionSpec::FreezeEverywhere(c, on)),
        1 => (who(), any::<bool>()).prop_map(|(p, op)| ActionSpec::RegisterParticipant(p, op)),
        1 => (who(), prop_oneof![1 => Just(false), 4 => Just(true)]).prop_map(|(p, op)| ActionSpec::SetOperator(p, op)),
        3 => report_spec(),
        1 => (1..4u16, 60..70u64).prop_map(|(version, ahead)| ActionSpec::Schedule(version, ahead)),
        1 => Just(ActionSpec::Withdraw),
        4 => change_spec(),
        3 => node_spec(),
        1 => select(&NODES[..]).prop_map(ActionSpec::RemoveNode),
        1 => (20..100u64, 59..700u32).prop_map(|(payment, validity)| ActionSpec::SetParameters(payment, validity)),
    ]
}

fn change_spec() -> impl Strategy<Value = ActionSpec> {
    let remove = prop_oneof![2 => vec(select(&NODES[..]), 0..1), 3 => vec(select(&NODES[..]), 1..3)];
    let power = prop_oneof![1 => 0..1u64, 12 => 1..3u64];
    let set = vec((select(&NODES[..]), power), 0..2);
    (remove, set).prop_map(|(remove, set)| ActionSpec::Change(remove, set))
}

fn node_spec() -> impl Strategy<Value = ActionSpec> {
    let name = || select(&NODES[..]);
    let keys = prop_oneof![3 => vec(name(), 1..3), 1 => vec(name(), 0..1)];
    let network = prop_oneof![4 => Just(None), 1 => name().prop_map(Some)];
    (name(), network, keys, any::<bool>()).prop_map(|(name, network, mut keys, own)| {
        if own {
            keys.insert(0, name);
            keys.truncate(2);
        }
        ActionSpec::SetNode(name, network.unwrap_or(name), keys)
    })
}

fn report_spec() -> impl Strategy<Value = ActionSpec> {
    let name = || prop_oneof![12 => select(&VALIDATORS[..]), 1 => Just("stranger")];
    let flaw = prop_oneof![8 => Just(Flaw::None), 1 => Just(Flaw::OtherOrder), 1 => Just(Flaw::OtherRound)];
    (name(), name(), 0..5u64, flaw)
        .prop_map(|(by, against, height, flaw)| ActionSpec::Report(by, against, height, flaw))
}

fn spec() -> impl Strategy<Value = Spec> {
    let signing = prop_oneof![
        14 => Just(Signing::Right),
        1 => Just(Signing::OneMissing),
        1 => Just(Signing::OneTooMany),
    ];
    let valid = prop_oneof![
        10 => 30..600u64,
        1 => 0..3u64,
        1 => 598..603u64,
    ];
    prop_oneof![
        8 => (vec(action(), 1..5), signing, valid)
            .prop_map(|(actions, signing, valid_seconds)| Spec::New { actions, signing, valid_seconds }),
        1 => any::<usize>().prop_map(Spec::Again),
    ]
}

/// Milliseconds to the next block, and its transactions.
type BlockSpec = (u64, Vec<Spec>);

fn blocks() -> impl Strategy<Value = Vec<BlockSpec>> {
    let step = prop_oneof![
        6 => 1..5_000u64,
        2 => 5_000..700_000u64,
        1 => 40_000_000..90_000_000u64,
    ];
    vec((step, vec(spec(), 0..12)), 1..10)
}

/// Builds the transactions of specs, remembering them for those that come again.
struct Builder {
    net: Network,
    made: Vec<SignedTransaction>,
}

impl Builder {
    fn new(genesis: &Genesis) -> Self {
        Self {
            net: Network::new(genesis.clone()),
            made: Vec::new(),
        }
    }

    fn place(&self, place: Place) -> AccountId {
        match place {
            Place::Customer(at) => self.net.account(CUSTOMERS[at].0, CUSTOMERS[at].1),
            Place::Own(name) => self.net.own(name),
            Place::Nowhere => AccountId([0xee; 20]),
        }
    }

    fn action(&self, spec: &ActionSpec) -> Action {
        match *spec {
            ActionSpec::Transfer(from, to, name, amount) => transfer(self.place(from), self.place(to), name, amount),
            ActionSpec::Issue(name, to, amount) => issue(name, self.place(to), amount),
            ActionSpec::Redeem(name, from, amount) => redeem(name, self.place(from), amount),
            ActionSpec::Open(at, tier) => open(CUSTOMERS[at].0, CUSTOMERS[at].1, tier),
            ActionSpec::SetTier(operator, place, tier) => set_tier(operator, self.place(place), tier),
            ActionSpec::Freeze(by, place, name, on) => {
                let scope = name.map_or(FreezeScope::Account, |name| FreezeScope::Currency(code(name)));
                let make = if on { freeze } else { unfreeze };
                make(by, self.place(place), scope)
            }
            ActionSpec::Close(operator, place) => close(operator, self.place(place)),
            ActionSpec::RegisterCurrency(name, issuer, exponent) => {
                let mut record = currency(name, issuer, 500);
                record.exponent = exponent;
                council(CouncilAction::RegisterCurrency(record))
            }
            ActionSpec::SetCap(name, cap) => council(CouncilAction::SetIssuanceCap {
                currency: code(name),
                cap: Amount(cap),
            }),
            ActionSpec::FreezeEverywhere(name, on) => freeze_everywhere(name, on),
            ActionSpec::RegisterParticipant(name, operator) => {
                council(CouncilAction::RegisterParticipant(participant(name, operator)))
            }
            ActionSpec::SetOperator(name, operator) => council(CouncilAction::SetOperator {
                participant: pid(name),
                operator,
            }),
            ActionSpec::SetParameters(payment, validity) => council(CouncilAction::SetParameters(Parameters {
                validity_seconds_max: validity,
                limits: list(tier_limits(payment)),
                ..Parameters::default()
            })),
            ActionSpec::Schedule(version, ahead) => council(CouncilAction::ScheduleProtocol {
                version: ProtocolVersion(version),
                height: Height(self.net.ledger.tip().height.0 + ahead),
            }),
            ActionSpec::Withdraw => council(CouncilAction::WithdrawProtocol),
            ActionSpec::Change(ref remove, ref set) => change(remove, set),
            ActionSpec::SetNode(name, network, ref keys) => set_node(name, &format!("{network} network"), keys),
            ActionSpec::RemoveNode(name) => remove_node(name),
            ActionSpec::Report(by, against, height, flaw) => {
                let mut evidence = self.net.double_vote(against, height);
                match (flaw, &mut evidence.conflict) {
                    (Flaw::None, _) => {}
                    (Flaw::OtherRound, _) => evidence.round += 1,
                    (Flaw::OtherOrder, Conflict::Prevotes { first, second }) => std::mem::swap(first, second),
                    (Flaw::OtherOrder, _) => unreachable!("two prevotes were made"),
                }
                report(by, evidence)
            }
        }
    }

    /// The name whose key signs for an authority.
    fn signer(&self, authority: Authority) -> &'static str {
        let own = |id: AccountId| PARTICIPANTS.into_iter().find(|name| self.net.own(name) == id);
        let customer = |id: AccountId| CUSTOMERS.into_iter().find(|it| self.net.account(it.0, it.1) == id);
        match authority {
            Authority::Account(id) => own(id).or(customer(id).map(|it| it.1)).unwrap_or("stranger"),
            Authority::Participant(id) => PARTICIPANTS.into_iter().find(|name| pid(name) == id).unwrap(),
            Authority::Issuer(currency) => {
                let issuer = self.net.ledger.currency(currency).map(|it| it.issuer);
                issuer.map_or("stranger", |issuer| self.signer(Authority::Participant(issuer)))
            }
            Authority::Council => "council",
            Authority::Validator(id) => {
                let named = |name: &&str| ValidatorId::of(&key(name)) == id;
                NODES.into_iter().find(named).unwrap_or("stranger")
            }
            Authority::Witnesses(_) => unreachable!("no contracts here"),
        }
    }

    fn transaction(&mut self, time: TimeMs, spec: &Spec) -> SignedTransaction {
        let (actions, signing, valid_seconds) = match spec {
            Spec::Again(at) if !self.made.is_empty() => return self.made[at % self.made.len()].clone(),
            Spec::Again(_) => (&vec![ActionSpec::Close("BANK", Place::Nowhere)], Signing::Right, 60),
            Spec::New {
                actions,
                signing,
                valid_seconds,
            } => (actions, *signing, *valid_seconds),
        };
        let actions: Vec<_> = actions.iter().map(|it| self.action(it)).collect();
        let names: BTreeSet<_> = actions
            .iter()
            .flat_map(Action::authorities)
            .map(|it| self.signer(it))
            .collect();
        let mut names: Vec<_> = names.into_iter().collect();
        match signing {
            Signing::Right => {}
            Signing::OneMissing if names.len() > 1 => drop(names.remove(0)),
            Signing::OneMissing => names = vec!["c0"],
            Signing::OneTooMany if names.contains(&"c0") => names.push("stranger"),
            Signing::OneTooMany => names.push("c0"),
        }
        let mut tx = self.net.tx(actions, &names);
        tx.transaction.valid_until = UnixSeconds(time.0 / 1000 + valid_seconds);
        self.made.push(tx.clone());
        tx
    }

    /// Makes the next block of the spec's transactions.
    fn block(&mut self, (step_ms, specs): &BlockSpec) -> Made {
        let time = TimeMs(self.net.time().0 + step_ms);
        let transactions: Vec<_> = specs.iter().map(|spec| self.transaction(time, spec)).collect();
        let (left, right) = transactions.split_at(transactions.len() / 2);
        let batches = vec![
            self.net.batch("v1", left.to_vec()),
            self.net.batch("v2", right.to_vec()),
        ];
        let (block, execution) = self.net.block_at(time, &batches);
        let batches: Vec<_> = batches
            .into_iter()
            .filter(|batch| block.batches.contains(&batch.digest()))
            .collect();
        let transactions = batches.iter().flat_map(|it| it.batch().transactions.to_vec()).collect();
        Made {
            time,
            batches,
            transactions,
            execution,
        }
    }
}

struct Made {
    time: TimeMs,
    batches: Vec<HashedBatch>,
    /// Of all batches, in order.
    transactions: Vec<SignedTransaction>,
    execution: Execution,
}

impl Made {
    /// What became of each transaction.
    fn fates(&self) -> Vec<Fate> {
        let starts: Vec<usize> = self
            .batches
            .iter()
            .scan(0, |start, batch| {
                *start += batch.ids().len();
                Some(*start - batch.ids().len())
            })
            .collect();
        let mut fates = vec![None; self.transactions.len()];
        for (_, receipt, location) in self.execution.of_transactions() {
            let at = starts[location.batch as usize] + location.transaction as usize;
            fates[at] = Some(Ok(receipt.outcome));
        }
        let mut skips = self.execution.skips.iter().map(|(_, skip)| *skip);
        fates
            .into_iter()
            .map(|fate| fate.unwrap_or_else(|| Err(skips.next().unwrap())))
            .collect()
    }
}

fn sums(ledger: &Ledger) -> BTreeMap<Currency, i128> {
    let mut sums = BTreeMap::new();
    for (key, value) in ledger.entries() {
        if let (StateKey::Balance(_, code), StateValue::Balance(record)) = (key, value) {
            *sums.entry(code).or_insert(0) += record.available.0 + i128::from(record.held.0);
        }
    }
    sums
}

fn powers(list: &ValidatorList) -> Set {
    list.iter().map(|validator| (validator.key, validator.power)).collect()
}

/// The ledger is as the model says, in all that the model knows.
fn assert_equals_model(ledger: &Ledger, model: &Model) {
    let day = ledger.tip().time_ms.0 / 86_400_000;
    let mut accounts = BTreeMap::new();
    let mut money = BTreeMap::new();
    let mut frozen = BTreeSet::new();
    let mut currencies = BTreeMap::new();
    let mut participants = BTreeMap::new();
    let mut evidence = BTreeMap::new();
    for (key, value) in ledger.entries() {
        match (key, value) {
            (StateKey::Account(id), StateValue::Account(it)) => {
                let account = ModelAccount {
                    operator: it.operator,
                    keys: it.keys,
                    tier: it.tier,
                    frozen: matches!(it.status, AccountStatus::Frozen(_)),
                    closed: it.status == AccountStatus::Closed,
                };
                accounts.insert(id, account);
            }
            (StateKey::Balance(id, code), StateValue::Balance(record)) => {
                money.insert((id, code), record.available.0);
                assert_eq!(record.held, Amount::ZERO);
                let spent = u128::from(record.spent_on(Day(day)).0);
                assert_eq!(spent, model.spent_on(id, code, day), "spent by {id} in {code}");
                if record.frozen.is_some() {
                    frozen.insert((id, code));
                }
            }
            (StateKey::Currency(code), StateValue::Currency(it)) => drop(currencies.insert(code, it)),
            (StateKey::Participant(id), StateValue::Participant(it)) => drop(participants.insert(id, it)),
            (StateKey::Evidence(id, at), StateValue::Evidence(it)) => {
                assert_eq!(it.evidence.validator, id);
                evidence.insert((id, usize::from(at)), it.evidence.height);
            }
            (StateKey::Parameters, StateValue::Parameters(it)) => assert_eq!(it, model.parameters),
            (StateKey::Council, StateValue::Council(it)) => assert_eq!(it, model.council),
            (StateKey::Protocol, StateValue::Protocol(it)) => {
                let upcoming = it.upcoming.map(|next| (next.version.0, next.height.0));
                assert_eq!((it.version.0, upcoming), (model.version, model.upcoming));
            }
            (StateKey::Validators, StateValue::Validators(it)) => assert_eq!(powers(&it), model.validators),
            (StateKey::NextValidators, StateValue::NextValidators(it)) => {
                assert_eq!(powers(&it), model.next_validators);
            }
            (StateKey::Nodes, StateValue::Nodes(it)) => {
                assert!(it.iter().eq(model.nodes.values()), "{it:?}");
            }
            (StateKey::FormerValidators, StateValue::FormerValidators(it)) => {
                let former = it.iter().map(|former| (former.key, former.last));
                assert_eq!(former.collect::<BTreeMap<_, _>>(), model.former);
            }
            _ => {}
        }
    }
    money.retain(|_, sum| *sum != 0);
    let mut expected = model.money.clone();
    expected.retain(|_, sum| *sum != 0);
    assert_eq!(money, expected);
    assert_eq!(accounts, model.accounts);
    assert_eq!(frozen, model.frozen);
    assert_eq!(currencies, model.currencies);
    assert_eq!(participants, model.participants);
    let expected = model.evidence.iter();
    let expected =
        expected.flat_map(|(id, heights)| heights.iter().enumerate().map(|(at, height)| ((*id, at), *height)));
    assert_eq!(evidence, expected.collect());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// For each currency, all balances add up to zero; and the model predicts every outcome and balance.
    #[test]
    fn invariant_conservation(blocks in blocks()) {
        let genesis = world();
        let mut builder = Builder::new(&genesis);
        let mut model = Model::new(&genesis);
        assert_equals_model(&builder.net.ledger, &model);
        for spec in &blocks {
            let made = builder.block(spec);
            prop_assert_eq!(made.fates(), model.block(made.time, &made.transactions));
            assert_equals_model(&builder.net.ledger, &model);
            prop_assert!(sums(&builder.net.ledger).values().all(|sum| *sum == 0));
        }
    }

    /// A transaction that is not applied changes nothing, and one that is applied changes what the model
    /// says, whole.
    #[test]
    fn invariant_atomicity(blocks in blocks()) {
        let genesis = world();
        let mut builder = Builder::new(&genesis);
        let mut model = Model::new(&genesis);
        let singles = blocks.iter().flat_map(|(step, specs)| specs.iter().map(|spec| (*step, vec![spec.clone()])));
        for spec in singles {
            let before = of_transactions(&builder.net.ledger);
            let made = builder.block(&spec);
            let fates = made.fates();
            prop_assert_eq!(&fates, &model.block(made.time, &made.transactions));
            if fates != [Ok(Outcome::Applied)] {
                prop_assert_eq!(before, of_transactions(&builder.net.ledger));
                prop_assert!(made.execution.changes.iter().all(|(key, _)| changes_with_blocks(key)));
            }
            assert_equals_model(&builder.net.ledger, &model);
        }
    }

    /// However often and in whatever batches a transaction is ordered, it has one receipt at most.
    #[test]
    fn invariant_at_most_once(blocks in blocks(), repeats in vec(vec(any::<usize>(), 0..20), 10)) {
        let genesis = world();
        let mut builder = Builder::new(&genesis);
        let mut model = Model::new(&genesis);
        let mut receipts: BTreeMap<TxId, u32> = BTreeMap::new();
        for ((step, specs), repeats) in blocks.into_iter().zip(repeats) {
            let specs = specs.into_iter().chain(repeats.into_iter().map(Spec::Again)).collect();
            let made = builder.block(&(step, specs));
            for (_, id) in &made.execution.ids {
                *receipts.entry(*id).or_default() += 1;
            }
            prop_assert_eq!(made.execution.ids.len(), made.execution.receipts.len());
            prop_assert_eq!(made.fates(), model.block(made.time, &made.transactions));
        }
        prop_assert!(receipts.values().all(|count| *count == 1));
        assert_equals_model(&builder.net.ledger, &model);
    }

    /// Ledgers with other hash seeds, one of them restored from what is stored after every block, find
    /// every block valid and come to equal states.
    #[test]
    fn invariant_determinism(blocks in blocks(), seed in any::<u64>()) {
        let genesis = world();
        let mut builder = Builder::new(&genesis);
        let mut twin = Ledger::from_genesis(&genesis, seed);
        let mut stored = Stored::of(&twin);
        for spec in &blocks {
            let made = builder.block(spec);
            let block = crate::block::Block {
                header: made.execution.header.clone(),
                batches: list(made.execution.batches.clone()),
                checkpoint: None,
            };
            let restored = stored.restore(&twin, seed.rotate_left(7));
            for ledger in [&twin, &restored] {
                let execution = ledger.check(&block, &made.batches).expect("valid for one, valid for all");
                prop_assert_eq!(&execution.changes, &made.execution.changes);
                prop_assert!(execution.changes.is_sorted_by(|a, b| a.0 < b.0));
                prop_assert_eq!(&execution.receipts, &made.execution.receipts);
                prop_assert_eq!(&execution.skips, &made.execution.skips);
            }
            let execution = restored.check(&block, &made.batches).expect("checked above");
            stored.write(&execution);
            twin.commit(execution);
            prop_assert_eq!(twin.tip(), builder.net.ledger.tip());
            prop_assert_eq!(sorted(&twin), sorted(&builder.net.ledger));
            prop_assert_eq!(sorted(&twin), stored.entries.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(twin.recent_ids(), stored.ids.len());
            prop_assert_eq!(twin.recent_digests(), stored.digests.len());
        }
    }
}

/// Whether a block may change it without a transaction: when others take over.
fn changes_with_blocks(key: &StateKey) -> bool {
    matches!(
        key,
        StateKey::Validators | StateKey::FormerValidators | StateKey::Checkpoints
    )
}

/// The entries that transactions alone change.
fn of_transactions(ledger: &Ledger) -> Vec<(StateKey, StateValue)> {
    ledger.entries().filter(|(key, _)| !changes_with_blocks(key)).collect()
}

fn sorted(ledger: &Ledger) -> Vec<(StateKey, StateValue)> {
    let mut entries: Vec<_> = ledger.entries().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

/// What a store keeps of a ledger, changed only by what executions say.
struct Stored {
    entries: BTreeMap<StateKey, StateValue>,
    ids: BTreeSet<(UnixSeconds, TxId)>,
    digests: BTreeSet<(TimeMs, BatchDigest)>,
    tip: Tip,
}

impl Stored {
    fn of(ledger: &Ledger) -> Self {
        Self {
            entries: ledger.entries().collect(),
            ids: BTreeSet::new(),
            digests: BTreeSet::new(),
            tip: ledger.tip().clone(),
        }
    }

    fn write(&mut self, execution: &Execution) {
        let header = &execution.header;
        for (key, value) in &execution.changes {
            match value {
                Some(value) => self.entries.insert(*key, value.clone()),
                None => self.entries.remove(key),
            };
        }
        self.ids.retain(|(valid_until, _)| !valid_until.is_past(header.time_ms));
        self.ids.extend(&execution.ids);
        self.digests.retain(|(end, _)| *end > header.time_ms);
        self.digests.extend(&execution.digests);
        self.tip = Tip {
            height: header.height,
            time_ms: header.time_ms,
            block: header.id(),
            state_hash: header.state_hash,
            checkpoint_root: header.checkpoint_root,
        };
    }

    fn restore(&self, original: &Ledger, seed: u64) -> Ledger {
        let restored = Ledger::restore(
            original.genesis(),
            self.tip.clone(),
            self.entries.clone().into_iter(),
            self.ids.iter().copied(),
            self.digests.iter().copied(),
            seed,
        );
        restored.expect("what was stored is whole")
    }
}
