//! What CI simulates. `make simulate` runs many more.

use std::sync::atomic::{AtomicU64, Ordering};

use causeway_simulation::{Faults, Outcome, Plan, Reached, run};

const HEIGHTS: u64 = 15;

fn on_two_threads(seeds: std::ops::Range<u64>) -> Vec<Outcome> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end);
        std::iter::from_fn(take)
            .map(|seed| run(Plan::new(seed, HEIGHTS), false))
            .collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut all = work();
        all.extend(other.join().expect("no seed panics"));
        all
    })
}

#[test]
fn invariant_two_hundred_networks_agree_lose_nothing_and_go_on() {
    let outcomes = on_two_threads(0..200);
    let (mut faults, mut reached) = (Faults::default(), Reached::default());
    for outcome in &outcomes {
        assert_eq!(outcome.violations, Vec::<String>::new(), "seed {}", outcome.seed);
        assert!(outcome.heights >= HEIGHTS);
        faults += outcome.faults;
        reached += outcome.reached;
    }
    // All of it did happen, else this shows nothing.
    for (kind, count) in faults.kinds().chain(reached.kinds()) {
        assert!(count > 0, "no {kind}");
    }
    let mut kinds: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.byzantine).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 13, "{kinds:?}");
}

#[test]
fn invariant_equal_seeds_give_equal_traces() {
    // With real signatures and without, as text and as a digest.
    for seed in [0, 1, 7, 20] {
        let again = || run(Plan::new(seed, HEIGHTS), true).trace;
        let first = again();
        assert!(first.len() > 10_000, "seed {seed}");
        assert!(first == again(), "seed {seed}");
        let digest = || run(Plan::new(seed, HEIGHTS), false).trace;
        assert_eq!(digest(), digest(), "seed {seed}");
    }
}
