//! A second, simpler ledger: plain maps, whole-state copies, and every reason that holds worked out
//! before the first in order is picked.

use std::collections::{BTreeMap, BTreeSet};

use super::network::{Fate, node};
use crate::{
    block::{GenesisHash, Height, TimeMs},
    committee::{ValidatorId, change::ValidatorChange},
    genesis::Genesis,
    governance::{CouncilAction, CurrencyRecord, Parameters, TierLimits},
    identity::{AccountId, KeyPolicy, Participant, ParticipantId, Tier},
    keys::{PublicKey, Signed},
    ledger::{
        receipt::Outcome,
        rejection::{Rejection, Skip},
    },
    money::{Amount, Currency},
    registry::Node,
    transaction::{Action, Authority, FreezeScope, SignedTransaction, TxId},
};

/// Keys with their powers.
pub(super) type Set = BTreeMap<PublicKey, u64>;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelAccount {
    pub(super) operator: ParticipantId,
    pub(super) keys: KeyPolicy,
    pub(super) tier: Tier,
    pub(super) frozen: bool,
    pub(super) closed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    genesis: GenesisHash,
    pub(super) accounts: BTreeMap<AccountId, ModelAccount>,
    pub(super) money: BTreeMap<(AccountId, Currency), i128>,
    pub(super) spent: BTreeMap<(AccountId, Currency, u64), u128>,
    pub(super) frozen: BTreeSet<(AccountId, Currency)>,
    pub(super) currencies: BTreeMap<Currency, CurrencyRecord>,
    pub(super) participants: BTreeMap<ParticipantId, Participant>,
    pub(super) council: KeyPolicy,
    pub(super) version: u16,
    pub(super) upcoming: Option<(u16, u64)>,
    /// Keys with their powers: those who decide the next block, and the one after it.
    pub(super) validators: Set,
    pub(super) next_validators: Set,
    /// What `next_validators` was before this block.
    next_before: Set,
    /// Keys that have left, with the last height that they decided.
    pub(super) former: BTreeMap<PublicKey, Height>,
    pub(super) nodes: BTreeMap<String, Node>,
    /// Who signed twice at which heights, in the order of the reports.
    pub(super) evidence: BTreeMap<ValidatorId, Vec<Height>>,
    /// Of the last block.
    height: Height,
    pub(super) parameters: Parameters,
    next_parameters: Parameters,
    /// Of all time.
    known: BTreeSet<TxId>,
}

impl Model {
    pub(super) fn new(genesis: &Genesis) -> Self {
        let validators: Set = genesis.validators.iter().map(|it| (it.key, it.power)).collect();
        let mut model = Self {
            genesis: genesis.hash(),
            accounts: BTreeMap::new(),
            money: BTreeMap::new(),
            spent: BTreeMap::new(),
            frozen: BTreeSet::new(),
            currencies: genesis.currencies.iter().map(|it| (it.code, it.clone())).collect(),
            participants: BTreeMap::new(),
            council: genesis.council.clone(),
            version: 1,
            upcoming: None,
            validators: validators.clone(),
            next_validators: validators.clone(),
            next_before: validators,
            former: BTreeMap::new(),
            nodes: genesis
                .validators
                .iter()
                .map(|it| {
                    (
                        it.name.to_string(),
                        node(&it.name, &format!("{} network", it.name), &[&it.name]),
                    )
                })
                .collect(),
            evidence: BTreeMap::new(),
            height: Height::GENESIS,
            parameters: genesis.parameters.clone(),
            next_parameters: genesis.parameters.clone(),
            known: BTreeSet::new(),
        };
        for participant in &genesis.participants {
            model.add_participant(participant);
        }
        for it in &genesis.accounts {
            let id = AccountId::derive(&model.genesis, it.operator, &it.keys, &it.salt);
            model.add_account(id, it.operator, &it.keys, it.tier);
            for balance in &it.balances {
                let issuer = model.issuer_account(balance.currency).unwrap();
                model.pay(issuer, id, balance.currency, balance.amount);
            }
        }
        model
    }

