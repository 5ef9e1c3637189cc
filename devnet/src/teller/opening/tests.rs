use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use anyhow::bail;

use super::*;

/// Which customers are open; a customer is its number.
#[derive(Default)]
struct Ledger {
    open: RefCell<BTreeSet<usize>>,
    asked: Cell<usize>,
    /// Transactions that still come through.
    left: Cell<usize>,
}

impl Ledger {
    fn open_at_once(&self, part: &[usize]) -> anyhow::Result<Opened> {
        let Some(left) = self.left.get().checked_sub(1) else {
            bail!("cut short");
        };
        self.left.set(left);
        let mut open = self.open.borrow_mut();
        if part.iter().any(|customer| open.contains(customer)) {
            return Ok(Opened::NoneSinceOneIs);
        }
        open.extend(part);
        Ok(Opened::All)
    }

    /// A run over customers 0 to `count`, with the parts of a wave in the order that `places` gives,
    /// that ends after so many transactions.
    async fn run(&self, count: usize, places: fn(usize) -> usize, transactions: usize) -> anyhow::Result<()> {
        self.left.set(transactions);
        self.asked.set(0);
        let customers: Vec<_> = (0..count).collect();
        let is_open = async |customer: &usize| {
            self.asked.set(self.asked.get() + 1);
            Ok(self.open.borrow().contains(customer))
        };
        for mut wave in missing(&customers, is_open).await? {
            wave.sort_by_key(|part| places(part[0] / PART));
            for part in wave {
                open_part(part, async |part: &[usize]| self.open_at_once(part)).await?;
            }
        }
        Ok(())
    }

    fn assert_open(&self, count: usize) {
        let open = self.open.borrow();
        let gap = (0..count).find(|customer| !open.contains(customer));
        assert_eq!(gap, None, "of {count}");
    }
}

const ASCENDING: fn(usize) -> usize = |part| part;
const DESCENDING: fn(usize) -> usize = |part| usize::MAX - part;
/// 7 has no divisor in common with 64: another order, in which any part may come first.
const MIXED: fn(usize) -> usize = |part| (part * 7 + 3) % 64;

const ENOUGH: usize = usize::MAX;

#[tokio::test]
async fn more_accounts_than_before_are_all_opened() {
    for (before, after) in [
        (50, 1000),
        (1, 33),
        (1000, 50),
        (2048, 2049),
        (3000, 10_000),
        (10_000, 3000),
    ] {
        let ledger = Ledger::default();
        ledger.run(before, ASCENDING, ENOUGH).await.unwrap();
        ledger.assert_open(before);
        ledger.run(after, ASCENDING, ENOUGH).await.unwrap();
        ledger.assert_open(before.max(after));
    }
}

#[tokio::test]
async fn a_run_that_was_cut_short_anywhere_leaves_no_gap_to_the_next() {
    for places in [ASCENDING, DESCENDING, MIXED] {
        for transactions in (0..250).step_by(3) {
            let ledger = Ledger::default();
            ledger.run(50, places, ENOUGH).await.unwrap();
            let cut = ledger.run(5000, places, transactions).await;
            assert_eq!(cut.is_err(), transactions < 5000 / PART + 32, "{transactions}");
            let _cut_again = ledger.run(7000, places, transactions / 2).await;
            ledger.run(6000, places, ENOUGH).await.unwrap();
            ledger.assert_open(6000);
        }
    }
}

#[tokio::test]
async fn a_million_open_accounts_are_found_open_by_a_few_questions() {
    let ledger = Ledger::default();
    ledger.run(1_000_000, ASCENDING, ENOUGH).await.unwrap();
    ledger.run(1_000_000, ASCENDING, 0).await.unwrap();
    assert!(ledger.asked.get() < 100, "{}", ledger.asked.get());
}
