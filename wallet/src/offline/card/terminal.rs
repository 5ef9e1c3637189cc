//! The terminal's side of a session: extended lengths where the card takes them, chaining where not.

use super::{
    CLA_APPLET, CLA_CHAINED, CLA_ISO, DATA_BYTES_MAX, INS_GET_RESPONSE, INS_SELECT, IsoStatus as _, StatusWord,
    apdu::{Command, Form, Header, split_answer},
    status::Meaning,
};

const SHORT_DATA_BYTES_MAX: usize = 255;
/// CLA, INS, P1, P2, and the lengths of an extended command.
const EXTENDED_OVERHEAD_BYTES: usize = 9;

/// What carries one APDU to a card, and its answer back.
pub trait Channel {
    type Error: std::error::Error + Send + Sync + 'static;

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, Self::Error>;
}

/// Why a command has no answer. Whether the card has carried it out is unknown: a payment is resumed
/// with the next tap, never made again.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError<E: std::error::Error + 'static> {
    #[error("the card was taken away too early; hold it to the reader again")]
    Torn,
    #[error("a command's data has {0} bytes, and at most {DATA_BYTES_MAX} are sent")]
    CommandTooLong(usize),
    #[error("the card's answer has more than {DATA_BYTES_MAX} bytes")]
    AnswerTooLong,
    #[error("the card refuses the application with {}", Meaning(*.0))]
    NotSelected(StatusWord),
    #[error(transparent)]
    Channel(E),
}

/// A session with a card's application.
pub struct Terminal<C> {
    channel: C,
    /// The longest command that the card takes; `None` if all lengths must be short.
    extended_bytes_max: Option<usize>,
}

impl<C: Channel> Terminal<C> {
    /// Selects the application of this name (5 to 16 bytes).
    pub fn select(mut channel: C, name: &[u8]) -> Result<Self, TerminalError<C::Error>> {
        let header = Header {
            cla: CLA_ISO,
            ins: INS_SELECT,
            p1: 4,
            p2: 0,
        };
        let (data, status) = exchange_all(&mut channel, header, name, Form::Short)?;
        if status != StatusWord::OK {
            return Err(TerminalError::NotSelected(status));
        }
        let extended_bytes_max = extended_lengths(&data);
        Ok(Self {
            channel,
            extended_bytes_max,
        })
    }

    /// As if the card took no extended lengths, as phones that answer for cards often do not.
    pub fn with_short_lengths(mut self) -> Self {
        self.extended_bytes_max = None;
        self
    }

    pub fn has_extended_lengths(&self) -> bool {
        self.extended_bytes_max.is_some()
    }

    /// Sends the applet's command, in as many APDUs as it takes, and gives the whole answer.
    pub fn call(
        &mut self,
        ins: u8,
        p1: u8,
        p2: u8,
        data: &[u8],
    ) -> Result<(Vec<u8>, StatusWord), TerminalError<C::Error>> {
        if data.len() > DATA_BYTES_MAX {
            return Err(TerminalError::CommandTooLong(data.len()));
        }
        let cla = CLA_APPLET;
        let header = Header { cla, ins, p1, p2 };
        let command_bytes = data.len() + EXTENDED_OVERHEAD_BYTES;
        let form = match self.extended_bytes_max {
            Some(max) if command_bytes <= max => Form::Extended,
            _ => Form::Short,
        };
        exchange_all(&mut self.channel, header, data, form)
    }
}

type Exchanged<E> = Result<(Vec<u8>, StatusWord), TerminalError<E>>;

/// One command with its answer, of as many APDUs as it takes.
fn exchange_all<C: Channel>(channel: &mut C, header: Header, mut data: &[u8], form: Form) -> Exchanged<C::Error> {
    if form == Form::Short {
        while data.len() > SHORT_DATA_BYTES_MAX {
            let (part, rest) = data.split_at(SHORT_DATA_BYTES_MAX);
            let cla = header.cla | CLA_CHAINED;
            let command = Command {
                header: Header { cla, ..header },
                data: part,
                wanted: None,
            };
            let (_, status) = exchange(channel, &command.encode(form))?;
            if status != StatusWord::OK {
                return Ok((Vec::new(), status));
            }
            data = rest;
        }
    }
    let wanted = Some(form.answer_bytes_max());
    let (mut answer, mut status) = exchange(channel, &Command { header, data, wanted }.encode(form))?;
    while let Some(left) = status.left() {
        let (more, next) = exchange(channel, &[CLA_ISO, INS_GET_RESPONSE, 0, 0, left])?;
        // An empty piece would let a card go on for ever.
        if more.is_empty() && next.left().is_some() || answer.len() + more.len() > DATA_BYTES_MAX {
            return Err(TerminalError::AnswerTooLong);
        }
        answer.extend(more);
        status = next;
    }
    if answer.len() > DATA_BYTES_MAX {
        return Err(TerminalError::AnswerTooLong);
    }
    Ok((answer, status))
}

fn exchange<C: Channel>(channel: &mut C, command: &[u8]) -> Exchanged<C::Error> {
    let bytes = channel.exchange(command).map_err(TerminalError::Channel)?;
    let (data, status) = split_answer(&bytes).ok_or(TerminalError::Torn)?;
    Ok((data.to_vec(), status))
}

/// The longest command, from 7F66 in the application's control information, if that is there.
fn extended_lengths(control_information: &[u8]) -> Option<usize> {
    let information = find(control_information, 0x6f)?;
    let proprietary = find(information, 0xa5)?;
    let command = find(find(proprietary, 0x7f66)?, 0x02)?;
    match *command {
        [high, low] => Some(usize::from(u16::from_be_bytes([high, low]))),
        [low] => Some(low.into()),
        _ => None,
    }
}

/// The value of the first BER-TLV of this tag; tags of one or two bytes, lengths below 65,536.
fn find(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (first, rest) = bytes.split_first()?;
        let mut tag = u16::from(*first);
        bytes = rest;
        if first & 0x1f == 0x1f {
            let (second, rest) = bytes.split_first()?;
            tag = u16::from_be_bytes([*first, *second]);
            bytes = rest;
        }
        let (length, rest) = match bytes {
            [length @ ..=0x7f, rest @ ..] => (usize::from(*length), rest),
            [0x81, length, rest @ ..] => (usize::from(*length), rest),
            [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        if tag == wanted {
            return Some(value);
        }
        bytes = rest;
    }
}
