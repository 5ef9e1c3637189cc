//! Where in a memory what is: two copies of the generation cell, then the slots of even and of odd
//! generations, equally long.
//!
//! | what | bytes |
//! | --- | --- |
//! | cell, a unit | generation (8, big-endian), CRC-32 (4), zeros |
//! | slot, one or more units | generation (8), length of the payload (4), payload, CRC-32 (4), zeros |
//!
//! The CRC of a cell begins with `purse cell` and the number of the copy, 0 or 1; that of a slot with
//! `purse slot`; then both cover what stands before them. So no place's content is good in another.

use std::{fmt, ops::Range};

use zeroize::Zeroizing;

use super::{Memory, MemoryError, UNIT_BYTES, Unit};

/// No slot holds more.
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

const CELLS: usize = 2;
const SLOTS: usize = 2;
const HEAD_BYTES: usize = 8 + 4;
const CRC_BYTES: usize = 4;

/// How many states there have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u64);

impl Generation {
    pub(super) const FIRST: Self = Self(1);

    pub(super) fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    pub(super) fn is_next_of(self, before: Self) -> bool {
        before.next() == Some(self)
    }

    /// Which slot is its own.
    pub(super) fn slot(self) -> usize {
        usize::from(!self.0.is_multiple_of(2))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A state does not fit in a slot. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a state of {bytes} bytes, and a slot of this memory holds {bytes_max}")]
pub struct TooLong {
    pub bytes: usize,
    pub bytes_max: usize,
}

/// A slot that is whole.
pub(super) struct Slot {
    pub generation: Generation,
    pub payload: Zeroizing<Vec<u8>>,
}

/// Slots of so many units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    slot_units: usize,
}

impl Layout {
    /// Of a memory of so many units; `None` if no memory of this program has that many.
    pub fn of(units: usize) -> Option<Self> {
        let slots = units.checked_sub(CELLS)?;
        let slot_units = slots / SLOTS;
        let is_known = slots.is_multiple_of(SLOTS) && (1..=slot_units_for(PAYLOAD_BYTES_MAX)).contains(&slot_units);
        is_known.then_some(Self { slot_units })
    }

    /// With room for payloads of so many bytes.
    pub fn for_payloads(bytes_max: usize) -> Result<Self, TooLong> {
        if bytes_max > PAYLOAD_BYTES_MAX {
            return Err(TooLong {
                bytes: bytes_max,
                bytes_max: PAYLOAD_BYTES_MAX,
            });
        }
        Ok(Self {
            slot_units: slot_units_for(bytes_max),
        })
    }

    pub fn units(self) -> usize {
        CELLS + SLOTS * self.slot_units
    }

    /// The parts of it that may not be torn together: the copies of the cell, and the slots.
    pub fn parts(self) -> [Range<usize>; CELLS + SLOTS] {
        [0..1, 1..2, self.slot_at(0), self.slot_at(1)]
    }

    pub fn payload_bytes_max(self) -> usize {
        (self.slot_units * UNIT_BYTES - HEAD_BYTES - CRC_BYTES).min(PAYLOAD_BYTES_MAX)
    }

    fn slot_at(self, slot: usize) -> Range<usize> {
        let first = CELLS + slot * self.slot_units;
        first..first + self.slot_units
    }

    /// The units of a state's slot, each with its place.
    pub fn slot(
        self,
        generation: Generation,
        payload: &[u8],
    ) -> Result<impl Iterator<Item = (usize, Zeroizing<Unit>)> + use<>, TooLong> {
        let bytes_max = self.payload_bytes_max();
        if payload.len() > bytes_max {
            return Err(TooLong {
                bytes: payload.len(),
                bytes_max,
            });
        }
        let bytes = slot_bytes(generation, payload);
        let first = self.slot_at(generation.slot()).start;
        Ok((0..bytes.len() / UNIT_BYTES).map(move |index| {
            let unit = &bytes[index * UNIT_BYTES..][..UNIT_BYTES];
            (first + index, Zeroizing::new(unit.try_into().expect("a unit's length")))
        }))
    }

    /// `None` if it is not whole.
    pub fn read_slot(self, memory: &impl Memory, slot: usize) -> Result<Option<Slot>, MemoryError> {
        let place = self.slot_at(slot);
        let Some(head) = memory.read(place.start)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let generation = Generation(u64::from_be_bytes(head[..8].try_into().expect("8 bytes")));
        let length = u32::from_be_bytes(head[8..HEAD_BYTES].try_into().expect("4 bytes")) as usize;
        if length > self.payload_bytes_max() || generation.slot() != slot {
            return Ok(None);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(slot_units_for(length) * UNIT_BYTES));
        bytes.extend_from_slice(head.as_slice());
        for unit in place.skip(1).take(slot_units_for(length) - 1) {
            match memory.read(unit)?.map(Zeroizing::new) {
                Some(content) => bytes.extend_from_slice(content.as_slice()),
                None => return Ok(None),
            }
        }
        let payload = Zeroizing::new(bytes[HEAD_BYTES..][..length].to_vec());
        let is_whole = slot_bytes(generation, &payload) == bytes;
        Ok(is_whole.then_some(Slot { generation, payload }))
    }
}

/// The unit of a copy of the cell.
pub(super) fn cell(copy: usize, generation: Generation) -> Unit {
    let mut unit = [0; UNIT_BYTES];
    unit[..8].copy_from_slice(&generation.0.to_be_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(b"purse cell");
    crc.update(&[copy as u8]);
    crc.update(&unit[..8]);
    unit[8..12].copy_from_slice(&crc.finalize().to_be_bytes());
    unit
}

/// Both copies of the cell; `None` for one that is not whole.
pub(super) fn read_cells(memory: &impl Memory) -> Result<[Option<Generation>; CELLS], MemoryError> {
    let read = |copy| {
        let unit = memory.read(copy)?;
        Ok::<_, MemoryError>(unit.and_then(|unit| {
            let generation = Generation(u64::from_be_bytes(unit[..8].try_into().expect("8 bytes")));
            (cell(copy, generation) == unit).then_some(generation)
        }))
    };
    Ok([read(0)?, read(1)?])
}

fn slot_units_for(payload_bytes: usize) -> usize {
    (HEAD_BYTES + payload_bytes + CRC_BYTES).div_ceil(UNIT_BYTES)
}

/// Whole units, the last filled up with zeros.
fn slot_bytes(generation: Generation, payload: &[u8]) -> Zeroizing<Vec<u8>> {
    let bytes = slot_units_for(payload.len()) * UNIT_BYTES;
    let mut slot = Zeroizing::new(Vec::with_capacity(bytes));
    slot.extend(generation.0.to_be_bytes());
    slot.extend(u32::try_from(payload.len()).expect("at most a slot").to_be_bytes());
    slot.extend(payload);
    let mut crc = crc32fast::Hasher::new();
    crc.update(b"purse slot");
    crc.update(&slot);
    slot.extend(crc.finalize().to_be_bytes());
    slot.resize(bytes, 0);
    slot
}
