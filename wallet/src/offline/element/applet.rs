//! What a purse says to readers, and to its own host in the same commands.
//!
//! Messages go in and out as they are signed, one after another. A reader near by gets what a payee needs; what the
//! device does that the purse is in (REQ, the purse's STATUS, VERIFY, CHANGE PIN, ACCEPT, VOID, LOAD, REDEEM, SYNC, REBASE) is
//! refused there with 6985.
//!
//! | INS | name | data | answer |
//! | --- | --- | --- | --- |
//! | 10 | CERT | - | CERT |
//! | 20 | REQ | nonce 16, amount v, memo | REQ, CERT, and the VOID of one that made room; own host |
//! | 22 | STATUS | -, or a request's id 32 | the purse's status (own host), or what is known of the request |
//! | 24 | VERIFY | digits | -; own host |
//! | 26 | CHANGE PIN | old digits (text), new ones (text) | -; own host |
//! | 30 | PAY | REQ, CERT | the bundle |
//! | 32 | RESEND | a request's id 32 | the bundle |
//! | 40 | ACCEPT | a bundle | RCPT; own host |
//! | 42 | VOID | a request's id 32 | VOID, or the RCPT if it was paid; own host |
//! | 50 | ACK | RCPT or VOID | status 1 |
//! | 60 | BEACON/RL | BEACON or RL deltas | epoch v, list version v |
//! | 70 | RTT | up to 32 bytes | the same |
//! | 80 | LOAD | P1 0: nonce 16, amount v; P1 1: GRANT | LOADREQ; 1 if it became a lot, else 0; own host |
//! | 82 | REDEEM | P1 0: account's hash 32; P1 1: -, or seq v | REDEEM and its evidence; again that of the last one that is pending, or of that one; own host |
//! | 84 | SYNC | P1 0, P2 n: -; P1 1: SYNC answer, CERT, BEACONs and RL deltas | the n-th 4,096 bytes of the upload; as BEACON/RL; own host |
//! | 86 | REBASE | P1 0: random 32; P1 1: nonce 16, amount v, CERT; P1 2: CERT; P1 3: registration's terms | the successor's key 32; its LOADREQ; -; its signature 64; own host |
//!
//! What is known of a request is 0 nothing; 1 open; 2 voided; 3 and the id of the transfer that was received; 4, the
//! status of the payment, and the transfer's id.

mod commands;

pub use self::commands::read_request;

use std::sync::{Mutex, PoisonError};

use causeway_contracts::offline::purse::{PurseRefusal, PurseState, Step};

use super::{Element, ElementError};
use crate::offline::{
    card::{Applet, IsoStatus, StatusWord},
    memory::Memory,
};

pub const INS_CERT: u8 = 0x10;
pub const INS_REQUEST: u8 = 0x20;
pub const INS_STATUS: u8 = 0x22;
pub const INS_VERIFY: u8 = 0x24;
pub const INS_CHANGE_PIN: u8 = 0x26;
pub const INS_PAY: u8 = 0x30;
pub const INS_RESEND: u8 = 0x32;
pub const INS_ACCEPT: u8 = 0x40;
pub const INS_VOID: u8 = 0x42;
pub const INS_ACKNOWLEDGE: u8 = 0x50;
pub const INS_NEWS: u8 = 0x60;
pub const INS_ROUND_TRIP: u8 = 0x70;
pub const INS_LOAD: u8 = 0x80;
pub const INS_REDEEM: u8 = 0x82;
pub const INS_SYNC: u8 = 0x84;
pub const INS_REBASE: u8 = 0x86;

/// P1 of LOAD.
pub const LOAD_ASK: u8 = 0;
pub const LOAD_TAKE: u8 = 1;

/// P1 of BEACON/RL: giving is the host's, which keeps the messages.
pub const NEWS_TAKE: u8 = 0;
pub const NEWS_GIVE: u8 = 1;

/// P1 of REDEEM.
pub const REDEEM_AGAIN: u8 = 1;

/// P1 of SYNC. Of an upload P2 says which piece: the last is the first that has less than
/// [`DATA_BYTES_MAX`](crate::offline::card::DATA_BYTES_MAX) bytes.
pub const SYNC_UPLOAD: u8 = 0;
pub const SYNC_ANSWER: u8 = 1;

/// P1 of REBASE.
pub const REBASE_BEGIN: u8 = 0;
pub const REBASE_LOAD: u8 = 1;
pub const REBASE_FINISH: u8 = 2;
pub const REBASE_REGISTER: u8 = 3;

/// From where commands come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// The device that the purse is in.
    OwnHost,
    /// A reader that it is held to.
    Reader,
}

/// How applets come to an element: one that has it alone, or several that share it, a command at a time.
pub trait Access {
    type Memory: Memory;

    fn with<T>(&mut self, command: impl FnOnce(&mut Element<Self::Memory>) -> T) -> T;
}

impl<M: Memory> Access for &mut Element<M> {
    type Memory = M;

