//! What a terminal and a card of ours say to each other in: short commands and their answers (ISO/IEC 7816-4), and the
//! tags, names and lists of data objects that both sides use.

use super::{
    apdu::{Command, CommandError},
    tlv::Tag,
};

/// Of the directory of contactless applications (EMV Contactless Book B, 3.3): `2PAY.SYS.DDF01`.
pub const DIRECTORY: &[u8] = b"2PAY.SYS.DDF01";
/// Of the application in a phone: proprietary and unregistered (ISO/IEC 7816-4, 12.2.3, category F).
pub const AID: [u8; 7] = [0xf0, 0x43, 0x57, 0x50, 0x41, 0x59, 0x01];

/// Data of a short answer (Le 00), without the status word.
pub const ANSWER_DATA_BYTES_MAX: usize = 256;

pub(super) const SELECT: u8 = 0xa4;
pub(super) const READ_RECORD: u8 = 0xb2;
pub(super) const GET_PROCESSING_OPTIONS: u8 = 0xa8;
pub(super) const GENERATE_AC: u8 = 0xae;

pub(super) const OK: u16 = 0x9000;

pub(super) mod tags {
    use super::Tag;

    pub const FILE_CONTROL_INFORMATION: Tag = Tag::of(0x6f);
    pub const PROPRIETARY: Tag = Tag::of(0xa5);
    pub const ISSUER_DISCRETIONARY: Tag = Tag::of(0xbf0c);
    pub const ENTRY: Tag = Tag::of(0x61);
    pub const RECORD: Tag = Tag::of(0x70);
    pub const ANSWER: Tag = Tag::of(0x77);
    pub const ANSWER_WITHOUT_TAGS: Tag = Tag::of(0x80);
    pub const COMMAND: Tag = Tag::of(0x83);
    pub const APPLICATION: Tag = Tag::of(0x4f);
    pub const LABEL: Tag = Tag::of(0x50);
    pub const TRACK_2: Tag = Tag::of(0x57);
    pub const INTERCHANGE_PROFILE: Tag = Tag::of(0x82);
    pub const NAME: Tag = Tag::of(0x84);
    pub const PRIORITY: Tag = Tag::of(0x87);
    pub const CDOL1: Tag = Tag::of(0x8c);
    pub const FILE_LOCATOR: Tag = Tag::of(0x94);
    pub const VERIFICATION_RESULTS: Tag = Tag::of(0x95);
    pub const DATE: Tag = Tag::of(0x9a);
    pub const KIND: Tag = Tag::of(0x9c);
    pub const EXPIRY: Tag = Tag::of(0x5f24);
    pub const CURRENCY: Tag = Tag::of(0x5f2a);
    pub const SEQUENCE: Tag = Tag::of(0x5f34);
    pub const AMOUNT: Tag = Tag::of(0x9f02);
    pub const OTHER_AMOUNT: Tag = Tag::of(0x9f03);
    pub const ISSUER_DATA: Tag = Tag::of(0x9f10);
    pub const COUNTRY: Tag = Tag::of(0x9f1a);
    pub const CRYPTOGRAM: Tag = Tag::of(0x9f26);
    pub const CRYPTOGRAM_KIND: Tag = Tag::of(0x9f27);
    pub const TERMINAL_CAPABILITIES: Tag = Tag::of(0x9f33);
    pub const HOLDER_VERIFICATION: Tag = Tag::of(0x9f34);
    pub const TERMINAL_KIND: Tag = Tag::of(0x9f35);
    pub const COUNTER: Tag = Tag::of(0x9f36);
    pub const UNPREDICTABLE: Tag = Tag::of(0x9f37);
    pub const PDOL: Tag = Tag::of(0x9f38);
    pub const TERMINAL_QUALIFIERS: Tag = Tag::of(0x9f66);
    pub const CARD_QUALIFIERS: Tag = Tag::of(0x9f6c);
    pub const FORM_FACTOR: Tag = Tag::of(0x9f6e);
}

/// A short command that wants an answer of any length (Le 00).
pub(super) fn command(header: [u8; 4], data: &[u8]) -> Result<Command, CommandError> {
    Ok(Command::new(header).with_data(data)?.expecting(0))
}

/// SELECT by name, the first occurrence.
///
/// # Panics
/// When the name is longer than a command's data: names are of 16 bytes at most.
pub(super) fn select(name: &[u8]) -> Command {
    command([0, SELECT, 4, 0], name).expect("a name has at most 16 bytes")
}

/// An answer's data, then its status word.
pub(super) fn answer(data: &[u8], status: u16) -> Vec<u8> {
    [data, &status.to_be_bytes()].concat()
}
