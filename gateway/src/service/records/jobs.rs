//! What is to be done later or elsewhere: each job is leased to one gateway at a time. Whoever has a lease that has run
//! out can write nothing any more, since every write asks for it.

use std::time::Duration;

use super::{int, unsigned};
use crate::store::{Sql, StoreError};

/// Longer than a gateway that lives may take to renew it. What a gateway was at that has died, another is at no later than
/// this and a look for what is due, and so within ten seconds.
pub const LEASE_MS: u64 = 8_000;

pub const RENEW_EVERY: Duration = Duration::from_millis(LEASE_MS / 4);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Remittance,
    Delivery,
    /// Lines of a bulk become remittances.
    Bulk,
    /// Following the ledger.
    Follow,
    /// Money of an order is sent back.
    Payback,
    /// What is due to a merchant is settled; or a settlement is paid out.
    Settlement,
    /// What an acquirer asked for is brought to its end.
    Authorization,
    /// A card's issuer is told to capture or void what it holds.
    CardAdvice,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Remittance => "remittance",
            Self::Delivery => "delivery",
            Self::Bulk => "bulk",
            Self::Follow => "follow",
            Self::Payback => "payback",
            Self::Settlement => "settlement",
            Self::Authorization => "authorization",
            Self::CardAdvice => "card_advice",
        }
    }
}

/// A job that this gateway may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub id: String,
    pub lease: String,
    pub attempts: u64,
    kicks: i64,
}

/// Makes the job due no later than then, also if it is being done just now.
pub fn kick(sql: &mut dyn Sql, kind: Kind, id: &str, due_ms: u64) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO jobs (id, kind, due_ms, lease_until_ms, lease, kicks, attempts) VALUES ($1, $2, $3, 0, '', 0, 0) \
         ON CONFLICT (id) DO UPDATE SET kicks = jobs.kicks + 1, \
         due_ms = CASE WHEN jobs.due_ms < excluded.due_ms THEN jobs.due_ms ELSE excluded.due_ms END",
        &[id.into(), kind.as_str().into(), int(due_ms).into()],
    )?;
    Ok(())
}

/// Jobs that are due and nobody's, the oldest first. `lease`: a random text, never used before.
pub fn claim(sql: &mut dyn Sql, kind: Kind, lease: &str, max: usize, now_ms: u64) -> Result<Vec<Leased>, StoreError> {
    // Two statements: one that updates what it selects makes SQLite build a table for it, though most often there is none.
    let due = format!(
        "SELECT id, attempts, kicks FROM jobs WHERE kind = $1 AND due_ms <= $2 AND lease_until_ms <= $2 \
         ORDER BY due_ms LIMIT $3{}",
        sql.dialect().skip_locked()
    );
    let rows = sql.query(&due, &[kind.as_str().into(), int(now_ms).into(), (max as i64).into()])?;
    let mut leased = Vec::with_capacity(rows.len());
    for row in rows {
        let claimed = Leased {
            id: row.text(0)?.to_owned(),
            lease: lease.to_owned(),
            attempts: unsigned(row.int(1)?, 1)? + 1,
            kicks: row.int(2)?,
        };
        sql.execute(
            "UPDATE jobs SET lease = $2, lease_until_ms = $3, attempts = attempts + 1 WHERE id = $1",
            &[(&claimed.id).into(), lease.into(), int(now_ms + LEASE_MS).into()],
        )?;
        leased.push(claimed);
    }
    Ok(leased)
}

/// Makes a job that is there this gateway's, due or not; `None` if it is another's. `lease`: as [`claim`] has it.
pub fn lease(sql: &mut dyn Sql, id: &str, lease: &str, now_ms: u64) -> Result<Option<Leased>, StoreError> {
    let leased = sql.execute(
        "UPDATE jobs SET lease = $2, lease_until_ms = $3, attempts = attempts + 1 WHERE id = $1 AND lease_until_ms <= $4",
        &[
            id.into(),
            lease.into(),
            int(now_ms + LEASE_MS).into(),
            int(now_ms).into(),
        ],
    )?;
    if leased == 0 {
        return Ok(None);
    }
    let row = sql.query_one("SELECT attempts, kicks FROM jobs WHERE id = $1", &[id.into()])?;
    let row = row.ok_or(StoreError::Changed)?;
    Ok(Some(Leased {
        id: id.to_owned(),
        lease: lease.to_owned(),
        attempts: unsigned(row.int(0)?, 0)?,
        kicks: row.int(1)?,
    }))
}

