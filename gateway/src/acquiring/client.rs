//! The client of an issuer's host, by ISO 8583.
//!
//! [`session`] says what becomes of requests, answers and time, purely; [`connection`] is on TCP; [`reversal`] undoes what nobody answered.

pub mod connection;
pub mod reversal;
pub mod session;

pub use connection::{Client, Offered, Settings, Status};
pub use reversal::{Reversal, Reversals, StoreError};
pub use session::{ClientSession, Limits, Unanswered, is_passing};
