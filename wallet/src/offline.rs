//! Payments between two devices that both have no network.

pub mod card;
pub mod element;
pub mod issuer;
pub mod memory;
pub mod qr;
pub mod sound;
