//! The card in vsmartcard's virtual reader (`vsmartcard-vpcd`), which it dials as a network client.
//!
//! A frame is a length (2 bytes, big-endian) and so many bytes. One byte is a signal: 00 power off, 01
//! power on, 02 reset, 04 the reader asks for the ATR, as it does every 400 ms; only the last has an
//! answer. All else is a command APDU. The reader takes a card whose answer has no bytes for present.
//!
//! A card that is put in is powered on at once, if the reader notices. It does not always: who exchanges data with a
//! card may end in the moment in which that is taken away, and pcscd 1.9.9 (`SCardDisconnect`, `EHStatusHandlerThread`)
//! then holds the reader for empty until it has asked once more and has had no answer. If another card is there by
//! then, it is asked for its ATR for ever and never powered on, and nobody can reach it. So such a card is put in anew.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::linux::net::TcpStreamExt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Chip, apdu::COMMAND_BYTES_MAX};

/// Where Debian's `vsmartcard-vpcd` listens.
pub const PORT: u16 = 35963;

/// T=0 and T=1, no historical bytes.
pub const ATR: [u8; 5] = [0x3b, 0x80, 0x80, 0x01, 0x01];

/// A reader that is dialled again sooner may not have noticed that the card was away.
const AWAY: Duration = Duration::from_secs(1);
/// How soon a stop is noticed.
const PATIENCE: Duration = Duration::from_millis(50);
const DIAL_PATIENCE: Duration = Duration::from_secs(5);
/// A card that is put in is asked for its ATR once or twice before it is powered on.
const ASKED_UNNOTICED_MAX: u32 = 3;
/// Once is enough, unless pcscd is slow. A pcscd that powers no card on before it is used loses no more than so many tries.
const PUT_IN_ANEW_MAX: u32 = 2;

const _: () = assert!(COMMAND_BYTES_MAX <= u16::MAX as usize, "a command fits into a frame");

/// What the reader tells the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Off,
    On,
    Reset,
    AskAtr,
    Command(Vec<u8>),
}

#[derive(Debug, thiserror::Error)]
pub enum VpcdError {
    #[error("cannot reach the virtual reader at {address}: {source}; is pcscd running with vsmartcard-vpcd?")]
    Dial {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("the connection to the virtual reader broke: {0}")]
    Link(#[from] io::Error),
    #[error("the virtual reader sent a frame without content")]
    EmptyFrame,
    #[error("the virtual reader sent the signal {0:02x}, which is none")]
    Signal(u8),
}

/// Frames from a stream, however it is cut; at most one of them, 65,537 bytes, is waited for.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// `None` until all of it is there.
    pub fn take(&mut self) -> Result<Option<Message>, VpcdError> {
        let Some((length, rest)) = self.bytes.split_first_chunk() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(content) = rest.get(..length) else {
            return Ok(None);
        };
        let message = match *content {
            [] => return Err(VpcdError::EmptyFrame),
            [0x00] => Message::Off,
            [0x01] => Message::On,
            [0x02] => Message::Reset,
            [0x04] => Message::AskAtr,
            [signal] => return Err(VpcdError::Signal(signal)),
            _ => Message::Command(content.to_vec()),
        };
        self.bytes.drain(..2 + length);
        Ok(Some(message))
    }
}

/// # Panics
/// If the content is longer than a frame can be.
pub fn frame(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("at most 65,535 bytes");
    [&length.to_be_bytes(), content].concat()
}

/// A reader that a card can be put into.
#[derive(Debug)]
pub struct VirtualReader {
    address: SocketAddr,
    left: Option<Instant>,
    has_quick_acks: bool,
}

impl VirtualReader {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            left: None,
            has_quick_acks: true,
        }
    }

    /// Acknowledges when the kernel likes, to measure what that costs.
    pub fn with_delayed_acks(mut self) -> Self {
        self.has_quick_acks = false;
        self
    }

    /// Puts the card in and leaves it there, until the reader closes or `stop` is set. If that happens while
    /// the card works, its answer is not sent: the card was taken away.
    pub fn hold(&mut self, card: &mut impl Chip, stop: &AtomicBool) -> Result<(), VpcdError> {
        let mut left = PUT_IN_ANEW_MAX;
        while let Held::Unnoticed = self.put_in(card, stop, left > 0)? {
            left -= 1;
        }
        Ok(())
    }

    fn put_in(&mut self, card: &mut impl Chip, stop: &AtomicBool, must_be_noticed: bool) -> Result<Held, VpcdError> {
        self.stay_away(stop);
        if stop.load(Ordering::Acquire) {
            return Ok(Held::Ended);
        }
        let address = self.address;
        let dialled = TcpStream::connect_timeout(&address, DIAL_PATIENCE);
        let stream = dialled.map_err(|source| VpcdError::Dial { address, source })?;
        card.reset();
        let held = self.serve(stream, card, stop, must_be_noticed);
        card.reset();
        self.left = Some(Instant::now());
        held
    }

    fn stay_away(&self, stop: &AtomicBool) {
        while self.left.is_some_and(|left| left.elapsed() < AWAY) && !stop.load(Ordering::Acquire) {
            thread::sleep(PATIENCE);
        }
    }

    fn serve(
        &self,
        mut stream: TcpStream,
        card: &mut impl Chip,
        stop: &AtomicBool,
        must_be_noticed: bool,
    ) -> Result<Held, VpcdError> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut frames = Frames::default();
        let mut bytes = [0; 4096];
        let (mut is_noticed, mut asked) = (!must_be_noticed, 0);
        loop {
            while let Some(message) = frames.take()? {
                match message {
                    // Off may be meant for the card that was there before.
                    Message::Off => {}
                    Message::On | Message::Reset | Message::Command(_) => is_noticed = true,
                    Message::AskAtr => asked += 1,
                }
                if !is_noticed && asked > ASKED_UNNOTICED_MAX {
                    return Ok(Held::Unnoticed);
                }
                let reply = reply(card, message);
                let frame = reply.map(|reply| frame(&reply)).unwrap_or_default();
                if !write(&mut stream, &frame, stop)? {
                    return Ok(Held::Ended);
                }
            }
            if self.has_quick_acks {
                // The reader sends a frame's length and content apart, and waits between them for this. It
                // does not last, so it is asked for before each read.
                stream.set_quickack(true)?;
            }
            match stream.read(&mut bytes) {
                Ok(0) => return Ok(Held::Ended),
                Ok(count) => frames.push(&bytes[..count]),
                Err(error) if is_wait(&error) => {}
                Err(error) => return Err(error.into()),
            }
            if stop.load(Ordering::Acquire) {
                return Ok(Held::Ended);
            }
        }
    }
}

/// How a card came out of the reader.
enum Held {
    /// By `stop`, or by the reader.
    Ended,
    /// The reader asks whether it is there, and does not take it for put in.
    Unnoticed,
}

/// Whether all was written before `stop` was set. A reader may stop to read.
fn write(stream: &mut TcpStream, mut bytes: &[u8], stop: &AtomicBool) -> io::Result<bool> {
    while !stop.load(Ordering::Acquire) {
        if bytes.is_empty() {
            return Ok(true);
        }
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if is_wait(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn is_wait(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn reply(card: &mut impl Chip, message: Message) -> Option<Vec<u8>> {
    match message {
        Message::Off | Message::On | Message::Reset => {
            card.reset();
            None
        }
        Message::AskAtr => Some(ATR.to_vec()),
        Message::Command(command) => Some(card.answer(&command)),
    }
}

#[cfg(test)]
mod tests;
