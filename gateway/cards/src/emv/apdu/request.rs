//! What commands ask of a payment application (EMV Book 1, 11; Book 3, 6.5): built for readers, read for cards.

use super::{Command, CommandError, StatusWord};
use crate::emv::tlv::{Reader, Tag, Writer};

/// The directory of contactless applications.
pub const PPSE: &[u8] = b"2PAY.SYS.DDF01";

/// The directory of contact applications.
pub const PSE: &[u8] = b"1PAY.SYS.DDF01";

const COMMAND_TEMPLATE: Tag = Tag::of(0x83);

/// The cryptogram that GENERATE AC asks for, and that cryptogram information data (9F27) says was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CryptogramKind {
    /// AAC: declined.
    Decline,
    /// TC: approved offline.
    Approve,
    /// ARQC: the issuer is asked.
    Online,
}

impl CryptogramKind {
    /// By bits 8 and 7 of a reference control parameter or of 9F27; `None` for the reserved 11.
    pub fn of(byte: u8) -> Option<Self> {
        match byte >> 6 {
            0 => Some(Self::Decline),
            1 => Some(Self::Approve),
            2 => Some(Self::Online),
            _ => None,
        }
    }

    /// Bits 8 and 7.
    pub fn bits(self) -> u8 {
        match self {
            Self::Decline => 0x00,
            Self::Approve => 0x40,
            Self::Online => 0x80,
        }
    }
}

/// A command, by what it means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// SELECT by name, 5 to 16 bytes: a directory or an application, or the beginning of its name.
    Select { name: &'a [u8], next: bool },
    /// GET PROCESSING OPTIONS with the data that the list 9F38 asks for.
    ProcessingOptions { data: &'a [u8] },
    /// READ RECORD of a file, 1 to 30, and a record, 1 to 255.
    ReadRecord { file: u8, record: u8 },
    /// GENERATE AC with the data that 8C or 8D asks for.
    GenerateCryptogram {
        kind: CryptogramKind,
        /// Whether a combined signature (CDA) is asked for.
        combined: bool,
        data: &'a [u8],
    },
    /// GET DATA of one primitive object.
    GetData { tag: Tag },
    /// EXTERNAL AUTHENTICATE with the value of 91.
    ExternalAuthenticate { data: &'a [u8] },
}

// Data may hold what a card answers with: the name of the request is enough.
impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl<'a> Request<'a> {
    /// The name of the command in the standards.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Select { .. } => "SELECT",
            Self::ProcessingOptions { .. } => "GET PROCESSING OPTIONS",
            Self::ReadRecord { .. } => "READ RECORD",
            Self::GenerateCryptogram { .. } => "GENERATE AC",
            Self::GetData { .. } => "GET DATA",
            Self::ExternalAuthenticate { .. } => "EXTERNAL AUTHENTICATE",
        }
    }

    /// As the bytes of a reader.
    ///
    /// # Errors
    /// The data does not fit a short command.
    pub fn to_command(&self) -> Result<Command, CommandError> {
        match *self {
            Self::Select { name, next } => {
                let command = Command::new([0x00, 0xa4, 0x04, if next { 0x02 } else { 0x00 }]);
                Ok(command.with_data(name)?.expecting(0))
            }
            Self::ProcessingOptions { data } => {
                let mut writer = Writer::new();
                writer.primitive(COMMAND_TEMPLATE, data);
                let command = Command::new([0x80, 0xa8, 0x00, 0x00]);
                Ok(command.with_data(&writer.into_bytes())?.expecting(0))
            }
            Self::ReadRecord { file, record } => Ok(Command::new([0x00, 0xb2, record, file << 3 | 0b100]).expecting(0)),
            Self::GenerateCryptogram { kind, combined, data } => {
                let control = kind.bits() | if combined { 0x10 } else { 0 };
                let command = Command::new([0x80, 0xae, control, 0x00]);
                Ok(command.with_data(data)?.expecting(0))
            }
            Self::GetData { tag } => {
                let [_, _, p1, p2] = tag.value().to_be_bytes();
                Ok(Command::new([0x80, 0xca, p1, p2]).expecting(0))
            }
            Self::ExternalAuthenticate { data } => Command::new([0x00, 0x82, 0x00, 0x00]).with_data(data),
        }
    }

    /// What a command asks.
    ///
    /// # Errors
    /// The status that an application answers it with: 6E00, 6D00, 6A86, 6A81, 6A80 or 6700, looked for in this order.
    pub fn of(command: &'a Command) -> Result<Self, StatusWord> {
        let data = command.data();
        match (command.class, command.instruction) {
            (0x00, 0xa4) => select(command),
            (0x80, 0xa8) => {
                require(command, 0, 0)?;
                let data = template_value(data)?;
                Ok(Self::ProcessingOptions { data })
            }
            (0x00, 0xb2) => read_record(command),
            (0x80, 0xae) => {
                let (p1, kind) = (command.p1, CryptogramKind::of(command.p1));
                let kind = kind.filter(|_| command.p2 == 0 && p1 & 0x2f == 0);
                let kind = kind.ok_or(StatusWord::WRONG_PARAMETERS)?;
                let combined = p1 & 0x10 != 0;
                Ok(Self::GenerateCryptogram { kind, combined, data })
            }
            (0x80, 0xca) => {
                let bytes = [command.p1, command.p2];
                let bytes = if command.p1 == 0 { &bytes[1..] } else { &bytes[..] };
                match Tag::read(bytes) {
                    Ok((tag, used)) if used == bytes.len() => Ok(Self::GetData { tag }),
                    _ => Err(StatusWord::WRONG_PARAMETERS),
                }
            }
            (0x00, 0x82) => {
                require(command, 0, 0)?;
                match data.len() {
                    8..=16 => Ok(Self::ExternalAuthenticate { data }),
                    _ => Err(StatusWord::WRONG_LENGTH),
                }
            }
            (0x00 | 0x80, _) => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED),
            _ => Err(StatusWord::CLASS_NOT_SUPPORTED),
        }
    }
}

