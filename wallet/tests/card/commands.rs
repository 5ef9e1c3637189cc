//! `causeway offline card` and `causeway offline request --reader` as two processes, which share nothing but the reader.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Stdio},
};

use crate::issuer::Person;

/// A payer's device, held to the reader.
struct Device {
    process: Child,
    says: BufReader<ChildStdout>,
}

impl Device {
    fn hold(payer: &Person, args: &[&str]) -> Self {
        let vpcd = std::env::var("CAUSEWAY_VPCD").expect("scripts/card-trial sets it");
        let mut command = payer.command("card", &[&["--vpcd", &vpcd, "--json"], args].concat());
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let says = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, says }
    }

    /// The next thing that it says.
    fn event(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("it can be read");
        let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        event["event"].as_str().expect("its name").to_owned()
    }

    /// What it says to its end, which is a good one.
    fn events(mut self) -> Vec<String> {
        let mut events = Vec::new();
        while !self.says.fill_buf().expect("it can be read").is_empty() {
            events.push(self.event());
        }
        assert!(self.process.wait().expect("it ends").success());
        events
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Of one that has ended, both say nothing.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How often a tap is torn. The reader looks for a card now and then only, and where it is in that differs.
const TORN: u32 = 3;
const READER: [&str; 4] = ["--reader", "Causeway trial", "--wait", "30"];

pub fn two_processes_pay_in_a_real_reader() {
    let (payer, payee) = (Person::new("anna", 1, 20_000), Person::new("shop", 2, 0));
    let ask = |amount: &str| payee.json("request", &[&[amount, "--memo", "tea"], &READER[..]].concat());

    let device = Device::hold(&payer, &["--confirm", "20.00", "--taps", "1"]);
    let received = ask("12.50");
    assert_eq!(
        (&received["received"], &received["resumed"]),
        (&true.into(), &false.into())
    );
    assert_eq!(device.events(), ["paid", "ended"]);
    assert_eq!((payer.balance(), payee.balance()), (18_750, 1_250));

    // Above the cap it takes the PIN, and a second tap.
    let pin = payer.write("pin", "4711");
    let device = Device::hold(&payer, &["--confirm", "100.00", "--taps", "1", "--pin-file", &pin]);
    ask("60.00");
    assert_eq!(device.events(), ["asked", "paid", "ended"]);
    assert_eq!((payer.balance(), payee.balance()), (12_750, 7_250));

    for _ in 0..TORN {
        torn(&payer, &payee);
    }
    nobody(&payee);
}

/// The payee's process is killed as soon as the payer's purse has signed; both are begun again.
fn torn(payer: &Person, payee: &Person) {
    let (has, has_received) = (payer.balance(), payee.balance());
    let asking = [&["5.00", "--json"], &READER[..]].concat();
    let mut device = Device::hold(payer, &["--confirm", "20.00", "--taps", "1"]);
    let mut till = payee
        .command("request", &asking)
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    assert_eq!(device.event(), "paid");
    till.kill().expect("it is there");
    till.wait().expect("it ends");
    drop(device);
    assert_eq!(payer.balance(), has - 500);

    let device = Device::hold(payer, &["--confirm", "20.00", "--taps", "1"]);
    payee.does("request", &asking);
    // The till may have come to its end before it was killed; then this is another payment.
    let events = device.events();
    println!("after a till that was killed: {events:?}");
    let paid_again = events.iter().filter(|event| *event == "paid").count() as u64;
    let paid = 500 * (1 + paid_again);
    assert_eq!((payer.balance(), payee.balance()), (has - paid, has_received + paid));
    assert!(
        payer
            .purse()
            .element
            .state()
            .log()
            .iter()
            .all(|entry| !entry.is_pending())
    );
}

fn nobody(payee: &Person) {
    let error = payee.fails(9, "request", &["5.00", "--reader", "Causeway trial", "--wait", "1"]);
    assert!(error.contains("nobody has paid; the request is void now"), "{error}");
    assert!(payee.purse().element.state().requests().is_empty());
    let error = payee.fails(1, "request", &["5.00", "--reader", "no such reader"]);
    assert!(error.contains("no reader has 'no such reader' in its name"), "{error}");
}
