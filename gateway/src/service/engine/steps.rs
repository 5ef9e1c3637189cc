//! One remittance, brought as far as it goes for now.

use std::sync::Arc;

use causeway_contracts::{
    codec,
    ledger::{receipt::Outcome, rejection::Rejection},
    settlement::{ContractId, Ending, Status},
    transaction::{SignedTransaction, TRANSACTION_BYTES_MAX, TxId},
};
use causeway_wallet::client::{ClientError, Delivery, Settled};

use super::{
    Ended,
    transactions::{self, PrepareError, Shown},
};
use crate::{
    remittance::{
        Cause, Intent, Purpose, Remittance,
        fact::{Fact, Reason},
        state::{Change, Side},
        step::Step,
    },
    service::{
        change::{By, ChangeError, accepts, change},
        context::Gateway,
        magic,
        network::NetworkError,
        records::{
            accounts,
            entries::{self, ForgottenHold, Trace},
            jobs::{self, Leased},
            remittances,
        },
    },
    store::{Sql, StoreError},
};

/// A transaction that was final when it was told of is seen before this is over.
const UNSEEN_MS: u64 = 10_000;

/// Why a step came to nothing for now.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error("the network")]
    Ledger(#[from] ClientError),
    #[error("the other operator")]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error("the transaction {0} is not final yet")]
    NotFinal(TxId),
    #[error("the operator is not known here any more")]
    UnknownOperator,
    #[error("a stored transaction is not one")]
    Stored,
}

impl StepError {
    /// Whether the lease is another's.
    fn is_lost(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Changed) | Self::Change(ChangeError::Store(StoreError::Changed))
        )
    }
}

/// A job is one remittance.
pub(super) async fn bring_on(gateway: Arc<Gateway>, leased: Leased) -> Result<Ended, StoreError> {
    let job = Job { gateway, leased };
    // Signed just now by this process, which has not sent it.
    let mut fresh = None;
    let mut known = None;
    loop {
        let remittance = match known.take() {
            Some(remittance) => remittance,
            None => match job.read().await? {
                Some(remittance) => remittance,
                None => return Ok(Ended::Due(None)),
            },
        };
        let now_ms = job.gateway.now_ms();
        let done = match next(&job.gateway, &remittance, now_ms) {
            None => job.magic().await,
            Some(Step::Done) => return Ok(Ended::Due(None)),
            Some(Step::Wait(until_ms)) => return Ok(Ended::Due(Some(until_ms))),
            Some(step) => job.make(&remittance, step, fresh.take()).await,
        };
        let changed = match done {
            Ok(changed) => changed,
            Err(error) if error.is_lost() => return Err(StoreError::Changed),
            Err(error) => {
                tracing::info!(
                    remittance = remittance.id,
                    error = told(&error),
                    "a step failed and is tried again"
                );
                job.failed().await?
            }
        };
        if let Some(kicked) = changed.given_back {
            return Ok(Ended::GivenBack { kicked });
        }
        if remittance.intent.is_none() {
            fresh = changed.remittance.intent.as_ref().map(|intent| intent.id);
        }
        known = Some(changed.remittance);
    }
}

/// What is next; `None` if that is a beneficiary's of the test mode.
fn next(gateway: &Gateway, remittance: &Remittance, now_ms: u64) -> Option<Step> {
    let acts = magic::act(gateway, &mut remittance.clone(), now_ms).unwrap_or(false);
    (!acts).then(|| remittance.next(now_ms, accepts(gateway, remittance)))
}

/// A remittance as a step has left it.
struct Changed {
    remittance: Remittance,
    /// Whether the job was kicked meanwhile, if there was nothing more to do for now and it was given back.
    given_back: Option<bool>,
}

/// In the transaction of the job's last step: nothing more is to be done for now.
fn give_back(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    leased: &Leased,
    remittance: &Remittance,
) -> Result<Option<bool>, StoreError> {
    let due_ms = match next(gateway, remittance, gateway.now_ms()) {
        Some(Step::Done) => None,
        Some(Step::Wait(until_ms)) => Some(until_ms),
        _ => return Ok(None),
    };
    jobs::release(sql, leased, due_ms).map(Some)
}

fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    told
}

struct Job {
    gateway: Arc<Gateway>,
    leased: Leased,
}

impl Job {
    async fn read(&self) -> Result<Option<Remittance>, StoreError> {
        let id = self.leased.id.clone();
        self.gateway.store.read(move |sql| remittances::any(sql, &id)).await
    }

