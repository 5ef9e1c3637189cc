//! Acts for the banks of a devnet: opens accounts, issues and hands out money, with their own keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use causeway_contracts::{
    codec::{self, Bounded, Text},
    identity::{AccountId, IdentityCommitment, KeyPolicy, ParticipantId, Salt, Tier},
    keys::SecretKey,
    ledger::{receipt::Outcome, rejection::Rejection},
    money::{Amount, Currency},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, UnixSeconds},
};
use causeway_wallet::client::Client;
use futures::{StreamExt, stream::FuturesUnordered};
use indicatif::ProgressBar;

use crate::{genesis::issuer_of, network::Network};

/// A transaction may wait this long to be ordered.
const VALID: Duration = Duration::from_secs(60);

/// Actions in one transaction.
const ACTIONS_MAX: usize = 64;

/// Transactions that are under way at once where many are.
const WAVE: usize = 64;

/// A customer of an operator, under a key of the devnet's own.
#[derive(Clone)]
pub struct Customer {
    pub operator: ParticipantId,
    pub tier: Tier,
    pub id: AccountId,
    pub key: SecretKey,
    salt: Salt,
    identity: IdentityCommitment,
}

impl Customer {
    /// The same name gives the same account in the same network.
    pub fn new(network: &Network, name: &str, operator: ParticipantId, tier: Tier) -> Self {
        let key = network.seed.key(&format!("customer/{name}"));
        let drawn = |domain| codec::hash(domain, &[network.seed.as_bytes(), name.as_bytes()]);
        let salt = drawn("causeway-devnet/salt/1");
        let salt = Salt(salt[..16].try_into().expect("a hash has 32 bytes"));
        let policy = KeyPolicy::single(key.public_key());
        Self {
            id: AccountId::derive(&network.genesis.hash(), operator, &policy, &salt),
            identity: IdentityCommitment(drawn("causeway-devnet/identity/1")),
            operator,
            tier,
            key,
            salt,
        }
    }

    pub fn opening(&self) -> Action {
        Action::OpenAccount {
            operator: self.operator,
            keys: KeyPolicy::single(self.key.public_key()),
            salt: self.salt,
            tier: self.tier,
            identity: self.identity,
        }
    }
}

/// Signs for anyone in the devnet, and believes only verified receipts.
pub struct Teller<'a> {
    network: &'a Network,
    client: &'a Client,
}

impl<'a> Teller<'a> {
    pub fn new(network: &'a Network, client: &'a Client) -> Self {
        Self { network, client }
    }

    fn participant_key(&self, id: ParticipantId) -> SecretKey {
        self.network.seed.key(id.as_str())
    }

    fn participant_account(&self, id: ParticipantId) -> AccountId {
        AccountId::of_participant(&self.network.genesis.hash(), id)
    }

    /// All of `actions` under one participant's key, in as few transactions as hold them.
    pub async fn act(&self, actor: ParticipantId, actions: &[Action], bar: &ProgressBar) -> anyhow::Result<()> {
        let key = self.participant_key(actor);
        for part in actions.chunks(ACTIONS_MAX) {
            let transaction = sign(self.network, part.to_vec(), "", &key)?;
            let (_, verified) = self.client.submit(&transaction).await?;
            if let Outcome::Rejected { action, reason } = verified.outcome {
                bail!(
                    "the ledger refused action {action} of {actor}, {:?}: {reason}",
                    part[usize::from(action)]
                );
            }
            bar.inc(part.len() as u64);
        }
        Ok(())
    }

    /// Opens those accounts that are not open yet, each by its operator.
    pub async fn open(&self, customers: &[Customer], bar: &ProgressBar) -> anyhow::Result<()> {
        let mut operators: Vec<_> = customers.iter().map(|customer| customer.operator).collect();
        operators.sort();
        operators.dedup();
        for operator in operators {
            let own = customers.iter().filter(|customer| customer.operator == operator);
            let actions: Vec<_> = own.map(Customer::opening).collect();
            self.act(operator, &actions, bar).await?;
        }
        Ok(())
    }

    /// Opens customers of one operator and gives each money, in waves of transactions that wait for
    /// each other. Each transaction does both for some, or neither: what an earlier call has done is
    /// found done.
    pub async fn open_with(
        &self,
        customers: &[Customer],
        currency: Currency,
        each: Amount,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let Some(operator) = customers.first().map(|customer| customer.operator) else {
            return Ok(());
        };
        let from = self.participant_account(operator);
        let key = self.participant_key(operator);
        for wave in customers.chunks(WAVE * ACTIONS_MAX / 2) {
            self.issue(from, currency, total(each, wave.len())?, bar).await?;
            let answers = FuturesUnordered::new();
            for part in wave.chunks(ACTIONS_MAX / 2) {
                let actions = part.iter().flat_map(|customer| {
                    let transfer = Action::Transfer {
                        from,
                        to: customer.id,
                        currency,
                        amount: each,
                    };
                    [customer.opening(), transfer]
                });
                let transaction = sign(self.network, actions.collect(), "", &key)?;
                let count = part.len() as u64;
                answers.push(async move { (self.client.submit(&transaction).await, count) });
            }
            let mut answers = std::pin::pin!(answers);
            while let Some((answer, count)) = answers.next().await {
                match answer?.1.outcome {
                    Outcome::Applied
                    | Outcome::Rejected {
                        reason: Rejection::AccountExists,
                        ..
                    } => bar.inc(count),
                    Outcome::Rejected { action, reason } => {
                        bail!("the ledger refused action {action} of {operator}: {reason}")
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether an account is open, by the word of more than f of the validators.
    pub async fn is_open(&self, customer: &Customer) -> anyhow::Result<bool> {
        // Only a participant is told that there is none.
        let view = self
            .client
            .account(&customer.id, &self.participant_key(customer.operator))
            .await?;
        Ok(view.is_some())
    }

    /// In two tiers: the central bank issues to the operator, the operator hands it on.
    pub async fn fund(
        &self,
        operator: ParticipantId,
        currency: Currency,
        payees: &[AccountId],
        each: Amount,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let from = self.participant_account(operator);
        self.issue(from, currency, total(each, payees.len())?, bar).await?;
        let handed: Vec<_> = payees
            .iter()
            .map(|&to| Action::Transfer {
                from,
                to,
                currency,
                amount: each,
            })
            .collect();
        self.act(operator, &handed, bar).await
    }

    async fn issue(&self, to: AccountId, currency: Currency, amount: Amount, bar: &ProgressBar) -> anyhow::Result<()> {
        let issue = Action::Issue { currency, to, amount };
        self.act(issuer_of(currency), &[issue], bar).await
    }
}

fn total(each: Amount, count: usize) -> anyhow::Result<Amount> {
    let count = u64::try_from(count)?;
    let total = each.0.checked_mul(count).context("more money than there can be")?;
    Ok(Amount(total))
}

/// A transaction of these actions under one key, that can be ordered from now on for a minute.
pub fn sign(network: &Network, actions: Vec<Action>, memo: &str, key: &SecretKey) -> anyhow::Result<SignedTransaction> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let transaction = Transaction {
        version: TRANSACTION_VERSION,
        genesis: network.genesis.hash().prefix(),
        valid_until: UnixSeconds((now + VALID).as_secs()),
        nonce: Nonce(getrandom::u64()?),
        actions: Bounded::new(actions)?,
        memo: Text::new(memo)?,
    };
    Ok(transaction.sign([key])?)
}
