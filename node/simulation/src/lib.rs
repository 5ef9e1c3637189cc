//! Whole validators on virtual time, networks and disks, where everything that can go wrong does, drawn
//! from a seed. The same seed gives the same trace, byte for byte.
//!
//! What runs is the node's own: the consensus core behind [`causeway_consensus::Validator`], batch
//! exchange, the ledger, the log and sign record in their files, catching up. What is simulated: the
//! network, the disks, the clocks, the threads that check signatures, the clients. In most seeds a keyed
//! hash stands for signatures, because it costs a hundredth.
//!
//! What is not here: libp2p, RocksDB, actix, the HTTP API. Those are for tests with real processes.

mod byzantine;
mod chance;
mod checks;
mod clients;
mod council;
mod disk;
mod env;
mod faults;
mod node;
mod signing;
mod world;

pub use self::{
    faults::{Faults, Reached},
    world::{Outcome, Plan, run},
};

#[cfg(test)]
mod tests;