    fn add_participant(&mut self, participant: &Participant) {
        let id = AccountId::of_participant(&self.genesis, participant.id);
        self.participants.insert(participant.id, participant.clone());
        self.add_account(id, participant.id, &participant.keys, Tier(0));
    }

    fn add_account(&mut self, id: AccountId, operator: ParticipantId, keys: &KeyPolicy, tier: Tier) {
        let account = ModelAccount {
            operator,
            keys: keys.clone(),
            tier,
            frozen: false,
            closed: false,
        };
        self.accounts.insert(id, account);
    }

    fn issuer_account(&self, code: Currency) -> Option<AccountId> {
        let record = self.currencies.get(&code)?;
        Some(AccountId::of_participant(&self.genesis, record.issuer))
    }

    pub(super) fn has(&self, id: AccountId, code: Currency) -> i128 {
        self.money.get(&(id, code)).copied().unwrap_or(0)
    }

    fn pay(&mut self, from: AccountId, to: AccountId, code: Currency, amount: Amount) {
        *self.money.entry((from, code)).or_insert(0) -= i128::from(amount.0);
        *self.money.entry((to, code)).or_insert(0) += i128::from(amount.0);
    }

    pub(super) fn block(&mut self, time: TimeMs, transactions: &[SignedTransaction]) -> Vec<Fate> {
        self.height = self.height.next();
        if let Some((version, _)) = self.upcoming.filter(|(_, height)| *height == self.height.0) {
            (self.version, self.upcoming) = (version, None);
        }
        let fates = transactions.iter().map(|tx| self.transaction(time, tx)).collect();
        self.parameters = self.next_parameters.clone();
        for key in self.validators.keys().filter(|key| !self.next_before.contains_key(key)) {
            self.former.insert(*key, self.height);
        }
        self.former.retain(|key, _| !self.next_before.contains_key(key));
        self.validators = std::mem::replace(&mut self.next_before, self.next_validators.clone());
        fates
    }

    fn transaction(&mut self, time: TimeMs, tx: &SignedTransaction) -> Fate {
        if let Some(skip) = self.skips(time, tx).into_iter().min() {
            return Err(skip);
        }
        self.known.insert(tx.id());
        let before = self.clone();
        for (at, action) in tx.transaction.actions.iter().enumerate() {
            let earlier = &tx.transaction.actions[..at];
            if let Some(reason) = self.reasons(time, action, earlier).into_iter().next() {
                *self = before;
                return Ok(Outcome::Rejected {
                    action: at as u8,
                    reason,
                });
            }
            self.act(time, action);
        }
        Ok(Outcome::Applied)
    }

    fn skips(&self, time: TimeMs, tx: &SignedTransaction) -> Vec<Skip> {
        let mut skips = Vec::new();
        let end = u128::from(tx.transaction.valid_until.0) * 1000;
        let now = u128::from(time.0);
        if now >= end {
            skips.push(Skip::Expired);
        }
        if end > now + u128::from(self.parameters.validity_seconds_max) * 1000 {
            skips.push(Skip::TooFarAhead);
        }
        if self.known.contains(&tx.id()) {
            skips.push(Skip::AlreadyKnown);
        }
        let policies: Vec<_> = tx
            .transaction
            .actions
            .iter()
            .flat_map(Action::authorities)
            .map(|it| self.policy(&it))
            .collect();
        let signers: BTreeSet<PublicKey> = tx.signers().copied().collect();
        let is_wanted = |key: &PublicKey| policies.iter().flatten().any(|policy| policy.contains(key));
        if policies.contains(&None) || !signers.iter().all(is_wanted) {
            skips.push(Skip::UnknownSigner);
        }
        if !policies.iter().flatten().all(|policy| policy.is_met_by(&signers)) {
            skips.push(Skip::ThresholdNotMet);
        }
        skips
    }

    fn policy(&self, authority: &Authority) -> Option<KeyPolicy> {
        let of = |id: &ParticipantId| self.participants.get(id).map(|it| it.keys.clone());
        match authority {
            Authority::Account(id) => self.accounts.get(id).map(|it| it.keys.clone()),
            Authority::Participant(id) => of(id),
            Authority::Issuer(code) => of(&self.currencies.get(code)?.issuer),
            Authority::Council => Some(self.council.clone()),
            Authority::Validator(id) => {
                let key = self.validators.keys().find(|key| ValidatorId::of(key) == *id)?;
                Some(KeyPolicy::single(*key))
            }
            Authority::Witnesses(_) => unreachable!("no contracts here"),
        }
    }