    async fn change(
        &self,
        with: impl FnOnce(&Gateway, &mut Remittance, &mut dyn Sql) -> Result<(), StepError> + Send + 'static,
    ) -> Result<Changed, StepError> {
        let gateway = Arc::clone(&self.gateway);
        let leased = self.leased.clone();
        let (changed, has_news) = self
            .gateway
            .store
            .write::<_, StepError, _>(move |sql| {
                let mut told = 0;
                let remittance = change(&gateway, sql, &leased.id, &By::Job(&leased), |remittance, sql| {
                    told = remittance.timeline.len();
                    with(&gateway, remittance, sql)
                })?;
                let has_news = remittance.timeline.len() > told;
                let given_back = give_back(&gateway, sql, &leased, &remittance)?;
                let changed = Changed { remittance, given_back };
                Ok((changed, has_news))
            })
            .await?;
        if has_news {
            self.gateway.wake_deliveries.notify_one();
        }
        Ok(changed)
    }

    async fn failed(&self) -> Result<Changed, StoreError> {
        let failed = self.change(|gateway, remittance, _| {
            remittance.failed(gateway.now_ms());
            Ok(())
        });
        failed.await.map_err(|error| match error {
            StepError::Store(error) | StepError::Change(ChangeError::Store(error)) => error,
            _ => StoreError::Changed,
        })
    }

    async fn magic(&self) -> Result<Changed, StepError> {
        self.change(|gateway, remittance, _| {
            magic::act(gateway, remittance, gateway.now_ms()).map_err(ChangeError::from)?;
            Ok(())
        })
        .await
    }

    async fn make(&self, remittance: &Remittance, step: Step, fresh: Option<TxId>) -> Result<Changed, StepError> {
        match step {
            Step::Introduce => self.introduce(remittance).await,
            Step::Screen => self.screen(remittance).await,
            Step::Sign(_) => self.change(sign).await,
            Step::Settle => self.settle(remittance, fresh).await,
            Step::Confirm(purpose, transaction) => self.confirm(remittance, purpose, transaction).await,
            Step::LookAtHold => self.look(remittance).await,
            Step::Tell => self.tell(remittance).await,
            // A change that was due is taken with any other.
            Step::Take(_) => self.change(|_, _, _| Ok(())).await,
            Step::Wait(_) | Step::Done => unreachable!("the caller ends with these"),
        }
    }

