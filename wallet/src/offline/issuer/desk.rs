//! What the service asks of the ledger, and brings to it.
//!
//! What is brought may be brought again: of one message the ledger takes one body, and the same body twice changes
//! nothing.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use causeway_contracts::{
    block::Height,
    codec::{self, Bounded, Text},
    keys::SecretKey,
    ledger::{receipt::Outcome, rejection::Rejection},
    money::Currency,
    offline::{
        action::{MESSAGES_MAX, OfflineAction},
        ids::{ListVersion, PurseId, Seq},
    },
    statement::{PurseCurrencyView, PurseView, RevocationPage, SpentView},
    transaction::{ACTIONS_MAX, Action, Nonce, SignedTransaction, TRANSACTION_VERSION, Transaction},
};
use futures::future::try_join_all;
use tokio::time::sleep;

use crate::{
    client::{Agreed, Client, ClientError},
    clock,
    payment::{SignError, VALID_SECONDS},
};

/// Of a transaction's actions together; what is around them has less than a kilobyte.
const ACTIONS_BYTES_MAX: usize = 15 * 1024;

/// While a block goes by, validators may answer of the state before it.
const BEHIND_ROUNDS: u32 = 40;
const BEHIND_PAUSE: Duration = Duration::from_millis(150);

/// How many questions are under way at once.
const QUESTIONS_MAX: usize = 8;

/// What the ledger says may be asked for again.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("the validators that agree have not come to block {0} yet")]
    Behind(Height),
    #[error("purses may not hold {0} yet: its issuer has not opened it for them")]
    NotOpen(Currency),
}

/// What became of actions, in their order.
#[derive(Debug)]
pub struct Brought {
    pub taken: Vec<Result<(), Rejection>>,
    /// Of the last block that was needed; 0 if there was nothing to bring.
    pub height: Height,
}

/// The ledger, as the service of one currency asks it.
#[derive(Clone)]
pub struct Desk {
    pub client: Arc<Client>,
    pub currency: Currency,
    /// A key of the service, to which the ledger shows the currency's purses.
    pub reader: SecretKey,
}

impl Desk {
    /// Brings actions to the ledger in as few transactions as hold them, in order; one that is refused takes nothing
    /// with it, but each costs a transaction. `key` signs for whom they name. If it fails, some may have been taken.
    pub async fn bring(&self, actions: Vec<OfflineAction>, key: &SecretKey) -> Result<Brought, DeskError> {
        self.bring_some(actions, key, usize::MAX).await
    }

    /// The same, until so many were refused; what is left then counts as refused as the last one was.
    pub async fn bring_some(
        &self,
        actions: Vec<OfflineAction>,
        key: &SecretKey,
        refused_max: usize,
    ) -> Result<Brought, DeskError> {
        let mut refusals = 0;
        let mut brought = Brought {
            taken: vec![Ok(()); actions.len()],
            height: Height::GENESIS,
        };
        let mut left: VecDeque<usize> = (0..actions.len()).collect();
        while !left.is_empty() {
            let mut part = take_part(&actions, &mut left);
            let tx = self.sign(
                part.iter()
                    .map(|at| Action::Offline(Box::new(actions[*at].clone())))
                    .collect(),
                key,
            )?;
            let (_, verified) = self.client.submit(&tx).await?;
            brought.height = brought.height.max(verified.height);
            if let Outcome::Rejected { action, reason } = verified.outcome {
                let refused = part.remove(usize::from(action));
                brought.taken[refused] = Err(reason);
                part.into_iter().rev().for_each(|at| left.push_front(at));
                refusals += 1;
                if refusals >= refused_max {
                    left.drain(..).for_each(|at| brought.taken[at] = Err(reason));
                }
            }
        }
        Ok(brought)
    }

