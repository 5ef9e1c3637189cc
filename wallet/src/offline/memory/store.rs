//! One state in two slots, replaced as a whole, whatever happens to the power.
//!
//! A commit writes the slot of the next generation, which is not that of the present one, syncs and
//! reads it back; then it advances the first copy of the generation cell, then the second; and only
//! then it returns. So at every start one of these holds, and all else is damage or tampering:
//!
//! | cell | its own slot | the other slot | the state |
//! | --- | --- | --- | --- |
//! | g | g | g - 1, or torn | g: a commit that was torn has released nothing |
//! | g | g, or torn | g + 1 | g + 1: the commit is finished |
//!
//! The cell is what its copies say: both the same; one of them, if the other is torn; the later one,
//! if they are one apart. Where nothing of this holds, the store is locked, and stays so, because
//! nothing is ever written to it again. That an older content of the *whole* memory has been put back
//! cannot be seen here; the ledger finds the two signatures under one number that it leads to.

use zeroize::Zeroizing;

use super::{
    Memory, MemoryError, Unit,
    slots::{self, Generation, Layout, Slot, TooLong},
};

/// What a store keeps.
pub trait State: Sized {
    type Error: std::error::Error + Send + Sync + 'static;

    fn encode(&self) -> Zeroizing<Vec<u8>>;

    fn decode(bytes: &[u8]) -> Result<Self, Self::Error>;

    /// Whether it may come after `before`: no counter that only grows is lower.
    fn may_follow(&self, before: &Self) -> bool;
}

/// The next state, and what may leave the device once that is in memory for good. The only way to
/// either is [`Store::commit`].
#[must_use = "nothing has happened before it is committed"]
pub struct Staged<S, R> {
    next: S,
    release: R,
}

impl<S, R> Staged<S, R> {
    pub fn new(next: S, release: R) -> Self {
        Self { next, release }
    }
}

/// The one owner of a memory, and of the state in it.
pub struct Store<M, S> {
    memory: M,
    layout: Layout,
    generation: Generation,
    state: S,
    is_spent: bool,
}

/// What is in memory is nothing that any loss of power leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("neither copy of its generation cell is whole")]
    NoCell,
    #[error("the copies of its generation cell say {0} and {1}")]
    CellsDisagree(Generation, Generation),
    #[error("its generation is {cell}, and the slots hold {} and {}", named(slots[0]), named(slots[1]))]
    Slots {
        cell: Generation,
        slots: [Option<Generation>; 2],
    },
}

