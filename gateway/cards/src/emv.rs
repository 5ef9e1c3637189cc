//! EMV: data objects in BER-TLV, commands and responses, and what terminals and cards say of themselves.
//!
//! [`kernel`] is a terminal's side of a contactless tap, [`applet`] a phone's.

pub mod apdu;
pub mod applet;
pub mod dol;
pub mod inspect;
pub mod kernel;
pub mod tags;
pub mod tlv;
