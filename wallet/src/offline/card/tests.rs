use std::convert::Infallible;

use proptest::prelude::*;

use super::{
    apdu::{Command, Form, Header, WrongLength},
    terminal::{Channel, TerminalError},
    vpcd::{Frames, Message, VpcdError, frame},
    *,
};

const INS_ECHO: u8 = 0x01;
/// Gives as many bytes as its P1 and P2 say.
const INS_GIVE: u8 = 0x03;

#[derive(Default)]
struct Echo {
    sessions_ended: u32,
}

impl Applet for Echo {
    fn apdu(&mut self, ins: u8, p1: u8, p2: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        match ins {
            INS_ECHO => (data.to_vec(), StatusWord::OK),
            INS_GIVE => {
                let length = usize::from(u16::from_be_bytes([p1, p2])).min(DATA_BYTES_MAX);
                (vec![p2; length], StatusWord(0x6300))
            }
            _ => (Vec::new(), StatusWord::UNKNOWN_INSTRUCTION),
        }
    }

    fn end_session(&mut self) {
        self.sessions_ended += 1;
    }
}

impl Channel for Card<Echo> {
    type Error = Infallible;

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, Infallible> {
        Ok(self.answer(command))
    }
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).expect("hexadecimal")
}

/// Sends the commands to one card, after SELECT, and compares the answers.
fn check(exchanges: &[(&str, &str)]) {
    let mut card = selected();
    for (command, expected) in exchanges {
        let answer = hex::encode(card.answer(&bytes(command)));
        assert_eq!(answer, expected.replace(' ', "").to_lowercase(), "{command}");
    }
}

fn selected() -> Card<Echo> {
    let mut card = Card::new(Echo::default());
    let answer = card.answer(&bytes("00A40400 08 F0444F4650000001 00"));
    let information = "6F17 8408F0444F4650000001 A50B 7F6608 02021009 02021002 9000";
    assert_eq!(answer, bytes(information));
    card
}

/// ISO/IEC 7816-4:2020, table 1: the four cases, short and extended.
#[test]
fn commands_of_every_case() {
    let header = Header {
        cla: 0x80,
        ins: 1,
        p1: 2,
        p2: 3,
    };
    let check = |text: &str, data: &[u8], wanted: Option<usize>, form: Form| {
        let command = bytes(text);
        let expected = Command { header, data, wanted };
        assert_eq!(Command::parse(&command), Ok(expected), "{text}");
        assert_eq!(expected.encode(form), command, "{text}");
    };
    check("80010203", &[], None, Form::Short);
    check("80010203 10", &[], Some(16), Form::Short);
    check("80010203 00", &[], Some(256), Form::Short);
    check("80010203 02 0708", &[7, 8], None, Form::Short);
    check("80010203 02 0708 FF", &[7, 8], Some(255), Form::Short);
    check("80010203 02 0000 00", &[0, 0], Some(256), Form::Short);
    check("80010203 00 0101", &[], Some(257), Form::Extended);
    check("80010203 00 0000", &[], Some(65_536), Form::Extended);
    check("80010203 00 0002 0708", &[7, 8], None, Form::Extended);
    check("80010203 00 0002 0708 0000", &[7, 8], Some(65_536), Form::Extended);
}

#[test]
fn lengths_that_do_not_add_up_are_no_command() {
    for text in [
        "",
        "80",
        "800102",
        "80010203 0007",
        "80010203 0207",
        "80010203 02 0708 0000",
        "80010203 00 0000 07",
        "80010203 00 0000 0707",
        "80010203 00 0002 07",
        "80010203 00 0002 0708 00",
        "80010203 00 0002 0708 000000",
    ] {
        let command = bytes(text);
        assert_eq!(Command::parse(&command), Err(WrongLength(command.len())), "{text}");
        assert_eq!(selected().answer(&command), [0x67, 0x00], "{text}");
    }
}

#[test]
fn only_what_is_there_is_selected_and_answered() {
    check(&[
        ("00A40400 07 F0444F46500000 00", "6A82"),
        ("00A40000 02 3F00", "6A86"),
        ("00A4040C 08 F0444F4650000001", "9000"),
        ("00B00000 00", "6D00"),
        ("80020000 00", "6D00"),
        ("84010000 01 07 00", "6E00"),
        ("FF010000 01 07 00", "6E00"),
        ("80010000 01 07 00", "07 9000"),
    ]);
    let mut card = Card::new(Echo::default());
    assert_eq!(
        card.answer(&bytes("80010000 01 07 00")),
        [0x69, 0x85],
        "nothing is selected"
    );
    let mut card = selected();
    let before = card.applet().sessions_ended;
    card.reset();
    assert_eq!(card.applet().sessions_ended, before + 1);
    assert_eq!(
        card.answer(&bytes("80010000 01 07 00")),
        [0x69, 0x85],
        "a reset deselects"
    );
}

