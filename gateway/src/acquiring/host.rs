//! The host that acquirers reach by ISO 8583.
//!
//! [`server`] is on TCP, [`line`] reads and writes what is on the wire, [`session`] says what becomes of a message, [`outcome`] what the answer's response code is,
//! [`key`] how a link's keys are changed.

pub mod key;
pub mod line;
mod memory;
pub mod outcome;
mod request;
pub mod server;
pub mod session;

pub use memory::{REMEMBERED_MS, contents_of, elements_of};
pub use outcome::Outcome;
pub use request::{Decision, Effect, LineId, Operation, Request, RequestId, original_of};
pub use session::{HostSession, Limits};
