//! The published calls of `emv-crypto` and `pin-mac-cvv`, each made again: the same value, or refused where it was.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use causeway_cards::crypto::{
    CryptoError,
    cryptogram::{Transaction, Version, answer_1, answer_2},
    cvv::{self, CardData, DynamicTrack},
    derivation::{CardNumber, MasterKey, common_session_key, visa_script_key},
    key::{AesKey, DesKey, TdesKey},
    mac::{self, Padding},
    modes,
    pin::{self, Pin, Validation},
    pin_block::{self, Format},
    script::{self, CardKeys, Encryption, Occasion},
};
use serde_json::Value;

const WRONG: CryptoError = CryptoError::Field {
    field: "argument",
    expected: "as the call says",
};

fn json(name: &str) -> Option<Value> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        std::path::PathBuf::from,
    );
    let path = folder.join(name);
    if !path.exists() {
        // Past the test harness, which hides what a passing test prints.
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    let text = fs::read_to_string(path).expect("the vectors are readable");
    Some(serde_json::from_str(&text).expect("the vectors have their form"))
}

/// Arguments of a call: bytes are `hex:…`, and digits may be bytes too.
struct Args<'a>(&'a Value);

impl Args<'_> {
    fn bytes(&self, name: &str) -> Vec<u8> {
        let text = self.0[name].as_str().and_then(|text| text.strip_prefix("hex:"));
        text.map_or(vec![], |text| hex::decode(text).expect("hexadecimal"))
    }

    fn array<const N: usize>(&self, name: &str) -> Result<[u8; N], CryptoError> {
        self.bytes(name).try_into().map_err(|_| WRONG)
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = self.0[name].as_str()?;
        Some(match text.strip_prefix("hex:") {
            Some(text) => String::from_utf8(hex::decode(text).expect("hexadecimal")).expect("ASCII"),
            None => text.into(),
        })
    }

    fn digits(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    fn number(&self, name: &str, or: u64) -> usize {
        self.0[name].as_u64().unwrap_or(or) as usize
    }

    fn tdes(&self, name: &str) -> Result<TdesKey, CryptoError> {
        TdesKey::new(&self.bytes(name))
    }

    fn card_key(&self, version: MasterKey, name: &str) -> Result<TdesKey, CryptoError> {
        let (pan, psn) = (self.digits("pan"), self.text("psn"));
        version.derive(
            &self.tdes(name)?,
            CardNumber {
                pan: &pan,
                sequence: psn.as_deref(),
            },
        )
    }
}

#[derive(Debug)]
enum Outcome {
    Value(String),
    Refused,
    OutOfScope(&'static str),
}

fn bytes(value: impl AsRef<[u8]>) -> Outcome {
    Outcome::Value(format!("hex:{}", hex::encode_upper(value)))
}

fn padding(args: &Args<'_>) -> Result<Padding, CryptoError> {
    match args.number("padding", 0) {
        1 => Ok(Padding::Method1),
        2 => Ok(Padding::Method2),
        3 => Ok(Padding::Method3),
        _ => Err(WRONG),
    }
}

/// Runs every call, compares, and gives how many agreed in a value, in a refusal, and how many are out of scope.
fn check(calls: &[Value], run: impl Fn(&str, &Value) -> Result<Outcome, CryptoError>) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for call in calls {
        let name = call["fn"].as_str().expect("a call has a name");
        let outcome = run(name, call).unwrap_or(Outcome::Refused);
        let kind = match (&outcome, call["result"].as_str()) {
            (Outcome::OutOfScope(why), _) => why,
            (Outcome::Value(value), Some(right)) if value == right => "value",
            (Outcome::Refused, None) if call["error"].is_string() => "refused",
            _ => panic!("{outcome:?} for {call}"),
        };
        *counts.entry(kind).or_default() += 1;
    }
    writeln!(std::io::stderr(), "{counts:?}").expect("stderr is open");
    counts
}

