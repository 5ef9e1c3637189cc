//! What ends without the ledger.

use causeway_contracts::transaction::Action;
use causeway_wallet::payment;

use super::*;
use crate::service::{
    records::authorizations::tests::{limit_use, taken_on},
    tests::{Office, office},
};

const HOLD: ContractId = ContractId([1; 20]);

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

/// The message has used its amount of the day's limit.
async fn use_limit(office: &Office, row: &Authorization) {
    let (message, payment) = (row.id.clone(), limit_use(row));
    let added = office
        .gateway
        .store
        .write::<_, StoreError, _>(move |sql| payments::add(sql, &message, &payment));
    assert!(added.await.expect("stored"));
}

async fn used(office: &Office) -> u64 {
    let read = office
        .gateway
        .store
        .read::<_, StoreError, _>(|sql| payments::used(sql, "crd_1", 1));
    read.await.expect("read").0
}

/// Any that is signed.
fn transaction(gateway: &Gateway) -> SignedTransaction {
    let us = gateway.account_of(gateway.us());
    let action = Action::Transfer {
        from: us,
        to: us,
        currency: Currency::new("EUR").expect("a code"),
        amount: Amount(1),
    };
    let made = payment::transaction(gateway.genesis(), action, Default::default(), 30);
    made.expect("random bytes")
        .sign(&[gateway.keys.operator().clone()])
        .expect("signed")
}

/// A payment of which so much was returned is paid back so much more, as it was asked for.
async fn paid_back(returned: u64, operation: Operation, amount: u64) -> (Standing, u64) {
    let office = office("").await;
    let mut paid = done("paid", Operation::Purchase, None, Outcome::Approved);
    paid.body.standing = Standing::Paid {
        amount: Amount(1_000),
        returned: Amount(returned),
    };
    paid.body.busy = Some("back".to_owned());
    let mut back = taken_on("back", operation);
    back.state = State::Pending;
    back.body.target = Some("paid".to_owned());
    back.body.step = Some(Step::PayBack { amount: Amount(amount) });
    use_limit(&office, &paid).await;
    add(&office, vec![paid, back]).await;
    let leased = leased(&office, "back", "a", 1).await;
    let by = transaction(&office.gateway);
    let due = end(&office.gateway, leased, Outcome::Approved, Some(&by)).await;
    assert!(matches!(due, Ok(None)), "{due:?}");
    (stored(&office, "paid").await.body.standing, used(&office).await)
}

#[tokio::test]
async fn a_purchase_that_is_reversed_in_full_gives_back_its_use_of_the_days_limit() {
    let paid = |returned| Standing::Paid {
        amount: Amount(1_000),
        returned: Amount(returned),
    };
    assert_eq!(paid_back(0, Operation::Reversal, 1_000).await, (Standing::Nothing, 0));
    assert_eq!(paid_back(400, Operation::Reversal, 600).await, (Standing::Nothing, 0));
    assert_eq!(paid_back(400, Operation::Reversal, 500).await, (paid(900), 1_000));
    assert_eq!(paid_back(400, Operation::Refund, 600).await, (paid(1_000), 1_000));
}

/// A hold of 1,000, of which a later message has done so much.
async fn of_a_hold(operation: Operation, step: Step) -> (Standing, u64) {
    let office = office("").await;
    let mut hold = done("hold", Operation::PreAuthorization, None, Outcome::Approved);
    hold.body.standing = Standing::Held {
        hold: HOLD,
        amount: Amount(1_000),
    };
    hold.body.busy = Some("later".to_owned());
    let mut later = taken_on("later", operation);
    later.state = State::Pending;
    later.body.target = Some("hold".to_owned());
    later.body.step = Some(step);
    use_limit(&office, &hold).await;
    add(&office, vec![hold, later]).await;
    let leased = leased(&office, "later", "a", 1).await;
    let by = transaction(&office.gateway);
    let due = end(&office.gateway, leased, Outcome::Approved, Some(&by)).await;
    assert!(matches!(due, Ok(None)), "{due:?}");
    (stored(&office, "hold").await.body.standing, used(&office).await)
}

#[tokio::test]
async fn what_of_a_hold_is_not_paid_gives_back_its_use_of_the_days_limit() {
    let amount = Amount(400);
    let post = Step::Post { hold: HOLD, amount };
    let (standing, used) = of_a_hold(Operation::Completion, post).await;
    let returned = Amount(0);
    assert_eq!((standing, used), (Standing::Paid { amount, returned }, 400));
    let shrink = Step::Shrink {
        hold: HOLD,
        keep: amount,
    };
    let (standing, used) = of_a_hold(Operation::Reversal, shrink).await;
    assert!(
        matches!(standing, Standing::Held { amount: Amount(400), hold } if hold != HOLD),
        "{standing:?}"
    );
    assert_eq!(used, 400);
    let void = Step::Void { hold: HOLD };
    assert_eq!(of_a_hold(Operation::Reversal, void).await, (Standing::Nothing, 0));
}

#[tokio::test]
async fn only_whoever_ends_a_declined_payment_gives_back_its_use_of_the_days_limit() {
    let office = office("").await;
    let deciding = taken_on("aut_1", Operation::Purchase);
    use_limit(&office, &deciding).await;
    add(&office, vec![deciding]).await;
    let lost = leased(&office, "aut_1", "a", 1).await;
    let held = leased(&office, "aut_1", "b", 1 + jobs::LEASE_MS).await;
    let refused = bring_on(Arc::clone(&office.gateway), lost).await;
    assert!(matches!(refused, Err(StoreError::Changed)), "{refused:?}");
    assert_eq!(used(&office).await, 1_000, "its lease is another's");
    let ended = bring_on(Arc::clone(&office.gateway), held).await;
    assert!(matches!(ended, Ok(None)), "{ended:?}");
    assert_eq!(
        stored(&office, "aut_1").await.body.outcome,
        Some(Outcome::IssuerUnavailable)
    );
    assert_eq!(used(&office).await, 0);
}

#[tokio::test]
async fn a_payment_that_was_approved_meanwhile_keeps_its_use_of_the_days_limit() {
    let office = office("").await;
    let approved = done("aut_1", Operation::Purchase, None, Outcome::Approved);
    use_limit(&office, &approved).await;
    add(&office, vec![approved.clone()]).await;
    let leased = leased(&office, "aut_1", "a", 1).await;
    let due = end(&office.gateway, leased, Outcome::IssuerUnavailable, None).await;
    assert!(matches!(due, Ok(None)), "{due:?}");
    assert_eq!(stored(&office, "aut_1").await, approved);
    assert_eq!(used(&office).await, 1_000);
}
