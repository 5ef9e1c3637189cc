//! ISO 8583:1987 messages between acquirers and the host.
//!
//! A message is a type of four digits, a bitmap that says which of the fields 2 to 128 follow (those above 64 need a
//! second bitmap, announced by the first bit), and the fields in ascending order, fixed in length or behind their length.
//! How each is written differs from host to host; a [`Spec`] is that as data. Two are built in, and others are files
//! ([`SpecSource`] in JSON):
//!
//! | | variant A ([`Spec::a`]) | variant B ([`Spec::b`]) |
//! | --- | --- | --- |
//! | message type | 4 ASCII digits | 2 packed bytes |
//! | bitmap | 16 hexadecimal digits | 8 bytes |
//! | lengths | ASCII digits | packed digits, one or two bytes |
//! | n | ASCII digits | packed; an odd number behind a zero |
//! | z | ASCII | packed, separator D; an odd number before an F |
//! | x+n | `C` or `D` and digits | one character, then packed digits |
//! | an, ans | ASCII | ASCII |
//! | b (52, 55, 64, 128) | hexadecimal digits, lengths count those | raw |
//! | length counts | characters | digits of n and z, otherwise bytes |
//!
//! A field that is present but not listed is a violation (response code 30), as its length is unknown. Message types are
//! 0100, 0200, 0220, 0400, 0420 and 0800, their repeats, which end in 1, and their answers. In a stream, two bytes of
//! length, big-endian, stand before each message ([`Frames`]).
//!
//! Reading copies values into one buffer per message, apart from how they were written, so that what is read in one
//! variant can be written in the other. Secrets in it are overwritten when it is dropped and never shown by `Debug`.

mod build;
mod charset;
mod class;
pub mod codes;
mod frame;
mod inspect;
mod keys;
mod masked;
mod message;
mod mti;
mod parse;
mod spec;
#[cfg(test)]
mod tests;
mod view;
mod violation;

pub use class::Class;
pub use frame::{Frame, FrameTooLong, Frames, frame};
pub use inspect::{InspectedField, Inspection, LineError, Shown, describe, inspect};
pub use keys::{DuplicateKey, MatchingKey};
pub use masked::Masked;
pub use message::{MESSAGE_BYTES_MAX, Message};
pub use mti::MessageType;
pub use spec::{Data, FieldSource, Notation, Pad, Spec, SpecError, SpecSource};
pub use view::{AdditionalAmount, EntryMode, LocalTime, OriginalElements, ProcessingCode, TransmissionTime};
pub use violation::{Fault, Place, Refusal, Violation};

/// Bytes of a message on the wire, without the length before it.
pub const FRAME_BYTES_MAX: usize = 4_096;
