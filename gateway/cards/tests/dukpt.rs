//! The published sequences of DUKPT (ANSI X9.24-1 A.4 and X9.24-3): every key, code and ciphertext made again.

use std::{fs, io::Write, path::Path};

use causeway_cards::crypto::{
    dukpt::{Use, aes, tdes},
    key::{AesKey, TdesKey},
    mac::{self, Padding},
    modes,
    pin::Pin,
    pin_block::{self, Format},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;

fn json(name: &str) -> Option<Value> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        std::path::PathBuf::from,
    );
    let path = folder.join("pin-mac-cvv").join(name);
    if !path.exists() {
        // Past the test harness, which hides what a passing test prints.
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    let text = fs::read_to_string(path).expect("the vectors are readable");
    Some(serde_json::from_str(&text).expect("the vectors have their form"))
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().expect("text")
}

fn bytes(of: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(of, name)).expect("hexadecimal")
}

/// Compares what was made with what is published, name by name, and gives how many there were.
fn compare(row: &Value, made: &[(&str, Vec<u8>)]) -> usize {
    for (name, value) in made {
        assert_eq!(hex::encode_upper(value), text(row, name), "{name} of {}", row["Ksn"]);
    }
    let published = row.as_object().expect("an object").len();
    assert_eq!(made.len() + 1, published, "everything but the serial number is made");
    made.len()
}

fn counted(what: &str, values: usize) -> usize {
    writeln!(
        std::io::stderr(),
        "DUKPT of {what}: {values} values agree, none out of scope"
    )
    .expect("stderr is open");
    values
}

#[test]
fn every_value_of_tdes_is_the_published_one() {
    let Some(file) = json("moov_dukpt_tdes.json") else {
        return;
    };
    let base = TdesKey::new(&bytes(&file, "bdk")).expect("a key");
    let pin = Pin::new(text(&file, "pin")).expect("a PIN");
    assert_eq!(text(&file, "pin_format"), "ISO-0");
    let data = text(&file, "data").as_bytes();
    let padded = Padding::Method1.apply(data, 8);
    let mut values = 1;
    for row in file["sequence"].as_array().expect("rows") {
        let ksn = bytes(row, "Ksn").try_into().expect("10 bytes");
        let initial = tdes::initial_key(&base, ksn);
        assert_eq!(initial.bytes().to_vec(), bytes(&file, "initial_key"));
        let key = tdes::transaction_key(&initial, ksn).expect("a counter in use");
        let working = |by| tdes::working_key(&key, by);
        let code = |by| {
            mac::retail(&working(by), data, Padding::Method1)
                .expect("a code")
                .to_vec()
        };
        let cipher = |by| {
            modes::cbc_encrypt(&working(by), [0; 8], &padded)
                .expect("blocks")
                .to_vec()
        };
        let block = pin_block::encipher(&working(Use::Pin), Format::Iso0, &pin, text(&file, "pan"), &[0; 16]);
        let made = [
            ("CurrentKey", key.bytes().to_vec()),
            ("PinEnc", block.expect("a block").to_vec()),
            ("DataReqEnc", cipher(Use::DataRequest)),
            ("DataResEnc", cipher(Use::DataResponse)),
            ("RequestMac", code(Use::MacRequest)),
            ("ResponseMac", code(Use::MacResponse)),
        ];
        values += compare(row, &made);
    }
    assert_eq!(counted("TDES", values), 31);
}

#[test]
fn every_value_of_aes_is_the_published_one() {
    let Some(file) = json("moov_dukpt_aes128.json") else {
        return;
    };
    let base = AesKey::new(&bytes(&file, "bdk")).expect("a key");
    let initial = aes::initial_key(&base, bytes(&file, "initial_key_id").try_into().expect("8 bytes"));
    assert_eq!(initial.bytes().to_vec(), bytes(&file, "initial_key"));
    let data = text(&file, "mac_data").as_bytes();
    let padded = Padding::Method1.apply(data, 16);
    let mut values = 1;
    for row in file["sequence"].as_array().expect("rows") {
        let ksn = bytes(row, "Ksn").try_into().expect("12 bytes");
        let key = aes::transaction_key(&initial, ksn).expect("a counter in use");
        let working = |by| aes::working_key(&key, ksn, by);
        let code = |by| mac::cmac(&working(by), data).expect("a code").to_vec();
        let hashed = |by| {
            let mut hmac = Hmac::<sha2::Sha256>::new_from_slice(&aes::hmac_key(&key, ksn, by)).expect("a key");
            hmac.update(data);
            hmac.finalize().into_bytes().to_vec()
        };
        let cipher = |by| {
            modes::cbc_encrypt(&working(by), [0; 16], &padded)
                .expect("blocks")
                .to_vec()
        };
        let made = [
            ("CurrentKey", key.bytes().to_vec()),
            ("CMACRequest", code(Use::MacRequest)),
            ("CMACResponse", code(Use::MacResponse)),
            ("HMACRequest", hashed(Use::MacRequest)),
            ("HMACResponse", hashed(Use::MacResponse)),
            ("DataRequest", cipher(Use::DataRequest)),
            ("DataResponse", cipher(Use::DataResponse)),
        ];
        values += compare(row, &made);
    }
    assert_eq!(counted("AES", values), 57);
}
