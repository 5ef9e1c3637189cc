//! A gateway dies at each step of a payout, and another goes on.

use std::{collections::BTreeMap, future::pending, sync::Mutex};

use futures::future::{Either, select};
use tokio::sync::Notify;

use super::*;

/// Where it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kill {
    /// What it has signed is stored, and nobody was given it.
    BeforeSending,
    /// The ledger has applied it, and nobody here knows.
    BeforeHearing,
    Never,
}

/// Transfers that the ledger has applied, by transaction. One that comes again is not applied again.
#[derive(Default)]
struct Ledger {
    applied: Mutex<BTreeMap<TxId, Vec<u64>>>,
}

impl Ledger {
    fn apply(&self, signed: &SignedTransaction) {
        let mut applied = self.applied.lock().expect("nobody has panicked");
        applied.insert(signed.id(), transfers(signed));
    }

    fn paid(&self) -> u64 {
        let applied = self.applied.lock().expect("nobody has panicked");
        applied.values().flatten().sum()
    }
}

async fn attempt(shop: &Shop, ledger: &Ledger, leased: Leased, kill: Kill) {
    let dies = Notify::new();
    let send = |signed: SignedTransaction, _: Delivery| {
        let dies = &dies;
        async move {
            if kill != Kill::BeforeSending {
                ledger.apply(&signed);
            }
            if kill != Kill::Never {
                dies.notify_one();
                pending::<()>().await;
            }
            applied()
        }
    };
    let job = Box::pin(pay(Arc::clone(&shop.office.gateway), leased, send));
    match select(job, Box::pin(dies.notified())).await {
        Either::Left((done, _)) => {
            assert_eq!(done.expect("done"), None);
        }
        Either::Right(_) => assert_ne!(kill, Kill::Never, "it was killed"),
    }
}

#[actix_web::test]
async fn invariant_a_settlement_is_paid_once_wherever_a_gateway_dies() {
    for kills in [
        vec![],
        vec![Kill::BeforeSending],
        vec![Kill::BeforeHearing],
        vec![Kill::BeforeSending, Kill::BeforeHearing, Kill::BeforeHearing],
    ] {
        let shop = shop_with(ACQUIRING).await;
        shop.put(shop.terms("t0")).await;
        let ledger = Ledger::default();
        let mut due = 0;
        for reference in ["A-1", "A-2"] {
            let order = shop.order(reference).await;
            shop.pay(&order).await;
            // Between that and the payout's job there is no step: one transaction has both.
            due += shop
                .close(0)
                .await
                .made
                .iter()
                .map(|made| made.body.settlement.paid().0)
                .sum::<u64>();
            for kill in kills.iter().copied().chain([Kill::Never, Kill::Never]) {
                for leased in shop.leased().await {
                    attempt(&shop, &ledger, leased, kill).await;
                }
            }
            assert!(shop.close(0).await.made.is_empty());
        }
        assert_eq!((ledger.paid(), due), (2 * 975, 2 * 975), "{kills:?}");
        let told = shop.get("/v1/settlements").await;
        let told = told["data"].as_array().expect("a list").clone();
        let ids: Vec<_> = told
            .iter()
            .map(|one| one["transaction"].as_str().map(str::to_owned))
            .collect();
        let applied = ledger.applied.lock().expect("nobody has panicked");
        assert_eq!((ids.len(), applied.len()), (2, 2));
        assert!(
            ids.iter()
                .flatten()
                .all(|id| applied.keys().any(|known| known.to_string() == *id))
        );
    }
}

/// A gateway that was taken for dead writes nothing any more.
#[actix_web::test]
async fn who_has_lost_the_lease_ends_nothing() {
    let shop = shop_with(ACQUIRING).await;
    shop.put(shop.terms("t1")).await;
    let order = shop.order("A-1").await;
    shop.pay(&order).await;
    shop.settle_now("a").await;
    let mut other = shop.leased().await.remove(0);
    other.lease = "other".to_owned();
    let send = |_: SignedTransaction, _: Delivery| async { panic!("nothing is sent") };
    let done = pay(Arc::clone(&shop.office.gateway), other, send).await;
    assert!(matches!(done, Err(StoreError::Changed)), "{done:?}");
}
