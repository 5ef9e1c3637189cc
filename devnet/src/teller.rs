//! Acts for the banks of a devnet: opens accounts, issues and hands out money, with their own keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use causeway_contracts::{
    codec::{self, Bounded, Text},
    identity::{AccountId, IdentityCommitment, KeyPolicy, ParticipantId, Salt, Tier},
    keys::SecretKey,
    ledger::receipt::Outcome,
    money::{Amount, Currency},
    transaction::{Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction, UnixSeconds},
};
use causeway_wallet::client::Client;
use indicatif::ProgressBar;

use crate::{genesis::issuer_of, network::Network};

/// A transaction may wait this long to be ordered.
const VALID: Duration = Duration::from_secs(60);

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
        let count = u64::try_from(payees.len())?;
        let amount = Amount(each.0.checked_mul(count).context("more money than there can be")?);
        let from = self.participant_account(operator);
        let issue = Action::Issue {
            currency,
            to: from,
            amount,
        };
        self.act(issuer_of(currency), &[issue], bar).await?;
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