fn named(slot: Option<Generation>) -> String {
    slot.map_or_else(|| "nothing whole".into(), |generation| generation.to_string())
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError<E: std::error::Error + 'static> {
    #[error(
        "the purse is locked for good, since its memory was damaged or tampered with: {0}; \
         report it as lost, and what is unspent is refunded when it has expired"
    )]
    Locked(#[from] Damage),
    #[error("{units} units are not the memory of a purse")]
    Size { units: usize },
    #[error("generation {generation} is whole, but no state that this program knows: {source}")]
    State {
        generation: Generation,
        #[source]
        source: E,
    },
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Why nothing may be released. But for [`CommitError::TooLong`], the store does nothing any more
/// until it is opened again; then its state is the old or the new one.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error("a write has failed before; the purse must be opened again")]
    Spent,
    #[error("the generations of this memory are used up")]
    LastGeneration,
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// A new memory, with room for states of `bytes_max` bytes, that holds its first.
pub fn format<S: State>(first: &S, bytes_max: usize) -> Result<Zeroizing<Vec<Unit>>, TooLong> {
    let layout = Layout::for_payloads(bytes_max)?;
    let mut units = Zeroizing::new(vec![[0; super::UNIT_BYTES]; layout.units()]);
    for (place, unit) in layout.slot(Generation::FIRST, &first.encode())? {
        units[place] = *unit;
    }
    for (copy, unit) in units.iter_mut().take(2).enumerate() {
        *unit = slots::cell(copy, Generation::FIRST);
    }
    Ok(units)
}

impl<M: Memory, S: State> Store<M, S> {
    /// Reads the state, and finishes the last commit if the power failed during it.
    pub fn open(memory: M) -> Result<Self, OpenError<S::Error>> {
        let units = memory.units();
        let layout = Layout::of(units).ok_or(OpenError::Size { units })?;
        let cells = slots::read_cells(&memory)?;
        let slots = [layout.read_slot(&memory, 0)?, layout.read_slot(&memory, 1)?];
        let cell = cell_of(cells)?;
        let generation = chosen(
            cell,
            [0, 1].map(|slot| slots[slot].as_ref().map(|slot| slot.generation)),
        )?;
        let [even, odd] = slots;
        let (own, other) = if cell.slot() == 0 { (even, odd) } else { (odd, even) };
        let is_unfinished = generation != cell;
        let has_old = own.is_some();
        let Slot { payload, .. } = if is_unfinished { other } else { own }.expect("it was chosen");
        let state = S::decode(&payload).map_err(|source| OpenError::State { generation, source })?;
        let mut store = Self {
            memory,
            layout,
            generation,
            state,
            is_spent: false,
        };
        if is_unfinished && has_old {
            // A disk whose sync failed may show what it does not have. The old state is there if this is torn.
            store.write_slot(generation, &payload)?;
        }
        store.advance(generation)?;
        Ok(store)
    }

    pub fn state(&self) -> &S {
        &self.state
    }

    /// Whether a write has failed, so that memory may hold another state than this.
    pub fn is_spent(&self) -> bool {
        self.is_spent
    }

    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Replaces the state, and gives what that releases.
    ///
    /// # Panics
    /// If the next state may not follow the present one, which is a bug of whoever staged it.
    pub fn commit<R>(&mut self, staged: Staged<S, R>) -> Result<R, CommitError> {
        if self.is_spent {
            return Err(CommitError::Spent);
        }
        let Staged { next, release } = staged;
        assert!(next.may_follow(&self.state), "a counter of the purse would go down");
        let generation = self.generation.next().ok_or(CommitError::LastGeneration)?;
        let payload = next.encode();
        let (bytes, bytes_max) = (payload.len(), self.layout.payload_bytes_max());
        if bytes > bytes_max {
            return Err(TooLong { bytes, bytes_max }.into());
        }
        // Until all is done: what is in memory is not what `state` says.
        self.is_spent = true;
        self.write_slot(generation, &payload)?;
        self.advance(generation)?;
        self.generation = generation;
        self.state = next;
        self.is_spent = false;
        Ok(release)
    }

    fn write_slot(&mut self, generation: Generation, payload: &[u8]) -> Result<(), MemoryError> {
        let units = self.layout.slot(generation, payload);
        for (place, unit) in units.expect("its length was checked") {
            self.memory.write(place, &unit)?;
        }
        self.memory.sync()?;
        let kept = self.layout.read_slot(&self.memory, generation.slot())?;
        let is_kept = kept.is_some_and(|kept| kept.generation == generation && kept.payload.as_slice() == payload);
        is_kept.then_some(()).ok_or(MemoryError::NotKept)
    }

    /// Brings both copies of the cell to a generation, a torn one first, so that one is always whole.
    fn advance(&mut self, generation: Generation) -> Result<(), MemoryError> {
        let cells = slots::read_cells(&self.memory)?;
        let order = if cells[1].is_none() { [1, 0] } else { [0, 1] };
        for copy in order.into_iter().filter(|copy| cells[*copy] != Some(generation)) {
            self.memory.write(copy, &slots::cell(copy, generation))?;
            self.memory.sync()?;
        }
        let is_kept = slots::read_cells(&self.memory)? == [Some(generation); 2];
        is_kept.then_some(()).ok_or(MemoryError::NotKept)
    }
}

fn cell_of(copies: [Option<Generation>; 2]) -> Result<Generation, Damage> {
    match copies {
        [Some(a), Some(b)] if a == b || a.is_next_of(b) || b.is_next_of(a) => Ok(a.max(b)),
        [Some(a), Some(b)] => Err(Damage::CellsDisagree(a, b)),
        [Some(one), None] | [None, Some(one)] => Ok(one),
        [None, None] => Err(Damage::NoCell),
    }
}

/// The table at the top.
fn chosen(cell: Generation, slots: [Option<Generation>; 2]) -> Result<Generation, Damage> {
    let own = slots[cell.slot()];
    let other = slots[1 - cell.slot()];
    match (own, other) {
        (Some(own), None) if own == cell => Ok(cell),
        (Some(own), Some(other)) if own == cell && cell.is_next_of(other) => Ok(cell),
        (own, Some(other)) if other.is_next_of(cell) && own.is_none_or(|own| own == cell) => Ok(other),
        _ => Err(Damage::Slots { cell, slots }),
    }
}

#[cfg(test)]
mod tests;
