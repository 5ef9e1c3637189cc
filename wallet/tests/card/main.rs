//! A card of ours in a real reader: pcscd with vsmartcard's virtual one. `scripts/card-trial` starts both.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use causeway_wallet::offline::card::{
    AID, Applet, Card, IsoStatus as _, StatusWord, Terminal,
    reader::{CardInReader, Readers},
    terminal::TerminalError,
    vpcd::{VirtualReader, VpcdError},
};

#[path = "../issuer/mod.rs"]
mod issuer;

mod commands;
mod purse;

const INS_ECHO: u8 = 0x01;
const INS_VANISH: u8 = 0x02;
const SOON: Duration = Duration::from_secs(20);

/// Gives back what it is given; and vanishes when told to.
struct Echo {
    stop: Arc<AtomicBool>,
}

impl Applet for Echo {
    fn apdu(&mut self, ins: u8, _: u8, _: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        match ins {
            INS_ECHO => (data.to_vec(), StatusWord::OK),
            INS_VANISH => {
                self.stop.store(true, Ordering::Release);
                (data.to_vec(), StatusWord::OK)
            }
            _ => (Vec::new(), StatusWord::UNKNOWN_INSTRUCTION),
        }
    }

    fn end_session(&mut self) {}
}

/// Runs `terminal` while an echo is in the reader, and takes it out.
fn with_card<T>(reader: &mut VirtualReader, terminal: impl FnOnce() -> T) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let mut card = Card::new(Echo { stop: stop.clone() });
    with_this(reader, &mut card, &stop, terminal)
}

fn with_this<A: Applet + Send, T>(
    reader: &mut VirtualReader,
    card: &mut Card<A>,
    stop: &AtomicBool,
    terminal: impl FnOnce() -> T,
) -> T {
    thread::scope(|scope| {
        let held = scope.spawn(|| reader.hold(card, stop));
        // Also if the terminal panics, or the test would wait for ever.
        let taken = TakenAtEnd(stop);
        let done = terminal();
        drop(taken);
        held.join().expect("no panic").expect("the reader is there");
        done
    })
}

struct TakenAtEnd<'a>(&'a AtomicBool);

impl Drop for TakenAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn terminal() -> Terminal<CardInReader> {
    let readers = Readers::open().expect("pcscd is running");
    let reader = readers.find("Causeway trial").expect("it has the virtual reader");
    let deadline = Instant::now() + SOON;
    loop {
        let card = readers.wait(&reader, SOON).expect("the card is in it");
        match Terminal::select(card, &AID) {
            Ok(terminal) => return terminal,
            // The reader has not noticed yet that the last card is away.
            Err(TerminalError::Torn | TerminalError::Channel(_)) if Instant::now() < deadline => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn check_echo(terminal: &mut Terminal<CardInReader>) {
    for length in [1, 255, 256, 2048] {
        let data: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let echoed = terminal.call(INS_ECHO, 0, 0, &data).expect("it answers");
        assert_eq!(echoed, (data, StatusWord::OK));
    }
}

/// What one APDU of a payment's length takes, over some hundred; told, not judged.
fn median(terminal: &mut Terminal<CardInReader>, count: usize) -> Duration {
    let mut times: Vec<_> = (0..count)
        .map(|_| {
            let begun = Instant::now();
            terminal.call(INS_ECHO, 0, 0, &[7; 232]).expect("it answers");
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[count / 2]
}

/// All in one, since there is one reader.
#[test]
#[ignore = "needs pcscd with a virtual reader: scripts/card-trial runs it"]
fn a_card_in_a_real_reader() {
    let address: SocketAddr = std::env::var("CAUSEWAY_VPCD")
        .expect("scripts/card-trial sets it")
        .parse()
        .expect("an address");
    let mut reader = VirtualReader::new(address);
    with_card(&mut reader, || {
        let mut terminal = terminal();
        assert!(terminal.has_extended_lengths());
        check_echo(&mut terminal);
        check_echo(&mut terminal.with_short_lengths());
    });
    with_card(&mut reader, || {
        let mut terminal = terminal();
        let error = terminal
            .call(INS_VANISH, 0, 0, &[1; 100])
            .expect_err("it was taken away");
        assert!(
            matches!(error, TerminalError::Torn | TerminalError::Channel(_)),
            "{error}"
        );
        println!("a card that is taken away: {error:?}");
    });
    with_card(&mut reader, || check_echo(&mut terminal()));
    with_card(&mut reader, check_independent_reader);
    purse::pays_in_a_real_reader(&mut reader);
    commands::two_processes_pay_in_a_real_reader();
    let quick = with_card(&mut reader, || median(&mut terminal(), 300));
    let mut delaying = reader.with_delayed_acks();
    let delayed = with_card(&mut delaying, || median(&mut terminal(), 100));
    println!("an APDU of 232 bytes and its answer, median: {quick:?}, and {delayed:?} without TCP_QUICKACK");
}

/// OpenSC selects the application and exchanges data, short and with a chain, and is refused another name.
fn check_independent_reader() {
    drop(terminal());
    let select = format!("00A4040008{}00", hex::encode(AID));
    let apdus = [
        &select,
        "80010000040102030400",
        "90010000020102",
        "80010000010300",
        "00A4040005F00102030400",
    ];
    let mut command = Command::new("opensc-tool");
    command.args(["--reader", "0", "--card-driver", "default"]);
    for apdu in apdus {
        command.args(["--send-apdu", apdu]);
    }
    let output = command.output().expect("opensc-tool is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{text}");
    let answers: Vec<_> = text.lines().filter(|line| line.starts_with("Received")).collect();
    let statuses = ["SW1=0x90, SW2=0x00"; 4].into_iter().chain(["SW1=0x6A, SW2=0x82"]);
    assert_eq!(answers.len(), 5, "{}", String::from_utf8_lossy(&output.stderr));
    for (answer, status) in answers.iter().zip(statuses) {
        assert!(answer.contains(status), "{answer} is not {status}");
    }
    let echoed = |echo: &str| text.lines().any(|line| line.starts_with(echo));
    assert!(echoed("01 02 03 04 ....") && echoed("01 02 03 ..."));
}

#[test]
fn a_reader_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it has one");
    drop(listener);
    let stop = Arc::new(AtomicBool::new(false));
    let mut card = Card::new(Echo { stop: stop.clone() });
    let error = VirtualReader::new(address)
        .hold(&mut card, &stop)
        .expect_err("nobody listens");
    assert!(matches!(error, VpcdError::Dial { .. }), "{error}");
}
