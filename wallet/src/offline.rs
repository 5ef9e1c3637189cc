//! Payments between two devices that both have no network.

pub mod card;
pub mod element;
pub mod holder;
pub mod issuer;
pub mod memory;
pub mod payload;
pub mod purses;
pub mod qr;
pub mod sound;
pub mod till;
