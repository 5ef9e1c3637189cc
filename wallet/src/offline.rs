//! Payments between two devices that both have no network.

pub mod card;
pub mod element;
pub mod memory;
pub mod qr;
pub mod sound;
