//! A small network for tests: participants, customers and a ledger to which blocks are added.

use crate::{
    block::{Batch, Block, HashedBatch, Height, TimeMs, VoteKind},
    codec::{Bounded, Text},
    committee::{Validator, ValidatorId, change::ValidatorChange},
    evidence::Evidence,
    example::double_vote,
    genesis::{GENESIS_VERSION, Genesis, GenesisValidator, OpeningAccount, OpeningBalance},
    governance::{CouncilAction, CurrencyRecord, Parameters, TierLimits},
    identity::{
        AccountId, AddressPrefix, IdentityCommitment, KeyPolicy, Participant, ParticipantId, ReasonCode, Salt, Tier,
    },
    keys::{PublicKey, SecretKey, Signature},
    ledger::{Batches, Execution, Ledger, receipt::Outcome, rejection::Skip},
    money::{Amount, Currency},
    registry::Node,
    transaction::{
        Action, FreezeScope, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, TransactionSignature,
        UnixSeconds,
    },
};

pub(super) const START_MS: u64 = 1_800_000_000_000;
/// Longer than any two blocks of a test are apart, unless a test says otherwise.
pub(super) const VALID_SECONDS: u64 = 60;

pub(super) fn secret(name: &str) -> SecretKey {
    SecretKey::from_seed(&crate::codec::hash("test key", &[name.as_bytes()]))
}

pub(super) fn key(name: &str) -> PublicKey {
    secret(name).public_key()
}

pub(super) fn pid(name: &str) -> ParticipantId {
    ParticipantId::new(name).unwrap()
}

pub(super) fn code(name: &str) -> Currency {
    Currency::new(name).unwrap()
}

pub(super) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).unwrap()
}

pub(super) fn list<T, const MAX: usize>(items: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(items).unwrap()
}

/// The policy under which a name's key signs alone.
pub(super) fn policy(name: &str) -> KeyPolicy {
    KeyPolicy::single(key(name))
}

pub(super) fn participant(name: &str, operator: bool) -> Participant {
    Participant {
        id: pid(name),
        name: text(name),
        keys: policy(name),
        operator,
        liquidity_provider: false,
    }
}

pub(super) fn currency(name: &str, issuer: &str, cap: u64) -> CurrencyRecord {
    CurrencyRecord {
        code: code(name),
        exponent: 2,
        issuer: pid(issuer),
        name: text(name),
        issuance_cap: Amount(cap),
        frozen: false,
    }
}

pub(super) fn opening(operator: &str, keys: KeyPolicy, tier: u8, balances: &[(&str, u64)]) -> OpeningAccount {
    OpeningAccount {
        operator: pid(operator),
        keys,
        salt: Salt([0; 16]),
        tier: Tier(tier),
        identity: IdentityCommitment([5; 32]),
        balances: list(
            balances
                .iter()
                .map(|(name, amount)| OpeningBalance {
                    currency: code(name),
                    amount: Amount(*amount),
                })
                .collect(),
        ),
    }
}

pub(super) fn limits(tier: u8, name: &str, caps: [Option<u64>; 3]) -> TierLimits {
    let [payment_max, day_max, balance_max] = caps.map(|cap| cap.map(Amount));
    TierLimits {
        tier: Tier(tier),
        currency: code(name),
        payment_max,
        day_max,
        balance_max,
    }
}

/// Four validators of equal power, a council of one key, and the devnet's defaults.
pub(super) fn genesis(
    participants: Vec<Participant>,
    currencies: Vec<CurrencyRecord>,
    limits: Vec<TierLimits>,
    accounts: Vec<OpeningAccount>,
) -> Genesis {
    let validators = ["v1", "v2", "v3", "v4"].map(|name| GenesisValidator {
        name: text(name),
        key: key(name),
        power: 1,
        network_key: key(&format!("{name} network")),
        address: text("/ip4/127.0.0.1/tcp/1"),
    });
    let genesis = Genesis {
        version: GENESIS_VERSION,
        continues: None,
        name: text("test"),
        address_prefix: AddressPrefix::Devnet,
        time_ms: TimeMs(START_MS),
        council: policy("council"),
        parameters: Parameters {
            limits: list(limits),
            ..Parameters::default()
        },
        validators: list(validators.to_vec()),
        participants: list(participants),
        currencies: list(currencies),
        accounts: list(accounts),
    };
    genesis.check().unwrap();
    genesis
}

/// What became of a transaction.
pub(super) type Fate = Result<Outcome, Skip>;

pub(super) struct Network {
    pub(super) genesis: Genesis,
    pub(super) ledger: Ledger,
    pub(super) nonce: u64,
}