#[test]
fn chains_are_put_together_or_forgotten() {
    check(&[
        ("90010000 02 0102", "9000"),
        ("90010000 02 0304", "9000"),
        ("80010000 01 05 00", "0102030405 9000"),
        // The last part may be empty.
        ("90010000 02 0102", "9000"),
        ("80010000 00", "0102 9000"),
        // Another command in between: INS, P1, P2, or CLA.
        ("90010000 02 0102", "9000"),
        ("80020000 01 05 00", "6A80"),
        ("90010000 02 0102", "9000"),
        ("80010100 01 05 00", "6A80"),
        ("90010000 02 0102", "9000"),
        ("00A4040C 08 F0444F4650000001", "6A80"),
        ("90010000 02 0102", "9000"),
        ("00C00000 00", "6A80"),
        ("80010000 01 05 00", "05 9000"),
        // Wrong lengths break it too, and parts without data are none.
        ("90010000 02 0102", "9000"),
        ("80010000 02 05", "6700"),
        ("80010000 01 05 00", "05 9000"),
        ("90010000 00", "6700"),
    ]);
}

#[test]
fn a_chain_has_a_limit() {
    let mut card = selected();
    let mut part = bytes("90010000 FF");
    part.extend([7; 255]);
    for _ in 0..DATA_BYTES_MAX / 255 {
        assert_eq!(card.answer(&part), [0x90, 0x00]);
    }
    // 4,080 bytes are there.
    let mut last = bytes("80010000 000010");
    last.extend([7; 16]);
    last.extend([0, 0]);
    let answer = card.answer(&last);
    assert_eq!(
        (answer.len(), &answer[DATA_BYTES_MAX..]),
        (DATA_BYTES_MAX + 2, [0x90, 0x00].as_slice())
    );
    for _ in 0..DATA_BYTES_MAX / 255 {
        assert_eq!(card.answer(&part), [0x90, 0x00]);
    }
    assert_eq!(card.answer(&part), [0x67, 0x00]);
    assert_eq!(
        card.answer(&bytes("80010000 01 05 00")),
        [5, 0x90, 0x00],
        "nothing of it is left"
    );
    let header = Header {
        cla: 0x80,
        ins: 1,
        p1: 0,
        p2: 0,
    };
    let data = vec![7; DATA_BYTES_MAX + 1];
    let command = Command {
        header,
        data: &data,
        wanted: None,
    }
    .encode(Form::Extended);
    assert_eq!(card.answer(&command), [0x67, 0x00]);
}

#[test]
fn answers_are_handed_out_in_pieces() {
    check(&[
        ("80030005 02", "0505 6103"),
        ("00C00000 01", "05 6102"),
        ("80C00000 00", "0505 6300"),
        ("00C00000 00", "6985"),
        // Nothing is wanted: it is told how much there is.
        ("80010000 02 0708", "6102"),
        ("00C00000 02", "0708 9000"),
        ("80030005 02", "0505 6103"),
        ("00C00000", "6700"),
        ("80030005 02", "0505 6103"),
        ("00C00001 00", "6A86"),
        // Another command discards what is left.
        ("80030005 02", "0505 6103"),
        ("80010000 01 07 00", "07 9000"),
        ("00C00000 00", "6985"),
        ("80030205 01", "05 6100"),
    ]);
}

fn terminals() -> [Terminal<Card<Echo>>; 2] {
    let new = || Terminal::select(Card::new(Echo::default()), &AID).expect("it is there");
    let extended = new();
    assert!(extended.has_extended_lengths());
    [extended, new().with_short_lengths()]
}

#[test]
fn any_length_goes_there_and_back_in_either_form() {
    for mut terminal in terminals() {
        for length in (0..600).chain([1020, 1021, 2048, 4079, 4080, 4081, 4095, 4096]) {
            let data: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            assert_eq!(
                terminal.call(INS_ECHO, 0, 0, &data).expect("it answers"),
                (data, StatusWord::OK)
            );
            let [p1, p2] = (length as u16).to_be_bytes();
            let given = terminal.call(INS_GIVE, p1, p2, &[]).expect("it answers");
            assert_eq!(given, (vec![p2; length], StatusWord(0x6300)));
        }
        let error = terminal
            .call(INS_ECHO, 0, 0, &[0; DATA_BYTES_MAX + 1])
            .expect_err("too long");
        assert!(matches!(error, TerminalError::CommandTooLong(4097)), "{error}");
        let refused = terminal.call(0x77, 0, 0, &[0; 300]).expect("it answers");
        assert_eq!(refused, (Vec::new(), StatusWord::UNKNOWN_INSTRUCTION));
    }
}

/// A card that gives these answers, then the last one for ever.
struct Script(Vec<Vec<u8>>);

impl Channel for Script {
    type Error = Infallible;

    fn exchange(&mut self, _: &[u8]) -> Result<Vec<u8>, Infallible> {
        Ok(if self.0.len() > 1 {
            self.0.remove(0)
        } else {
            self.0[0].clone()
        })
    }
}