    /// All reasons against an action that can be told, in order.
    fn reasons(&self, time: TimeMs, action: &Action, earlier: &[Action]) -> BTreeSet<Rejection> {
        use Rejection::*;
        let day = time.0 / DAY_MS;
        let mut found = BTreeSet::new();
        let mut when = |reason, holds: bool| {
            if holds {
                found.insert(reason);
            }
        };
        match action {
            Action::Transfer {
                from,
                to,
                currency,
                amount,
            } => {
                let (payer, payee) = (self.accounts.get(from), self.accounts.get(to));
                when(UnknownAccount, payer.is_none() || payee.is_none());
                when(AccountNotActive, payer.is_some_and(|it| it.frozen || it.closed));
                when(AccountNotActive, payee.is_some_and(|it| it.closed));
                when(UnknownCurrency, !self.currencies.contains_key(currency));
                when(CurrencyFrozen, self.is_stuck(*from, *currency));
                when(AmountZero, amount.0 == 0);
                let together: u128 = earlier
                    .iter()
                    .chain([action])
                    .filter_map(|it| match it {
                        Action::Transfer {
                            from: f,
                            to: t,
                            currency: c,
                            amount,
                        } if (f, t, c) == (from, to, currency) => Some(u128::from(amount.0)),
                        _ => None,
                    })
                    .sum();
                let day_total = self.spent_on(*from, *currency, day) + u128::from(amount.0);
                let would_have = self.has(*to, *currency) + i128::from(amount.0);
                let caps = |id| self.caps(id, *currency);
                when(
                    OverPaymentLimit,
                    exceeds(together, caps(from).and_then(|it| it.payment_max)),
                );
                when(OverDailyLimit, exceeds(day_total, caps(from).and_then(|it| it.day_max)));
                let balance_max = caps(to).and_then(|it| it.balance_max);
                when(
                    OverBalanceLimit,
                    would_have > 0 && exceeds(would_have as u128, balance_max),
                );
                when(InsufficientFunds, self.has(*from, *currency) < i128::from(amount.0));
                when(SamePayerAndPayee, from == to);
                when(Overflow, day_total > u128::from(u64::MAX));
            }
            Action::Issue { currency, to, amount } => {
                let payee = self.accounts.get(to);
                when(UnknownAccount, payee.is_none());
                when(AccountNotActive, payee.is_some_and(|it| it.closed));
                when(AmountZero, amount.0 == 0);
                match self.issuer_account(*currency) {
                    None => when(UnknownCurrency, true),
                    Some(from) => {
                        when(AccountNotActive, self.accounts[&from].frozen);
                        when(CurrencyFrozen, self.is_stuck(from, *currency));
                        when(SamePayerAndPayee, from == *to);
                        let left = self.has(from, *currency) - i128::from(amount.0);
                        let cap = self.currencies[currency].issuance_cap;
                        when(OverIssuanceCap, -left > i128::from(cap.0));
                    }
                }
                let would_have = self.has(*to, *currency) + i128::from(amount.0);
                let balance_max = self.caps(to, *currency).and_then(|it| it.balance_max);
                when(
                    OverBalanceLimit,
                    would_have > 0 && exceeds(would_have as u128, balance_max),
                );
            }
            Action::Redeem { currency, from, amount } => {
                let owner = self.accounts.get(from);
                when(UnknownAccount, owner.is_none());
                when(AccountNotActive, owner.is_some_and(|it| it.frozen || it.closed));
                when(UnknownCurrency, !self.currencies.contains_key(currency));
                when(CurrencyFrozen, self.is_stuck(*from, *currency));
                when(AmountZero, amount.0 == 0);
                let day_total = self.spent_on(*from, *currency, day) + u128::from(amount.0);
                let day_max = self.caps(from, *currency).and_then(|it| it.day_max);
                when(OverDailyLimit, exceeds(day_total, day_max));
                when(InsufficientFunds, self.has(*from, *currency) < i128::from(amount.0));
                when(SamePayerAndPayee, self.issuer_account(*currency) == Some(*from));
                when(Overflow, day_total > u128::from(u64::MAX));
            }
            Action::OpenAccount {
                operator, keys, salt, ..
            } => {
                let id = AccountId::derive(&self.genesis, *operator, keys, salt);
                when(NotPermitted, !self.is_operator(operator));
                when(AccountExists, self.accounts.contains_key(&id));
            }
            Action::SetTier { operator, account, .. } => {
                let found = self.accounts.get(account);
                when(UnknownAccount, found.is_none());
                when(AccountNotActive, found.is_some_and(|it| it.closed));
                when(NotPermitted, !self.serves_customer(operator, account));
            }
            Action::Freeze { by, account, scope, .. } | Action::Unfreeze { by, account, scope, .. } => {
                let freezes = matches!(action, Action::Freeze { .. });
                let found = self.accounts.get(account);
                when(UnknownAccount, found.is_none());
                when(AccountNotActive, found.is_some_and(|it| it.closed));
                match scope {
                    FreezeScope::Account => {
                        let serves = self.is_operator(by) && found.is_some_and(|it| it.operator == *by);
                        when(NotPermitted, !serves);
                        when(FreezeUnchanged, found.is_some_and(|it| it.frozen == freezes));
                    }
                    FreezeScope::Currency(code) => {
                        let record = self.currencies.get(code);
                        when(NotPermitted, record.is_some_and(|it| it.issuer != *by));
                        when(UnknownCurrency, record.is_none());
                        when(FreezeUnchanged, self.frozen.contains(&(*account, *code)) == freezes);
                    }
                }
            }
            Action::CloseAccount { operator, account } => {
                let found = self.accounts.get(account);
                when(UnknownAccount, found.is_none());
                when(AccountNotActive, found.is_some_and(|it| it.frozen || it.closed));
                when(NotPermitted, !self.serves_customer(operator, account));
                let has_some = self.money.iter().any(|((id, _), sum)| id == account && *sum != 0);
                when(AccountNotEmpty, has_some);
            }
            Action::Council(council) => match council {
                CouncilAction::RegisterCurrency(record) => {
                    when(CurrencyExists, self.currencies.contains_key(&record.code));
                    when(UnknownParticipant, !self.participants.contains_key(&record.issuer));
                    when(ParameterOutOfRange, record.exponent > 8);
                }
                CouncilAction::SetIssuanceCap { currency, .. } => {
                    when(UnknownCurrency, !self.currencies.contains_key(currency));
                }
                CouncilAction::SetCurrencyFrozen { currency, frozen } => {
                    let record = self.currencies.get(currency);
                    when(UnknownCurrency, record.is_none());
                    when(FreezeUnchanged, record.is_some_and(|it| it.frozen == *frozen));
                }
                CouncilAction::RegisterParticipant(participant) => {
                    when(ParticipantExists, self.participants.contains_key(&participant.id));
                }
                CouncilAction::SetOperator { participant, .. } => {
                    when(UnknownParticipant, !self.participants.contains_key(participant));
                }
                CouncilAction::SetParameters(parameters) => {
                    when(ParameterOutOfRange, parameters.check().is_err());
                }
                CouncilAction::ScheduleProtocol { version, height } => {
                    when(ProtocolNotNext, version.0 != self.version + 1);
                    when(ProtocolTooSoon, height.0 < self.height.0 + 64);
                }
                CouncilAction::WithdrawProtocol => when(ProtocolNotScheduled, self.upcoming.is_none()),
                CouncilAction::SetCouncil(_) => assert!(self.version >= 2, "no block holds it before"),
                CouncilAction::ChangeValidators(change) => {
                    let pending = &self.next_validators;
                    let is_in = |id: &ValidatorId| pending.keys().any(|key| ValidatorId::of(key) == *id);
                    when(UnknownValidator, !change.remove.iter().all(is_in));
                    let registered = |key: &PublicKey| self.nodes.values().any(|it| it.validator_keys.contains(key));
                    when(UnknownNode, !change.set.iter().all(|it| registered(&it.key)));
                    let after = changed(pending, change);
                    let is_invalid = after.is_empty() || after.values().any(|power| *power == 0);
                    when(ValidatorSetInvalid, is_invalid || after == *pending);
                    let before = &self.next_before;
                    let kept = before.iter().filter(|(key, power)| after.get(key) == Some(power));
                    let kept: u64 = kept.map(|(_, power)| *power).sum();
                    let is_most = |set: &Set| kept * 3 > set.values().sum::<u64>() * 2;
                    when(TooFewUnchangedValidators, !is_most(before) || !is_most(&after));
                }
                CouncilAction::SetNode(node) => {
                    let keys = keys_of(node);
                    let taken = |it: &Node| it.name != node.name && !keys_of(it).is_disjoint(&keys);
                    when(NodeUnsound, keys.len() != node.validator_keys.len() + 1);
                    when(NodeKeyTaken, self.nodes.values().any(taken));
                    when(NodeInUse, self.loses_a_validator(&node.name, &node.validator_keys));
                }
                CouncilAction::RemoveNode { name } => {
                    when(UnknownNode, !self.nodes.contains_key(&**name));
                    when(NodeInUse, self.loses_a_validator(name, &[]));
                }
            },
            Action::Settle(_) | Action::Offline(_) => unreachable!("no contracts and no purses here"),
            Action::ReportEvidence { evidence, .. } => {
                let (at, now) = (evidence.height.0, self.height.0);
                let recorded = self.evidence.get(&evidence.validator);
                let is_accused = |key: &&PublicKey| ValidatorId::of(key) == evidence.validator;
                let left = self.former.iter().filter(|(_, last)| evidence.height <= **last);
                let accountable = self.validators.keys().chain(left.map(|(key, _)| key)).find(is_accused);
                when(UnknownValidator, accountable.is_none());
                when(EvidenceOutOfTime, at >= now || at + 1_000_000 < now);
                when(
                    EvidenceKnown,
                    recorded.is_some_and(|heights| heights.contains(&evidence.height)),
                );
                when(EvidenceFull, recorded.is_some_and(|heights| heights.len() == 16));
                let is_good = |signed: &Signed<'_>| signed.verify().is_ok();
                let verdict = |key| evidence.verify_with(&self.genesis, key, is_good);
                when(EvidenceInvalid, accountable.is_some_and(|key| verdict(key).is_err()));
            }
        }
        found
    }

