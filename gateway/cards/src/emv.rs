//! EMV: data objects in BER-TLV, commands and responses, and what terminals and cards say of themselves.

pub mod apdu;
pub mod dol;
pub mod tags;
pub mod tlv;
