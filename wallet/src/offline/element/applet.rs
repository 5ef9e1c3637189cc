//! What a purse says to readers, and to its own host in the same commands.
//!
//! Messages go in and out as they are signed, one after another. A reader near by gets what a payee needs; what the
//! payee's own purse does (ACCEPT, VOID, LOAD, REDEEM) is refused there with 6985.
//!
//! | INS | name | data | answer |
//! | --- | --- | --- | --- |
//! | 10 | CERT | - | CERT |
//! | 20 | REQ | nonce 16, amount v, memo | REQ, CERT, and the VOID of one that made room; own host |
//! | 22 | STATUS | -, or a request's id 32 | the purse's status (own host), or what is known of the request |
//! | 24 | VERIFY | digits | - |
//! | 30 | PAY | REQ, CERT | the bundle |
//! | 32 | RESEND | a request's id 32 | the bundle |
//! | 40 | ACCEPT | a bundle | RCPT; own host |
//! | 42 | VOID | a request's id 32 | VOID, or the RCPT if it was paid; own host |
//! | 50 | ACK | RCPT or VOID | status 1 |
//! | 60 | BEACON/RL | BEACON or RL deltas | epoch v, list version v |
//! | 70 | RTT | up to 32 bytes | the same |
//! | 80 | LOAD | P1 0: nonce 16, amount v; P1 1: GRANT | LOADREQ; 1 if it became a lot, else 0; own host |
//! | 82 | REDEEM | P1 0: account's hash 32; P1 1: - | REDEEM and its evidence; again for the last one that is pending; own host |
//!
//! What is known of a request is 0 nothing; 1 open; 2 voided; 3 and the id of the transfer that was received; 4, the
//! status of the payment, and the transfer's id.

use causeway_contracts::{
    codec::Text,
    money::Amount,
    offline::{
        encoding::{Malformed, Reader, Writer},
        field::Field,
        ids::{AccountHash, MessageId, Nonce16},
        message::Message,
        messages::{Certificate, Grant, PaymentStatus, Request},
        purse::{
            PurseRefusal, PurseState, Step, contents::Answer, load::Loaded, redeem::Redemption, request::Ask,
            status::Standing,
        },
        signed::Signed,
    },
};

use super::{Element, ElementError};
use crate::offline::{
    card::{Applet, DATA_BYTES_MAX, IsoStatus, StatusWord},
    memory::Memory,
};

pub const INS_CERT: u8 = 0x10;
pub const INS_REQUEST: u8 = 0x20;
pub const INS_STATUS: u8 = 0x22;
pub const INS_VERIFY: u8 = 0x24;
pub const INS_PAY: u8 = 0x30;
pub const INS_RESEND: u8 = 0x32;
pub const INS_ACCEPT: u8 = 0x40;
pub const INS_VOID: u8 = 0x42;
pub const INS_ACKNOWLEDGE: u8 = 0x50;
pub const INS_NEWS: u8 = 0x60;
pub const INS_ROUND_TRIP: u8 = 0x70;
pub const INS_LOAD: u8 = 0x80;
pub const INS_REDEEM: u8 = 0x82;

/// P1 of LOAD.
pub const LOAD_ASK: u8 = 0;
pub const LOAD_TAKE: u8 = 1;

/// P1 of REDEEM.
pub const REDEEM_AGAIN: u8 = 1;

const ROUND_TRIP_BYTES_MAX: usize = 32;

/// From where commands come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// The device that the purse is in.
    OwnHost,
    /// A reader that it is held to.
    Reader,
}

/// An element behind one of its interfaces.
pub struct PurseApplet<'a, M> {
    element: &'a mut Element<M>,
    interface: Interface,
}

impl<'a, M: Memory> PurseApplet<'a, M> {
    pub fn new(element: &'a mut Element<M>, interface: Interface) -> Self {
        Self { element, interface }
    }

