//! Commands as bytes.

use thiserror::Error;
use zeroize::Zeroizing;

/// What a short command carries at most.
pub const DATA_BYTES_MAX: usize = 255;

/// A command. Its data may hold a card number or a PIN: it is wiped on drop, and a debug print shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// CLA.
    pub class: u8,
    /// INS.
    pub instruction: u8,
    pub p1: u8,
    pub p2: u8,
    data: Zeroizing<Vec<u8>>,
    expected: Option<u16>,
}

/// Why bytes are no short command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CommandError {
    #[error("{0} bytes, a command has at least four")]
    Truncated(usize),
    #[error("{said} bytes of data are said, {present} bytes follow, where {said} or one more are right")]
    Length { said: usize, present: usize },
    #[error("an extended length, where only short ones are read")]
    Extended,
    #[error("{0} bytes of data, a short command carries at most {DATA_BYTES_MAX}")]
    TooLong(usize),
}

impl CommandError {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated(_) => "command_truncated",
            Self::Length { .. } => "command_wrong_length",
            Self::Extended => "command_extended",
            Self::TooLong(_) => "command_too_long",
        }
    }
}

impl Command {
    /// A command without data, and `header` as CLA, INS, P1, P2.
    pub fn new(header: [u8; 4]) -> Self {
        let [class, instruction, p1, p2] = header;
        Self {
            class,
            instruction,
            p1,
            p2,
            data: Zeroizing::default(),
            expected: None,
        }
    }

    /// With data; none if empty.
    pub fn with_data(mut self, data: &[u8]) -> Result<Self, CommandError> {
        if data.len() > DATA_BYTES_MAX {
            return Err(CommandError::TooLong(data.len()));
        }
        self.data = Zeroizing::new(data.to_vec());
        Ok(self)
    }

    /// With Le as it is written: 0 asks for up to 256 bytes.
    pub fn expecting(mut self, le: u8) -> Self {
        self.expected = Some(if le == 0 { 256 } else { u16::from(le) });
        self
    }

    /// Reads one whole command: CLA INS P1 P2, then Lc and data or not, then Le or not.
    pub fn parse(bytes: &[u8]) -> Result<Self, CommandError> {
        let (header, body) = bytes.split_first_chunk().ok_or(CommandError::Truncated(bytes.len()))?;
        let command = Self::new(*header);
        match body {
            [] => Ok(command),
            [le] => Ok(command.expecting(*le)),
            [0, _, _, ..] => Err(CommandError::Extended),
            [lc, data @ ..] => match data.len().checked_sub(usize::from(*lc)) {
                Some(0) if *lc > 0 => command.with_data(data),
                Some(1) if *lc > 0 => {
                    let (le, data) = data.split_last().expect("one byte and more");
                    Ok(command.with_data(data)?.expecting(*le))
                }
                _ => Err(CommandError::Length {
                    said: usize::from(*lc),
                    present: data.len(),
                }),
            },
        }
    }

    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The most bytes the answer may have, 1 to 256; `None` where none are asked for.
    pub fn expected(&self) -> Option<u16> {
        self.expected
    }

    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(6 + self.data.len()));
        bytes.extend([self.class, self.instruction, self.p1, self.p2]);
        if !self.data.is_empty() {
            bytes.push(self.data.len() as u8);
            bytes.extend_from_slice(&self.data);
        }
        // 256 is written 00.
        bytes.extend(self.expected.map(|expected| expected as u8));
        bytes
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let header = hex::encode_upper([self.class, self.instruction, self.p1, self.p2]);
        write!(f, "{header}[{}]", self.data.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_four_cases_are_read_and_all_else_is_refused() {
        let check = |text: &str, expected: Result<(usize, Option<u16>), CommandError>| {
            let command = Command::parse(&hex::decode(text).expect("hex"));
            assert_eq!(command.map(|c| (c.data().len(), c.expected())), expected, "{text}");
        };
        check("00A40400", Ok((0, None)));
        check("00B2010C00", Ok((0, Some(256))));
        check("00B2010C4F", Ok((0, Some(0x4f))));
        check("80A800000283", Err(CommandError::Length { said: 2, present: 1 }));
        check("80A80000028300", Ok((2, None)));
        check("80A8000002830000", Ok((2, Some(256))));
        check("80A800000283000000", Err(CommandError::Length { said: 2, present: 4 }));
        check("00A404000001AA", Err(CommandError::Extended));
        check("00A404000000", Err(CommandError::Length { said: 0, present: 1 }));
        check("00A404", Err(CommandError::Truncated(3)));
        let long = Command::new([0; 4]).with_data(&[0; 256]);
        assert_eq!(long, Err(CommandError::TooLong(256)));
    }

    #[test]
    fn a_debug_print_hides_data() {
        let command = Command::parse(&[0, 0x20, 0, 0x80, 2, 0x12, 0x34]).expect("a command");
        assert_eq!(format!("{command:?}"), "00200080[2]");
    }

    proptest! {
        #[test]
        fn invariant_a_command_is_written_as_it_was_read(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(command) = Command::parse(&bytes) {
                prop_assert_eq!(&command.to_bytes()[..], &bytes[..]);
            }
        }
    }
}