    fn sign(&self, actions: Vec<Action>, key: &SecretKey) -> Result<SignedTransaction, SignError> {
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            genesis: self.client.genesis().prefix(),
            valid_until: clock::seconds_from_now(VALID_SECONDS),
            nonce: Nonce(getrandom::u64()?),
            actions: Bounded::new(actions).expect("cut to as many as there may be"),
            memo: Text::default(),
        };
        Ok(transaction.sign([key])?)
    }

    pub async fn purse_currency(&self) -> Result<PurseCurrencyView, DeskError> {
        let found = self.client.purse_currency(self.currency).await?;
        found.ok_or(DeskError::NotOpen(self.currency))
    }

    /// At most 64 deltas.
    pub async fn revocations(&self, after: ListVersion) -> Result<RevocationPage, DeskError> {
        let found = self.client.revocations(self.currency, after).await?;
        found.ok_or(DeskError::NotOpen(self.currency))
    }

    /// As of that block or later. `None` of a purse that is not registered, or not in this currency.
    pub async fn purse(&self, id: PurseId, height: Height) -> Result<Option<Agreed<PurseView>>, DeskError> {
        let found = match self.purse_at(id, height).await {
            Err(DeskError::Client(ClientError::NotAllowed(_))) => {
                // Nobody agreed to that. If the validators are there to agree, it is what they say.
                self.purse_currency().await?;
                match self.purse_at(id, height).await {
                    Err(DeskError::Client(ClientError::NotAllowed(_))) => return Ok(None),
                    other => other?,
                }
            }
            other => other?,
        };
        let Agreed {
            answer,
            height,
            time_ms,
        } = found;
        let own = answer.filter(|view| view.currency == self.currency);
        Ok(own.map(|answer| Agreed {
            answer,
            height,
            time_ms,
        }))
    }

    async fn purse_at(&self, id: PurseId, height: Height) -> Result<Agreed<Option<PurseView>>, DeskError> {
        for _ in 0..BEHIND_ROUNDS {
            let agreed = self.client.purse(&id, &self.reader).await?;
            if agreed.height >= height {
                return Ok(agreed);
            }
            sleep(BEHIND_PAUSE).await;
        }
        Err(DeskError::Behind(height))
    }

    /// Several, some at a time; those that are not of this currency are left out.
    pub async fn purses(&self, ids: &[PurseId], height: Height) -> Result<Vec<PurseView>, DeskError> {
        let mut purses = Vec::new();
        for part in ids.chunks(QUESTIONS_MAX) {
            let asked = part.iter().map(|id| self.purse(*id, height));
            let found = try_join_all(asked).await?;
            purses.extend(found.into_iter().flatten().map(|agreed| agreed.answer));
        }
        Ok(purses)
    }

    /// What is known of what a purse of this currency signed away under these numbers, in their order.
    pub async fn spent(&self, purse: PurseId, seqs: &[Seq], height: Height) -> Result<Vec<Vec<SpentView>>, DeskError> {
        let mut spent = Vec::new();
        for part in seqs.chunks(QUESTIONS_MAX) {
            let asked = part.iter().map(|seq| self.spent_at(purse, *seq, height));
            spent.extend(try_join_all(asked).await?);
        }
        Ok(spent)
    }

    async fn spent_at(&self, purse: PurseId, seq: Seq, height: Height) -> Result<Vec<SpentView>, DeskError> {
        for _ in 0..BEHIND_ROUNDS {
            let agreed = self.client.spent(&purse, seq, &self.reader).await?;
            if agreed.height >= height {
                return Ok(agreed.answer);
            }
            sleep(BEHIND_PAUSE).await;
        }
        Err(DeskError::Behind(height))
    }
}

/// As many of the first that are left as one transaction holds; at least one. It adds to a revocation list once.
fn take_part(actions: &[OfflineAction], left: &mut VecDeque<usize>) -> Vec<usize> {
    let (mut part, mut messages, mut bytes, mut deltas) = (Vec::new(), 0, 0, 0);
    while let Some(&at) = left.front() {
        let action = &actions[at];
        messages += action.messages();
        bytes += codec::encode(action).len();
        deltas += usize::from(matches!(action, OfflineAction::AddRevocations { .. }));
        let is_full = part.len() >= ACTIONS_MAX || messages > MESSAGES_MAX || bytes > ACTIONS_BYTES_MAX || deltas > 1;
        if is_full && !part.is_empty() {
            break;
        }
        part.push(at);
        left.pop_front();
    }
    part
}

#[cfg(test)]
mod tests;