    fn answer(&mut self, ins: u8, p1: u8, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        self.check_interface(ins, data)?;
        if p1 != 0 && !matches!((ins, p1), (INS_LOAD, LOAD_TAKE) | (INS_REDEEM, REDEEM_AGAIN)) {
            return Err(StatusWord::WRONG_PARAMETERS);
        }
        Ok(match ins {
            INS_CERT => none(data).map(|()| self.element.state().certificate().to_bytes())?,
            INS_REQUEST => self.request(data)?,
            INS_STATUS => self.status(data)?,
            INS_VERIFY => self.verify(data)?,
            INS_PAY => self.pay(data)?,
            INS_RESEND => {
                let request = read::<MessageId>(data)?;
                self.run(|state| state.resend(request))?
            }
            INS_ACCEPT => self.run(|state| state.accept(data))?.to_bytes(),
            INS_VOID => {
                let request = read::<MessageId>(data)?;
                self.run(|state| state.cancel_request(request))?.to_bytes()
            }
            INS_ACKNOWLEDGE => self.acknowledge(data)?,
            INS_NEWS => self.news(data)?,
            INS_ROUND_TRIP if data.len() <= ROUND_TRIP_BYTES_MAX => data.to_vec(),
            INS_ROUND_TRIP => return Err(StatusWord::WRONG_LENGTH),
            INS_LOAD if p1 == LOAD_ASK => self.ask_for_load(data)?,
            INS_LOAD => self.take_load(data)?,
            INS_REDEEM if p1 == REDEEM_AGAIN => none(data).and_then(|()| self.redeem_again())?,
            INS_REDEEM => self.redeem(data)?,
            _ => return Err(StatusWord::UNKNOWN_INSTRUCTION),
        })
    }

    /// What only the device that the purse is in may ask for.
    fn check_interface(&self, ins: u8, data: &[u8]) -> Result<(), StatusWord> {
        let is_own = matches!(ins, INS_REQUEST | INS_ACCEPT | INS_VOID | INS_LOAD | INS_REDEEM)
            || (ins == INS_STATUS && data.is_empty());
        if is_own && self.interface == Interface::Reader {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
        }
        Ok(())
    }

    fn run<R>(&mut self, command: impl FnOnce(&PurseState) -> Result<Step<R>, PurseRefusal>) -> Result<R, StatusWord> {
        self.element.run(command).map_err(|error| status_of(&error))
    }

    fn request(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let mut reader = whole(data)?;
        let ask = (|| {
            let ask = Ask {
                nonce: Nonce16::read(&mut reader)?,
                amount: Amount::read(&mut reader)?,
                memo: Text::read(&mut reader)?,
            };
            reader.end().map(|()| ask)
        })();
        let opened = self.run(|state| state.open_request(ask?))?;
        let mut bytes = opened.request.to_bytes();
        bytes.extend(self.element.state().certificate().to_bytes());
        bytes.extend(opened.voided.iter().flat_map(Signed::to_bytes));
        Ok(bytes)
    }

    fn status(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let state = self.element.state();
        let mut writer = Writer::default();
        if data.is_empty() {
            state.status().write(&mut writer);
        } else {
            write_standing(state.standing(read(data)?), &mut writer);
        }
        Ok(writer.into_bytes())
    }

    fn verify(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        // What is no text is no PIN, and costs a try as another wrong one does.
        let digits = std::str::from_utf8(data).unwrap_or_default();
        let verified = self.element.verify(digits);
        verified.map(|()| Vec::new()).map_err(|error| status_of(&error))
    }

    fn pay(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let (request, payee) = read_request(data).map_err(malformed)?;
        let consent = self.element.consent_to(request.id());
        let bundle = self.run(|state| state.pay(&request, &payee, consent))?;
        if self.element.consented == Some(request.id()) {
            self.element.consented = None;
        }
        Ok(bundle)
    }

    fn acknowledge(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let status = match one_message(data)? {
            Message::Receipt(receipt) => self.run(|state| state.receipt(&receipt))?,
            Message::Void(void) => self.run(|state| state.void(&void))?,
            _ => return Err(StatusWord::MALFORMED),
        };
        Ok(vec![status as u8])
    }