impl Network {
    pub(super) fn new(genesis: Genesis) -> Self {
        let ledger = Ledger::from_genesis(&genesis, 1);
        Self {
            genesis,
            ledger,
            nonce: 0,
        }
    }

    /// The account that an operator has opened, or can open, for a name's key.
    pub(super) fn account(&self, operator: &str, name: &str) -> AccountId {
        AccountId::derive(&self.ledger.genesis(), pid(operator), &policy(name), &Salt([0; 16]))
    }

    pub(super) fn own(&self, participant: &str) -> AccountId {
        AccountId::of_participant(&self.ledger.genesis(), pid(participant))
    }

    pub(super) fn time(&self) -> TimeMs {
        self.ledger.tip().time_ms
    }

    /// A transaction that differs from all others, with signatures that nobody checks.
    pub(super) fn tx(&mut self, actions: Vec<Action>, signers: &[&str]) -> SignedTransaction {
        let valid_until = UnixSeconds(self.time().0 / 1000 + VALID_SECONDS);
        self.nonce += 1;
        let body = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.ledger.genesis().prefix(),
            valid_until,
            nonce: Nonce(self.nonce),
            actions: list(actions),
            memo: Text::default(),
        };
        with_signers(body, signers)
    }

    pub(super) fn batch(&self, author: &str, transactions: Vec<SignedTransaction>) -> HashedBatch {
        HashedBatch::new(Batch {
            version: 1,
            genesis: self.ledger.genesis(),
            author: ValidatorId::of(&key(author)),
            transactions: list(transactions),
        })
    }

    /// Whose turn it is.
    pub(super) fn proposer(&self) -> ValidatorId {
        let height = self.ledger.tip().height.next();
        *self.ledger.rotation().proposer(self.ledger.validators(), height, 0)
    }

    /// Makes a block, checks it as a voter would, and commits it.
    pub(super) fn block_at(&mut self, now: TimeMs, batches: Batches<'_>) -> (Block, Execution) {
        let (block, execution) = self.ledger.draft(now, self.proposer(), batches, None);
        let named: Vec<_> = batches
            .iter()
            .filter(|batch| block.batches.contains(&batch.digest()))
            .cloned()
            .collect();
        let checked = self.ledger.check(&block, &named).unwrap();
        assert_eq!(checked.changes, execution.changes);
        assert_eq!(checked.receipts, execution.receipts);
        self.ledger.commit(checked);
        (block, execution)
    }

    /// Orders transactions in one block a second later.
    pub(super) fn run(&mut self, transactions: Vec<SignedTransaction>) -> Vec<Fate> {
        self.run_at(TimeMs(self.time().0 + 1000), transactions)
    }

    pub(super) fn run_at(&mut self, now: TimeMs, transactions: Vec<SignedTransaction>) -> Vec<Fate> {
        let count = transactions.len();
        // In turn, so that equal transactions in consecutive blocks come in different batches.
        let author = ["v1", "v2", "v3", "v4"][self.ledger.tip().height.0 as usize % 4];
        let batch = self.batch(author, transactions);
        let (_, execution) = self.block_at(now, &[batch]);
        fates(&execution, count)
    }

    /// Orders one transaction of these actions.
    pub(super) fn act(&mut self, actions: Vec<Action>, signers: &[&str]) -> Fate {
        let tx = self.tx(actions, signers);
        self.run(vec![tx])[0]
    }

    pub(super) fn must(&mut self, actions: Vec<Action>, signers: &[&str]) {
        assert_eq!(self.act(actions, signers), Ok(Outcome::Applied));
    }

    /// What actions that must be applied exchanged: action, sold, bought.
    pub(super) fn traded(&mut self, actions: Vec<Action>, signers: &[&str]) -> Vec<(u8, u64, u64)> {
        let tx = self.tx(actions, signers);
        self.ran(tx)
    }

    pub(super) fn ran(&mut self, tx: SignedTransaction) -> Vec<(u8, u64, u64)> {
        let author = ["v1", "v2", "v3", "v4"][self.ledger.tip().height.0 as usize % 4];
        let batch = self.batch(author, vec![tx]);
        let (_, execution) = self.block_at(TimeMs(self.time().0 + 1000), &[batch]);
        let (_, receipt, _) = execution.of_transactions().next().expect("one was ordered");
        assert_eq!(receipt.outcome, Outcome::Applied);
        let trades = receipt.trades.iter();
        trades.map(|it| (it.action, it.sold.0, it.bought.0)).collect()
    }

    /// That a name's key signed two prevotes.
    pub(super) fn double_vote(&self, name: &str, height: u64) -> Evidence {
        double_vote(&self.ledger.genesis(), &secret(name), VoteKind::Prevote, Height(height))
    }

    pub(super) fn available(&self, account: AccountId, name: &str) -> i128 {
        let record = self.ledger.balance(&account, code(name));
        record.map_or(0, |record| record.available.0)
    }
}

