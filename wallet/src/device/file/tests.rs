use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;

const PASSPHRASE: &str = "four words of mine";
const TOKEN: &str = "9900010000000019";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("device.json")
    }

    fn with_keys(count: u16) -> Self {
        let place = Self::new();
        Device::create(&place.path(), given(count).to_string().as_bytes(), PASSPHRASE).expect("made");
        place
    }

    fn open(&self) -> Device {
        Device::open(&self.path(), PASSPHRASE).expect("it opens")
    }
}

fn given(count: u16) -> Value {
    let key = |atc: u16| json!({"atc": atc, "key": format!("{:032x}", 0xabcd_ef00 + u64::from(atc))});
    json!({
        "version": 1, "device": "dev_1", "token": TOKEN, "expiry": "9812", "psn": "00", "currency": "EUR",
        "keys": (1..=count).map(key).collect::<Vec<_>>(), "good_until": now() + 1000,
    })
}

#[test]
fn a_device_is_kept_sealed_and_is_told_in_part() {
    let place = Place::with_keys(3);
    let text = fs::read_to_string(place.path()).expect("text");
    for secret in [TOKEN, &hex::encode(TOKEN), "abcdef01", "dev_1"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let summary = place.open().summary();
    assert_eq!(
        (summary.token.as_str(), summary.counter, summary.keys_left),
        ("990001******0019", 0, 3)
    );
    let refused = |passphrase| Device::open(&place.path(), passphrase).err().expect("refused");
    assert!(matches!(
        refused("other"),
        DeviceError::Seal(SealError::WrongPassphrase)
    ));
    let again = Device::create(&place.path(), given(1).to_string().as_bytes(), PASSPHRASE);
    assert!(matches!(again, Err(DeviceError::Exists)));
    let open = place.open();
    assert!(matches!(refused(PASSPHRASE), DeviceError::InUse));
    drop(open);
    Device::remove(&place.path()).expect("removed");
    assert!(matches!(refused(PASSPHRASE), DeviceError::NotThere));
}

#[test]
fn what_is_altered_does_not_open() {
    let place = Place::with_keys(1);
    let file: Value = serde_json::from_slice(&fs::read(place.path()).expect("read")).expect("JSON");
    let check = |pointer: &str, value: Value, expected: &str| {
        let mut other = file.clone();
        *other.pointer_mut(pointer).expect("there") = value;
        fs::write(place.path(), other.to_string()).expect("written");
        let error = Device::open(&place.path(), PASSPHRASE)
            .err()
            .expect("refused")
            .to_string();
        assert!(error.contains(expected), "{pointer}: {error}");
    };
    let sealed = file["sealed"].as_str().expect("text");
    check("/sealed", format!("00{}", &sealed[2..]).into(), "changed or damaged");
    check("/nonce", "00".repeat(24).into(), "changed or damaged");
    check("/nonce", "00".into(), "changed or damaged");
    check("/header/version", 2.into(), "version 2");
    check("/header/kdf/salt", "00".repeat(16).into(), "wrong passphrase");
    check("/header/kdf/memory_kib", 4_000_000.into(), "more memory");
}

/// The file of version 1, as it was first written.
#[test]
fn a_file_of_version_1_opens() {
    let place = Place::new();
    fs::write(place.path(), include_str!("golden.json")).expect("written");
    let device = place.open();
    let content = &device.content;
    assert_eq!(
        (&*content.device, &**content.token.0, &*content.expiry, &*content.psn),
        ("dev_1", TOKEN, "9812", "07")
    );
    assert_eq!(
        (content.key_index, content.counter, content.currency.to_string()),
        (1, 2, "EUR".to_owned())
    );
    let keys: Vec<_> = content
        .keys
        .iter()
        .map(|key| (key.atc, hex::encode(key.key.0.bytes()), key.good_until))
        .collect();
    assert_eq!(keys, [(3, format!("{:032x}", 0xabcd_ef03_u64), 4_000_000_000)]);
}

#[test]
fn used_counters_and_their_keys_are_gone_from_the_disk() {
    let place = Place::with_keys(4);
    let mut device = place.open();
    device.spend(2).expect("saved");
    drop(device);
    let device = place.open();
    assert_eq!((device.summary().counter, device.summary().keys_left), (2, 2));
    assert!(device.content.keys.iter().all(|key| key.atc > 2));
}

/// Whatever a process that is killed while it saves has left.
#[test]
fn a_save_that_was_cut_anywhere_leaves_the_file_before_or_after() {
    let place = Place::with_keys(4);
    let before = fs::read(place.path()).expect("read");
    place.open().spend(1).expect("saved");
    let after = fs::read(place.path()).expect("read");
    for length in [0, 1, after.len() / 2, after.len()] {
        fs::write(place.path(), &before).expect("written");
        fs::write(place.path().with_file_name(".device.json.1.tmp"), &after[..length]).expect("written");
        assert_eq!(place.open().summary().counter, 0);
    }
    fs::write(place.path(), &after).expect("written");
    assert_eq!(place.open().summary().counter, 1);
}

#[test]
fn each_code_has_a_counter_of_its_own_until_there_are_none() {
    let place = Place::with_keys(3);
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let code = place.open().code(Some(5_000)).expect("a code");
        assert!(code.until.0 <= now() + 60);
        assert_eq!(place.open().summary().counter, code.counter);
        assert!(seen.insert(code.counter));
    }
    let error = place.open().code(None).err().expect("no key");
    assert!(error.to_string().contains("every key of the device is used"), "{error}");
    assert!(place.open().code(Some(0)).is_err());
}

#[test]
fn keys_and_tokens_that_are_over_are_not_used() {
    let place = Place::with_keys(1);
    let mut device = place.open();
    device.content.keys[0].good_until = now();
    assert!(matches!(device.applet(), Err(DeviceError::Lapsed(_))));
    assert_eq!(device.summary().keys_left, 0);
    device.content.keys[0].good_until = now() + 100;
    device.content.expiry = "2501".to_owned();
    assert!(matches!(
        device.applet(),
        Err(DeviceError::Expired { year: 25, month: 1 })
    ));
}
