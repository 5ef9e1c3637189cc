use serde_json::json;

use super::*;
use crate::{clock, device::DeviceError};

const PASSPHRASE: &str = "four words of mine";
const SELECT: &str = "00a4040007f043575041590100";
/// 12.50 EUR, for a terminal that asks for no PIN.
const OPTIONS: &str = "80a80000238321328040000000000012500000000000000250000000000009782611300001020304";

struct Place(tempfile::TempDir);

impl Place {
    fn new(keys: u16) -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        let key = |atc: u16| json!({"atc": atc, "key": hex::encode([atc as u8; 16])});
        let given = json!({
            "version": 1, "device": "dev_1", "token": "9900010000000019", "expiry": "9812", "psn": "00",
            "currency": "EUR", "keys": (1..=keys).map(key).collect::<Vec<_>>(),
            "good_until": clock::seconds_from_now(1000).0,
        });
        Device::create(&place.path(), given.to_string().as_bytes(), PASSPHRASE).expect("made");
        place
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("device.json")
    }

    fn open(&self) -> Device {
        Device::open(&self.path(), PASSPHRASE).expect("it opens")
    }
}

fn send(phone: &mut impl Chip, command: &str) -> String {
    hex::encode(phone.answer(&hex::decode(command).expect("hex")))
}

#[test]
fn the_counter_is_on_disk_when_the_answer_is_had() {
    let place = Place::new(3);
    let (leave, mut events) = (AtomicBool::new(false), Vec::new());
    let mut device = place.open();
    let terms = Terms {
        payments: Some(2),
        ..Terms::default()
    };
    let mut phone = Phone::new(&mut device, terms, &leave, |event| events.push(event)).expect("keys");
    for counter in 1..=2 {
        phone.reset();
        send(&mut phone, SELECT);
        let answer = send(&mut phone, OPTIONS);
        assert!(answer.contains(&format!("9f3602{counter:04x}")), "{answer}");
        // As if the power failed now.
        let copy = tempfile::tempdir().expect("a folder");
        let there = copy.path().join("device.json");
        std::fs::copy(place.path(), &there).expect("copied");
        assert_eq!(
            Device::open(&there, PASSPHRASE).expect("it opens").summary().counter,
            counter
        );
        assert!(!leave.load(Ordering::Acquire), "the terminal may ask for more");
    }
    phone.reset();
    assert!(leave.load(Ordering::Acquire));
    phone.end().expect("no failure");
    let paid = |counter| Event::Paid {
        counter,
        amount: Some(1_250),
        currency: Some(978),
    };
    assert_eq!(events, [paid(1), paid(2)]);
}

#[test]
fn without_a_saved_counter_there_is_no_cryptogram_and_the_phone_leaves() {
    let place = Place::new(2);
    let (leave, mut device) = (AtomicBool::new(false), place.open());
    let mut phone = Phone::new(&mut device, Terms::default(), &leave, |_| ()).expect("keys");
    send(&mut phone, SELECT);
    std::fs::remove_dir_all(place.0.path()).expect("gone");
    assert_eq!(send(&mut phone, OPTIONS), "6581");
    assert!(leave.load(Ordering::Acquire));
    assert!(matches!(phone.end(), Err(DeviceError::File(_))));
}

#[test]
fn what_the_holder_wants_is_heard() {
    let place = Place::new(1);
    let (leave, mut events) = (AtomicBool::new(false), Vec::new());
    let mut device = place.open();
    let consent = |amount_max| {
        Some(Consent {
            amount_max,
            currency: 978,
        })
    };
    let mut tapped = |terms: Terms, options: &str| {
        let mut phone = Phone::new(&mut device, terms, &leave, |event| events.push(event)).expect("keys");
        send(&mut phone, SELECT);
        send(&mut phone, options)
    };
    let wants_holder = OPTIONS.replacen("32804000", "32c04000", 1);
    let of = |amount_max, is_unlocked| Terms {
        consent: consent(amount_max),
        is_unlocked,
        payments: None,
    };
    assert_eq!(tapped(of(1_249, true), &wants_holder), "9e11");
    assert_eq!(tapped(of(1_250, false), &wants_holder), "6986");
    let paid = tapped(of(1_250, true), &wants_holder);
    assert!(paid.contains("9f6c020080"), "{paid}");
    assert!(matches!(
        events[..],
        [Event::NotAgreed, Event::Locked, Event::Paid { counter: 1, .. }]
    ));
    let over = Phone::new(&mut device, Terms::default(), &leave, |_| ());
    assert!(matches!(over.err(), Some(DeviceError::OutOfKeys)));
}
