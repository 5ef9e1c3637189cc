//! What a reader may send to a card: a stream of frames, with command APDUs in them.

#![no_main]

use causeway_wallet::offline::card::{
    Applet, Card, StatusWord,
    apdu::{ANSWER_BYTES_MAX, Command},
    vpcd::{Frames, Message},
};
use libfuzzer_sys::fuzz_target;

struct Echo;

impl Applet for Echo {
    fn apdu(&mut self, _: u8, _: u8, _: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        (data.to_vec(), StatusWord::OK)
    }

    fn end_session(&mut self) {}
}

fuzz_target!(|bytes: &[u8]| {
    let (mut frames, mut card) = (Frames::default(), Card::new(Echo));
    frames.push(bytes);
    while let Ok(Some(message)) = frames.take() {
        let Message::Command(command) = message else {
            card.reset();
            continue;
        };
        let answer = card.answer(&command);
        assert!((2..=ANSWER_BYTES_MAX).contains(&answer.len()));
        if Command::parse(&command).is_err() {
            assert_eq!(answer, [0x67, 0x00]);
        }
    }
});
