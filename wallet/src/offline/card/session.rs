//! A card: selects the purse's application, puts chained commands together, hands answers out in pieces.
//!
//! Refused, and forgotten what was there of a chain: lengths that do not add up and commands or chains
//! above [`DATA_BYTES_MAX`] with 6700; a chain in which another command comes with 6A80. Any command but
//! GET RESPONSE discards what is left of the last answer.

use super::{
    AID, Applet, CLA_APPLET, CLA_CHAINED, CLA_ISO, Chip, DATA_BYTES_MAX, INS_GET_RESPONSE, INS_SELECT, IsoStatus as _,
    StatusWord,
    apdu::{ANSWER_BYTES_MAX, COMMAND_BYTES_MAX, Command, Header, answer},
};

/// First or only occurrence of an application's name (ISO/IEC 7816-4:2020, 11.2.2), with or without its data.
const SELECT_BY_NAME: u8 = 0x04;
const SELECT_WITH_DATA: u8 = 0x00;
const SELECT_WITHOUT_DATA: u8 = 0x0c;

/// A card with one application.
pub struct Card<A> {
    applet: A,
    is_selected: bool,
    chain: Option<Chain>,
    rest: Option<Rest>,
}

struct Chain {
    /// Of its parts, the class without [`CLA_CHAINED`].
    header: Header,
    data: Vec<u8>,
}

/// What is left of an answer.
struct Rest {
    data: Vec<u8>,
    status: StatusWord,
}

impl<A: Applet> Card<A> {
    pub fn new(applet: A) -> Self {
        Self {
            applet,
            is_selected: false,
            chain: None,
            rest: None,
        }
    }

    pub fn applet(&mut self) -> &mut A {
        &mut self.applet
    }

    /// As [`Chip::reset`].
    pub fn reset(&mut self) {
        self.is_selected = false;
        self.chain = None;
        self.rest = None;
        self.applet.end_session();
    }

    /// As [`Chip::answer`].
    pub fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let command = match Command::parse(bytes) {
            Ok(command) if command.data.len() <= DATA_BYTES_MAX => command,
            _ => return self.refuse(StatusWord::WRONG_LENGTH),
        };
        let Header { cla, ins, .. } = command.header;
        let base = cla & !CLA_CHAINED;
        if base != CLA_ISO && base != CLA_APPLET {
            return self.refuse(StatusWord::UNKNOWN_CLASS);
        }
        if ins == INS_GET_RESPONSE {
            return self.more(command);
        }
        self.rest = None;
        let header = Header {
            cla: base,
            ..command.header
        };
        let mut chain = match self.chain.take() {
            Some(chain) if chain.header != header => return self.refuse(StatusWord::MALFORMED),
            Some(chain) => chain,
            None => Chain {
                header,
                data: Vec::new(),
            },
        };
        if chain.data.len() + command.data.len() > DATA_BYTES_MAX {
            return self.refuse(StatusWord::WRONG_LENGTH);
        }
        chain.data.extend(command.data);
        if cla == base {
            let (data, status) = self.dispatch(header, &chain.data);
            return self.give(data, status, command.wanted);
        }
        if command.data.is_empty() {
            return self.refuse(StatusWord::WRONG_LENGTH);
        }
        self.chain = Some(chain);
        answer(&[], StatusWord::OK)
    }

    fn dispatch(&mut self, header: Header, data: &[u8]) -> (Vec<u8>, StatusWord) {
        let Header { cla, ins, p1, p2 } = header;
        match (cla, ins) {
            (CLA_ISO, INS_SELECT) => self.select(p1, p2, data),
            (CLA_ISO, _) => (Vec::new(), StatusWord::UNKNOWN_INSTRUCTION),
            _ if !self.is_selected => (Vec::new(), StatusWord::CONDITIONS_NOT_SATISFIED),
            _ => self.applet.apdu(ins, p1, p2, data),
        }
    }

    fn select(&mut self, p1: u8, p2: u8, name: &[u8]) -> (Vec<u8>, StatusWord) {
        if p1 != SELECT_BY_NAME || !matches!(p2, SELECT_WITH_DATA | SELECT_WITHOUT_DATA) {
            return (Vec::new(), StatusWord::WRONG_PARAMETERS);
        }
        if name != AID {
            return (Vec::new(), StatusWord::NO_APPLICATION);
        }
        self.is_selected = true;
        self.applet.end_session();
        let data = if p2 == SELECT_WITH_DATA {
            control_information()
        } else {
            Vec::new()
        };
        (data, StatusWord::OK)
    }

    /// GET RESPONSE (ISO/IEC 7816-4:2020, 11.8.1).
    fn more(&mut self, command: Command<'_>) -> Vec<u8> {
        let Header { cla, p1, p2, .. } = command.header;
        if self.chain.is_some() || cla & CLA_CHAINED != 0 {
            return self.refuse(StatusWord::MALFORMED);
        }
        if !command.data.is_empty() || command.wanted.is_none() {
            return self.refuse(StatusWord::WRONG_LENGTH);
        }
        if (p1, p2) != (0, 0) {
            return self.refuse(StatusWord::WRONG_PARAMETERS);
        }
        match self.rest.take() {
            Some(rest) => self.give(rest.data, rest.status, command.wanted),
            None => self.refuse(StatusWord::CONDITIONS_NOT_SATISFIED),
        }
    }

    /// As much as is wanted; the rest is kept, and its length told.
    fn give(&mut self, mut data: Vec<u8>, status: StatusWord, wanted: Option<usize>) -> Vec<u8> {
        assert!(
            data.len() <= DATA_BYTES_MAX,
            "an applet's answer has {} bytes",
            data.len()
        );
        let wanted = wanted.unwrap_or(0);
        if data.len() <= wanted {
            return answer(&data, status);
        }
        let rest = data.split_off(wanted);
        let more = StatusWord::more(rest.len());
        self.rest = Some(Rest { data: rest, status });
        answer(&data, more)
    }

    fn refuse(&mut self, status: StatusWord) -> Vec<u8> {
        self.chain = None;
        self.rest = None;
        answer(&[], status)
    }
}

impl<A: Applet> Chip for Card<A> {
    fn reset(&mut self) {
        Card::reset(self);
    }

    fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        Card::answer(self, command)
    }
}

/// File control information: the name, and that lengths may be extended (7F66, ISO/IEC 7816-4:2020, 12.7.1).
fn control_information() -> Vec<u8> {
    let [command, answer] = [COMMAND_BYTES_MAX, ANSWER_BYTES_MAX].map(|max| (max as u16).to_be_bytes());
    let lengths = [&[0x7f, 0x66, 8, 2, 2], &command[..], &[2, 2], &answer[..]].concat();
    let name = [&[0x84, AID.len() as u8], &AID[..]].concat();
    let proprietary = [&[0xa5, lengths.len() as u8], &lengths[..]].concat();
    let length = (name.len() + proprietary.len()) as u8;
    [&[0x6f, length], &name[..], &proprietary[..]].concat()
}
