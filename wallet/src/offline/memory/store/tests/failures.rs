//! Disks that do not do what they were told.

use super::*;
use crate::offline::memory::Unit;

/// A memory that forgets one of its writes, and says nothing.
struct Forgetful {
    ram: Ram,
    forgets: Option<u64>,
}

impl Memory for Forgetful {
    fn units(&self) -> usize {
        self.ram.units()
    }

    fn read(&self, unit: usize) -> Result<Option<Unit>, MemoryError> {
        self.ram.read(unit)
    }

    fn write(&mut self, unit: usize, content: &Unit) -> Result<(), MemoryError> {
        if self.forgets == Some(0) {
            self.forgets = None;
            return Ok(());
        }
        self.forgets = self.forgets.map(|left| left - 1);
        self.ram.write(unit, content)
    }

    fn sync(&mut self) -> Result<(), MemoryError> {
        self.ram.sync()
    }
}

#[test]
fn nothing_is_released_that_is_not_read_back() {
    // Two units of the slot, and the two copies of the cell.
    for write in 0..4 {
        let ram = ram_at(3);
        let memory = Forgetful { ram, forgets: None };
        let mut store = Store::<_, Count>::open(memory).expect("nothing is damaged");
        store.memory.forgets = Some(write);
        let error = store
            .commit(Staged::new(Count::new(3, 400), ()))
            .expect_err("one is missing");
        assert!(
            matches!(error, CommitError::Memory(MemoryError::NotKept)),
            "{write}: {error}"
        );
        let error = store
            .commit(Staged::new(Count::new(4, 0), ()))
            .expect_err("not opened again");
        assert!(matches!(error, CommitError::Spent), "{error}");
        let mut ram = store.memory.ram;
        let found = open(&mut ram).state().counter;
        // The cell says that the new slot counts once a copy of it was written.
        assert_eq!(found, if write < 2 { 2 } else { 3 }, "{write}");
    }
}

/// After a sync that failed, memory shows a slot that the disk does not have. What was opened from it stays.
#[test]
fn a_slot_whose_sync_failed_is_written_again_before_it_counts() {
    let mut ram = ram_at(3);
    let mut store = open(&mut ram);
    store.memory.fail_next_sync();
    let error = commit(&mut store, &Count::new(3, 900)).expect_err("it is not synced");
    assert!(matches!(error, CommitError::Memory(MemoryError::File(_))), "{error}");
    let mut lost = ram.clone();
    lost.lose_unsynced();
    assert_eq!(open(&mut lost).state().counter, 2, "the disk has the old state alone");
    assert_eq!(open(&mut ram).state().counter, 3, "the cache shows the new one");
    ram.lose_unsynced();
    assert_eq!(open(&mut ram).state().counter, 3);
}
