//! Non-volatile memory of a secure element in software, and the one state that it keeps there.
//!
//! The power may fail at any write. [`store`] is what survives that: a commit is in memory for good
//! before anything that rests on it can leave the device. [`ram`] can be cut at any write, in tests
//! and simulations; [`file`] is a purse on a disk.

pub mod file;
pub mod ram;
mod slots;
pub mod store;

pub use self::{
    slots::{Generation, PAYLOAD_BYTES_MAX, TooLong},
    store::{Staged, State, Store},
};
use crate::durable::FileError;

/// What one write puts in place, whole or not.
pub const UNIT_BYTES: usize = 256;

pub type Unit = [u8; UNIT_BYTES];

/// Memory that keeps its content without power and is written one unit at a time. What was written
/// since the last [`sync`](Memory::sync) may be lost, or be there in part and in any order.
pub trait Memory {
    /// How many units it has; always the same.
    fn units(&self) -> usize;

    /// `None` if what is there is known to be no unit that was ever written.
    fn read(&self, unit: usize) -> Result<Option<Unit>, MemoryError>;

    fn write(&mut self, unit: usize, content: &Unit) -> Result<(), MemoryError>;

    /// Returns once all that was written would survive a loss of power.
    fn sync(&mut self) -> Result<(), MemoryError>;
}

impl<M: Memory + ?Sized> Memory for &mut M {
    fn units(&self) -> usize {
        (**self).units()
    }

    fn read(&self, unit: usize) -> Result<Option<Unit>, MemoryError> {
        (**self).read(unit)
    }

    fn write(&mut self, unit: usize, content: &Unit) -> Result<(), MemoryError> {
        (**self).write(unit, content)
    }

    fn sync(&mut self) -> Result<(), MemoryError> {
        (**self).sync()
    }
}

/// The memory itself does not work.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    #[error("the secure element has no power")]
    PowerLost,
    #[error("the memory did not keep what was written to it")]
    NotKept,
    #[error("no random bytes from the system: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    File(#[from] FileError),
}
