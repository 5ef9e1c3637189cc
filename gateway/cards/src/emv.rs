//! EMV: data objects in BER-TLV, commands and responses, and what terminals and cards say of themselves.
//!
//! [`applet`] is a phone's side of a contactless tap.

pub mod apdu;
pub mod applet;
pub mod dol;
pub mod exchange;
pub mod tags;
pub mod tlv;
