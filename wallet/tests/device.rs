//! `causeway device` and `causeway code` as processes. The reader of taps is made up here: it speaks as vpcd does.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use causeway_cards::qr::cpm;
use causeway_wallet::{
    clock,
    codes::picture,
    device::Device,
    home::Home,
    offline::{
        card::vpcd::frame,
        qr::reader::{self, Reader},
    },
};
use serde_json::{Value, json};

const PASSPHRASE: &str = "open sesame";
const TOKEN: &str = "9900010000000019";
const SELECT: &str = "00a4040007f043575041590100";
const OPTIONS: &str = "80a80000238321328040000000000012500000000000000250000000000009782611300001020304";

struct Phone(tempfile::TempDir);

impl Phone {
    /// A wallet without a device.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let genesis = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers/python/tests/vectors/genesis.toml");
        Home::init(folder.path(), &genesis, vec!["http://127.0.0.1:9".into()]).expect("a wallet");
        Self(folder)
    }

    fn with_keys(keys: impl IntoIterator<Item = u16>) -> Self {
        let phone = Self::new();
        let file = phone.write(&given(keys));
        phone.does(&["device", "add", &file]);
        phone
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, given: &Value) -> String {
        let path = self.path("given.json");
        fs::write(&path, given.to_string()).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
        command.args(args).env("CAUSEWAY_HOME", self.0.path());
        command.env("CAUSEWAY_PASSPHRASE", PASSPHRASE).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("it runs")
    }

    fn does(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.does(&[args, &["--json"]].concat())).expect("JSON")
    }

    fn fails(&self, status: i32, args: &[&str], why: &str) {
        let output = self.run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(status) && error.contains(why),
            "{args:?}: {output:?}"
        );
        assert!(!error.contains(TOKEN));
    }

    fn counter(&self) -> u16 {
        let device = Device::open(&self.path("device.json"), PASSPHRASE).expect("it opens");
        device.summary().counter
    }
}

fn given(keys: impl IntoIterator<Item = u16>) -> Value {
    let key = |atc: u16| json!({"atc": atc, "key": hex::encode([atc as u8; 16])});
    json!({
        "version": 1, "device": "dev_1", "token": TOKEN, "expiry": "9812", "psn": "00", "currency": "EUR",
        "keys": keys.into_iter().map(key).collect::<Vec<_>>(), "good_until": clock::seconds_from_now(1000).0,
    })
}

#[test]
fn a_device_is_added_shown_renewed_and_taken_out() {
    let phone = Phone::new();
    phone.fails(1, &["device", "status"], "run `causeway device add FILE`");
    phone.fails(1, &["code"], "there is no device in this wallet");
    phone.fails(
        6,
        &["device", "add", &phone.write(&json!({"version": 1}))],
        "missing field `device`",
    );
    let file = phone.write(&given(1..=2));
    let added = phone.does(&["device", "add", &file]);
    assert!(added.contains("990001******0019") && !added.contains(TOKEN), "{added}");
    phone.fails(1, &["device", "add", &file], "there is a device in this wallet already");
    let shown = phone.json(&["device", "status"]);
    assert_eq!((&shown["counter"], &shown["keys_left"]), (&json!(0), &json!(2)));
    phone.fails(
        6,
        &["device", "keys", &phone.write(&given([]))],
        "no key that is not used yet",
    );
    let file = phone.write(&given(2..=5));
    assert_eq!(phone.json(&["device", "keys", &file])["keys_left"], 5);
    let output = phone
        .command(&["device", "status"])
        .env("CAUSEWAY_PASSPHRASE", "other")
        .output();
    assert_eq!(output.expect("it runs").status.code(), Some(8));
    phone.does(&["device", "remove"]);
    phone.fails(1, &["device", "tap"], "there is no device in this wallet");
}

