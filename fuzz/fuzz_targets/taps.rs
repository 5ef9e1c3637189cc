//! A terminal that a hostile card answers, and a phone that a hostile terminal asks: taps end, and a counter gives one
//! cryptogram.

#![no_main]

use causeway_cards::{
    crypto::key::TdesKey,
    emv::{
        apdu::{Response, StatusWord},
        applet::{Applet, LimitedUseKey, Step, Token},
        kernel::{COMMANDS_MAX, Kernel, Next, Terminal, Transaction},
    },
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let messages = messages(bytes);
    answer(&messages);
    ask(&messages);
});

/// Each is a length of one byte, and so many bytes; the last may be shorter.
fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (message, rest) = rest.split_at(rest.len().min((*length).into()));
        messages.push(message);
        bytes = rest;
    }
    messages
}

fn answer(answers: &[&[u8]]) {
    let terminal = Terminal {
        country: 250,
        kind: 0x22,
        capabilities: [0xe0, 0xb8, 0xc8],
        contactless_max: 100_000,
        verified_from: 1_000,
        has_online_pin: true,
        has_signature: true,
        applications: Terminal::default_applications(),
    };
    let transaction = Transaction {
        amount: 1_250,
        other_amount: 0,
        currency: 978,
        date: [26, 11, 30],
        kind: 0,
        unpredictable: [1, 2, 3, 4],
    };
    let (mut kernel, _) = Kernel::start(terminal, transaction).expect("it is within the limits");
    for (at, answer) in answers.iter().enumerate() {
        let whole = [*answer, &[0x90, 0]].concat();
        if !matches!(kernel.on_response(&whole), Next::Command(_)) {
            return;
        }
        assert!(at < COMMANDS_MAX, "a tap has no more commands");
    }
}

fn ask(commands: &[&[u8]]) {
    let key = |counter| LimitedUseKey {
        counter,
        key: TdesKey::new(&[0x11; 16]).expect("it has 16 bytes"),
    };
    let token = Token::new("4761739001010010", "2802", 1).expect("a token");
    let mut applet = Applet::new(token, 1, (1..=4).map(key).collect(), 1).expect("four keys");
    let mut last = 1;
    for command in commands {
        match applet.command(command) {
            Step::Answer(response) => assert!(Response::parse(&response.to_bytes()).is_ok()),
            Step::Save(unsaved) => {
                assert!(unsaved.counter() > last, "a counter gives one cryptogram");
                last = unsaved.counter();
                assert_eq!(unsaved.saved().status, StatusWord::OK);
            }
        }
    }
}
