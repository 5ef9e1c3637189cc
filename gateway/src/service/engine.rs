//! Brings remittances on: each is a job that one gateway at a time has leased. A step is made in this order: what it is
//! about is stored, then others are asked, then what came of it is stored, so that a crash anywhere repeats a step and
//! never skips one.

mod atomic;
mod authorizations;
mod bulks;
pub(super) mod card_advices;
mod deliveries;
mod intent;
pub(super) mod paybacks;
pub(super) mod settlements;
mod steps;
mod transactions;

pub(super) use self::authorizations::{account_key, balance_of, handed};

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::{Instant, interval_at, timeout},
};

use super::{
    context::Gateway,
    id,
    records::jobs::{self, Kind, LEASE_MS, Leased, RENEW_EVERY},
};
use crate::store::StoreError;

/// Jobs that are done at the same time.
const UNDER_WAY_MAX: usize = 256;

/// Without being woken, due jobs are looked for this often: another gateway may have made them, or had them.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const _: () = assert!(
    LEASE_MS + LOOK_EVERY.as_millis() as u64 <= 9_000,
    "what a dead gateway had is another's in ten seconds"
);

/// Runs until it is dropped.
pub async fn run(gateway: Arc<Gateway>) {
    let remittances = look_after(
        Arc::clone(&gateway),
        Kind::Remittance,
        Arc::clone(&gateway.wake),
        steps::bring_on,
    );
    let deliveries = look_after(
        Arc::clone(&gateway),
        Kind::Delivery,
        Arc::clone(&gateway.wake_deliveries),
        deliveries::deliver,
    );
    let follow = look_after(
        Arc::clone(&gateway),
        Kind::Follow,
        Arc::default(),
        super::follow::follow,
    );
    let bulks = look_after(
        Arc::clone(&gateway),
        Kind::Bulk,
        Arc::clone(&gateway.wake_bulks),
        bulks::bring_on,
    );
    let paybacks = look_after(
        Arc::clone(&gateway),
        Kind::Payback,
        Arc::clone(&gateway.wake_paybacks),
        paybacks::bring_on,
    );
    let settlements = look_after(
        Arc::clone(&gateway),
        Kind::Settlement,
        Arc::clone(&gateway.wake_settlements),
        settlements::bring_on,
    );
    let authorizations = look_after(
        Arc::clone(&gateway),
        Kind::Authorization,
        Arc::clone(&gateway.wake_authorizations),
        authorizations::bring_on,
    );
    let card_advices = look_after(
        Arc::clone(&gateway),
        Kind::CardAdvice,
        Arc::clone(&gateway.wake_card_advices),
        card_advices::bring_on,
    );
    let permitted = handed::carry_on(Arc::clone(&gateway));
    futures::join!(
        super::follow::begin(&gateway),
        super::currencies::keep_up(&gateway),
        remittances,
        deliveries,
        follow,
        bulks,
        paybacks,
        settlements,
        authorizations,
        card_advices,
        permitted,
    );
}

/// What a job comes to: when it is due again, if ever.
pub(super) type Due = Result<Option<u64>, StoreError>;

/// What a job comes to that may have been given back already.
pub(super) enum Ended {
    /// It is to be given back, and is due again then, if ever.
    Due(Option<u64>),
    /// It was given back in the transaction of what it did last. Whether it was kicked while it was done.
    GivenBack { kicked: bool },
}

impl From<Option<u64>> for Ended {
    fn from(next: Option<u64>) -> Self {
        Self::Due(next)
    }
}

async fn look_after<F, D, E>(gateway: Arc<Gateway>, kind: Kind, wake: Arc<Notify>, job: F)
where
    F: Fn(Arc<Gateway>, Leased) -> D + Copy + Send + Sync + 'static,
    D: Future<Output = Result<E, StoreError>> + Send + 'static,
    E: Into<Ended>,
{
    let slots = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        let free = slots.available_permits();
        let claimed = match free {
            0 => Ok(Vec::new()),
            free => claim(&gateway, kind, free).await,
        };
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::warn!(error = error.to_string(), "cannot look for jobs");
            Vec::new()
        });
        let is_more = claimed.len() == free && free > 0;
        for leased in claimed {
            let permit = Arc::clone(&slots).acquire_owned().await.expect("it is never closed");
            let gateway = Arc::clone(&gateway);
            let (wake, slots) = (Arc::clone(&wake), Arc::clone(&slots));
            under_way.spawn(async move {
                let is_due = do_job(gateway, leased, job).await;
                let was_full = slots.available_permits() == 0;
                drop(permit);
                if is_due || was_full {
                    wake.notify_one();
                }
            });
        }
        if !is_more {
            // Both are fine: woken, or time to look.
            let _ = timeout(LOOK_EVERY, wake.notified()).await;
        }
    }
}

async fn claim(gateway: &Gateway, kind: Kind, max: usize) -> Result<Vec<Leased>, StoreError> {
    let lease = id::unique(gateway.now_ms()).map_err(|_| StoreError::Busy)?;
    let now_ms = gateway.now_ms();
    gateway
        .store
        .write(move |sql| jobs::claim(sql, kind, &lease, max, now_ms))
        .await
}

/// Does a job while its lease is renewed; a lease that is lost ends it where it is. Whether it is due again at once.
async fn do_job<D, E>(gateway: Arc<Gateway>, leased: Leased, job: impl FnOnce(Arc<Gateway>, Leased) -> D) -> bool
where
    D: Future<Output = Result<E, StoreError>> + Send + 'static,
    E: Into<Ended>,
{
    let done = tokio::select! {
        done = job(Arc::clone(&gateway), leased.clone()) => done,
        () = renewed(&gateway, &leased) => return false,
    };
    let next = match done.map(Into::into) {
        Ok(Ended::GivenBack { kicked }) => return kicked,
        Ok(Ended::Due(next)) => next,
        Err(StoreError::Changed) => return false,
        Err(error) => {
            tracing::warn!(
                job = leased.id,
                error = error.to_string(),
                "a job failed and is tried again"
            );
            Some(gateway.now_ms() + 1_000)
        }
    };
    let released = gateway.store.write(move |sql| jobs::release(sql, &leased, next)).await;
    match released {
        Ok(kicked) => kicked || next.is_some_and(|due_ms| due_ms <= gateway.now_ms()),
        Err::<_, StoreError>(error) => {
            // Its lease runs out.
            tracing::warn!(error = error.to_string(), "a job could not be given back");
            false
        }
    }
}

/// Ends when the lease is another's.
async fn renewed(gateway: &Gateway, leased: &Leased) {
    let mut ticks = interval_at(Instant::now() + RENEW_EVERY, RENEW_EVERY);
    loop {
        ticks.tick().await;
        let leased = leased.clone();
        let now_ms = gateway.now_ms();
        match gateway.store.write(move |sql| jobs::renew(sql, &leased, now_ms)).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(error = error.to_string(), "a lease could not be renewed"),
        }
    }
}
