//! Breaking a network.

pub mod relay;
