//! Command APDUs, short and extended, of ISO's four cases (ISO/IEC 7816-4:2020, 5.1 and 5.2), and answers.

use super::{DATA_BYTES_MAX, StatusWord};

/// CLA, INS, P1 and P2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub cla: u8,
    pub ins: u8,
    pub p1: u8,
    pub p2: u8,
}

/// Which form the lengths have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// At most 255 bytes of data, and 256 of answer.
    Short,
    /// At most 65,535 bytes of data, and 65,536 of answer.
    Extended,
}

impl Form {
    pub fn answer_bytes_max(self) -> usize {
        match self {
            Self::Short => 256,
            Self::Extended => 65_536,
        }
    }
}

/// A command, without the form that its lengths had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    pub header: Header,
    pub data: &'a [u8],
    /// Ne: how many bytes of answer are wanted at most; `None` if none are (cases 1 and 3).
    pub wanted: Option<usize>,
}

/// The bytes are no command: their number is not what their lengths say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lengths in the command do not add up to its {0} bytes")]
pub struct WrongLength(pub usize);

impl<'a> Command<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WrongLength> {
        let wrong = WrongLength(bytes.len());
        let (&[cla, ins, p1, p2], body) = bytes.split_first_chunk().ok_or(wrong)?;
        let (data, wanted) = match body {
            [] => (body, None),
            [le] => (&body[1..], Some(short_wanted(*le))),
            [0, le @ ..] if le.len() == 2 => (&body[3..], Some(extended_wanted([le[0], le[1]]))),
            [0, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let (data, le) = rest.split_at_checked(length).filter(|_| length > 0).ok_or(wrong)?;
                match *le {
                    [] => (data, None),
                    [high, low] => (data, Some(extended_wanted([high, low]))),
                    _ => return Err(wrong),
                }
            }
            [0, ..] => return Err(wrong),
            [length, rest @ ..] => {
                let (data, le) = rest.split_at_checked(usize::from(*length)).ok_or(wrong)?;
                match *le {
                    [] => (data, None),
                    [le] => (data, Some(short_wanted(le))),
                    _ => return Err(wrong),
                }
            }
        };
        let header = Header { cla, ins, p1, p2 };
        Ok(Self { header, data, wanted })
    }

    /// # Panics
    /// If data or answer are longer than this form allows.
    pub fn encode(&self, form: Form) -> Vec<u8> {
        let Header { cla, ins, p1, p2 } = self.header;
        let mut bytes = vec![cla, ins, p1, p2];
        let data_bytes = u16::try_from(self.data.len()).expect("at most 65,535 bytes");
        assert!(
            self.wanted
                .is_none_or(|wanted| (1..=form.answer_bytes_max()).contains(&wanted))
        );
        // The longest answer is written as 0.
        let le = self.wanted.map(|wanted| (wanted as u16).to_be_bytes());
        match form {
            Form::Short => {
                let data_bytes = u8::try_from(data_bytes).expect("at most 255 bytes");
                if data_bytes > 0 {
                    bytes.push(data_bytes);
                    bytes.extend(self.data);
                }
                bytes.extend(le.map(|[_, low]| low));
            }
            Form::Extended => {
                if data_bytes > 0 || le.is_some() {
                    bytes.push(0);
                }
                if data_bytes > 0 {
                    bytes.extend(data_bytes.to_be_bytes());
                    bytes.extend(self.data);
                }
                bytes.extend(le.into_iter().flatten());
            }
        }
        bytes
    }
}

fn short_wanted(le: u8) -> usize {
    if le == 0 {
        Form::Short.answer_bytes_max()
    } else {
        le.into()
    }
}

fn extended_wanted(le: [u8; 2]) -> usize {
    match u16::from_be_bytes(le) {
        0 => Form::Extended.answer_bytes_max(),
        le => le.into(),
    }
}

/// The longest command that a card of ours takes, and the longest answer that it gives, in bytes.
pub const COMMAND_BYTES_MAX: usize = 4 + 3 + DATA_BYTES_MAX + 2;
pub const ANSWER_BYTES_MAX: usize = DATA_BYTES_MAX + 2;

/// An answer's bytes: its data, then its status.
pub fn answer(data: &[u8], status: StatusWord) -> Vec<u8> {
    [data, &status.0.to_be_bytes()].concat()
}

/// `None` of fewer than two bytes: the card was taken away while it answered.
pub fn split_answer(bytes: &[u8]) -> Option<(&[u8], StatusWord)> {
    let (data, status) = bytes.split_last_chunk()?;
    Some((data, StatusWord(u16::from_be_bytes(*status))))
}
