//! How a hold has ended that the ledger no longer shows, by what was booked while it was open.

use causeway_contracts::{block::Height, identity::AccountId, settlement::ContractId};

use super::{Body, Kind, int, unsigned};
use crate::{
    service::records::followed,
    store::{Sql, StoreError},
};

/// Blocks' times and this gateway's clock are this close.
const CLOCKS_MS: u64 = 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgottenHold {
    /// Of the side's own account, which the hold would have been paid from or to.
    pub account: AccountId,
    pub id: ContractId,
    /// Milliseconds since 1970: made after this, and not open after that.
    pub made_after_ms: u64,
    pub ended_by_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    Posted(Height),
    /// All was booked, and it is not among it.
    None,
    /// Not all was booked, or something of which nobody knows what it was.
    Unclear,
}

/// Slow where the account had many entries meanwhile: for the rare case that nobody looked for a day.
pub fn trace(sql: &mut dyn Sql, hold: &ForgottenHold) -> Result<Trace, StoreError> {
    let until_ms = hold.ended_by_ms.saturating_add(CLOCKS_MS);
    let Some(followed) = followed::find(sql)? else {
        return Ok(Trace::Unclear);
    };
    let since_ms = hold.made_after_ms.saturating_sub(CLOCKS_MS);
    let is_whole = followed.since_ms.0 <= since_ms && followed.time_ms.0 > until_ms;
    if !is_whole || followed.unsettled.contains(&hold.account) {
        return Ok(Trace::Unclear);
    }
    // What nobody explains is booked when it is found, which may be long after it happened.
    let rows = sql.query(
        "SELECT height, body FROM entries WHERE account = $1 AND time_ms >= $2 \
         AND (body LIKE $3 OR body LIKE '%other%')",
        &[
            (&hold.account.to_string()).into(),
            int(since_ms).into(),
            (&format!("%{}%", hold.id)).into(),
        ],
    )?;
    let mut trace = Trace::None;
    for row in rows {
        let body: Body = row.json(1)?;
        if body.contract == Some(hold.id) {
            return Ok(Trace::Posted(Height(unsigned(row.int(0)?, 0)?)));
        }
        if body.kind == Kind::Other {
            trace = Trace::Unclear;
        }
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use causeway_contracts::block::TimeMs;

    use super::{
        super::{
            Entry,
            tests::{ANNA, entry, stored},
        },
        *,
    };
    use crate::{
        service::records::followed::Followed,
        store::{Store, tests::database},
    };

    const HOLD: ContractId = ContractId([7; 20]);

    async fn followed(store: &Store, height: u64, unsettled: BTreeSet<AccountId>) {
        let followed = Followed {
            height: Height(height),
            time_ms: TimeMs(height * 1_000),
            since_ms: TimeMs(100_000),
            unsettled,
        };
        save(store, followed).await;
    }

    async fn save(store: &Store, followed: Followed) {
        let saved = store.write::<_, StoreError, _>(move |sql| followed::save(sql, &followed));
        saved.await.expect("saved");
    }

    async fn find(store: &Store) -> Followed {
        let found = store.read::<_, StoreError, _>(followed::find).await;
        found.expect("read").expect("saved")
    }

    async fn traced(store: &Store) -> Trace {
        let hold = ForgottenHold {
            account: ANNA,
            id: HOLD,
            made_after_ms: 200_000,
            ended_by_ms: 300_000,
        };
        let found = store.read::<_, StoreError, _>(move |sql| trace(sql, &hold));
        found.await.expect("read")
    }

    #[tokio::test]
    async fn it_was_posted_if_that_was_booked_and_not_if_all_was_booked_without_it() {
        let (store, _folder) = database().await;
        assert_eq!(traced(&store).await, Trace::Unclear, "nothing was followed");
        followed(&store, 310, BTreeSet::new()).await;
        assert_eq!(traced(&store).await, Trace::Unclear, "its end may not have been booked");
        followed(&store, 400, BTreeSet::from([ANNA])).await;
        assert_eq!(traced(&store).await, Trace::Unclear, "entries may be missing");
        followed(&store, 500, BTreeSet::new()).await;
        let another = Entry {
            contract: Some(ContractId([8; 20])),
            ..entry(250, 0, -5, "EUR")
        };
        stored(&store, vec![another]).await;
        assert_eq!(traced(&store).await, Trace::None);
        let begun_later = Followed {
            since_ms: TimeMs(250_000),
            ..find(&store).await
        };
        save(&store, begun_later).await;
        assert_eq!(traced(&store).await, Trace::Unclear, "it may have been posted before");
        followed(&store, 500, BTreeSet::new()).await;
        // Found when it was asked about, long after the hold.
        let unknown = Entry {
            kind: Kind::Other,
            ..entry(490, 0, -5, "EUR")
        };
        stored(&store, vec![unknown]).await;
        assert_eq!(traced(&store).await, Trace::Unclear, "that may have been it");
        let posted = Entry {
            contract: Some(HOLD),
            kind: Kind::HoldPosted,
            ..entry(270, 0, -5, "EUR")
        };
        stored(&store, vec![posted]).await;
        assert_eq!(traced(&store).await, Trace::Posted(Height(270)));
    }
}
