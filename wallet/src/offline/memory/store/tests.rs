use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::offline::memory::{
    PAYLOAD_BYTES_MAX, UNIT_BYTES,
    ram::{Cut, Leaves, Ram, Unsynced},
};

mod cuts;
mod failures;

/// What the tests keep: a counter that only grows, and so many bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Count {
    counter: u32,
    filling: Vec<u8>,
}

impl Count {
    fn new(counter: u32, filling_bytes: usize) -> Self {
        Self {
            counter,
            filling: (0..filling_bytes).map(|at| (counter as usize + at) as u8).collect(),
        }
    }
}

impl State for Count {
    type Error = Infallible;

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = self.counter.to_be_bytes().to_vec();
        bytes.extend(&self.filling);
        Zeroizing::new(bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, Infallible> {
        let (counter, filling) = bytes.split_first_chunk().expect("what was encoded");
        Ok(Self {
            counter: u32::from_be_bytes(*counter),
            filling: filling.to_vec(),
        })
    }

    fn may_follow(&self, before: &Self) -> bool {
        self.counter >= before.counter
    }
}

type Counts<'a> = Store<&'a mut Ram, Count>;

/// The most that a state of the tests has: four units.
const PAYLOAD_BYTES: usize = 1000;

fn new_ram() -> Ram {
    Ram::new(format(&Count::new(0, 0), PAYLOAD_BYTES).expect("it fits"))
}

/// One that is at this generation, each commit of another length.
fn ram_at(generation: u64) -> Ram {
    let mut ram = new_ram();
    let mut store = open(&mut ram);
    for counter in 1..generation {
        commit(&mut store, &Count::new(counter as u32, 300 * (counter as usize % 4))).expect("there is power");
    }
    assert_eq!(store.generation(), Generation(generation));
    ram
}

fn open(ram: &mut Ram) -> Counts<'_> {
    Store::open(ram).unwrap_or_else(|error| panic!("{error}"))
}

fn commit(store: &mut Counts<'_>, next: &Count) -> Result<u32, CommitError> {
    store.commit(Staged::new(next.clone(), next.counter))
}

fn damage_of(ram: &mut Ram) -> Damage {
    let before = ram.clone().content().to_vec();
    let damage = match Store::<_, Count>::open(&mut *ram) {
        Err(OpenError::Locked(damage)) => damage,
        Err(error) => panic!("{error}"),
        Ok(store) => panic!("it opened at {}", store.generation()),
    };
    assert_eq!(ram.content(), before, "nothing is written to what is locked");
    damage
}

/// Where the slots of the tests' memories are.
fn slot_at(slot: usize) -> std::ops::Range<usize> {
    let first = 2 + slot * 4;
    first..first + 4
}

fn tear(ram: &mut Ram, slot: usize) {
    ram.content()[slot_at(slot).start][100] ^= 1;
}

#[test]
fn a_state_is_what_was_committed_last() {
    let mut ram = new_ram();
    let mut store = open(&mut ram);
    assert_eq!(*store.state(), Count::new(0, 0));
    assert_eq!(
        commit(&mut store, &Count::new(1, PAYLOAD_BYTES - 4)).expect("it fits"),
        1
    );
    assert_eq!(*store.state(), Count::new(1, PAYLOAD_BYTES - 4));
    drop(store);
    let store = open(&mut ram);
    assert_eq!(*store.state(), Count::new(1, PAYLOAD_BYTES - 4));
    assert_eq!(store.generation(), Generation(2));
}

/// CRC-32 as computed elsewhere (Python's `zlib.crc32`).
#[test]
fn golden_bytes_of_a_new_memory() {
    let units = format(&Count::new(0x0102_0304, 0), 4).expect("it fits");
    let mut cells = [[0; UNIT_BYTES]; 2];
    for (cell, crc) in cells.iter_mut().zip(["90753a06", "870e2e45"]) {
        let bytes = hex::decode(std::format!("0000000000000001{crc}")).expect("hexadecimal");
        cell[..12].copy_from_slice(&bytes);
    }
    let mut slot = [0; UNIT_BYTES];
    slot[..20].copy_from_slice(&hex::decode("000000000000000100000004010203044b44eb21").expect("hexadecimal"));
    assert_eq!(*units, [cells[0], cells[1], [0; UNIT_BYTES], slot]);
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut ram = ram_at(3);
    let writes = ram.writes();
    let mut store = open(&mut ram);
    let error = commit(&mut store, &Count::new(9, 1100)).expect_err("it is too long");
    assert!(
        matches!(
            error,
            CommitError::TooLong(TooLong {
                bytes: 1104,
                bytes_max: 1008
            })
        ),
        "{error}"
    );
    commit(&mut store, &Count::new(9, 1004)).expect("what fits is committed after it");
    drop(store);
    // Nothing for the first, four units and two copies of the cell for the second.
    assert_eq!(ram.writes(), writes + 6);
    assert_eq!(
        format(&Count::new(0, 0), PAYLOAD_BYTES_MAX + 1),
        Err(TooLong {
            bytes: PAYLOAD_BYTES_MAX + 1,
            bytes_max: PAYLOAD_BYTES_MAX
        })
    );
}

#[test]
#[should_panic(expected = "a counter of the purse would go down")]
fn a_counter_that_would_go_down_is_not_committed() {
    let mut ram = ram_at(3);
    let _ = commit(&mut open(&mut ram), &Count::new(1, 0));
}

