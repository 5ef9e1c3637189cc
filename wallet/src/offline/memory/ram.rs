//! Memory whose power can be cut at any write, for tests and simulations.

use std::{collections::BTreeMap, io, path::Path};

use super::{Memory, MemoryError, UNIT_BYTES, Unit};
use crate::durable::FileError;

/// A loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// At which write from now on; 0 is the next one.
    pub write: u64,
    pub leaves: Leaves,
    pub unsynced: Unsynced,
}

/// What the write is found to have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    Old,
    New,
    /// The first half of the new content, the second of the old.
    Half,
    /// Bytes drawn from a seed.
    Garbage(u64),
}

/// What is found of the writes before it that no sync has followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    Kept,
    Lost,
    /// Each kept or lost, as drawn from a seed.
    Some(u64),
}

/// A memory that is all there is of it: a clone is a copy of every byte, and a way to put it back.
#[derive(Debug, Clone)]
pub struct Ram {
    units: Vec<Unit>,
    /// What each write since the last sync has replaced, the latest last.
    replaced: Vec<(usize, Unit)>,
    /// What is really there of units whose sync failed.
    missed: BTreeMap<usize, Unit>,
    writes: u64,
    cut: Option<Cut>,
    next_sync_fails: bool,
    is_off: bool,
}

impl Ram {
    pub fn new(units: impl AsRef<[Unit]>) -> Self {
        Self {
            units: units.as_ref().to_vec(),
            replaced: Vec::new(),
            missed: BTreeMap::new(),
            writes: 0,
            cut: None,
            next_sync_fails: false,
            is_off: false,
        }
    }

    /// Plans a loss of power. From then on, everything fails until [`restart`](Self::restart).
    pub fn cut(&mut self, cut: Cut) {
        self.cut = Some(Cut {
            write: self.writes + cut.write,
            ..cut
        });
    }

    /// As on a disk under Linux: the next sync fails, and until the power goes, reads show what was written before it,
    /// and later syncs do not fail. Only what is written again is there then.
    pub fn fail_next_sync(&mut self) {
        self.next_sync_fails = true;
    }

    /// The power goes between two writes, and what was not synced with it.
    pub fn lose_unsynced(&mut self) {
        self.lose_writes(Unsynced::Lost);
    }

    /// The power is back, and no cut is planned.
    pub fn restart(&mut self) {
        self.cut = None;
        self.is_off = false;
    }

    pub fn is_off(&self) -> bool {
        self.is_off
    }

    /// How many writes there have been.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// The content, for whoever damages it or puts an older one back.
    pub fn content(&mut self) -> &mut [Unit] {
        &mut self.units
    }

    fn lose_power(&mut self, cut: Cut, unit: usize, new: &Unit) {
        self.is_off = true;
        self.lose_writes(cut.unsynced);
        let old = self.units[unit];
        self.units[unit] = match cut.leaves {
            Leaves::Old => old,
            Leaves::New => *new,
            Leaves::Half => {
                let mut half = old;
                half[..UNIT_BYTES / 2].copy_from_slice(&new[..UNIT_BYTES / 2]);
                half
            }
            Leaves::Garbage(seed) => {
                let mut draw = draws(seed);
                std::array::from_fn(|_| draw().to_be_bytes()[0])
            }
        };
    }

    fn lose_writes(&mut self, unsynced: Unsynced) {
        let mut draw = draws(match unsynced {
            Unsynced::Some(seed) => seed,
            Unsynced::Kept | Unsynced::Lost => 0,
        });
        for (unit, old) in std::mem::take(&mut self.replaced).into_iter().rev() {
            let is_lost = match unsynced {
                Unsynced::Kept => false,
                Unsynced::Lost => true,
                Unsynced::Some(_) => draw() >> 63 == 1,
            };
            if is_lost {
                self.units[unit] = old;
            } else {
                self.missed.remove(&unit);
            }
        }
        for (unit, content) in std::mem::take(&mut self.missed) {
            self.units[unit] = content;
        }
    }

    fn powered(&self) -> Result<(), MemoryError> {
        if self.is_off {
            Err(MemoryError::PowerLost)
        } else {
            Ok(())
        }
    }
}

impl Memory for Ram {
    fn units(&self) -> usize {
        self.units.len()
    }

    fn read(&self, unit: usize) -> Result<Option<Unit>, MemoryError> {
        self.powered()?;
        Ok(Some(self.units[unit]))
    }

    fn write(&mut self, unit: usize, content: &Unit) -> Result<(), MemoryError> {
        self.powered()?;
        let write = self.writes;
        self.writes += 1;
        if let Some(cut) = self.cut.filter(|cut| cut.write == write) {
            self.lose_power(cut, unit, content);
            return Err(MemoryError::PowerLost);
        }
        self.replaced.push((unit, self.units[unit]));
        self.units[unit] = *content;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), MemoryError> {
        self.powered()?;
        if std::mem::take(&mut self.next_sync_fails) {
            // The first of a unit's writes tells what is there.
            for (unit, old) in self.replaced.drain(..) {
                self.missed.entry(unit).or_insert(old);
            }
            let failed = FileError::new("sync", Path::new("a memory that a test fails"));
            return Err(failed(io::Error::other("it was made to fail")).into());
        }
        for (unit, _) in self.replaced.drain(..) {
            self.missed.remove(&unit);
        }
        Ok(())
    }
}

/// Steele, Lea and Flood's SplitMix64: enough to look like nothing that was ever written.
fn draws(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
