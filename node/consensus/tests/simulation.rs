//! Replicas in virtual time, on a network that loses, delays, repeats and splits, and on disks that lose
//! what was not synced.

mod simulation {
    pub mod chance;
    pub mod disk;
    pub mod toy;
    pub mod world;
}

use simulation::world::{Outcome, Plan, World};

const SEEDS: u64 = 100;

/// Every invariant is checked at every step of the way; see `World`.
fn run(plan: impl Fn(u64) -> Plan + Sync, seeds: std::ops::Range<u64>) -> Vec<Outcome> {
    let next = std::sync::Mutex::new(seeds);
    let outcomes = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = next.lock().expect("no thread panics while it holds this").next() else {
                        break;
                    };
                    let outcome = World::new(plan(seed)).run();
                    outcomes
                        .lock()
                        .expect("no thread panics while it holds this")
                        .push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("no thread has panicked")
}

fn total(outcomes: &[Outcome], count: impl Fn(&Outcome) -> u64) -> u64 {
    outcomes.iter().map(count).sum()
}

#[test]
fn invariant_agreement_and_no_double_sign_under_faults() {
    let outcomes = run(Plan::faulty, 0..SEEDS);
    for outcome in &outcomes {
        outcome.assert_good();
    }
    // The faults did happen, else this shows nothing.
    assert!(total(&outcomes, |o| o.crashes) > 100);
    assert!(total(&outcomes, |o| o.replayed) > 100);
    assert!(total(&outcomes, |o| o.caught_up) > 100);
    assert!(total(&outcomes, |o| o.later_rounds) > 20);
}

#[test]
fn invariant_agreement_with_a_silent_replica() {
    for outcome in run(|seed| Plan::faulty(seed).with_silent(), 1000..1000 + SEEDS / 4) {
        outcome.assert_good();
    }
}

#[test]
fn invariant_agreement_with_an_equivocating_replica() {
    let outcomes = run(|seed| Plan::faulty(seed).with_equivocator(), 2000..2000 + SEEDS / 4);
    for outcome in &outcomes {
        outcome.assert_good();
    }
    assert!(total(&outcomes, |o| o.evidence) > 10);
}

#[test]
fn invariant_agreement_with_a_wrong_clock() {
    for outcome in run(|seed| Plan::faulty(seed).with_wrong_clock(), 3000..3000 + SEEDS / 4) {
        outcome.assert_good();
    }
}

/// Without syncs before sending, crashes make replicas sign twice: the harness can tell.
#[test]
fn the_sign_record_and_log_are_what_prevents_double_signs() {
    let outcomes = run(|seed| Plan::faulty(seed).without_sync(), 4000..4000 + SEEDS / 4);
    assert!(total(&outcomes, |o| o.double_signs) > 0);
}

#[test]
fn invariant_equal_seeds_give_equal_traces() {
    for seed in 0..6 {
        let plan = || Plan::faulty(seed).with_equivocator();
        assert_eq!(
            World::new(plan()).run().trace,
            World::new(plan()).run().trace,
            "seed {seed}"
        );
    }
}
