//! The formats and the cryptography of cards and codes, purely: what merchants' codes and customers' codes say,
//! ISO 8583, EMV's data objects and commands, card numbers, cryptograms and PIN blocks.
//!
//! Nothing here reads a clock, a file, a network or a random source, and nothing knows of the ledger: the wallet
//! and the gateway do.

pub mod crypto;
pub mod currency;
pub mod emv;
pub mod iso8583;
pub mod pan;
pub mod qr;
