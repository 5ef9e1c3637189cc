//! Messages of ISO 20022 that were taken, by who has sent them, and what they were answered: the same one again gets the
//! same answer.

use super::{int, jobs::LEASE_MS};
use crate::store::{Sql, StoreError};

/// Which message. Two clients can name the same sender without getting in each other's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub client: String,
    /// A BIC without XXX; empty of a customer's order.
    pub sender: String,
    /// MsgId, or Id of the assignment.
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is to be worked on; what comes of it has this name.
    New {
        object: String,
        turn: Turn,
    },
    Answered {
        answer: Vec<u8>,
    },
    Running,
    /// The sender has used this id for another message.
    Other,
}

/// Of one who works on a message: over once another has begun with it, since the process was taken for dead, as one is that
/// does not renew it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    place: Place,
    /// No two turns of a message have the same.
    until_ms: i64,
}

/// What has become of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    Mine,
    /// Another has answered before, with this.
    Earlier {
        answer: Vec<u8>,
    },
    /// Another is working on it.
    Running,
}

/// `object`: for the case that it is new.
pub fn begin(
    sql: &mut dyn Sql,
    place: &Place,
    fingerprint: &[u8; 32],
    object: &str,
    now_ms: u64,
) -> Result<Begun, StoreError> {
    let running_until = int(now_ms.saturating_add(LEASE_MS));
    let turn = Turn {
        place: place.clone(),
        until_ms: running_until,
    };
    let Place { client, sender, id } = place;
    let added = sql.execute(
        "INSERT INTO messages (client, sender, id, fingerprint, object, running_until_ms) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (client, sender, id) DO NOTHING",
        &[
            client.into(),
            sender.into(),
            id.into(),
            fingerprint.as_slice().into(),
            object.into(),
            running_until.into(),
        ],
    )?;
    if added > 0 {
        return Ok(Begun::New {
            object: object.to_owned(),
            turn,
        });
    }
    let select = format!(
        "SELECT fingerprint, object, running_until_ms, answer FROM messages \
         WHERE client = $1 AND sender = $2 AND id = $3{}",
        sql.dialect().for_update()
    );
    let row = sql.query_one(&select, &[client.into(), sender.into(), id.into()])?;
    let row = row.ok_or(StoreError::Changed)?;
    if row.bytes(0)? != fingerprint {
        return Ok(Begun::Other);
    }
    if !row.is_null(3) {
        return Ok(Begun::Answered {
            answer: row.bytes(3)?.to_vec(),
        });
    }
    if row.int(2)? > int(now_ms) {
        return Ok(Begun::Running);
    }
    let object = row.text(1)?.to_owned();
    sql.execute(
        "UPDATE messages SET running_until_ms = $4 WHERE client = $1 AND sender = $2 AND id = $3",
        &[client.into(), sender.into(), id.into(), running_until.into()],
    )?;
    Ok(Begun::New { object, turn })
}

/// Still at work. `false` if another is working on it, or has answered.
pub fn renew(sql: &mut dyn Sql, turn: &mut Turn, now_ms: u64) -> Result<bool, StoreError> {
    let Place { client, sender, id } = &turn.place;
    let renewed = int(now_ms.saturating_add(LEASE_MS)).max(turn.until_ms + 1);
    let changed = sql.execute(
        "UPDATE messages SET running_until_ms = $5 WHERE client = $1 AND sender = $2 AND id = $3 \
         AND running_until_ms = $4 AND answer IS NULL",
        &[
            client.into(),
            sender.into(),
            id.into(),
            turn.until_ms.into(),
            renewed.into(),
        ],
    )?;
    turn.until_ms = renewed;
    Ok(changed > 0)
}

/// Keeps the answer for those who ask again. Only of [`Kept::Mine`] may anything else be written with it.
pub fn answered(sql: &mut dyn Sql, turn: &Turn, answer: &[u8]) -> Result<Kept, StoreError> {
    let Place { client, sender, id } = &turn.place;
    let kept = sql.execute(
        "UPDATE messages SET answer = $5 WHERE client = $1 AND sender = $2 AND id = $3 AND running_until_ms = $4 \
         AND answer IS NULL",
        &[
            client.into(),
            sender.into(),
            id.into(),
            turn.until_ms.into(),
            answer.into(),
        ],
    )?;
    if kept > 0 {
        return Ok(Kept::Mine);
    }
    let row = sql.query_one(
        "SELECT answer FROM messages WHERE client = $1 AND sender = $2 AND id = $3",
        &[client.into(), sender.into(), id.into()],
    )?;
    let row = row.ok_or(StoreError::Changed)?;
    Ok(match row.is_null(0) {
        true => Kept::Running,
        false => Kept::Earlier {
            answer: row.bytes(0)?.to_vec(),
        },
    })
}

