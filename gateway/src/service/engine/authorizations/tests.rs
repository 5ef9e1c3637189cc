//! What ends without the ledger.

use causeway_contracts::money::Amount;

use super::*;
use crate::service::{
    records::authorizations::tests::taken_on,
    tests::{Office, office},
};

/// Brought to its end before.
fn done(id: &str, operation: Operation, target: Option<&str>, outcome: Outcome) -> Authorization {
    let mut row = taken_on(id, operation);
    row.finish(outcome);
    row.body.target = target.map(str::to_owned);
    row
}

async fn add(office: &Office, rows: Vec<Authorization>) {
    let added = office.gateway.store.write::<_, StoreError, _>(move |sql| {
        for row in &rows {
            assert!(authorizations::add(sql, row)?);
        }
        Ok(())
    });
    added.await.expect("stored");
}

async fn stored(office: &Office, id: &'static str) -> Authorization {
    let read = office
        .gateway
        .store
        .read::<_, StoreError, _>(move |sql| authorizations::any(sql, id));
    read.await.expect("read").expect("it is stored")
}

/// Leased at that time.
async fn leased(office: &Office, id: &'static str, lease: &'static str, now_ms: u64) -> Leased {
    let claimed = office.gateway.store.write::<_, StoreError, _>(move |sql| {
        jobs::kick(sql, jobs::Kind::Authorization, id, now_ms)?;
        jobs::claim(sql, jobs::Kind::Authorization, lease, 1, now_ms)
    });
    claimed.await.expect("claimed").remove(0)
}

/// Reverses it, and says what became of the reversal.
async fn reversed(office: &Office, id: &'static str, target: &str) -> Option<Outcome> {
    let mut reversal = taken_on(id, Operation::Reversal);
    reversal.body.amount = Amount(0);
    reversal.body.target = Some(target.to_owned());
    reversal.state = State::Pending;
    add(office, vec![reversal]).await;
    let leased = leased(office, id, "a", 1).await;
    let due = bring_on(Arc::clone(&office.gateway), leased.clone()).await;
    assert!(matches!(due, Ok(None)), "{due:?}");
    let ended = office.gateway.store.write(move |sql| jobs::release(sql, &leased, None));
    assert!(!ended.await.expect("released"));
    stored(office, id).await.body.outcome
}

#[tokio::test]
async fn what_was_about_a_payment_is_not_undone_and_nobody_says_so() {
    let office = office("").await;
    let mut paid = done("paid", Operation::Purchase, None, Outcome::Approved);
    paid.body.standing = Standing::Paid {
        amount: Amount(1_000),
        returned: Amount(400),
    };
    let rows = vec![
        paid.clone(),
        done("refund", Operation::Refund, Some("paid"), Outcome::Approved),
        done("reversal", Operation::Reversal, Some("paid"), Outcome::Approved),
        done("declined", Operation::Refund, Some("paid"), Outcome::InvalidAmount),
    ];
    add(&office, rows).await;
    assert_eq!(
        reversed(&office, "r1", "refund").await,
        Some(Outcome::InvalidTransaction)
    );
    assert_eq!(
        reversed(&office, "r2", "reversal").await,
        Some(Outcome::InvalidTransaction)
    );
    assert_eq!(
        reversed(&office, "r3", "declined").await,
        Some(Outcome::Approved),
        "there is nothing to undo"
    );
    assert_eq!(stored(&office, "paid").await, paid);
}
