//! Acts for the banks of a devnet: opens accounts, issues and hands out money, with their own keys.

use anyhow::{Context, bail};
use causeway_contracts::{
    block::GenesisHash,
    codec::{self, Bounded, Text},
    genesis::{OpeningAccount, OpeningBalance},
    identity::{AccountId, IdentityCommitment, KeyPolicy, ParticipantId, Salt, Tier},
    keys::SecretKey,
    ledger::{receipt::Outcome, rejection::Rejection},
    money::{Amount, Currency},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction},
};
use causeway_wallet::{client::Client, clock, payment};
use futures::{TryStreamExt, stream::FuturesUnordered};
use indicatif::ProgressBar;

use self::opening::{Opened, missing, open_part};
use crate::{
    genesis::{Seed, issuer_of},
    network::Network,
};

pub mod opening;

/// Actions in one transaction.
const ACTIONS_MAX: usize = 64;

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
        Self::of(&network.seed, &network.genesis.origin(), name, operator, tier)
    }

    /// The same for a network that begins with `origin` and has its keys from `seed`.
    pub fn of(seed: &Seed, origin: &GenesisHash, name: &str, operator: ParticipantId, tier: Tier) -> Self {
        let key = Self::key_of(seed, name);
        let drawn = |domain| codec::hash(domain, &[seed.as_bytes(), name.as_bytes()]);
        let salt = drawn("causeway-devnet/salt/1");
        let salt = Salt(salt[..16].try_into().expect("a hash has 32 bytes"));
        let policy = KeyPolicy::single(key.public_key());
        Self {
            id: AccountId::derive(origin, operator, &policy, &salt),
            identity: IdentityCommitment(drawn("causeway-devnet/identity/1")),
            operator,
            tier,
            key,
            salt,
        }
    }

    /// The key alone, which is had sooner than the account.
    pub fn key_of(seed: &Seed, name: &str) -> SecretKey {
        SecretKey::from_seed(&Self::seed_of(seed, name))
    }

    /// Of the key (RFC 8032, section 5.1.5).
    pub fn seed_of(seed: &Seed, name: &str) -> [u8; 32] {
        seed.key_seed(&format!("customer/{name}"))
    }

    /// The account as a genesis opens it. Its id depends on that genesis, and is of no meaning here.
    pub fn in_genesis(&self, currency: Currency, amount: Amount) -> OpeningAccount {
        OpeningAccount {
            operator: self.operator,
            keys: KeyPolicy::single(self.key.public_key()),
            salt: self.salt,
            tier: self.tier,
            identity: self.identity,
            balances: Bounded::new(vec![OpeningBalance { currency, amount }]).expect("one currency"),
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
    /// Of the network; worked out once, since a genesis may have megabytes.
    origin: GenesisHash,
}

impl<'a> Teller<'a> {
    pub fn new(network: &'a Network, client: &'a Client) -> Self {
        Self {
            network,
            client,
            origin: network.genesis.origin(),
        }
    }

    fn participant_key(&self, id: ParticipantId) -> SecretKey {
        self.network.seed.key(id.as_str())
    }

    fn participant_account(&self, id: ParticipantId) -> AccountId {
        AccountId::of_participant(&self.origin, id)
    }

    /// All of `actions` under one participant's key, in as few transactions as hold them.
    pub async fn act(&self, actor: ParticipantId, actions: &[Action], bar: &ProgressBar) -> anyhow::Result<()> {
        let key = self.participant_key(actor);
        for part in actions.chunks(ACTIONS_MAX) {
            let transaction = self.sign(part.to_vec(), [&key])?;
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

    /// Opens customers of one operator and gives each money. What an earlier call has done, whole or
    /// cut short, with as many customers or another number, is found done.
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
        let waves = missing(customers, async |customer| self.is_open(customer).await).await?;
        let count = |wave: &[&[Customer]]| wave.iter().map(|part| part.len()).sum::<usize>();
        let left: usize = waves.iter().map(|wave| count(wave)).sum();
        bar.set_position((customers.len() - left) as u64);
        for wave in waves {
            let funds = total(each, count(&wave))?;
            self.issue(
                self.participant_account(operator),
                currency,
                funds,
                &ProgressBar::hidden(),
            )
            .await?;
            let open = async |part: &[Customer]| self.open_at_once(part, currency, each).await;
            let open = &open;
            let parts = wave.into_iter().map(|part| async move {
                open_part(part, open).await?;
                anyhow::Ok(part.len() as u64)
            });
            let mut parts: FuturesUnordered<_> = parts.collect();
            while let Some(opened) = parts.try_next().await? {
                bar.inc(opened);
            }
        }
        Ok(())
    }

    /// One transaction that opens and funds these customers of one operator, or none of them.
    async fn open_at_once(&self, part: &[Customer], currency: Currency, each: Amount) -> anyhow::Result<Opened> {
        let operator = part[0].operator;
        let actions = part.iter().flat_map(|customer| {
            let transfer = Action::Transfer {
                from: self.participant_account(operator),
                to: customer.id,
                currency,
                amount: each,
            };
            [customer.opening(), transfer]
        });
        let transaction = self.sign(actions.collect(), [&self.participant_key(operator)])?;
        match self.client.submit(&transaction).await?.1.outcome {
            Outcome::Applied => Ok(Opened::All),
            Outcome::Rejected {
                reason: Rejection::AccountExists,
                ..
            } => Ok(Opened::NoneSinceOneIs),
            Outcome::Rejected { action, reason } => {
                bail!("the ledger refused action {action} of {operator}: {reason}")
            }
        }
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

    /// All of `actions` at once or nothing, signed by all who must agree.
    pub async fn act_at_once<'k>(
        &self,
        actions: Vec<Action>,
        keys: impl IntoIterator<Item = &'k SecretKey>,
    ) -> anyhow::Result<Outcome> {
        let transaction = self.sign(actions, keys)?;
        Ok(self.client.submit(&transaction).await?.1.outcome)
    }

    /// A transaction of these actions, that can be ordered from now on for a minute.
    pub fn sign<'k>(
        &self,
        actions: Vec<Action>,
        keys: impl IntoIterator<Item = &'k SecretKey>,
    ) -> anyhow::Result<SignedTransaction> {
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.client.genesis().prefix(),
            valid_until: clock::seconds_from_now(payment::VALID_SECONDS),
            nonce: Nonce(getrandom::u64()?),
            actions: Bounded::new(actions)?,
            memo: Text::default(),
        };
        Ok(transaction.sign(keys)?)
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