    async fn introduce(&self, remittance: &Remittance) -> Result<Changed, StepError> {
        let other = self
            .gateway
            .operator(remittance.other())
            .ok_or(StepError::UnknownOperator)?;
        let introduced = self.gateway.network.introduce(other, &remittance.order_text).await;
        match introduced {
            Ok(()) => {
                self.change(|gateway, remittance, sql| {
                    remittance.introduced = true;
                    remittance.touched();
                    sign(gateway, remittance, sql)
                })
                .await
            }
            Err(NetworkError::Refused { code, detail, .. }) if is_refusal(&code) => {
                self.change(move |gateway, remittance, _| {
                    let other = remittance.other();
                    remittance
                        .apply(Change::Failed, gateway.now_ms(), Cause::by(other))
                        .map_err(ChangeError::from)?;
                    remittance.reason = Some(Reason::of("AG01", detail.chars().take(140).collect::<String>()));
                    Ok(())
                })
                .await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// On the sender's side both names before anything is reserved, on the beneficiary's before it is accepted.
    async fn screen(&self, remittance: &Remittance) -> Result<Changed, StepError> {
        // Names do not change. That is a millisecond of work, and the database's thread has others.
        let order = &remittance.order;
        let mut names = vec![order.sender.name.clone(), order.beneficiary.name.clone()];
        if remittance.side == Side::Beneficiary {
            // What the sender calls the beneficiary is not whose account it is.
            let account = remittance.account.clone();
            let found = self
                .gateway
                .store
                .read::<_, StoreError, _>(move |sql| accounts::any_account(sql, &account))
                .await?;
            names.extend(found.map(|account| account.body.name));
        }
        let hit = names.iter().find_map(|name| self.gateway.screening_hit(name));
        self.change(move |gateway, remittance, sql| {
            remittance.is_screened = true;
            remittance.touched();
            let Some(hit) = hit else {
                return sign(gateway, remittance, sql);
            };
            tracing::warn!(remittance = remittance.id, hit, "a name is like one on a list");
            let (side, us) = (remittance.side, remittance.us());
            remittance
                .apply(Change::Held(side), gateway.now_ms(), Cause::by(us))
                .map_err(ChangeError::from)?;
            if side == Side::Beneficiary {
                remittance.untold.push(Fact::Held);
            }
            Ok(())
        })
        .await
    }

    async fn settle(&self, remittance: &Remittance, fresh: Option<TxId>) -> Result<Changed, StepError> {
        let intent = remittance.intent.as_ref().ok_or(StepError::Stored)?;
        let bytes = hex::decode(&intent.bytes).map_err(|_| StepError::Stored)?;
        let signed: SignedTransaction = codec::decode(&bytes, TRANSACTION_BYTES_MAX).map_err(|_| StepError::Stored)?;
        let delivery = match fresh == Some(intent.id) {
            true => Delivery::Never,
            false => Delivery::Earlier,
        };
        let purpose = intent.purpose;
        match self.gateway.ledger.settle(&signed, delivery).await {
            Ok(Settled::Final(confirmed)) => {
                let (proof, verified) = *confirmed;
                let height = verified.height;
                match verified.outcome {
                    Outcome::Applied => {
                        let proof = serde_json::to_string(&proof).map_err(|_| StepError::Stored)?;
                        self.change(move |gateway, remittance, sql| {
                            remittances::keep_proof(sql, &verified.id.to_string(), &remittance.id, &proof)?;
                            if remittance
                                .intent
                                .as_ref()
                                .is_some_and(|intent| intent.id == verified.id)
                            {
                                remittance
                                    .settled(purpose, height, gateway.now_ms())
                                    .map_err(ChangeError::from)?;
                            }
                            Ok(())
                        })
                        .await
                    }
                    Outcome::Rejected { reason, .. } => self.rejected(purpose, reason).await,
                }
            }
            Ok(Settled::Dead { .. }) => {
                self.change(|gateway, remittance, _| {
                    remittance.unsettled(gateway.now_ms());
                    Ok(())
                })
                .await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The ledger has refused this side's transaction, finally.
    async fn rejected(&self, purpose: Purpose, rejection: Rejection) -> Result<Changed, StepError> {
        self.change(move |gateway, remittance, _| {
            let now_ms = gateway.now_ms();
            remittance.unsettled(now_ms);
            match (purpose, rejection) {
                // Money may come until the quote's time is over.
                (Purpose::Reserve, Rejection::InsufficientFunds)
                | (Purpose::Post | Purpose::Void | Purpose::Return, _) => {}
                (Purpose::Reserve, Rejection::QuoteExpired) => {
                    remittance.take(Change::Expired, now_ms).map_err(ChangeError::from)?;
                }
                (Purpose::Reserve, rejection) => {
                    remittance.take(Change::Failed, now_ms).map_err(ChangeError::from)?;
                    remittance.reason = Some(Reason::of("ledger", rejection.to_string()));
                }
            }
            Ok(())
        })
        .await
    }

    async fn confirm(
        &self,
        remittance: &Remittance,
        purpose: Purpose,
        transaction: TxId,
    ) -> Result<Changed, StepError> {
        let found = self.gateway.ledger.proof(&transaction).await?;
        let Some((proof, verified)) = found else {
            return self.unseen(remittance, purpose, transaction).await;
        };
        let shown = transactions::shown(&self.gateway, remittance, purpose, &proof, &verified);
        let proof = serde_json::to_string(&proof).map_err(|_| StepError::Stored)?;
        self.change(move |gateway, remittance, sql| {
            let now_ms = gateway.now_ms();
            let other = match remittance.side {
                Side::Sender => Side::Beneficiary,
                Side::Beneficiary => Side::Sender,
            };
            match shown {
                Shown::NotSo(why) => {
                    tracing::warn!(remittance = remittance.id, %transaction, why, "the other operator points to a wrong transaction");
                    remittance.not_so(purpose);
                    return Ok(());
                }
                Shown::Reserved { hold, expires_at } => {
                    remittance.ledger.hold = Some(hold);
                    remittance.ledger.hold_expires_at = Some(expires_at);
                }
                Shown::Done => {}
            }
            remittances::keep_proof(sql, &transaction.to_string(), &remittance.id, &proof)?;
            remittance
                .confirmed(purpose, other, verified.height, transaction, now_ms)
                .map_err(ChangeError::from)?;
            Ok(())
        })
        .await
    }

    /// Where a ledger that is later than when it was pointed to knows no such transaction, there is none.
    async fn unseen(&self, remittance: &Remittance, purpose: Purpose, transaction: TxId) -> Result<Changed, StepError> {
        let pointed_ms = remittance.ledger.pointed_ms;
        if self.gateway.now_ms() < pointed_ms.saturating_add(UNSEEN_MS) {
            return Err(StepError::NotFinal(transaction));
        }
        let us = self.gateway.account_of(self.gateway.us());
        let agreed = self
            .gateway
            .ledger
            .account_agreed(&us, self.gateway.keys.operator())
            .await?;
        if agreed.time_ms.0 < pointed_ms.saturating_add(UNSEEN_MS / 2)
            || self.gateway.ledger.proof(&transaction).await?.is_some()
        {
            return Err(StepError::NotFinal(transaction));
        }
        self.change(move |_, remittance, _| {
            tracing::warn!(remittance = remittance.id, %transaction, "the other operator points to no transaction");
            remittance.not_so(purpose);
            Ok(())
        })
        .await
    }

    async fn look(&self, remittance: &Remittance) -> Result<Changed, StepError> {
        let hold = remittance.ledger.hold.ok_or(PrepareError::NoHold)?;
        let agreed = self
            .gateway
            .ledger
            .contract_at_one_height(&hold, self.gateway.keys.operator())
            .await?;
        let Some(status) = agreed.answer.map(|view| view.status) else {
            return self.look_back(remittance, hold).await;
        };
        let height = Some(agreed.height);
        self.change(move |gateway, remittance, _| {
            let now_ms = gateway.now_ms();
            match status {
                Status::Ended { how, .. } => {
                    remittance.hold_ended(how, height, now_ms).map_err(ChangeError::from)?;
                }
                Status::Open => remittance.hold_is_open(now_ms),
            }
            Ok(())
        })
        .await
    }

    /// The hold ended more than a day ago, and the ledger does not show it any more. What the other operator points to
    /// says more of it than what was booked.
    async fn look_back(&self, remittance: &Remittance, hold: ContractId) -> Result<Changed, StepError> {
        let ledger = &remittance.ledger;
        if let Some(posting) = ledger.posting {
            return self.confirm(remittance, Purpose::Post, posting).await;
        }
        if let Some(voiding) = ledger.voiding {
            return self.confirm(remittance, Purpose::Void, voiding).await;
        }
        self.change(move |gateway, remittance, sql| {
            let now_ms = gateway.now_ms();
            let (how, height) = match entries::trace(sql, &forgotten(remittance, hold))? {
                Trace::Posted(height) => (Ending::Posted, Some(height)),
                Trace::None => (Ending::Expired, None),
                Trace::Unclear => {
                    remittance.failed(now_ms);
                    return Ok(());
                }
            };
            remittance.hold_ended(how, height, now_ms).map_err(ChangeError::from)?;
            Ok(())
        })
        .await
    }

    async fn tell(&self, remittance: &Remittance) -> Result<Changed, StepError> {
        let telling = remittance.telling().ok_or(StepError::Stored)?;
        let answer = match self.gateway.operator(remittance.other()) {
            Some(other) => Some(self.gateway.network.tell(other, remittance, &telling).await),
            // It was taken out of the configuration, and may come back.
            None => None,
        };
        let is_heard = match answer {
            Some(Ok(())) => true,
            None => false,
            Some(Err(error)) => {
                tracing::info!(
                    remittance = remittance.id,
                    error = told(&error),
                    "the other operator could not be told"
                );
                error.is_final(&telling.fact)
            }
        };
        self.change(move |gateway, remittance, _| {
            if remittance.telling().as_ref() != Some(&telling) {
                return Ok(());
            }
            if is_heard {
                remittance.told();
            } else {
                remittance.not_told(gateway.now_ms());
            }
            Ok(())
        })
        .await
    }
}

fn forgotten(remittance: &Remittance, id: ContractId) -> ForgottenHold {
    let (order, ends_at) = (&remittance.order, remittance.ledger.hold_expires_at);
    let account = match remittance.side {
        Side::Sender => order.sender_account,
        Side::Beneficiary => order.deliver_to,
    };
    ForgottenHold {
        account: account.account,
        id,
        made_after_ms: remittance.created_ms,
        ended_by_ms: ends_at.map_or(u64::MAX, |at| at.0.saturating_mul(1000)),
    }
}

/// Signs what is next, if something is to be signed: it is stored before anything is sent. It may have been recalled, or
/// its time may be over, since it was looked at.
fn sign(gateway: &Gateway, remittance: &mut Remittance, sql: &mut dyn Sql) -> Result<(), StepError> {
    let now_ms = gateway.now_ms();
    let Some(Step::Sign(purpose)) = next(gateway, remittance, now_ms) else {
        return Ok(());
    };
    let key = match purpose {
        Purpose::Reserve => {
            let account = accounts::any_account(sql, &remittance.account)?.ok_or(PrepareError::Address)?;
            Some(gateway.keys.account(&account.body.salt))
        }
        _ => None,
    };
    let signed = transactions::prepare(gateway, remittance, purpose, key.as_ref(), now_ms)?;
    let bytes = signed.to_bytes().map_err(PrepareError::from)?;
    remittance.intent = Some(Intent {
        purpose,
        id: signed.id(),
        bytes: hex::encode(bytes),
    });
    if purpose == Purpose::Reserve {
        remittance.ledger.hold = Some(ContractId::derive(&signed.id(), 0));
        remittance.ledger.hold_expires_at = Some(remittance.hold_until(now_ms));
    }
    Ok(())
}

/// Codes by which an operator refuses an order for good.
fn is_refusal(code: &str) -> bool {
    code.starts_with('5') || code.starts_with('6')
}