/// That the lease is still this gateway's, for as long as the transaction lasts.
pub fn check(sql: &mut dyn Sql, leased: &Leased) -> Result<(), StoreError> {
    let select = format!("SELECT lease FROM jobs WHERE id = $1{}", sql.dialect().for_update());
    let row = sql.query_one(&select, &[(&leased.id).into()])?;
    match row {
        Some(row) if row.text(0)? == leased.lease => Ok(()),
        _ => Err(StoreError::Changed),
    }
}

/// Whether it could be renewed; else the job is another's now.
pub fn renew(sql: &mut dyn Sql, leased: &Leased, now_ms: u64) -> Result<bool, StoreError> {
    let renewed = sql.execute(
        "UPDATE jobs SET lease_until_ms = $3 WHERE id = $1 AND lease = $2",
        &[
            (&leased.id).into(),
            (&leased.lease).into(),
            int(now_ms + LEASE_MS).into(),
        ],
    )?;
    Ok(renewed > 0)
}

/// Done for now, and due again then; or at once, if it was kicked meanwhile. `None`: never, unless it is kicked. Whether
/// it was kicked.
pub fn release(sql: &mut dyn Sql, leased: &Leased, next_due_ms: Option<u64>) -> Result<bool, StoreError> {
    let [id, lease] = [(&leased.id).into(), (&leased.lease).into()];
    let kicks = leased.kicks.into();
    let released = match next_due_ms {
        Some(due_ms) => sql.execute(
            "UPDATE jobs SET lease = '', lease_until_ms = 0, due_ms = $4 WHERE id = $1 AND lease = $2 AND kicks = $3",
            &[id, lease, kicks, int(due_ms).into()],
        )?,
        None => sql.execute(
            "DELETE FROM jobs WHERE id = $1 AND lease = $2 AND kicks = $3",
            &[id, lease, kicks],
        )?,
    };
    if released > 0 {
        return Ok(false);
    }
    let kicked = sql.execute(
        "UPDATE jobs SET lease = '', lease_until_ms = 0 WHERE id = $1 AND lease = $2",
        &[id, lease],
    )?;
    Ok(kicked > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::database;

    #[tokio::test]
    async fn a_job_is_one_gateways_until_its_lease_is_over() {
        let (store, _folder) = database().await;
        store
            .write(|sql| kick(sql, Kind::Remittance, "rem_1", 100))
            .await
            .unwrap();
        let claim_at =
            |lease: &'static str, now: u64| store.write(move |sql| claim(sql, Kind::Remittance, lease, 10, now));
        assert_eq!(claim_at("a", 99).await.unwrap(), []);
        let first = claim_at("a", 100).await.unwrap().remove(0);
        assert_eq!(claim_at("b", 101).await.unwrap(), []);
        let second = claim_at("b", 100 + LEASE_MS).await.unwrap().remove(0);
        assert_eq!((first.attempts, second.attempts), (1, 2));
        let checked = {
            let first = first.clone();
            store.write(move |sql| check(sql, &first)).await
        };
        assert!(matches!(checked, Err(StoreError::Changed)));
        assert!(!store.write(move |sql| renew(sql, &first, 200)).await.unwrap());
        // Kicked while it is being done: due again at once, whatever its end says.
        store
            .write(|sql| kick(sql, Kind::Remittance, "rem_1", 300))
            .await
            .unwrap();
        let released = store.write(move |sql| release(sql, &second, Some(900_000)));
        assert!(released.await.unwrap(), "it was kicked");
        let third = claim_at("c", 300).await.unwrap().remove(0);
        let released = store.write(move |sql| release(sql, &third, None));
        assert!(!released.await.unwrap(), "nobody has kicked it");
        assert_eq!(claim_at("d", u64::MAX / 4).await.unwrap(), []);
    }

    #[tokio::test]
    async fn one_that_is_leased_by_its_name_is_nobody_elses_and_one_that_is_not_there_cannot_be() {
        let (store, _folder) = database().await;
        let lease_at = |name: &'static str, now: u64| store.write(move |sql| lease(sql, "aut_1", name, now));
        assert_eq!(lease_at("a", 100).await.unwrap(), None);
        store
            .write(|sql| kick(sql, Kind::Authorization, "aut_1", 900_000))
            .await
            .unwrap();
        let first = lease_at("a", 100).await.unwrap().expect("it was nobody's");
        assert_eq!((first.attempts, lease_at("b", 101).await.unwrap()), (1, None));
        let claimed = store.write(|sql| claim(sql, Kind::Authorization, "c", 10, 900_000 + LEASE_MS));
        assert_eq!(claimed.await.unwrap().len(), 1, "its lease is over");
        assert!(!store.write(move |sql| release(sql, &first, None)).await.unwrap());
        assert_eq!(
            lease_at("d", u64::MAX / 4).await.unwrap().map(|it| it.attempts),
            Some(3)
        );
    }
}