/// What became of each of a single batch's transactions.
pub(super) fn fates(execution: &Execution, count: usize) -> Vec<Fate> {
    let mut fates = vec![None; count];
    for (_, receipt, location) in execution.of_transactions() {
        assert_eq!(location.batch, 0);
        fates[location.transaction as usize] = Some(Ok(receipt.outcome));
    }
    let mut skips = execution.skips.iter();
    let fates = fates
        .into_iter()
        .map(|fate| fate.unwrap_or_else(|| Err(skips.next().expect("as many skips as gaps").1)))
        .collect();
    assert!(skips.next().is_none());
    fates
}

pub(super) fn with_signers(transaction: Transaction, signers: &[&str]) -> SignedTransaction {
    let mut keys: Vec<_> = signers.iter().map(|name| key(name)).collect();
    keys.sort();
    let signatures = keys.into_iter().map(|key| TransactionSignature {
        key,
        signature: Signature([0; 64]),
    });
    SignedTransaction {
        transaction,
        signatures: list(signatures.collect()),
    }
}

pub(super) fn transfer(from: AccountId, to: AccountId, name: &str, amount: u64) -> Action {
    Action::Transfer {
        from,
        to,
        currency: code(name),
        amount: Amount(amount),
    }
}

pub(super) fn issue(name: &str, to: AccountId, amount: u64) -> Action {
    Action::Issue {
        currency: code(name),
        to,
        amount: Amount(amount),
    }
}

pub(super) fn redeem(name: &str, from: AccountId, amount: u64) -> Action {
    Action::Redeem {
        currency: code(name),
        from,
        amount: Amount(amount),
    }
}

pub(super) fn open(operator: &str, name: &str, tier: u8) -> Action {
    Action::OpenAccount {
        operator: pid(operator),
        keys: policy(name),
        salt: Salt([0; 16]),
        tier: Tier(tier),
        identity: IdentityCommitment([6; 32]),
    }
}

pub(super) fn set_tier(operator: &str, account: AccountId, tier: u8) -> Action {
    Action::SetTier {
        operator: pid(operator),
        account,
        tier: Tier(tier),
    }
}

pub(super) const REASON: ReasonCode = ReasonCode(17);

pub(super) fn freeze(by: &str, account: AccountId, scope: FreezeScope) -> Action {
    Action::Freeze {
        by: pid(by),
        account,
        scope,
        reason: REASON,
    }
}

pub(super) fn unfreeze(by: &str, account: AccountId, scope: FreezeScope) -> Action {
    Action::Unfreeze {
        by: pid(by),
        account,
        scope,
        reason: REASON,
    }
}

pub(super) fn close(operator: &str, account: AccountId) -> Action {
    Action::CloseAccount {
        operator: pid(operator),
        account,
    }
}

pub(super) fn council(action: CouncilAction) -> Action {
    Action::Council(action)
}

/// A report by one validator against a key that need not be one's.
pub(super) fn report(reporter: &str, evidence: Evidence) -> Action {
    Action::ReportEvidence {
        reporter: ValidatorId::of(&key(reporter)),
        evidence: Box::new(evidence),
    }
}

/// A node whose keys are those of names.
pub(super) fn node(name: &str, network_key: &str, validator_keys: &[&str]) -> Node {
    Node {
        name: text(name),
        network_key: key(network_key),
        address: text("/ip4/127.0.0.1/tcp/1"),
        validator_keys: list(validator_keys.iter().map(|name| key(name)).collect()),
    }
}

pub(super) fn set_node(name: &str, network_key: &str, validator_keys: &[&str]) -> Action {
    council(CouncilAction::SetNode(node(name, network_key, validator_keys)))
}

pub(super) fn remove_node(name: &str) -> Action {
    council(CouncilAction::RemoveNode { name: text(name) })
}

/// Removes some validators, and sets the power of others.
pub(super) fn change(remove: &[&str], set: &[(&str, u64)]) -> Action {
    let set = set.iter().map(|(name, power)| Validator {
        key: key(name),
        power: *power,
    });
    council(CouncilAction::ChangeValidators(ValidatorChange {
        remove: list(remove.iter().map(|name| ValidatorId::of(&key(name))).collect()),
        set: list(set.collect()),
    }))
}

pub(super) fn freeze_everywhere(name: &str, frozen: bool) -> Action {
    council(CouncilAction::SetCurrencyFrozen {
        currency: code(name),
        frozen,
    })
}
