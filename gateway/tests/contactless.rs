//! A terminal of ours and a phone of ours: in memory, and as two processes at a real reader of PC/SC
//! (`scripts/card-trial` starts it).

use std::{
    convert::Infallible,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use causeway_cards::{
    crypto::{
        cryptogram::{self, Version},
        derivation::CardNumber,
        key::TdesKey,
    },
    emv::{
        kernel::{Failure, Outcome, Terminal, Transaction},
        tlv::Reader,
    },
};
use causeway_gateway::acquiring::tap::{TapError, tap};
use causeway_wallet::{
    clock,
    device::{Device, Phone, phone::Terms},
    home::Home,
    offline::card::{Chip, reader::Readers, terminal::Channel, vpcd::VirtualReader},
};
use serde_json::{Value, json};

const PASSPHRASE: &str = "open sesame";
const TOKEN: &str = "9900010000000019";
const READER: &str = "Causeway trial";

fn card_key() -> TdesKey {
    let issuer = TdesKey::new(&[0x11; 16]).expect("a key");
    let card = CardNumber {
        pan: TOKEN,
        sequence: Some("00"),
    };
    Version::Visa18.card_key(&issuer, card).expect("a card's key")
}

fn session_key(counter: u16) -> TdesKey {
    Version::Visa18.session_key(&card_key(), counter.to_be_bytes(), [0; 4])
}

/// A wallet with a device.
struct Wallet(tempfile::TempDir);

impl Wallet {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let genesis = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/python/tests/vectors/genesis.toml");
        Home::init(folder.path(), &genesis, vec!["http://127.0.0.1:9".into()]).expect("a wallet");
        let key = |atc: u16| json!({"atc": atc, "key": hex::encode(session_key(atc).bytes())});
        let given = json!({
            "version": 1, "device": "dev_1", "token": TOKEN, "expiry": "9812", "psn": "00", "currency": "EUR",
            "keys": (1..=64).map(key).collect::<Vec<_>>(), "good_until": clock::seconds_from_now(100_000).0,
        });
        let path = folder.path().join("device.json");
        Device::create(&path, given.to_string().as_bytes(), PASSPHRASE).expect("made");
        Self(folder)
    }

    fn device(&self) -> Device {
        Device::open(&self.0.path().join("device.json"), PASSPHRASE).expect("it opens")
    }
}

fn terminal() -> Terminal {
    Terminal {
        country: 276,
        kind: 0x21,
        capabilities: [0, 0x08, 0xc8],
        contactless_max: 100_000,
        verified_from: 5_000,
        has_online_pin: false,
        has_signature: false,
        applications: Terminal::default_applications(),
    }
}

fn transaction(amount: u64) -> Transaction {
    Transaction {
        amount,
        other_amount: 0,
        currency: 978,
        date: [26, 11, 30],
        kind: 0,
        unpredictable: [1, 2, 3, 4],
    }
}

/// As an issuer sees field 55; gives the counter.
fn verify(de55: &[u8]) -> u16 {
    let all: Vec<_> = Reader::new(de55).map(|object| object.expect("an object")).collect();
    let get = |tag: u32| {
        all.iter()
            .find(|object| object.tag.value() == tag)
            .expect("there")
            .value
    };
    fn fixed<const N: usize>(value: &[u8]) -> [u8; N] {
        value.try_into().expect("its length")
    }
    let seen = cryptogram::Transaction {
        amount: fixed(get(0x9f02)),
        other_amount: fixed(get(0x9f03)),
        country: fixed(get(0x9f1a)),
        verification_results: fixed(get(0x95)),
        currency: fixed(get(0x5f2a)),
        date: fixed(get(0x9a)),
        kind: get(0x9c)[0],
        unpredictable: fixed(get(0x9f37)),
        interchange_profile: fixed(get(0x82)),
        counter: fixed(get(0x9f36)),
        issuer: get(0x9f10).to_vec(),
    };
    let counter = u16::from_be_bytes(seen.counter);
    assert!(Version::Visa18.verify(&session_key(counter), &seen, &fixed(get(0x9f26))));
    counter
}

/// A phone at a terminal in memory, of which the answer to one command is lost.
struct Torn<'a, C> {
    phone: &'a mut C,
    commands: usize,
    lost: Option<usize>,
}

impl<C: Chip> Channel for Torn<'_, C> {
    type Error = Infallible;

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, Infallible> {
        let answer = self.phone.answer(command);
        self.commands += 1;
        Ok(if Some(self.commands) == self.lost {
            Vec::new()
        } else {
            answer
        })
    }
}

#[test]
fn taps_that_are_torn_anywhere_use_no_counter_twice() {
    let wallet = Wallet::new();
    let (mut device, leave) = (wallet.device(), AtomicBool::new(false));
    let mut phone = Phone::new(&mut device, Terms::default(), &leave, |_| ()).expect("keys");
    let mut once = |amount, lost| -> Result<Outcome, TapError<Infallible>> {
        phone.reset();
        let mut torn = Torn {
            phone: &mut phone,
            commands: 0,
            lost,
        };
        tap(&mut torn, terminal(), transaction(amount))
    };
    assert_eq!(verify(&once(1_250, None).expect("paid").de55), 1);
    for lost in 1..=4 {
        assert!(
            matches!(once(1_250, Some(lost)), Err(TapError::Failed(Failure::Torn))),
            "{lost}"
        );
    }
    // Lost were the answers to GET PROCESSING OPTIONS and READ RECORD.
    assert_eq!(verify(&once(1_250, None).expect("paid").de55), 4);
    assert!(
        matches!(once(5_000, None), Err(TapError::Failed(Failure::Locked))),
        "locked"
    );
    assert!(matches!(once(100_001, None), Err(TapError::NotBegun(_))));
    drop(phone);
    assert_eq!(device.summary().counter, 4);
}

fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_causeway-gateway")).with_file_name(name);
    assert!(
        path.exists(),
        "build {name} first: cargo build --release -p causeway-wallet"
    );
    path
}

fn vpcd() -> String {
    std::env::var("CAUSEWAY_VPCD").expect("scripts/card-trial sets it")
}

/// `causeway device tap`, until it is dropped.
struct Held {
    process: Child,
    says: BufReader<std::process::ChildStdout>,
}

impl Held {
    fn new(wallet: &Wallet, args: &[&str]) -> Self {
        let mut command = Command::new(program("causeway"));
        command
            .args(["device", "tap", "--json", "--reader", &vpcd()])
            .args(args);
        command
            .env("CAUSEWAY_HOME", wallet.0.path())
            .env("CAUSEWAY_PASSPHRASE", PASSPHRASE);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let says = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, says }
    }

    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Of one that has ended, both say nothing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn asks(amount: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway-gateway"));
    command.args([
        "pos",
        "tap",
        "--amount",
        amount,
        "--currency",
        "EUR",
        "--reader",
        READER,
        "--timeout",
        "30",
    ]);
    command.args(args);
    command
}

fn two_processes_pay(wallet: &Wallet) {
    let mut held = Held::new(wallet, &["--taps", "1"]);
    let output = asks("12.50", &[]).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&shown["entry"], &shown["number"]),
        (&json!("tap"), &json!("990001******0019"))
    );
    assert!(shown.get("track2").is_none());
    let counter = verify(&hex::decode(shown["chip"].as_str().expect("text")).expect("hex"));
    let event = held.event();
    assert_eq!(
        (&event["event"], &event["counter"], &event["amount"]),
        (&json!("paid"), &json!(counter), &json!(1250))
    );
    assert!(held.process.wait().expect("it ends").success());
    drop(held);
    // A terminal that is killed as soon as the phone has told its cryptogram.
    thread::sleep(Duration::from_secs(1));
    let mut held = Held::new(wallet, &[]);
    let mut killed = asks("5.00", &[]).stdout(Stdio::null()).spawn().expect("it runs");
    assert_eq!(held.event()["counter"], counter + 1);
    killed.kill().expect("it is there");
    killed.wait().expect("it ends");
    let output = asks("5.00", &["--reveal"]).output().expect("it runs");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(shown["track2"].as_str().expect("text").starts_with(TOKEN));
    assert_eq!(
        verify(&hex::decode(shown["chip"].as_str().expect("text")).expect("hex")),
        counter + 2
    );
}

/// Has the phone taken away when it is dropped.
struct Away<'a>(&'a AtomicBool);

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What taps take of our own: from the first command to the cryptogram's answer, the saved counter included.
fn measured() {
    const TAPS: usize = 60;
    let mut reader = VirtualReader::new(vpcd().parse::<SocketAddr>().expect("an address"));
    let mut times = Vec::new();
    for _ in 0..6 {
        let wallet = Wallet::new();
        let (mut device, leave) = (wallet.device(), AtomicBool::new(false));
        let mut phone = Phone::new(&mut device, Terms::default(), &leave, |_| ()).expect("keys");
        thread::scope(|scope| {
            let held = scope.spawn(|| reader.hold(&mut phone, &leave));
            // Also if something fails here: else nobody would ever hear of it.
            let away = Away(&leave);
            let readers = Readers::open().expect("pcscd is running");
            let name = readers.find(READER).expect("it has the virtual reader");
            let mut done = 0;
            let deadline = Instant::now() + Duration::from_secs(60);
            while done < TAPS && Instant::now() < deadline {
                let mut card = readers
                    .wait(&name, Duration::from_secs(20))
                    .expect("the phone is in it");
                let begun = Instant::now();
                // The reader may not have noticed yet that the last phone is away.
                if let Ok(outcome) = tap(&mut card, terminal(), transaction(1_250)) {
                    times.push(begun.elapsed());
                    verify(&outcome.de55);
                    done += 1;
                }
            }
            drop(away);
            held.join().expect("no panic").expect("the reader is there");
            assert_eq!(done, TAPS);
        });
    }
    times.sort();
    let at = |part: usize| times[times.len() * part / 100];
    println!(
        "{} taps: median {:?}, p90 {:?}, p99 {:?}",
        times.len(),
        at(50),
        at(90),
        at(99)
    );
}

/// All in one, since there is one reader.
#[test]
#[ignore = "needs pcscd with a virtual reader: scripts/card-trial runs it"]
fn a_phone_pays_at_a_real_reader() {
    let wallet = Wallet::new();
    two_processes_pay(&wallet);
    measured();
}