/// It could not be worked on now: the same message may come again at once, unless another works on it already.
pub fn put_off(sql: &mut dyn Sql, turn: &Turn) -> Result<(), StoreError> {
    let Place { client, sender, id } = &turn.place;
    sql.execute(
        "UPDATE messages SET running_until_ms = 0 WHERE client = $1 AND sender = $2 AND id = $3 \
         AND running_until_ms = $4 AND answer IS NULL",
        &[client.into(), sender.into(), id.into(), turn.until_ms.into()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::database;

    #[tokio::test]
    async fn a_message_is_worked_on_once_and_another_with_its_id_is_told() {
        let (store, _folder) = database().await;
        let place = |client: &str| Place {
            client: client.to_owned(),
            sender: "DEUTDEFF".to_owned(),
            id: "M1".to_owned(),
        };
        let turn = |client: &str, begun: u64| Turn {
            place: place(client),
            until_ms: int(begun + LEASE_MS),
        };
        let begin_at = |client: &'static str, print: u8, object: &'static str, now: u64| {
            let place = place(client);
            store.write(move |sql| begin(sql, &place, &[print; 32], object, now))
        };
        let new = |client: &str, object: &str, begun: u64| Begun::New {
            object: object.to_owned(),
            turn: turn(client, begun),
        };
        assert_eq!(begin_at("a", 1, "x", 1_000).await.unwrap(), new("a", "x", 1_000));
        assert_eq!(begin_at("a", 1, "y", 1_001).await.unwrap(), Begun::Running);
        assert_eq!(begin_at("a", 2, "y", 1_001).await.unwrap(), Begun::Other);
        assert_eq!(begin_at("b", 2, "z", 1_001).await.unwrap(), new("b", "z", 1_001));
        // The process that was at it has died: what comes of it has the same name.
        let again = 1_000 + LEASE_MS;
        assert_eq!(begin_at("a", 1, "y", again).await.unwrap(), new("a", "x", again));
        // Or it has not: its turn is over.
        let late = turn("a", 1_000);
        let kept = store.write(move |sql| {
            put_off(sql, &late)?;
            answered(sql, &late, b"late")
        });
        assert_eq!(kept.await.unwrap(), Kept::Running);
        assert_eq!(begin_at("a", 1, "y", again + 1).await.unwrap(), Begun::Running);
        // Or it takes long, and says so.
        let mine = turn("a", again);
        let renewed = store.write::<_, StoreError, _>(move |sql| {
            let (mut mine, mut before) = (mine.clone(), mine);
            assert!(renew(sql, &mut mine, again + LEASE_MS - 1)?);
            assert!(!renew(sql, &mut before, again + LEASE_MS)?, "that was its name before");
            Ok(mine)
        });
        let mine = renewed.await.unwrap();
        assert_eq!(begin_at("a", 1, "y", again + LEASE_MS).await.unwrap(), Begun::Running);
        store.write(move |sql| put_off(sql, &mine)).await.unwrap();
        assert_eq!(begin_at("a", 1, "y", 2_000).await.unwrap(), new("a", "x", 2_000));
        let mine = turn("a", 2_000);
        let kept = store.write(move |sql| answered(sql, &mine, b"it")).await;
        assert_eq!(kept.unwrap(), Kept::Mine);
        let late = turn("a", again);
        let kept = store.write(move |sql| answered(sql, &late, b"late")).await;
        assert_eq!(kept.unwrap(), Kept::Earlier { answer: b"it".to_vec() });
        let answer = Begun::Answered { answer: b"it".to_vec() };
        assert_eq!(begin_at("a", 1, "y", 9_000_000).await.unwrap(), answer);
        assert_eq!(begin_at("a", 2, "y", 9_000_000).await.unwrap(), Begun::Other);
    }
}
