//! Requests that were made with a key, and what was answered.

use crate::store::{Sql, StoreError, Value};

/// While it runs, another with the same key is told so; if the process has died meanwhile, the next one goes on.
const RUNNING_MS: u64 = 30_000;

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
    /// It is to be made; a new object has this name.
    New {
        object: String,
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
    let now = Value::Int(now_ms as i64);
    let running_until = Value::Int((now_ms + RUNNING_MS) as i64);
    let kept_from = Value::Int(now_ms.saturating_sub(KEPT_MS) as i64);
    sql.execute(
        "DELETE FROM idempotency WHERE (client, method, path, key) IN \
         (SELECT client, method, path, key FROM idempotency WHERE created_ms < $1 LIMIT $2)",
        &[kept_from, FORGOTTEN.into()],
    )?;
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
            running_until,
        ],
    )?;
    if added > 0 {
        return Ok(Begun::New {
            object: object.to_owned(),
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
    if row.int(2)? > now_ms as i64 {
        return Ok(Begun::Running);
    }
    let object = row.text(1)?.to_owned();
    let [client, method, path, key] = place;
    sql.execute(
        "UPDATE idempotency SET running_until_ms = $5 WHERE client = $1 AND method = $2 AND path = $3 AND key = $4",
        &[client, method, path, key, running_until],
    )?;
    Ok(Begun::New { object })
}

/// Keeps the answer for those who ask again.
pub fn answered(sql: &mut dyn Sql, scope: &Scope, status: u16, answer: &[u8]) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE idempotency SET status = $5, answer = $6 WHERE client = $1 AND method = $2 AND path = $3 AND key = $4",
        &[
            (&scope.client).into(),
            scope.method.into(),
            (&scope.path).into(),
            (&scope.key).into(),
            i64::from(status).into(),
            answer.into(),
        ],
    )?;
    Ok(())
}

/// It came to nothing: the key is free again.
pub fn released(sql: &mut dyn Sql, scope: &Scope) -> Result<(), StoreError> {
    sql.execute(
        "DELETE FROM idempotency WHERE client = $1 AND method = $2 AND path = $3 AND key = $4",
        &[
            (&scope.client).into(),
            scope.method.into(),
            (&scope.path).into(),
            (&scope.key).into(),
        ],
    )?;
    Ok(())
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
        let new = |object: &str| Begun::New {
            object: object.to_owned(),
        };
        assert_eq!(begin_at("a", 1, "x", 1_000).await.unwrap(), new("x"));
        assert_eq!(begin_at("a", 1, "y", 1_001).await.unwrap(), Begun::Running);
        assert_eq!(begin_at("a", 2, "y", 1_001).await.unwrap(), Begun::Other);
        assert_eq!(begin_at("b", 1, "z", 1_001).await.unwrap(), new("z"));
        // The process that was at it has died: the same object is made, not another.
        assert_eq!(begin_at("a", 1, "y", 1_000 + RUNNING_MS).await.unwrap(), new("x"));
        let place = scope("a");
        store.write(move |sql| answered(sql, &place, 201, b"it")).await.unwrap();
        let answer = Begun::Answered {
            status: 201,
            answer: b"it".to_vec(),
        };
        assert_eq!(begin_at("a", 1, "y", 1_000 + KEPT_MS).await.unwrap(), answer);
        assert_eq!(begin_at("b", 1, "w", 1_002 + KEPT_MS).await.unwrap(), new("w"));
        let place = scope("b");
        store.write(move |sql| released(sql, &place)).await.unwrap();
        assert_eq!(begin_at("b", 2, "v", 1_003 + KEPT_MS).await.unwrap(), new("v"));
    }
}