#[test]
fn every_call_of_emv_cryptography_gives_what_it_gave() {
    let Some(file) = json("emv-crypto/pyemv_calls.json") else {
        return;
    };
    let calls = file
        .as_object()
        .expect("an object")
        .values()
        .find_map(Value::as_array)
        .expect("calls");
    let counts = check(calls, |name, call| match name.strip_prefix("pyemv.cvn.") {
        Some(method) => card_call(method, call),
        None => emv_call(name, &Args(&call["args"])),
    });
    let expected = [
        ("EMV2000 key tree", 12),
        ("a Python type that no JSON has", 2),
        ("refused", 22),
        ("value", 176),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

fn emv_call(name: &str, args: &Args<'_>) -> Result<Outcome, CryptoError> {
    let foreign = |name: &str| args.0[name].is_object();
    if foreign("padding_type") || foreign("encryption_type") {
        return Ok(Outcome::OutOfScope("a Python type that no JSON has"));
    }
    Ok(match name {
        "pyemv.ac.generate_ac" => {
            let zeros = args.0["padding_type"] == "VISA";
            let padding = if zeros { Padding::Method1 } else { Padding::Method2 };
            let code = mac::retail(&args.tdes("sk_ac")?, &args.bytes("data"), padding)?;
            bytes(&code[..args.number("length", 8)])
        }
        "pyemv.ac.generate_arpc_1" => bytes(answer_1(
            &args.tdes("sk_ac")?,
            &args.array("arqc")?,
            args.array("arpc_rc")?,
        )),
        "pyemv.ac.generate_arpc_2" => {
            let own = args.bytes("prop_auth_data");
            bytes(answer_2(
                &args.tdes("sk_ac")?,
                &args.array("arqc")?,
                args.array("csu")?,
                &own,
            )?)
        }
        "pyemv.kd.derive_visa_sm_sk" => bytes(visa_script_key(&args.tdes("icc_mk")?, args.array("atc")?).bytes()),
        "pyemv.kd.derive_common_sk" => bytes(common_session_key(&args.tdes("icc_mk")?, args.array("r")?)?.bytes()),
        "pyemv.kd.derive_icc_mk_a" => bytes(args.card_key(MasterKey::OptionA, "iss_mk")?.bytes()),
        "pyemv.kd.derive_icc_mk_b" => bytes(args.card_key(MasterKey::OptionB, "iss_mk")?.bytes()),
        "pyemv.kd.derive_emv2000_tree_sk" => Outcome::OutOfScope("EMV2000 key tree"),
        "pyemv.cvv.generate_cvc3" => {
            let template = args.bytes("track_template");
            let (counter, unpredictable) = (args.array("atc")?, args.array("un")?);
            let track = DynamicTrack {
                template: &template,
                counter,
                unpredictable,
            };
            Outcome::Value(cvv::cvc3(&args.tdes("icc_cvc3")?, track)?.to_string())
        }
        "pyemv.sm.generate_command_mac" => bytes(script::code(
            &args.tdes("sk_smi")?,
            &args.bytes("command"),
            args.number("length", 8),
        )?),
        "pyemv.mac.pad_iso9797_1" => bytes(Padding::Method1.apply(&args.bytes("data"), args.number("block_size", 8))),
        "pyemv.mac.pad_iso9797_2" => bytes(Padding::Method2.apply(&args.bytes("data"), args.number("block_size", 8))),
        "pyemv.sm.encrypt_command_data" => {
            let encryption = match args.0["encryption_type"].as_str() {
                Some("VISA") => Encryption::Visa,
                Some("MASTERCARD") => Encryption::Mastercard,
                Some("EMV") => Encryption::Emv,
                _ => return Err(WRONG),
            };
            bytes(script::encrypt(
                &args.tdes("sk_smc")?,
                encryption,
                &args.bytes("command_data"),
            )?)
        }
        "pyemv.sm.format_iso9564_2_pin_block" => bytes(*pin_block::compose(
            Format::Iso2,
            &Pin::new(&args.digits("pin"))?,
            "",
            &[0; 16],
        )?),
        "pyemv.sm.format_vis_pin_block" => {
            let current = args.text("current_pin").map(|pin| Pin::new(&pin)).transpose()?;
            let pin = Pin::new(&args.digits("pin"))?;
            bytes(*script::visa_pin_block(
                &args.tdes("icc_mk_ac")?,
                &pin,
                current.as_ref(),
            ))
        }
        _ => panic!("{name} is not a call of these"),
    })
}

fn card_call(method: &str, call: &Value) -> Result<Outcome, CryptoError> {
    let (class, method) = method.split_once('.').expect("a class and its method");
    let (args, card) = (Args(&call["args"]), Args(&call["init"]));
    let version = match class {
        "VisaCVN10" => Version::Visa10,
        "VisaCVN18" => Version::Visa18,
        "MasterCardCVN16" => Version::Mastercard16,
        "MasterCardCVN17" => Version::Mastercard17,
        _ => panic!("{class} has no public vectors"),
    };
    let derived = |name: &str| card.card_key(version.master_key(), name);
    let keys = CardKeys {
        cryptograms: derived("iss_mk_ac")?,
        integrity: derived("iss_mk_smi")?,
        confidentiality: derived("iss_mk_smc")?,
    };
    let counter = args.array("tag_9f36").unwrap_or_default();
    let cryptogram = args.array("tag_9f26").unwrap_or_default();
    let occasion = Occasion {
        version,
        counter,
        cryptogram,
    };
    let answer = version.answer_key(&keys.cryptograms, counter);
    Ok(match method {
        "generate_ac" => {
            let transaction = transaction(&args)?;
            let session = version.session_key(&keys.cryptograms, counter, transaction.unpredictable);
            let cryptogram = version.generate(&session, &transaction);
            assert!(version.verify(&session, &transaction, &cryptogram));
            let altered = cryptogram.map(|byte| byte ^ 1);
            assert!(!version.verify(&session, &transaction, &altered));
            bytes(cryptogram)
        }
        "generate_arpc" if class == "VisaCVN18" => bytes(answer_2(
            &answer,
            &cryptogram,
            args.array("csu")?,
            &args.bytes("proprietary_auth_data"),
        )?),
        "generate_arpc" => bytes(answer_1(&answer, &cryptogram, args.array("arpc_rc")?)),
        "generate_command_mac" => bytes(occasion.code(
            &keys.integrity,
            &args.array("command_header")?,
            &args.bytes("command_data"),
        )),
        "generate_pin_change_command" => {
            let current = args.text("current_pin").map(|pin| Pin::new(&pin)).transpose()?;
            bytes(occasion.pin_change(&keys, &Pin::new(&args.digits("pin"))?, current.as_ref())?)
        }
        _ => panic!("{method} is not a method of these"),
    })
}

fn transaction(args: &Args<'_>) -> Result<Transaction, CryptoError> {
    Ok(Transaction {
        amount: args.array("tag_9f02")?,
        other_amount: args.array("tag_9f03")?,
        country: args.array("tag_9f1a")?,
        verification_results: args.array("tag_95")?,
        currency: args.array("tag_5f2a")?,
        date: args.array("tag_9a")?,
        kind: args.array::<1>("tag_9c")?[0],
        unpredictable: args.array("tag_9f37")?,
        interchange_profile: args.array("tag_82")?,
        counter: args.array("tag_9f36")?,
        issuer: [args.bytes("cvr"), args.bytes("counters"), args.bytes("tag_9f10")].concat(),
    })
}

#[test]
fn every_call_of_pins_and_codes_gives_what_it_gave() {
    let Some(file) = json("pin-mac-cvv/psec_calls.json") else {
        return;
    };
    let counts = check(file.as_array().expect("calls"), |name, call| {
        pin_call(name, &Args(&call["args"]))
    });
    assert_eq!(
        counts,
        BTreeMap::from([("key variants", 6), ("refused", 87), ("value", 52)])
    );
}

fn pin_call(name: &str, args: &Args<'_>) -> Result<Outcome, CryptoError> {
    let name = name.strip_prefix("psec.").expect("a call of psec");
    match name.split_once('.').expect("a module and its function") {
        ("aes" | "des", function) => cipher_call(function, args),
        ("mac", function) => mac_call(function, args),
        ("pin", function) => verification_call(function, args),
        ("pinblock", function) => block_call(function, args),
        ("cvv", _) => {
            let (pan, date, service) = (args.digits("pan"), args.digits("expiry"), args.digits("service_code"));
            let card = CardData {
                pan: &pan,
                date: &date,
                service: &service,
            };
            Ok(Outcome::Value(cvv::generate(&args.tdes("cvk")?, card)?))
        }
        _ => panic!("{name} is not a call of these"),
    }
}

fn cipher_call(function: &str, args: &Args<'_>) -> Result<Outcome, CryptoError> {
    let data = args.bytes("data");
    let (aes, tdes) = (|| AesKey::new(&args.bytes("key")), || DesKey::new(&args.bytes("key")));
    // The recorded initial vectors are 16 bytes, and the data is wrong before they matter.
    let iv = || args.bytes("iv")[..8].try_into().expect("eight bytes");
    Ok(bytes(match function {
        "apply_key_variant" => return Ok(Outcome::OutOfScope("key variants")),
        "encrypt_aes_cbc" => modes::cbc_encrypt(&aes()?, args.array("iv")?, &data)?,
        "decrypt_aes_cbc" => modes::cbc_decrypt(&aes()?, args.array("iv")?, &data)?,
        "encrypt_aes_ecb" => modes::ecb_encrypt(&aes()?, &data)?,
        "decrypt_aes_ecb" => modes::ecb_decrypt(&aes()?, &data)?,
        "encrypt_tdes_cbc" => modes::cbc_encrypt(&tdes()?, iv(), &data)?,
        "decrypt_tdes_cbc" => modes::cbc_decrypt(&tdes()?, iv(), &data)?,
        "encrypt_tdes_ecb" => modes::ecb_encrypt(&tdes()?, &data)?,
        "decrypt_tdes_ecb" => modes::ecb_decrypt(&tdes()?, &data)?,
        _ => panic!("{function} is not a cipher"),
    }))
}

fn mac_call(function: &str, args: &Args<'_>) -> Result<Outcome, CryptoError> {
    let (data, length) = (args.bytes("data"), args.number("length", 8));
    let block = args.number("block_size", 8);
    Ok(match function {
        "pad_iso_1" => bytes(Padding::Method1.apply(&data, block)),
        "pad_iso_2" => bytes(Padding::Method2.apply(&data, block)),
        "pad_iso_3" => bytes(Padding::Method3.apply(&data, block)),
        "generate_cbc_mac" => bytes(&mac::cbc(&args.tdes("key")?, &data, padding(args)?)?[..length]),
        "generate_retail_mac" => {
            // Each of these keys is of two equal halves: a single one, written twice.
            let key = [&args.bytes("key1")[..8], &args.bytes("key2")[..8]].concat();
            bytes(&mac::retail(&TdesKey::new(&key)?, &data, padding(args)?)?[..length])
        }
        _ => panic!("{function} is not a code"),
    })
}

fn verification_call(function: &str, args: &Args<'_>) -> Result<Outcome, CryptoError> {
    let key = DesKey::new(&args.bytes("pvk"))?;
    let (pan, pad, table) = (
        args.digits("pan"),
        args.digits("pan_pad"),
        args.digits("conversion_table"),
    );
    let validation = Validation {
        pan: &pan,
        start: args.number("pan_verify_offset", 0),
        length: args.number("pan_verify_length", 16),
        pad: &pad,
        table: &table,
    };
    Ok(Outcome::Value(match function {
        "generate_ibm3624_pin" => pin::ibm3624_pin(&key, validation, &args.digits("offset"))?
            .reveal()
            .to_string(),
        "generate_ibm3624_offset" => pin::ibm3624_offset(&key, validation, &Pin::new(&args.digits("pin"))?)?,
        "generate_visa_pvv" => {
            let index = args.digits("pvki").parse().map_err(|_| WRONG)?;
            pin::pvv(&key, index, &Pin::new(&args.digits("pin"))?, &pan)?
        }
        _ => panic!("{function} is not a verification"),
    }))
}

fn block_call(function: &str, args: &Args<'_>) -> Result<Outcome, CryptoError> {
    let (pan, random) = (args.digits("pan"), [0x5A; 16]);
    let given = || Pin::new(&args.digits("pin"));
    let parsed = |format| -> Result<String, CryptoError> {
        Ok(pin_block::parse(format, &args.array("pinblock")?, &pan)?
            .reveal()
            .to_string())
    };
    Ok(match function {
        "encode_pinblock_iso_0" => bytes(*pin_block::compose(Format::Iso0, &given()?, &pan, &random)?),
        "encode_pinblock_iso_2" => bytes(*pin_block::compose(Format::Iso2, &given()?, &pan, &random)?),
        "encode_pinblock_iso_3" => bytes(*pin_block::compose(Format::Iso3, &given()?, &pan, &random)?),
        "encode_pin_field_iso_4" => bytes(*pin_block::pin_field_4(&given()?, &random)),
        "encode_pan_field_iso_4" => bytes(*pin_block::pan_field_4(&pan)?),
        "encipher_pinblock_iso_4" => return enciphered_4(args, &pan),
        "decode_pinblock_iso_0" => Outcome::Value(parsed(Format::Iso0)?),
        "decode_pinblock_iso_2" => Outcome::Value(parsed(Format::Iso2)?),
        "decode_pinblock_iso_3" => Outcome::Value(parsed(Format::Iso3)?),
        "decode_pin_field_iso_4" => Outcome::Value(
            pin_block::parse_pin_field_4(&args.array("pin_field")?)?
                .reveal()
                .to_string(),
        ),
        "decipher_pinblock_iso_4" => {
            let key = AesKey::new(&args.bytes("key"))?;
            Outcome::Value(
                pin_block::decipher_4(&key, args.array("pin_block")?, &pan)?
                    .reveal()
                    .to_string(),
            )
        }
        _ => panic!("{function} is not a block"),
    })
}

/// The recorded block has random bytes that were not recorded: taken out of it, they must give it again.
fn enciphered_4(args: &Args<'_>, pan: &str) -> Result<Outcome, CryptoError> {
    let (key, pin) = (AesKey::new(&args.bytes("key"))?, Pin::new(&args.digits("pin"))?);
    let recorded = hex::decode("28B41FDDD29B743E93124BD8E32D921E").expect("hexadecimal");
    let card = pin_block::pan_field_4(pan)?;
    let inner = modes::ecb_decrypt::<16, _>(&key, &recorded)?;
    let mixed: Vec<u8> = inner
        .iter()
        .zip(card.iter())
        .map(|(inner, card)| inner ^ card)
        .collect();
    let field = modes::ecb_decrypt::<16, _>(&key, &mixed)?;
    let mut random = [0; 16];
    random[..8].copy_from_slice(&field[8..]);
    Ok(bytes(pin_block::encipher_4(&key, &pin, pan, &random)?))
}

#[test]
fn every_pin_block_of_moov_is_as_recorded() {
    let Some(file) = json("pin-mac-cvv/moov_pinblock.json") else {
        return;
    };
    let mut counts = BTreeMap::new();
    for record in file.as_array().expect("records") {
        *counts.entry(moov_block(record)).or_insert(0) += 1;
    }
    assert_eq!(
        counts,
        BTreeMap::from([("format 4", 1), ("formats 0 to 3", 6), ("not of ISO 9564", 4)])
    );
}

fn moov_block(record: &Value) -> &'static str {
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let format = match text("format") {
        "ISO-0" => Format::Iso0,
        "ISO-1" => Format::Iso1,
        "ISO-2" => Format::Iso2,
        "ISO-3" => Format::Iso3,
        "ISO-4" => {
            let field = pin_block::pan_field_4(text("pan")).expect("a card number");
            assert_eq!(hex::encode_upper(*field), text("pan_field"));
            return "format 4";
        }
        _ => return "not of ISO 9564",
    };
    let pin = Pin::new(text("pin")).expect("a PIN");
    let block = pin_block::compose(format, &pin, text("pan"), &[7; 16]).expect("a block");
    let shown = hex::encode_upper(*block);
    assert!(text("block").is_empty() || shown == text("block"));
    assert!(shown.starts_with(text("block_prefix")));
    let given = text("decode_from");
    let read = if given.is_empty() {
        block.to_vec()
    } else {
        hex::decode(given).expect("hexadecimal")
    };
    let parsed = pin_block::parse(format, &read.try_into().expect("eight bytes"), text("pan")).expect("a block");
    assert!(parsed.same_as(&pin));
    "formats 0 to 3"
}