#[test]
fn nothing_is_done_after_a_failed_write() {
    let mut ram = ram_at(3);
    let cut = Cut {
        write: 1,
        leaves: Leaves::New,
        unsynced: Unsynced::Kept,
    };
    ram.cut(cut);
    let mut store = open(&mut ram);
    let first = commit(&mut store, &Count::new(3, 900)).expect_err("no power");
    assert!(matches!(first, CommitError::Memory(MemoryError::PowerLost)), "{first}");
    let second = commit(&mut store, &Count::new(4, 0)).expect_err("not opened again");
    assert!(matches!(second, CommitError::Spent), "{second}");
}

/// Attack 16: the slot that was being written is corrupt, and the older one is that of the cell.
#[test]
fn the_older_slot_is_used_if_nothing_of_the_newer_was_released() {
    let mut ram = ram_at(4);
    // Generation 4 is in the even slot.
    tear(&mut ram, 1);
    assert_eq!(open(&mut ram).state().counter, 3);
}

/// Attack 16: the slot of what was released is corrupt, or both are.
#[test]
fn a_released_state_that_is_corrupt_locks() {
    let mut ram = ram_at(4);
    tear(&mut ram, 0);
    let cell = Generation(4);
    assert_eq!(
        damage_of(&mut ram),
        Damage::Slots {
            cell,
            slots: [None, Some(Generation(3))]
        }
    );
    tear(&mut ram, 1);
    let damage = damage_of(&mut ram);
    assert_eq!(
        damage,
        Damage::Slots {
            cell,
            slots: [None, None]
        }
    );
    assert_eq!(
        damage.to_string(),
        "its generation is 4, and the slots hold nothing whole and nothing whole"
    );
}

#[test]
fn a_single_slot_that_is_rolled_back_locks() {
    let mut older = ram_at(4);
    for (slot, slots) in [(0, [4, 5]), (1, [6, 3])] {
        let mut ram = ram_at(6);
        ram.content()[slot_at(slot)].copy_from_slice(&older.content()[slot_at(slot)]);
        let slots = slots.map(|generation| Some(Generation(generation)));
        assert_eq!(
            damage_of(&mut ram),
            Damage::Slots {
                cell: Generation(6),
                slots
            }
        );
    }
}

#[test]
fn cells_that_are_rolled_back_lock_or_change_nothing() {
    let rolled_back_by = |generations: u64, copies: &[usize]| {
        let mut ram = ram_at(6);
        let mut older = ram_at(6 - generations);
        for copy in copies {
            ram.content()[*copy] = older.content()[*copy];
        }
        ram
    };
    for copies in [&[0_usize] as &[_], &[1], &[0, 1]] {
        assert_eq!(open(&mut rolled_back_by(1, copies)).state().counter, 5);
    }
    let slots = [Some(Generation(6)), Some(Generation(5))];
    let damage = damage_of(&mut rolled_back_by(2, &[0, 1]));
    assert_eq!(
        damage,
        Damage::Slots {
            cell: Generation(4),
            slots
        }
    );
    let damage = damage_of(&mut rolled_back_by(2, &[1]));
    assert_eq!(damage, Damage::CellsDisagree(Generation(6), Generation(4)));
    let mut ram = ram_at(6);
    ram.content()[0][0] ^= 1;
    assert_eq!(open(&mut ram.clone()).state().counter, 5, "one copy is enough");
    ram.content()[1][200] ^= 1;
    assert_eq!(damage_of(&mut ram), Damage::NoCell);
}

/// What only the ledger finds (attack 17).
#[test]
fn a_whole_memory_that_is_rolled_back_opens() {
    assert_eq!(open(&mut ram_at(4).clone()).state().counter, 3);
}

#[test]
fn no_place_has_content_that_is_good_in_another() {
    let mut ram = ram_at(4);
    ram.content().copy_within(0..1, 1);
    assert_eq!(
        open(&mut ram.clone()).state().counter,
        3,
        "a copy of the cell in the other's place is torn"
    );
    ram.content().copy_within(slot_at(0), slot_at(1).start);
    assert_eq!(open(&mut ram.clone()).state().counter, 3, "so is a slot");
    ram.content()[slot_at(0)].fill([0; UNIT_BYTES]);
    let cell = Generation(4);
    assert_eq!(
        damage_of(&mut ram),
        Damage::Slots {
            cell,
            slots: [None, None]
        }
    );
}

#[test]
fn memories_of_other_sizes_are_refused() {
    for units in [0, 1, 2, 3, 5, 2 + 2 * 4098] {
        let error = Store::<_, Count>::open(Ram::new(vec![[0; UNIT_BYTES]; units])).err();
        assert!(matches!(error, Some(OpenError::Size { units: refused }) if refused == units));
    }
}

proptest! {
    /// A memory of any content opens or says why not.
    #[test]
    fn no_content_panics(content in prop::collection::vec(any::<[u8; 12]>(), 10), broken in 0..10_usize, at in 0..UNIT_BYTES) {
        let mut ram = ram_at(4);
        ram.content()[broken][at] ^= content[broken][0];
        let _ = Store::<_, Count>::open(&mut ram);
        for (unit, bytes) in ram.content().iter_mut().zip(&content) {
            unit[..12].copy_from_slice(bytes);
        }
        prop_assert!(matches!(Store::<_, Count>::open(&mut ram), Err(OpenError::Locked(_))));
    }
}