    /// Carries out an action against which nothing speaks.
    fn act(&mut self, time: TimeMs, action: &Action) {
        match action {
            Action::Transfer {
                from,
                to,
                currency,
                amount,
            } => {
                self.spend(time, *from, *currency, *amount);
                self.pay(*from, *to, *currency, *amount);
            }
            Action::Issue { currency, to, amount } => {
                let from = self.issuer_account(*currency).unwrap();
                self.pay(from, *to, *currency, *amount);
            }
            Action::Redeem { currency, from, amount } => {
                let to = self.issuer_account(*currency).unwrap();
                self.spend(time, *from, *currency, *amount);
                self.pay(*from, to, *currency, *amount);
            }
            Action::OpenAccount {
                operator,
                keys,
                salt,
                tier,
                ..
            } => {
                let id = AccountId::derive(&self.genesis, *operator, keys, salt);
                self.add_account(id, *operator, keys, *tier);
            }
            Action::SetTier { account, tier, .. } => self.accounts.get_mut(account).unwrap().tier = *tier,
            Action::Freeze { account, scope, .. } => match scope {
                FreezeScope::Account => self.accounts.get_mut(account).unwrap().frozen = true,
                FreezeScope::Currency(code) => assert!(self.frozen.insert((*account, *code))),
            },
            Action::Unfreeze { account, scope, .. } => match scope {
                FreezeScope::Account => self.accounts.get_mut(account).unwrap().frozen = false,
                FreezeScope::Currency(code) => assert!(self.frozen.remove(&(*account, *code))),
            },
            Action::CloseAccount { account, .. } => self.accounts.get_mut(account).unwrap().closed = true,
            Action::Council(council) => match council {
                CouncilAction::RegisterCurrency(record) => {
                    self.currencies.insert(record.code, record.clone());
                }
                CouncilAction::SetIssuanceCap { currency, cap } => {
                    self.currencies.get_mut(currency).unwrap().issuance_cap = *cap;
                }
                CouncilAction::SetCurrencyFrozen { currency, frozen } => {
                    self.currencies.get_mut(currency).unwrap().frozen = *frozen;
                }
                CouncilAction::RegisterParticipant(participant) => self.add_participant(participant),
                CouncilAction::SetOperator { participant, operator } => {
                    self.participants.get_mut(participant).unwrap().operator = *operator;
                }
                CouncilAction::SetParameters(parameters) => self.next_parameters = parameters.clone(),
                CouncilAction::ScheduleProtocol { version, height } => self.upcoming = Some((version.0, height.0)),
                CouncilAction::WithdrawProtocol => self.upcoming = None,
                CouncilAction::SetCouncil(keys) => self.council = keys.clone(),
                CouncilAction::ChangeValidators(change) => {
                    self.next_validators = changed(&self.next_validators, change);
                }
                CouncilAction::SetNode(node) => drop(self.nodes.insert(node.name.to_string(), node.clone())),
                CouncilAction::RemoveNode { name } => drop(self.nodes.remove(&**name)),
            },
            Action::Settle(_) | Action::Offline(_) => unreachable!("no contracts and no purses here"),
            Action::ReportEvidence { evidence, .. } => {
                self.evidence
                    .entry(evidence.validator)
                    .or_default()
                    .push(evidence.height);
            }
        }
    }

