//! Payments that go on as soon as they are permitted: signed, and leased by this process, in the transaction of the database
//! that permits them, so that nobody has to look for them first. Should this process die, their leases run out, and another
//! finds them as it finds any job.

use std::sync::Arc;

use causeway_contracts::transaction::SignedTransaction;
use causeway_wallet::client::Delivery;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};

use super::{
    settle,
    sign::{Prepared, signed},
};
use crate::{
    service::{
        context::Gateway,
        engine::{UNDER_WAY_MAX, do_job},
        records::{
            authorizations::{self, State},
            jobs::{self, Leased},
        },
    },
    store::{Sql, StoreError},
};

/// Room for one more.
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

/// One that is signed and stored, and this process's.
pub struct Ready {
    leased: Leased,
    signed: SignedTransaction,
    slot: Slot,
}

/// From who asked the card's rules to who brings payments to their ends.
pub struct Handed {
    slots: Arc<Semaphore>,
    sender: mpsc::Sender<Ready>,
    receiver: Mutex<mpsc::Receiver<Ready>>,
}

impl Default for Handed {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(UNDER_WAY_MAX);
        Self {
            slots: Arc::new(Semaphore::new(UNDER_WAY_MAX)),
            sender,
            receiver: Mutex::new(receiver),
        }
    }
}

impl Handed {
    /// `None` while as many are under way as may be: then its job is left to who looks for jobs.
    pub fn slot(&self) -> Option<Slot> {
        Arc::clone(&self.slots)
            .try_acquire_owned()
            .ok()
            .map(|permit| Slot { _permit: permit })
    }

    pub fn take_on(&self, ready: Ready) {
        let sent = self.sender.try_send(ready);
        assert!(
            sent.is_ok(),
            "there are as many places as slots, and both ends are this gateway's"
        );
    }
}

/// Signs one that was permitted in this transaction. `None` if there is nothing to be signed, or its job is to do it: nothing
/// could be signed now, or the job is another's.
pub fn begin(
    gateway: &Gateway,
    sql: &mut dyn Sql,
    id: &str,
    (lease, slot): (&str, Slot),
    now_ms: u64,
) -> Result<Option<Ready>, StoreError> {
    let Some(leased) = jobs::lease(sql, id, lease, now_ms)? else {
        return Ok(None);
    };
    let row = authorizations::locked(sql, id)?.ok_or(StoreError::Changed)?;
    let is_pending = row.state == State::Pending;
    if is_pending && let Prepared::Signed(signed) = signed(gateway, sql, row)? {
        let signed = *signed;
        return Ok(Some(Ready { leased, signed, slot }));
    }
    jobs::release(sql, &leased, is_pending.then_some(now_ms))?;
    Ok(None)
}

/// Brings them to their ends, until it is dropped.
pub(in crate::service::engine) async fn carry_on(gateway: Arc<Gateway>) {
    let mut arriving = gateway.handed.receiver.lock().await;
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            Some(ready) = arriving.recv() => {
                under_way.spawn(bring_on(Arc::clone(&gateway), ready));
            }
            Some(_) = under_way.join_next() => {}
        }
    }
}

async fn bring_on(gateway: Arc<Gateway>, ready: Ready) {
    let Ready { leased, signed, slot } = ready;
    let is_due = do_job(Arc::clone(&gateway), leased, |gateway, leased| {
        settle(gateway, leased, signed, Delivery::Never, false)
    });
    if is_due.await {
        gateway.wake_authorizations.notify_one();
    }
    drop(slot);
}
