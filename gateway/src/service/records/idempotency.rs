//! Requests that were made with a key, and what was answered.

use super::{int, jobs::LEASE_MS};
use crate::store::{Sql, StoreError, Value};

/// Kept at least so long.
pub const KEPT_MS: u64 = 48 * 3_600_000;

/// So many old ones are forgotten with each new one.
const FORGOTTEN: i64 = 4;

/// Which request.
#[derive(Debug, Clone)]
pub struct Scope {
    pub client: String,
    pub method: &'static str,
    pub path: String,
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is to be made; a new object has this name. `attempt` names this attempt: only it may say how it ended. It is
    /// to be renewed: if it is not, the process is taken for dead, and the next one goes on.
    New {
        object: String,
        attempt: i64,
    },
    /// It was made, and this was the answer, sealed.
    Answered {
        status: u16,
        answer: Vec<u8>,
    },
    Running,
    /// With the same key, but of another content.
    Other,
}

/// `object`: for the case that it is new.
pub fn begin(
    sql: &mut dyn Sql,
    scope: &Scope,
    fingerprint: &[u8; 32],
    object: &str,
    now_ms: u64,
) -> Result<Begun, StoreError> {
    let Scope {
        client,
        method,
        path,
        key,
    } = scope;
    let now = Value::Int(int(now_ms));
    let until_ms = int(now_ms + LEASE_MS);
    let kept_from = Value::Int(int(now_ms.saturating_sub(KEPT_MS)));
    let old = sql.query(
        &format!(
            "SELECT client, method, path, key FROM idempotency WHERE created_ms < $1 LIMIT $2{}",
            sql.dialect().skip_locked()
        ),
        &[kept_from, FORGOTTEN.into()],
    )?;
    for row in old {
        let place = [row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?];
        sql.execute(
            "DELETE FROM idempotency WHERE client = $1 AND method = $2 AND path = $3 AND key = $4",
            &place.map(Value::from),
        )?;
    }
    let added = sql.execute(
        "INSERT INTO idempotency (client, method, path, key, fingerprint, object, created_ms, running_until_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (client, method, path, key) DO NOTHING",
        &[
            client.into(),
            (*method).into(),
            path.into(),
            key.into(),
            fingerprint.as_slice().into(),
            object.into(),
            now,
            until_ms.into(),
        ],
    )?;
    if added > 0 {
        return Ok(Begun::New {
            object: object.to_owned(),
            attempt: until_ms,
        });
    }
    let select = format!(
        "SELECT fingerprint, object, running_until_ms, status, answer FROM idempotency \
         WHERE client = $1 AND method = $2 AND path = $3 AND key = $4{}",
        sql.dialect().for_update()
    );
    let place = [client.into(), (*method).into(), path.into(), key.into()];
    let row = sql.query_one(&select, &place)?.ok_or(StoreError::Changed)?;
    if row.bytes(0)? != fingerprint {
        return Ok(Begun::Other);
    }
    if !row.is_null(3) {
        return Ok(Begun::Answered {
            status: u16::try_from(row.int(3)?).map_err(|_| StoreError::Column { column: 3 })?,
            answer: row.bytes(4)?.to_vec(),
        });
    }
    let before = row.int(2)?;
    if before > int(now_ms) {
        return Ok(Begun::Running);
    }
    let object = row.text(1)?.to_owned();
    // Above all before with this key, so that no two attempts have the same.
    let attempt = until_ms.max(before.abs() + 1);
    let [client, method, path, key] = place;
    sql.execute(
        "UPDATE idempotency SET running_until_ms = $5 WHERE client = $1 AND method = $2 AND path = $3 AND key = $4",
        &[client, method, path, key, attempt.into()],
    )?;
    Ok(Begun::New { object, attempt })
}

/// Still running: the attempt's new name. `None` if another attempt has taken over, whose word counts.
pub fn renew(sql: &mut dyn Sql, scope: &Scope, attempt: i64, now_ms: u64) -> Result<Option<i64>, StoreError> {
    let renewed = int(now_ms + LEASE_MS).max(attempt + 1);
    let changed = sql.execute(
        &format!("UPDATE idempotency SET running_until_ms = $6 {MINE} AND status IS NULL"),
        &[
            (&scope.client).into(),
            scope.method.into(),
            (&scope.path).into(),
            (&scope.key).into(),
            attempt.into(),
            renewed.into(),
        ],
    )?;
    Ok((changed > 0).then_some(renewed))
}

const MINE: &str = "WHERE client = $1 AND method = $2 AND path = $3 AND key = $4 AND running_until_ms = $5";

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// This is the answer, for those who ask again too.
    Answered { status: u16, answer: Vec<u8> },
    /// It was not done, since it was not well asked for: the key is free again.
    Nothing,
    /// Nobody knows whether it was done. Whoever sends it again goes on with the same object.
    Unknown,
}

