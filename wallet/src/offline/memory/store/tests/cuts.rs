//! The power is cut at every write there is, and drawn at random.

use super::*;

/// Every mode of a cut, at this write.
fn cuts_at(write: u64) -> impl Iterator<Item = Cut> {
    let leaves = [Leaves::Old, Leaves::New, Leaves::Half, Leaves::Garbage(write)];
    let unsynced = [
        Unsynced::Kept,
        Unsynced::Lost,
        Unsynced::Some(write),
        Unsynced::Some(!write),
    ];
    leaves.into_iter().flat_map(move |leaves| {
        unsynced.map(|unsynced| Cut {
            write,
            leaves,
            unsynced,
        })
    })
}

/// Commits with a cut; whether the commit returned.
fn commit_cut(ram: &mut Ram, cut: Cut, next: &Count) -> bool {
    let mut store = open(ram);
    store.memory.cut(cut);
    let returned = commit(&mut store, next);
    let is_off = ram.is_off();
    ram.restart();
    match returned {
        Ok(released) => {
            assert!(!is_off && released == next.counter);
            true
        }
        Err(CommitError::Memory(MemoryError::PowerLost)) => {
            assert!(is_off);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// It opens with the old or the new state, the new one if it has to, and the same again; and goes on.
/// Whether it was the new one.
fn check_recovered(ram: &mut Ram, old: &Count, new: &Count, must_be_new: bool) -> bool {
    let found = open(ram).state().clone();
    assert!(found == *new || (found == *old && !must_be_new), "{found:?}");
    assert_eq!(*open(&mut ram.clone()).state(), found, "a state that was read stays");
    let after = Count::new(new.counter + 1, 77);
    let mut next = ram.clone();
    commit(&mut open(&mut next), &after).expect("it goes on");
    assert_eq!(*open(&mut next).state(), after);
    found == *new
}

#[test]
fn invariant_a_cut_at_any_write_leaves_the_old_or_the_new_state() {
    let (mut olds, mut news, mut second_cuts) = (0, 0, 0);
    // The first commit of a memory, one into the other slot, and one over other content.
    for (generation, filling_bytes) in [(1, 900), (2, 0), (5, 500)] {
        let before = ram_at(generation);
        let old = open(&mut before.clone()).state().clone();
        let new = Count::new(generation as u32, filling_bytes);
        let mut counted = before.clone();
        commit(&mut open(&mut counted), &new).expect("there is power");
        let writes = counted.writes() - before.writes();
        // The power goes before anything else is written.
        let at_once = Cut {
            write: 0,
            leaves: Leaves::Old,
            unsynced: Unsynced::Lost,
        };
        let mut ram = counted.clone();
        assert!(!commit_cut(&mut ram, at_once, &Count::new(new.counter + 1, 0)));
        assert_eq!(*open(&mut ram).state(), new);
        // The one after the last is never reached.
        for cut in (0..=writes).flat_map(cuts_at) {
            let mut ram = before.clone();
            let returned = commit_cut(&mut ram, cut, &new);
            assert_eq!(returned, cut.write == writes);
            let torn = ram.clone();
            if check_recovered(&mut ram, &old, &new, returned) {
                news += 1;
            } else {
                olds += 1;
            }
            // And a second cut at every write of the recovery.
            for second in (0..ram.writes() - torn.writes()).flat_map(cuts_at) {
                let mut ram = torn.clone();
                ram.cut(second);
                assert!(Store::<_, Count>::open(&mut ram).is_err(), "{second:?}");
                ram.restart();
                check_recovered(&mut ram, &old, &new, returned);
                second_cuts += 1;
            }
        }
    }
    assert!(
        olds > 100 && news > 100 && second_cuts > 1000,
        "{olds} {news} {second_cuts}"
    );
}

#[derive(Debug, Clone)]
enum Step {
    Commit { next: Next, cut: Option<Cut> },
    Restart,
    RestartCut(Cut),
}

#[derive(Debug, Clone, Copy)]
struct Next {
    grows_by: u32,
    filling_bytes: usize,
}

fn cut() -> impl Strategy<Value = Cut> {
    let leaves = prop_oneof![
        Just(Leaves::Old),
        Just(Leaves::New),
        Just(Leaves::Half),
        any::<u64>().prop_map(Leaves::Garbage),
    ];
    let unsynced = prop_oneof![
        Just(Unsynced::Kept),
        Just(Unsynced::Lost),
        any::<u64>().prop_map(Unsynced::Some),
    ];
    (0..7_u64, leaves, unsynced).prop_map(|(write, leaves, unsynced)| Cut {
        write,
        leaves,
        unsynced,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let next = (0..5_u32, 0..PAYLOAD_BYTES - 4).prop_map(|(grows_by, filling_bytes)| Next {
        grows_by,
        filling_bytes,
    });
    prop_oneof![
        4 => (next, prop::option::of(cut())).prop_map(|(next, cut)| Step::Commit { next, cut }),
        1 => Just(Step::Restart),
        2 => cut().prop_map(Step::RestartCut),
    ]
}

proptest! {
    /// The model: the state that was last known, and one that a torn commit may have left.
    #[test]
    fn invariant_commits_and_cuts_in_any_order_lose_nothing_released(steps in prop::collection::vec(step(), 1..60)) {
        let mut ram = new_ram();
        let (mut known, mut maybe) = (Count::new(0, 0), None::<Count>);
        let (mut generation, mut released) = (Generation(0), 0);
        for step in steps {
            if let Step::RestartCut(cut) = step {
                ram.cut(cut);
                if let Err(error) = Store::<_, Count>::open(&mut ram) {
                    prop_assert!(matches!(error, OpenError::Memory(MemoryError::PowerLost)), "{}", error);
                }
                ram.restart();
                continue;
            }
            let store = open(&mut ram);
            let found = store.state().clone();
            prop_assert!(found == known || Some(&found) == maybe.as_ref());
            prop_assert!(found.counter >= released, "a counter that was released went down");
            prop_assert!(store.generation() >= generation);
            generation = store.generation();
            (known, maybe) = (found, None);
            let Step::Commit { next, cut } = step else { continue };
            let next = Count::new(known.counter + next.grows_by, next.filling_bytes);
            let returned = match cut {
                Some(cut) => commit_cut(&mut ram, cut, &next),
                None => commit(&mut open(&mut ram), &next).is_ok(),
            };
            if returned {
                released = next.counter;
                known = next;
            } else {
                prop_assert!(cut.is_some());
                maybe = Some(next);
            }
        }
    }
}
