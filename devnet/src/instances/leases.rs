//! What processes have leased in the database that they share, when one of them is killed: who has it next, and when.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::ensure;
use causeway_gateway::{
    service::records::jobs::LEASE_MS,
    store::{Store, StoreError},
};
use causeway_wallet::clock;
use tokio::time::{Instant, sleep};

/// A killed one's work is another's within this time.
const TAKEN_OVER_MS: u64 = 10_000;

const LOOK_EVERY: Duration = Duration::from_millis(20);

const PATIENCE: Duration = Duration::from_secs(60);

/// A row that one process has for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lease {
    /// Such as `remittance`, or `request`.
    kind: String,
    token: String,
    until_ms: u64,
}

impl Lease {
    /// When it was taken or last renewed.
    fn taken_ms(&self) -> u64 {
        self.until_ms.saturating_sub(LEASE_MS)
    }
}

/// By job or by request.
async fn held(store: &Store) -> Result<BTreeMap<String, Lease>, StoreError> {
    let rows = store.read::<_, StoreError, _>(|sql| {
        let mut rows = sql.query(
            "SELECT id, kind, lease, lease_until_ms FROM jobs WHERE lease <> ''",
            &[],
        )?;
        rows.extend(sql.query(
            "SELECT CONCAT(path, ' ', key), 'request', '', running_until_ms FROM idempotency \
             WHERE status IS NULL AND running_until_ms > 0",
            &[],
        )?);
        Ok(rows)
    });
    let leases = rows.await?.into_iter().map(|row| {
        let lease = Lease {
            kind: row.text(1)?.to_owned(),
            token: row.text(2)?.to_owned(),
            until_ms: u64::try_from(row.int(3)?).map_err(|_| StoreError::Column { column: 3 })?,
        };
        Ok((row.text(0)?.to_owned(), lease))
    });
    leases.collect()
}

pub struct Watch {
    store: Store,
    killed_ms: u64,
    /// What either process had when one was killed.
    held: BTreeMap<String, Lease>,
}

impl Watch {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            killed_ms: 0,
            held: BTreeMap::new(),
        }
    }

    /// Until so many remittances are worked on.
    pub async fn wait_for(&self, remittances: usize) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let held = held(&self.store).await?;
            if held.values().filter(|lease| lease.kind == "remittance").count() >= remittances {
                return Ok(());
            }
            ensure!(Instant::now() < until, "no remittances are worked on");
            sleep(LOOK_EVERY).await;
        }
    }

    /// One of the processes is no more.
    pub async fn killed(&mut self) -> anyhow::Result<()> {
        self.killed_ms = clock::now_ms().0;
        self.held = held(&self.store).await?;
        Ok(())
    }

    /// Waits until nothing of the killed one's is left. Those that live renew their leases or give them back before they
    /// run out: what runs out was the killed one's.
    pub async fn taken_over(&self) -> anyhow::Result<TakenOver> {
        let until = Instant::now() + PATIENCE;
        let mut waiting = self.held.clone();
        let mut orphans = BTreeMap::new();
        while !waiting.is_empty() {
            ensure!(Instant::now() < until, "nobody has taken over {waiting:?}");
            sleep(LOOK_EVERY).await;
            let now = held(&self.store).await?;
            let now_ms = clock::now_ms().0;
            waiting.retain(|name, before| {
                match now.get(name) {
                    Some(is) if is == before => return true,
                    // Renewed before it ran out, or given back: it was the other's.
                    Some(is) if is.token == before.token && is.taken_ms() < before.until_ms => {}
                    None if now_ms < before.until_ms => {}
                    // Done between two looks, it was taken no later than now.
                    is => drop(orphans.insert(name.clone(), is.map_or(now_ms, Lease::taken_ms))),
                }
                false
            });
        }
        self.judge(orphans)
    }

    /// Of each that was the killed one's, when it was taken.
    fn judge(&self, orphans: BTreeMap<String, u64>) -> anyhow::Result<TakenOver> {
        let mut taken = TakenOver::default();
        for (name, taken_ms) in orphans {
            let before = &self.held[&name];
            ensure!(
                before.taken_ms() <= self.killed_ms,
                "{name} was leased to a process that was killed already"
            );
            ensure!(taken_ms >= before.until_ms, "{name} was taken while it was another's");
            let after_ms = taken_ms.saturating_sub(self.killed_ms);
            ensure!(
                after_ms <= TAKEN_OVER_MS,
                "{name} was taken over {after_ms} ms after the kill, by the leases in the database"
            );
            taken.last_ms = taken.last_ms.max(after_ms);
            *taken.kinds.entry(before.kind.clone()).or_default() += 1;
        }
        ensure!(
            taken.kinds.contains_key("remittance"),
            "the killed one was at work on no remittance: {taken}"
        );
        Ok(taken)
    }
}

/// What the other process has now.
#[derive(Debug, Default)]
pub struct TakenOver {
    kinds: BTreeMap<String, usize>,
    last_ms: u64,
}

impl fmt::Display for TakenOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("taken over")?;
        for (kind, count) in &self.kinds {
            write!(f, " {count} {kind},")?;
        }
        write!(f, " the last {} ms after the kill", self.last_ms)
    }
}