/// Says so. `false` if another attempt has taken over meanwhile, whose word counts.
pub fn ended(sql: &mut dyn Sql, scope: &Scope, attempt: i64, how: &Ended) -> Result<bool, StoreError> {
    let Scope {
        client,
        method,
        path,
        key,
    } = scope;
    let place = [client.into(), (*method).into(), path.into(), key.into(), attempt.into()];
    let changed = match how {
        Ended::Answered { status, answer } => {
            let [client, method, path, key, attempt] = place;
            sql.execute(
                &format!("UPDATE idempotency SET status = $6, answer = $7 {MINE} AND status IS NULL"),
                &[
                    client,
                    method,
                    path,
                    key,
                    attempt,
                    i64::from(*status).into(),
                    answer.as_slice().into(),
                ],
            )?
        }
        Ended::Nothing => sql.execute(&format!("DELETE FROM idempotency {MINE} AND status IS NULL"), &place)?,
        // Below zero, it runs no more, and the number still names the attempt.
        Ended::Unknown => sql.execute(
            &format!("UPDATE idempotency SET running_until_ms = -running_until_ms {MINE} AND status IS NULL"),
            &place,
        )?,
    };
    Ok(changed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::database;

    #[tokio::test]
    async fn a_key_is_for_one_request_of_one_client() {
        let (store, _folder) = database().await;
        let scope = |client: &str| Scope {
            client: client.to_owned(),
            method: "POST",
            path: "/v1/quotes".to_owned(),
            key: "k".to_owned(),
        };
        let begin_at = |client: &'static str, print: u8, object: &'static str, now: u64| {
            let scope = scope(client);
            store.write(move |sql| begin(sql, &scope, &[print; 32], object, now))
        };
        let new = |object: &str, attempt: u64| Begun::New {
            object: object.to_owned(),
            attempt: attempt as i64,
        };
        assert_eq!(begin_at("a", 1, "x", 1_000).await.unwrap(), new("x", 1_000 + LEASE_MS));
        assert_eq!(begin_at("a", 1, "y", 1_001).await.unwrap(), Begun::Running);
        assert_eq!(begin_at("a", 2, "y", 1_001).await.unwrap(), Begun::Other);
        assert_eq!(begin_at("b", 1, "z", 1_001).await.unwrap(), new("z", 1_001 + LEASE_MS));
        // The process that was at it has died: the same object is made, not another.
        let second = 1_000 + 2 * LEASE_MS;
        assert_eq!(begin_at("a", 1, "y", 1_000 + LEASE_MS).await.unwrap(), new("x", second));
        let end = |client: &'static str, attempt: u64, how: Ended| {
            let scope = scope(client);
            store.write(move |sql| ended(sql, &scope, attempt as i64, &how))
        };
        let answer = |text: &str| Ended::Answered {
            status: 201,
            answer: text.as_bytes().to_vec(),
        };
        let renew_at = |attempt: u64, now: u64| {
            let scope = scope("a");
            store.write(move |sql| renew(sql, &scope, attempt as i64, now))
        };
        // The one before comes back: its word does not count any more.
        assert_eq!(renew_at(1_000 + LEASE_MS, 1_002).await.unwrap(), None);
        assert!(!end("a", 1_000 + LEASE_MS, Ended::Nothing).await.unwrap());
        assert!(!end("a", 1_000 + LEASE_MS, answer("other")).await.unwrap());
        assert_eq!(begin_at("a", 1, "y", second - 1).await.unwrap(), Begun::Running);
        // One that takes long says that it is at it, by a clock that may stand still.
        assert_eq!(
            renew_at(second, second - LEASE_MS).await.unwrap(),
            Some(second as i64 + 1)
        );
        assert_eq!(begin_at("a", 1, "y", second).await.unwrap(), Begun::Running);
        assert!(!end("a", second, answer("other")).await.unwrap());
        let second = second + 1;
        assert!(end("a", second, answer("it")).await.unwrap());
        assert!(!end("a", second, Ended::Nothing).await.unwrap());
        assert_eq!(renew_at(second, 9_000).await.unwrap(), None);
        let kept = Begun::Answered {
            status: 201,
            answer: b"it".to_vec(),
        };
        assert_eq!(begin_at("a", 1, "y", 1_000 + KEPT_MS).await.unwrap(), kept);
        // What is not known to be done is gone on with at once, and what was not done is free.
        end("b", 1_001 + LEASE_MS, Ended::Unknown).await.unwrap();
        let third = 1_002 + LEASE_MS;
        assert_eq!(begin_at("b", 1, "w", 1_002).await.unwrap(), new("z", third));
        end("b", third, Ended::Nothing).await.unwrap();
        assert_eq!(begin_at("b", 2, "v", 1_003).await.unwrap(), new("v", 1_003 + LEASE_MS));
    }
}