#[test]
fn a_terminal_expects_anything_of_a_card() {
    let call = |answers: &[&str]| {
        let mut script = vec![bytes("9000")];
        script.extend(answers.iter().map(|answer| bytes(answer)));
        let mut terminal = Terminal::select(Script(script), &AID).expect("9000");
        assert!(!terminal.has_extended_lengths());
        terminal.call(INS_ECHO, 0, 0, &[])
    };
    assert!(matches!(call(&[""]), Err(TerminalError::Torn)));
    assert!(matches!(call(&["90"]), Err(TerminalError::Torn)));
    assert!(matches!(call(&["07 6101", ""]), Err(TerminalError::Torn)));
    // More, for ever.
    assert!(matches!(call(&["6100"]), Err(TerminalError::AnswerTooLong)));
    assert!(matches!(call(&["07 6100"]), Err(TerminalError::AnswerTooLong)));
    assert_eq!(
        call(&["07 6101", "08 9000"]).expect("whole"),
        (vec![7, 8], StatusWord::OK)
    );
    let error = Terminal::select(Script(vec![bytes("6A82")]), &AID)
        .err()
        .expect("refused");
    assert_eq!(
        error.to_string(),
        "the card refuses the application with 6A82 (no such application)"
    );
}

#[test]
fn frames_of_every_kind() {
    let mut frames = Frames::default();
    frames.push(&bytes("0001 00 0001 01 0001 02 0001 04 0004 80010203 00"));
    let command = Message::Command(bytes("80010203"));
    for expected in [Message::Off, Message::On, Message::Reset, Message::AskAtr, command] {
        assert_eq!(frames.take().expect("whole"), Some(expected));
    }
    assert_eq!(frames.take().expect("not whole yet"), None);
    frames.push(&[0]);
    assert!(matches!(frames.take(), Err(VpcdError::EmptyFrame)));
    let mut frames = Frames::default();
    frames.push(&bytes("0001 03"));
    assert!(matches!(frames.take(), Err(VpcdError::Signal(3))));
}

proptest! {
    #[test]
    fn what_parses_encodes_to_the_same(command in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(parsed) = Command::parse(&command) {
            let forms = [Form::Short, Form::Extended].into_iter().filter(|form| {
                *form == Form::Extended
                    || parsed.data.len() <= 255 && parsed.wanted.is_none_or(|wanted| wanted <= 256)
            });
            prop_assert!(forms.map(|form| parsed.encode(form)).any(|encoded| encoded == command));
        }
    }

    /// Attack 47. What comes after any bytes is answered as if they had not been there.
    #[test]
    fn no_bytes_panic_a_card(
        commands in prop::collection::vec(
            (
                prop::sample::select(vec![0x00_u8, 0x10, 0x80, 0x90, 0x84]),
                prop::sample::select(vec![INS_ECHO, INS_GIVE, 0xa4, 0xc0, 0x55]),
                prop::collection::vec(any::<u8>(), 0..300),
            ),
            0..40,
        ),
    ) {
        let mut card = selected();
        for (cla, ins, rest) in commands {
            let answer = card.answer(&[&[cla, ins], rest.as_slice()].concat());
            prop_assert!((2..=DATA_BYTES_MAX + 2).contains(&answer.len()));
        }
        card.reset();
        card.answer(&bytes("00A40400 08 F0444F4650000001 00"));
        prop_assert_eq!(card.answer(&bytes("80010000 01 07 00")), [7, 0x90, 0x00]);
    }

    /// Whatever it says of itself when it is selected, and answers then.
    #[test]
    fn no_bytes_panic_a_terminal(
        information in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(bytes("6FA57F66028182"))], 0..40),
        answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
    ) {
        let first = [&[0x6f, information.len() as u8], information.as_slice(), &[0x90, 0x00]].concat();
        let script = [vec![first], answers].concat();
        let mut terminal = Terminal::select(Script(script), &AID).expect("9000");
        let _ = terminal.call(INS_ECHO, 0, 0, &[7; 600]);
    }

    /// However the stream is cut, the same messages come out.
    #[test]
    fn frames_come_in_pieces(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 2..700), 1..6),
        cuts in prop::collection::vec(1..400_usize, 1..20),
    ) {
        let stream: Vec<u8> = contents.iter().flat_map(|content| frame(content)).collect();
        let (mut frames, mut read, mut left) = (Frames::default(), Vec::new(), stream.as_slice());
        for cut in cuts.iter().cycle() {
            let (piece, rest) = left.split_at((*cut).min(left.len()));
            frames.push(piece);
            while let Some(message) = frames.take().expect("no signals") {
                read.push(message);
            }
            if rest.is_empty() {
                break;
            }
            left = rest;
        }
        let sent: Vec<_> = contents.into_iter().map(Message::Command).collect();
        prop_assert_eq!(read, sent);
    }
}