#[test]
fn codes_are_shown_until_the_keys_are_used() {
    let phone = Phone::with_keys(1..=3);
    phone.fails(6, &["code", "--max", "12.505"], "12.505");
    let png = phone.path("code.png");
    let first = phone.json(&["code", "--max", "50.00", "--png", png.to_str().expect("UTF-8")]);
    assert_eq!(
        (&first["counter"], &first["code"], &first["keys_left"]),
        (&json!(1), &Value::Null, &json!(2))
    );
    let left = first["valid_until"]
        .as_u64()
        .expect("seconds")
        .saturating_sub(clock::now_ms().0 / 1000);
    assert!(left <= 60, "{left}");
    let reader = Reader::new(env!("CARGO_BIN_EXE_causeway").into(), reader::TIME_MAX);
    let text = picture::scan(&reader, &fs::read(&png).expect("written")).expect("a code");
    let bytes = cpm::decode(&text).expect("base64");
    let code = cpm::Code::read(&bytes).expect("objects");
    assert!(code.violations().is_empty());
    let chip = hex::encode(code.applications().next().expect("one").chip_data()[0].expect("63"));
    assert!(
        chip.contains("9f02060000000050009f") && chip.contains("9f36020001"),
        "{chip}"
    );
    let second = phone.json(&["code"]);
    assert!(second["code"] != json!(text) && second["counter"] == 2);
    assert!(phone.does(&["code"]).contains("It pays once, until 20"));
    phone.fails(
        1,
        &["code"],
        "every key of the device is used; get more from the issuer",
    );
    assert_eq!(phone.counter(), 3);
}

/// A reader with the phone in it.
struct Held {
    process: Child,
    stream: TcpStream,
}

impl Held {
    fn new(phone: &Phone, args: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let args = [&["device", "tap", "--reader", &address, "--json"], args].concat();
        let process = phone.command(&args).stdout(Stdio::piped()).spawn().expect("it runs");
        let (stream, _) = listener.accept().expect("the phone dials");
        Self { process, stream }
    }

    fn send(&mut self, content: &[u8]) {
        self.stream.write_all(&frame(content)).expect("it is taken");
    }

    fn ask(&mut self, command: &str) -> String {
        self.send(&hex::decode(command).expect("hex"));
        self.answer().expect("an answer")
    }

    /// The next that it sends; `None` if it is gone.
    fn answer(&mut self) -> Option<String> {
        let mut length = [0; 2];
        self.stream.read_exact(&mut length).ok()?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(hex::encode(bytes))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Of one that has ended, both say nothing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_phone_pays_what_is_agreed_to_and_ends_when_the_reader_lets_go() {
    let phone = Phone::with_keys(1..=2);
    let mut held = Held::new(&phone, &["--max", "12.49", "--taps", "1"]);
    held.ask(SELECT);
    assert_eq!(held.ask(OPTIONS), "9e11");
    phone.fails(1, &["code"], "in use by another process");
    drop(held);
    assert_eq!(phone.counter(), 0);

    let mut held = Held::new(&phone, &["--max", "12.50", "--taps", "1"]);
    held.send(&[1]);
    held.ask(SELECT);
    assert!(held.ask(OPTIONS).contains("9f36020001"));
    held.send(&[2]);
    assert_eq!(held.answer(), None);
    assert!(held.process.wait().expect("it ends").success());
    let mut said = String::new();
    let mut stdout = held.process.stdout.take().expect("piped");
    stdout.read_to_string(&mut said).expect("text");
    let event: Value = serde_json::from_str(&said).expect("one event");
    assert_eq!(
        event,
        json!({"event": "paid", "counter": 1, "amount": 1250, "currency": "EUR"})
    );
}

/// The process is killed at every moment of a save, and after it.
#[test]
fn no_counter_is_used_twice_however_the_phone_dies() {
    let phone = Phone::with_keys(1..=64);
    let (mut told, mut saved) = (BTreeSet::new(), 0);
    for round in 0..24 {
        let mut held = Held::new(&phone, &[]);
        held.ask(SELECT);
        held.send(&hex::decode(OPTIONS).expect("hex"));
        thread::sleep(Duration::from_micros(150 * round));
        held.process.kill().expect("it is there");
        held.process.wait().expect("it ends");
        let before = std::mem::replace(&mut saved, phone.counter());
        assert!(saved == before || saved == before + 1, "{before} {saved}");
        if let Some(answer) = held.answer() {
            let (_, after) = answer.split_once("9f3602").expect("a cryptogram");
            let counter = u16::from_str_radix(&after[..4], 16).expect("a number");
            assert!(told.insert(counter), "{counter} twice");
            assert_eq!(counter, saved, "it was on disk before");
        }
    }
    println!("{} of {saved} counters were told in 24 taps", told.len());
}
