use std::{net::TcpListener, sync::atomic::AtomicU32};

use super::*;
use crate::offline::card::{Applet, Card, DATA_BYTES_MAX, StatusWord};

/// Gives as much as it may, and counts how often.
struct Talker<'a>(&'a AtomicU32);

impl Applet for Talker<'_> {
    fn apdu(&mut self, _: u8, _: u8, _: u8, _: &[u8]) -> (Vec<u8>, StatusWord) {
        self.0.fetch_add(1, Ordering::AcqRel);
        (vec![7; DATA_BYTES_MAX], StatusWord::OK)
    }

    fn end_session(&mut self) {}
}

const ASK_ATR: [u8; 1] = [0x04];

/// Whether the card gives its ATR when it is asked so often; it does not if it has left.
fn stays(reader: &mut TcpStream, asked: u32) -> bool {
    let atr = frame(&ATR);
    let mut answer = vec![0; atr.len()];
    (0..asked)
        .all(|_| reader.write_all(&frame(&ASK_ATR)).is_ok() && reader.read_exact(&mut answer).is_ok() && answer == atr)
}

/// Runs the reader's side, to which a card is held until the reader is done.
fn with_reader(reader: impl FnOnce(&TcpListener)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let (stop, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let held = scope.spawn(|| VirtualReader::new(address).hold(&mut Card::new(Talker(&answered)), &stop));
        reader(&listener);
        stop.store(true, Ordering::Release);
        assert!(held.join().expect("no panic").is_ok());
    });
}

#[test]
fn a_card_that_the_reader_does_not_notice_is_put_in_anew() {
    with_reader(|listener| {
        let (mut reader, _) = listener.accept().expect("the card dials");
        // The reader powers off a card that was there before, and notices no new one.
        reader.write_all(&frame(&[0x00])).expect("it is taken");
        assert!(stays(&mut reader, ASKED_UNNOTICED_MAX));
        assert!(!stays(&mut reader, 1));
        let (mut reader, _) = listener.accept().expect("the card dials again");
        assert!(stays(&mut reader, 1));
        reader.write_all(&frame(&[0x01])).expect("it is taken");
        assert!(stays(&mut reader, 10 * ASKED_UNNOTICED_MAX));
    });
}

#[test]
fn a_reader_that_powers_no_card_on_before_it_is_used_has_the_card_after_some_tries() {
    with_reader(|listener| {
        for _ in 0..PUT_IN_ANEW_MAX {
            let (mut reader, _) = listener.accept().expect("the card dials");
            assert!(!stays(&mut reader, ASKED_UNNOTICED_MAX + 1));
        }
        let (mut reader, _) = listener.accept().expect("the card dials");
        assert!(stays(&mut reader, 10 * ASKED_UNNOTICED_MAX));
    });
}

#[test]
fn a_reader_that_does_not_read_does_not_hold_the_card() {
    const COMMANDS: u32 = 8_000;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let (stop, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let held = scope.spawn(|| VirtualReader::new(address).hold(&mut Card::new(Talker(&answered)), &stop));
        let (mut reader, _) = listener.accept().expect("the card dials");
        let select = [&[0x00, 0xa4, 0x04, 0x0c, 8], crate::offline::card::AID.as_slice()].concat();
        reader.write_all(&frame(&select)).expect("it is taken");
        for _ in 0..COMMANDS {
            reader
                .write_all(&frame(&[0x80, 1, 0, 0, 0, 0, 0]))
                .expect("it is taken");
        }
        // Until the card waits for the reader: some megabytes are in the way.
        let mut before = 0;
        loop {
            thread::sleep(10 * PATIENCE);
            let now = answered.load(Ordering::Acquire);
            if now > 0 && now == before {
                break;
            }
            before = now;
        }
        assert!(before < COMMANDS, "everything was read");
        stop.store(true, Ordering::Release);
        assert!(held.join().expect("no panic").is_ok());
    });
}