fn require(command: &Command, p1: u8, p2: u8) -> Result<(), StatusWord> {
    if (command.p1, command.p2) == (p1, p2) {
        Ok(())
    } else {
        Err(StatusWord::WRONG_PARAMETERS)
    }
}

fn select(command: &Command) -> Result<Request<'_>, StatusWord> {
    let next = match (command.p1, command.p2) {
        (0x04, 0x00) => false,
        (0x04, 0x02) => true,
        _ => return Err(StatusWord::WRONG_PARAMETERS),
    };
    match command.data() {
        name if (5..=16).contains(&name.len()) => Ok(Request::Select { name, next }),
        _ => Err(StatusWord::WRONG_LENGTH),
    }
}

fn read_record(command: &Command) -> Result<Request<'_>, StatusWord> {
    let (record, file) = (command.p1, command.p2 >> 3);
    if record == 0 || command.p2 & 0b111 != 0b100 || !(1..=30).contains(&file) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    if !command.data().is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    Ok(Request::ReadRecord { file, record })
}

/// The value of the one object 83 that data is.
fn template_value(data: &[u8]) -> Result<&[u8], StatusWord> {
    let mut reader = Reader::new(data);
    match (reader.next(), reader.next()) {
        (Some(Ok(object)), None) if object.tag == COMMAND_TEMPLATE => Ok(object.value),
        _ => Err(StatusWord::WRONG_DATA),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_as_the_standards_say_and_read_back() {
        let check = |request: Request<'_>, expected: &str| {
            let command = request.to_command().expect("it fits");
            assert_eq!(hex::encode_upper(&command.to_bytes()[..]), expected);
            assert!(Request::of(&command) == Ok(request), "{expected}");
        };
        let select = |name| Request::Select { name, next: false };
        check(select(PPSE), "00A404000E325041592E5359532E444446303100");
        check(select(&[0xa0, 0, 0, 0, 3]), "00A4040005A00000000300");
        check(Request::ProcessingOptions { data: &[] }, "80A8000002830000");
        check(Request::ProcessingOptions { data: &[0xea] }, "80A80000038301EA00");
        check(Request::ReadRecord { file: 1, record: 2 }, "00B2020C00");
        let request = Request::GenerateCryptogram {
            kind: CryptogramKind::Online,
            combined: true,
            data: &[1, 2],
        };
        check(request, "80AE900002010200");
        check(Request::GetData { tag: Tag::of(0x9f36) }, "80CA9F3600");
        check(
            Request::ExternalAuthenticate { data: &[7; 8] },
            "00820000080707070707070707",
        );
        let long = Request::ProcessingOptions { data: &[0; 253] };
        assert!(long.to_command().is_err());
    }

    #[test]
    fn what_cannot_be_asked_has_its_status() {
        let check = |text: &str, status: StatusWord| {
            let command = Command::parse(&hex::decode(text).expect("hex")).expect("a command");
            assert_eq!(Request::of(&command).expect_err(text), status, "{text}");
        };
        check("90A4040000", StatusWord::CLASS_NOT_SUPPORTED);
        check("80A4040000", StatusWord::INSTRUCTION_NOT_SUPPORTED);
        check("00A4000005A000000003", StatusWord::WRONG_PARAMETERS);
        check("00A4040004A0000000", StatusWord::WRONG_LENGTH);
        check("80A8000000", StatusWord::WRONG_DATA);
        check("80A8000002840000", StatusWord::WRONG_DATA);
        check("80A8000102830000", StatusWord::WRONG_PARAMETERS);
        check("00B2000C00", StatusWord::WRONG_PARAMETERS);
        check("00B2010800", StatusWord::WRONG_PARAMETERS);
        check("00B201FC00", StatusWord::WRONG_PARAMETERS);
        check("80AEC00000", StatusWord::WRONG_PARAMETERS);
        check("80CA9F8100", StatusWord::WRONG_PARAMETERS);
        check("00820000020101", StatusWord::WRONG_LENGTH);
    }
}
