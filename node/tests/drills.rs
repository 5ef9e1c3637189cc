//! What operators and the council do together once in years, with real processes.

#[path = "common/ports.rs"]
mod ports;

mod drills {
    pub mod client;
    pub mod load;
    pub mod network;
    pub mod restart;
    pub mod snapshots;
    pub mod upgrade;
    pub mod validators;
}
