//! Messages of ISO 20022 that were taken, by who has sent them, and what they were answered: the same one again gets the
//! same answer.

use super::int;
use crate::store::{Sql, StoreError};

/// While it runs, the same message is told so; if the process has died meanwhile, the next one goes on.
const RUNNING_MS: u64 = 30_000;

/// Which message. Two clients can name the same sender without getting in each other's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub client: String,
    /// A BIC; empty of a customer's order without header.
    pub sender: String,
    /// MsgId, or Id of the assignment.
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is to be worked on; what comes of it has this name.
    New {
        object: String,
    },
    Answered {
        answer: Vec<u8>,
    },
    Running,
    /// The sender has used this id for another message.
    Other,
}

/// `object`: for the case that it is new.
pub fn begin(
    sql: &mut dyn Sql,
    place: &Place,
    fingerprint: &[u8; 32],
    object: &str,
    now_ms: u64,
) -> Result<Begun, StoreError> {
    let running_until = int(now_ms.saturating_add(RUNNING_MS));
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
    Ok(Begun::New { object })
}

/// Keeps the answer for those who ask again.
pub fn answered(sql: &mut dyn Sql, place: &Place, answer: &[u8]) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE messages SET answer = $4 WHERE client = $1 AND sender = $2 AND id = $3",
        &[
            (&place.client).into(),
            (&place.sender).into(),
            (&place.id).into(),
            answer.into(),
        ],
    )?;
    Ok(())
}

/// It could not be worked on now: the same message may come again at once.
pub fn put_off(sql: &mut dyn Sql, place: &Place) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE messages SET running_until_ms = 0 WHERE client = $1 AND sender = $2 AND id = $3",
        &[(&place.client).into(), (&place.sender).into(), (&place.id).into()],
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
        let begin_at = |client: &'static str, print: u8, object: &'static str, now: u64| {
            let place = place(client);
            store.write(move |sql| begin(sql, &place, &[print; 32], object, now))
        };
        let new = |object: &str| Begun::New {
            object: object.to_owned(),
        };
        assert_eq!(begin_at("a", 1, "x", 1_000).await.unwrap(), new("x"));
        assert_eq!(begin_at("a", 1, "y", 1_001).await.unwrap(), Begun::Running);
        assert_eq!(begin_at("a", 2, "y", 1_001).await.unwrap(), Begun::Other);
        assert_eq!(begin_at("b", 2, "z", 1_001).await.unwrap(), new("z"));
        // The process that was at it has died: what comes of it has the same name.
        assert_eq!(begin_at("a", 1, "y", 1_000 + RUNNING_MS).await.unwrap(), new("x"));
        let at = place("a");
        store.write(move |sql| put_off(sql, &at)).await.unwrap();
        assert_eq!(begin_at("a", 1, "y", 2_000).await.unwrap(), new("x"));
        let at = place("a");
        store.write(move |sql| answered(sql, &at, b"it")).await.unwrap();
        let answer = Begun::Answered { answer: b"it".to_vec() };
        assert_eq!(begin_at("a", 1, "y", 9_000_000).await.unwrap(), answer);
        assert_eq!(begin_at("a", 2, "y", 9_000_000).await.unwrap(), Begun::Other);
    }
}