    /// Whether a node that keeps only these keys loses one that decides the next block but one, or the one
    /// before it.
    fn loses_a_validator(&self, name: &str, kept: &[PublicKey]) -> bool {
        let keys = self.nodes.get(name).map(|it| it.validator_keys.to_vec());
        let mut lost = keys.into_iter().flatten().filter(|key| !kept.contains(key));
        lost.any(|key| self.next_before.contains_key(&key) || self.next_validators.contains_key(&key))
    }

    fn spend(&mut self, time: TimeMs, from: AccountId, code: Currency, amount: Amount) {
        *self.spent.entry((from, code, time.0 / DAY_MS)).or_insert(0) += u128::from(amount.0);
    }

    pub(super) fn spent_on(&self, id: AccountId, code: Currency, day: u64) -> u128 {
        self.spent.get(&(id, code, day)).copied().unwrap_or(0)
    }

    fn is_stuck(&self, payer: AccountId, code: Currency) -> bool {
        let everywhere = self.currencies.get(&code).is_some_and(|it| it.frozen);
        everywhere || self.frozen.contains(&(payer, code))
    }

    fn caps(&self, id: &AccountId, code: Currency) -> Option<&TierLimits> {
        let tier = self.accounts.get(id)?.tier;
        let mut limits = self.parameters.limits.iter();
        limits.find(|it| it.tier == tier && it.currency == code)
    }

    fn is_operator(&self, id: &ParticipantId) -> bool {
        self.participants.get(id).is_some_and(|it| it.operator)
    }

    fn serves_customer(&self, operator: &ParticipantId, id: &AccountId) -> bool {
        let is_theirs = self.accounts.get(id).is_some_and(|it| it.operator == *operator);
        let is_own = AccountId::of_participant(&self.genesis, *operator) == *id;
        self.is_operator(operator) && is_theirs && !is_own
    }
}

fn changed(set: &Set, change: &ValidatorChange) -> Set {
    let mut after = set.clone();
    after.retain(|key, _| !change.remove.contains(&ValidatorId::of(key)));
    after.extend(change.set.iter().map(|it| (it.key, it.power)));
    after
}

fn keys_of(node: &Node) -> BTreeSet<PublicKey> {
    node.validator_keys.iter().copied().chain([node.network_key]).collect()
}

fn exceeds(sum: u128, max: Option<Amount>) -> bool {
    max.is_some_and(|max| sum > u128::from(max.0))
}
