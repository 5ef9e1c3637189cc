//! What a terminal and a card of ours say to each other in: short commands and their answers (ISO/IEC 7816-4), and the
//! tags, names and lists of data objects that both sides use.

use super::tlv::Tag;

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

/// A short command that wants an answer of any length (case 2 or 4, Le 00).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub cla: u8,
    pub ins: u8,
    pub p1: u8,
    pub p2: u8,
    /// At most 255 bytes.
    data: Vec<u8>,
}

impl Command {
    /// `None` when there are more than 255 bytes of data.
    pub(super) fn new([cla, ins, p1, p2]: [u8; 4], data: &[u8]) -> Option<Self> {
        (data.len() <= 255).then(|| Self {
            cla,
            ins,
            p1,
            p2,
            data: data.to_vec(),
        })
    }

    /// SELECT by name, the first occurrence.
    ///
    /// # Panics
    /// When the name is longer than a command's data: names are of 16 bytes at most.
    pub(super) fn select(name: &[u8]) -> Self {
        Self::new([0, SELECT, 4, 0], name).expect("a name has at most 16 bytes")
    }

    pub fn data(&self) -> &[u8] {
        &self.data
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.cla, self.ins, self.p1, self.p2];
        if !self.data.is_empty() {
            bytes.push(self.data.len() as u8);
            bytes.extend_from_slice(&self.data);
        }
        bytes.push(0);
        bytes
    }

    /// Reads a short command of any of the four cases. `None` when its lengths do not add up, or are extended.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, body) = bytes.split_first_chunk()?;
        let data = match body {
            [] | [_] => &[],
            [length, rest @ ..] => {
                let (data, le) = rest.split_at_checked(usize::from(*length))?;
                if *length == 0 || le.len() > 1 {
                    return None;
                }
                data
            }
        };
        Self::new(*header, data)
    }
}

/// An answer's data, then its status word.
pub(super) fn answer(data: &[u8], status: u16) -> Vec<u8> {
    [data, &status.to_be_bytes()].concat()
}

/// A list of data objects (DOL; EMV Book 3, 5.4): the tags that a card wants, and how many bytes of each. `None` when
/// it is cut off, has a tag that is none, or wants more than `bytes_max` in all.
pub(super) fn read_list(mut bytes: &[u8], bytes_max: usize) -> Option<Vec<(Tag, usize)>> {
    let mut list = Vec::new();
    let mut left = bytes_max;
    while !bytes.is_empty() {
        let (tag, used) = Tag::read(bytes).ok()?;
        let length = usize::from(*bytes.get(used)?);
        left = left.checked_sub(length)?;
        list.push((tag, length));
        bytes = &bytes[used + 1..];
    }
    Some(list)
}
