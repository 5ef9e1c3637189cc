//! A purse as a smart card (ISO/IEC 7816-4), and the terminal that it is held to.
//!
//! [`apdu`] and [`status`] are the bytes, [`session`] is a card around any [`Applet`], [`vpcd`] puts
//! it into the virtual reader of vsmartcard; [`terminal`] talks to any card, [`reader`] to one in a
//! reader of PC/SC. Commands and answers are of any of ISO's forms, short ones chained.

pub mod apdu;
pub mod reader;
pub mod session;
pub mod status;
pub mod terminal;
pub mod vpcd;

pub use self::{
    session::Card,
    status::{IsoStatus, StatusWord},
    terminal::Terminal,
};

/// The purse's application: proprietary and unregistered (ISO/IEC 7816-4, 12.2.3, category F).
pub const AID: [u8; 8] = [0xf0, b'D', b'O', b'F', b'P', 0, 0, 1];

/// Data of one command or of one answer, however many APDUs carry it.
pub const DATA_BYTES_MAX: usize = 4096;

/// ISO's own commands, and ours, of which an applet answers those of the second kind.
pub(crate) const CLA_ISO: u8 = 0x00;
pub(crate) const CLA_APPLET: u8 = 0x80;
/// More of the command's data follows.
pub(crate) const CLA_CHAINED: u8 = 0x10;

pub(crate) const INS_SELECT: u8 = 0xa4;
pub(crate) const INS_GET_RESPONSE: u8 = 0xc0;

/// What can be put into a reader: it has power or not, and answers any bytes.
pub trait Chip {
    /// The power went, or came back, or the terminal begins anew.
    fn reset(&mut self);

    /// The answer to a command, its status last: two bytes at least, and [`apdu::ANSWER_BYTES_MAX`] at most.
    fn answer(&mut self, command: &[u8]) -> Vec<u8>;
}

/// What a card does, once its application is selected.
pub trait Applet {
    /// Answers a command whose data is whole, with at most [`DATA_BYTES_MAX`] bytes.
    fn apdu(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> (Vec<u8>, StatusWord);

    /// The session is over, or a new one begins: what a PIN has opened is closed.
    fn end_session(&mut self);
}

#[cfg(test)]
mod tests;