    fn with<T>(&mut self, command: impl FnOnce(&mut Element<M>) -> T) -> T {
        command(self)
    }
}

impl<M: Memory> Access for &Mutex<Element<M>> {
    type Memory = M;

    fn with<T>(&mut self, command: impl FnOnce(&mut Element<M>) -> T) -> T {
        // A command that has panicked left the element as it was, or spent.
        command(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An element behind one of its interfaces.
pub struct PurseApplet<A> {
    access: A,
    session: Session,
}

/// What one interface is in the middle of.
struct Session {
    interface: Interface,
    /// What is being given in pieces.
    upload: Option<Vec<u8>>,
}

impl<A: Access> PurseApplet<A> {
    pub fn new(access: A, interface: Interface) -> Self {
        let session = Session {
            interface,
            upload: None,
        };
        Self { access, session }
    }
}

/// One command, which has the element for itself.
struct Command<'a, M> {
    element: &'a mut Element<M>,
    session: &'a mut Session,
}

impl<M: Memory> Command<'_, M> {
    fn answer(&mut self, ins: u8, [p1, p2]: [u8; 2], data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        self.check_interface(ins, data)?;
        check_parameters(ins, p1, p2)?;
        match ins {
            INS_CERT => self.certificate(data),
            INS_REQUEST => self.request(data),
            INS_STATUS => self.status(data),
            INS_VERIFY => self.verify(data),
            INS_CHANGE_PIN => self.change_pin(data),
            INS_PAY => self.pay(data),
            INS_RESEND => self.resend(data),
            INS_ACCEPT => self.accept(data),
            INS_VOID => self.void(data),
            INS_ACKNOWLEDGE => self.acknowledge(data),
            INS_NEWS => self.news(data),
            INS_ROUND_TRIP => round_trip(data),
            INS_LOAD if p1 == LOAD_ASK => self.ask_for_load(data),
            INS_LOAD => self.take_load(data),
            INS_REDEEM if p1 == REDEEM_AGAIN => self.redeem_again(data),
            INS_REDEEM => self.redeem(data),
            INS_SYNC if p1 == SYNC_UPLOAD => self.upload(p2, data),
            INS_SYNC => self.take_answer(data),
            INS_REBASE => match p1 {
                REBASE_BEGIN => self.begin_rebase(data),
                REBASE_LOAD => self.load_successor(data),
                REBASE_FINISH => self.finish_rebase(data),
                _ => self.register_successor(data),
            },
            _ => Err(StatusWord::UNKNOWN_INSTRUCTION),
        }
    }

    /// What only the device that the purse is in may ask for.
    fn check_interface(&self, ins: u8, data: &[u8]) -> Result<(), StatusWord> {
        let is_own = match ins {
            // Whoever may guess the PIN may block it.
            INS_VERIFY | INS_CHANGE_PIN => true,
            INS_REQUEST | INS_ACCEPT | INS_VOID | INS_LOAD | INS_REDEEM | INS_SYNC | INS_REBASE => true,
            INS_STATUS => data.is_empty(),
            _ => false,
        };
        if is_own && self.session.interface == Interface::Reader {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
        }
        Ok(())
    }

    fn run<R>(&mut self, command: impl FnOnce(&PurseState) -> Result<Step<R>, PurseRefusal>) -> Result<R, StatusWord> {
        self.element.run(command).map_err(status_of)
    }
}

fn check_parameters(ins: u8, p1: u8, p2: u8) -> Result<(), StatusWord> {
    let p1_max = match ins {
        INS_LOAD => LOAD_TAKE,
        INS_REDEEM => REDEEM_AGAIN,
        INS_SYNC => SYNC_ANSWER,
        INS_REBASE => REBASE_REGISTER,
        _ => 0,
    };
    let has_pieces = (ins, p1) == (INS_SYNC, SYNC_UPLOAD);
    if p1 > p1_max || (p2 != 0 && !has_pieces) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    Ok(())
}

fn round_trip(data: &[u8]) -> Result<Vec<u8>, StatusWord> {
    const BYTES_MAX: usize = 32;
    if data.len() > BYTES_MAX {
        return Err(StatusWord::WRONG_LENGTH);
    }
    Ok(data.to_vec())
}

impl<A: Access> Applet for PurseApplet<A> {
    fn apdu(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        let session = &mut self.session;
        let answer = self
            .access
            .with(|element| Command { element, session }.answer(ins, [p1, p2], data));
        match answer {
            Ok(answer) => (answer, StatusWord::OK),
            Err(status) => (Vec::new(), status),
        }
    }

    fn end_session(&mut self) {
        self.session.upload = None;
        let interface = self.session.interface;
        self.access.with(|element| element.end_session(interface));
    }
}

fn status_of(error: impl Into<ElementError>) -> StatusWord {
    match error.into() {
        ElementError::Refused(refusal) => refusal.status_word(),
        ElementError::Commit(_) => StatusWord::MEMORY_FAILURE,
    }
}