    /// One commit for each message: those before one that is refused are kept.
    fn news(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        for message in Message::read_all(data, DATA_BYTES_MAX).map_err(malformed)? {
            match message {
                Message::Beacon(beacon) => self.run(|state| state.beacon(&beacon)).map(|_| ())?,
                Message::RevocationDelta(delta) => self.run(|state| state.revocation_delta(&delta))?,
                _ => return Err(StatusWord::MALFORMED),
            }
        }
        let state = self.element.state();
        let mut writer = Writer::default();
        state.counters().epoch.write(&mut writer);
        state.revoked().version().write(&mut writer);
        Ok(writer.into_bytes())
    }

    fn ask_for_load(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let mut reader = whole(data)?;
        let read = (|| {
            let asked = (Nonce16::read(&mut reader)?, Amount::read(&mut reader)?);
            reader.end().map(|()| asked)
        })();
        let (nonce, amount) = read.map_err(malformed)?;
        Ok(self.run(|state| state.load_request(amount, nonce))?.to_bytes())
    }

    fn take_load(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let grant = Signed::<Grant>::from_bytes(data).map_err(malformed)?;
        let loaded = self.run(|state| state.accept_grant(&grant))?;
        Ok(vec![u8::from(loaded == Loaded::Lot)])
    }

    fn redeem(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let account = read::<AccountHash>(data)?;
        let redemption = self.run(|state| state.redeem(account, &[]))?;
        Ok(redemption_bytes(&redemption))
    }

    fn redeem_again(&mut self) -> Result<Vec<u8>, StatusWord> {
        let redemption = self.run(PurseState::last_redemption)?;
        Ok(redemption_bytes(&redemption))
    }
}

impl<M: Memory> Applet for PurseApplet<'_, M> {
    fn apdu(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        if p2 != 0 {
            return (Vec::new(), StatusWord::WRONG_PARAMETERS);
        }
        match self.answer(ins, p1, data) {
            Ok(answer) => (answer, StatusWord::OK),
            Err(status) => (Vec::new(), status),
        }
    }

    fn end_session(&mut self) {
        self.element.end_session();
    }
}

fn redemption_bytes(redemption: &Redemption) -> Vec<u8> {
    let mut bytes = redemption.redeem.to_bytes();
    bytes.extend(Message::concatenate(&redemption.evidence));
    bytes
}

fn status_of(error: &ElementError) -> StatusWord {
    match error {
        ElementError::Refused(refusal) => StatusWord(refusal.status_word().0),
        ElementError::Commit(_) => StatusWord::MEMORY_FAILURE,
    }
}

fn malformed(_: Malformed) -> StatusWord {
    StatusWord::MALFORMED
}

fn none(data: &[u8]) -> Result<(), StatusWord> {
    data.is_empty().then_some(()).ok_or(StatusWord::WRONG_LENGTH)
}

fn whole(data: &[u8]) -> Result<Reader<'_>, StatusWord> {
    Reader::new(data, DATA_BYTES_MAX).map_err(malformed)
}

fn read<T: Field>(data: &[u8]) -> Result<T, StatusWord> {
    let mut reader = whole(data)?;
    let value = T::read(&mut reader).map_err(malformed)?;
    reader.end().map_err(malformed)?;
    Ok(value)
}

fn one_message(data: &[u8]) -> Result<Message, StatusWord> {
    let mut messages = Message::read_all(data, DATA_BYTES_MAX).map_err(malformed)?;
    match messages.len() {
        1 => Ok(messages.remove(0)),
        _ => Err(StatusWord::MALFORMED),
    }
}

fn read_request(data: &[u8]) -> Result<(Signed<Request>, Signed<Certificate>), Malformed> {
    let mut reader = Reader::new(data, DATA_BYTES_MAX)?;
    let request = Signed::<Request>::read(&mut reader)?;
    let payee = Signed::<Certificate>::read(&mut reader)?;
    reader.end()?;
    Ok((request, payee))
}

fn write_standing(standing: Standing, writer: &mut Writer) {
    match standing {
        Standing::Unknown => writer.byte(0),
        Standing::Open => writer.byte(1),
        Standing::Answered(Answer::Voided) => writer.byte(2),
        Standing::Answered(Answer::Received(transfer)) => {
            writer.byte(3);
            transfer.write(writer);
        }
        Standing::Paid { transfer, status } => {
            writer.byte(4);
            <PaymentStatus as Field>::write(&status, writer);
            transfer.write(writer);
        }
    }
}
