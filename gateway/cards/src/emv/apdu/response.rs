//! Responses as bytes.

use thiserror::Error;
use zeroize::Zeroizing;

use super::Command;

/// What a response to a short command carries at most, without the status word.
pub const ANSWER_BYTES_MAX: usize = 256;

/// A response. Its data may hold a card number: it is wiped on drop, and a debug print shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    data: Zeroizing<Vec<u8>>,
    pub status: StatusWord,
}

/// SW1 and SW2 as one number, `0x9000`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

/// Why bytes are no response to a short command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ResponseError {
    #[error("{0} bytes, a response ends in two bytes of status")]
    Truncated(usize),
    #[error("{0} bytes, a response has at most {max}", max = ANSWER_BYTES_MAX + 2)]
    TooLong(usize),
    #[error("the status begins with {0:02X}, where 6 or 9 begin one")]
    Status(u8),
}

impl ResponseError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated(_) => "response_truncated",
            Self::TooLong(_) => "response_too_long",
            Self::Status(_) => "response_status",
        }
    }
}

impl Response {
    /// What an application answers: at most [`ANSWER_BYTES_MAX`] of data.
    ///
    /// # Errors
    /// The data is longer.
    pub fn new(data: &[u8], status: StatusWord) -> Result<Self, ResponseError> {
        if data.len() > ANSWER_BYTES_MAX {
            return Err(ResponseError::TooLong(data.len() + 2));
        }
        Ok(Self {
            data: Zeroizing::new(data.to_vec()),
            status,
        })
    }

    /// Without data.
    pub fn of(status: StatusWord) -> Self {
        Self {
            data: Zeroizing::default(),
            status,
        }
    }

    /// Reads one whole response: data, SW1, SW2.
    pub fn parse(bytes: &[u8]) -> Result<Self, ResponseError> {
        let (data, status) = bytes.split_last_chunk().ok_or(ResponseError::Truncated(bytes.len()))?;
        if data.len() > ANSWER_BYTES_MAX {
            return Err(ResponseError::TooLong(bytes.len()));
        }
        // ISO/IEC 7816-3, 10.3.3: other first bytes are none, and 60 is no status but a wait.
        if !matches!(status[0], 0x61..=0x6f | 0x90..=0x9f) {
            return Err(ResponseError::Status(status[0]));
        }
        Self::new(data, StatusWord(u16::from_be_bytes(*status)))
    }

    pub fn data(&self) -> &[u8] {
        &self.data
    }

    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.data.len() + 2));
        bytes.extend_from_slice(&self.data);
        bytes.extend(self.status.0.to_be_bytes());
        bytes
    }

    /// What a reader sends next to get the rest: GET RESPONSE after 61xx, the same command with the right Le after 6Cxx
    /// (EMV Book 1, 9.3.1.2). `None` where this response is the answer.
    pub fn follow_up(&self, command: &Command) -> Option<Command> {
        let [sw1, sw2] = self.status.0.to_be_bytes();
        match sw1 {
            0x61 => Some(Command::new([0x00, 0xc0, 0x00, 0x00]).expecting(sw2)),
            0x6c => Some(command.clone().expecting(sw2)),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}]{}", self.data.len(), self.status)
    }
}

impl StatusWord {
    pub const OK: Self = Self(0x9000);
    pub const WRONG_LENGTH: Self = Self(0x6700);
    pub const SECURITY_STATUS: Self = Self(0x6982);
    pub const METHOD_BLOCKED: Self = Self(0x6983);
    pub const CONDITIONS_OF_USE: Self = Self(0x6985);
    pub const WRONG_DATA: Self = Self(0x6a80);
    pub const FUNCTION_NOT_SUPPORTED: Self = Self(0x6a81);
    pub const FILE_NOT_FOUND: Self = Self(0x6a82);
    pub const RECORD_NOT_FOUND: Self = Self(0x6a83);
    pub const WRONG_PARAMETERS: Self = Self(0x6a86);
    pub const DATA_NOT_FOUND: Self = Self(0x6a88);
    pub const INSTRUCTION_NOT_SUPPORTED: Self = Self(0x6d00);
    pub const CLASS_NOT_SUPPORTED: Self = Self(0x6e00);

    /// Whether the command did what it was to do: 9000, or 61xx.
    pub fn is_success(self) -> bool {
        self == Self::OK || self.0 >> 8 == 0x61
    }

    /// What it says (ISO/IEC 7816-4, table 6; EMV Book 3, 6.3.5).
    pub fn meaning(self) -> &'static str {
        match self.0 {
            0x9000 => "done",
            0x6100..=0x61ff => "done, more is to be fetched with GET RESPONSE",
            0x6283 => "the selected file is invalidated",
            0x6200..=0x62ff => "warning, nothing was changed",
            0x63c0..=0x63cf => "verification failed, the last digit tries are left",
            0x6300..=0x63ff => "warning, something was changed",
            0x6400..=0x66ff => "the command was not carried out",
            0x6700 => "wrong length",
            0x6800..=0x68ff => "a function of the class is not supported",
            0x6982 => "the security status is not satisfied",
            0x6983 => "the authentication method is blocked",
            0x6984 => "the referenced data is invalidated",
            0x6985 => "the conditions of use are not satisfied",
            0x6900..=0x69ff => "the command is not allowed",
            0x6a80 => "wrong data",
            0x6a81 => "the function is not supported",
            0x6a82 => "the file is not found",
            0x6a83 => "the record is not found",
            0x6a86 => "wrong P1 or P2",
            0x6a88 => "the referenced data is not found",
            0x6a00..=0x6bff => "wrong parameters",
            0x6c00..=0x6cff => "wrong Le, the last byte is the right one",
            0x6d00..=0x6dff => "the instruction is not supported",
            0x6e00..=0x6eff => "the class is not supported",
            0x6f00..=0x6fff => "an error without diagnosis",
            _ => "a status of the application's own",
        }
    }
}

impl std::fmt::Display for StatusWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl std::fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_read_or_refused() {
        let parse = |text: &str| Response::parse(&hex::decode(text).expect("hex"));
        let response = parse("5A019000").expect("a response");
        assert_eq!((response.data(), response.status), (&[0x5a, 1][..], StatusWord::OK));
        assert_eq!(response.to_bytes()[..], [0x5a, 1, 0x90, 0]);
        assert_eq!(format!("{response:?}"), "[2]9000");
        assert_eq!(parse("90"), Err(ResponseError::Truncated(1)));
        assert_eq!(parse("00000000"), Err(ResponseError::Status(0)));
        assert_eq!(parse("6000"), Err(ResponseError::Status(0x60)));
        assert_eq!(parse(&("00".repeat(257) + "9000")), Err(ResponseError::TooLong(259)));
    }

    #[test]
    fn the_rest_is_fetched_and_a_wrong_length_is_righted() {
        let read = Command::new([0, 0xb2, 1, 0x0c]).expecting(0);
        let next = |status| Response::of(StatusWord(status)).follow_up(&read);
        assert_eq!(next(0x6c4f).expect("again").to_bytes()[..], [0, 0xb2, 1, 0x0c, 0x4f]);
        assert_eq!(next(0x6110).expect("the rest").to_bytes()[..], [0, 0xc0, 0, 0, 0x10]);
        assert_eq!(next(0x9000), None);
        assert_eq!(next(0x6a82), None);
    }
}
