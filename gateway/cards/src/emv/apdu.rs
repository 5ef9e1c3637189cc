//! Commands to cards and their responses (ISO/IEC 7816-4, EMV Book 1 and Book 3) in the short form: at most 255 bytes
//! to the card, at most 256 from it.
//!
//! [`Command`] and [`Response`] are the bytes, [`Request`] is what a command asks of a payment application, and
//! [`answer`] reads what the application says to it.

pub mod answer;
mod command;
mod request;
mod response;

pub use command::{Command, CommandError, DATA_BYTES_MAX};
pub use request::{CryptogramKind, PPSE, PSE, Request};
pub use response::{ANSWER_BYTES_MAX, Response, ResponseError, StatusWord};
