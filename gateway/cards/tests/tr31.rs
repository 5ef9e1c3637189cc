//! psec's tests of key blocks, each made again: the same key, the same length, or refused for the same reason.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use causeway_cards::crypto::tr31::{Attributes, Header, KeyBlockError, RANDOM_BYTES, unwrap, wrap};
use serde_json::Value;

fn records() -> Option<Vec<Value>> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        std::path::PathBuf::from,
    );
    let path = folder.join("pin-mac-cvv/psec_tr31_params.json");
    if !path.exists() {
        // Past the test harness, which hides what a passing test prints.
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    let text = fs::read_to_string(path).expect("the vectors are readable");
    Some(serde_json::from_str(&text).expect("the vectors have their form"))
}

fn text<'a>(args: &'a Value, name: &str) -> &'a str {
    args[name].as_str().expect("text")
}

fn number(args: &Value, name: &str) -> usize {
    args[name].as_u64().expect("a number") as usize
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.trim_start_matches("hex:")).expect("hexadecimal")
}

/// Our reason for what psec says of a record.
fn reason(error: &str) -> KeyBlockError {
    let part = |part: &str| error.contains(part);
    let starts = |start: &str| error.starts_with(start);
    match () {
        () if starts("Header") => KeyBlockError::Header,
        () if starts("Version ID") => KeyBlockError::Version,
        () if starts("Key usage") => KeyBlockError::Attribute("usage"),
        () if starts("Algorithm") => KeyBlockError::Attribute("algorithm"),
        () if starts("Mode of use") => KeyBlockError::Attribute("mode of use"),
        () if starts("Version number") => KeyBlockError::Attribute("key version"),
        () if starts("Exportability") => KeyBlockError::Attribute("exportability"),
        () if starts("Number of blocks") => KeyBlockError::BlockCount,
        () if starts("Block") && part("length of length") => KeyBlockError::OptionalBlock("length of length"),
        () if starts("Block") && part("data is malformed") => KeyBlockError::OptionalBlock("data"),
        () if starts("Block") && part("length") => KeyBlockError::OptionalBlock("length"),
        () if starts("Key block header length") || starts("Key block length") => KeyBlockError::Length,
        () if starts("Key block MAC doesn't match") => KeyBlockError::Mac,
        () if starts("Key block MAC") => KeyBlockError::MacForm,
        () if starts("Encrypted key") => KeyBlockError::Ciphertext,
        () if starts("KBPK length") => KeyBlockError::ProtectionKey,
        () if starts("Decrypted key") => KeyBlockError::Key,
        () => panic!("a reason that is not known: {error}"),
    }
}

fn header(version: &str, algorithm: &str) -> Header {
    Header::new(Attributes {
        version,
        usage: "P0",
        algorithm,
        mode_of_use: "E",
        key_version: "00",
        exportability: "N",
    })
    .expect("a header")
}

const RANDOM: [u8; RANDOM_BYTES] = [0x5A; RANDOM_BYTES];

/// Keys of every length come out as they went in.
fn sanity(args: &Value) {
    let protection = bytes(text(args, "kbpk"));
    for (algorithm, lengths) in [("T", [8, 16, 24]), ("A", [16, 24, 32])] {
        for length in lengths {
            let key = vec![0x31; length];
            let block = wrap(
                &protection,
                &header(text(args, "version_id"), algorithm),
                &key,
                None,
                &RANDOM,
            );
            let again = unwrap(&protection, &block.expect("a key block")).expect("the key");
            assert_eq!(*again.key, key, "{args}");
        }
    }
}

/// The key is the published one, and no character may be another one.
fn known_value(args: &Value) {
    let (protection, block) = (bytes(text(args, "kbpk")), text(args, "kb"));
    let unwrapped = unwrap(&protection, block).expect("a key block");
    assert_eq!(*unwrapped.key, bytes(text(args, "key")), "{args}");
    for at in 0..block.len() {
        let other = if &block[at..=at] == "0" { "1" } else { "0" };
        let altered = [&block[..at], other, &block[at + 1..]].concat();
        assert!(unwrap(&protection, &altered).is_err(), "character {at} of {block}");
        assert!(unwrap(&protection, &block[..at]).is_err(), "{at} characters of {block}");
    }
}

/// The block has the length that was recorded, and the key comes out of it.
fn masked_length(args: &Value) {
    let version = text(args, "version_id");
    let protection = vec![b'E'; if version == "D" { 32 } else { 24 }];
    let key = vec![b'F'; number(args, "key_len")];
    // Less than nothing is nothing.
    let mask = args["masked_key_len"].as_i64().map(|mask| mask.max(0) as usize);
    let block = wrap(
        &protection,
        &header(version, text(args, "algorithm")),
        &key,
        mask,
        &RANDOM,
    );
    let block = block.expect("a key block");
    let length = number(args, "kb_len");
    assert_eq!(
        (block.len(), &block[1..5]),
        (length, format!("{length:04}").as_str()),
        "{args}"
    );
    assert_eq!(*unwrap(&protection, &block).expect("the key").key, key);
}

/// Why a record of a refusal is refused.
fn refusal(test: &str, args: &Value) -> KeyBlockError {
    let refused = match test {
        "test_header_attributes_exceptions" => Header::new(Attributes {
            version: text(args, "version_id"),
            usage: text(args, "key_usage"),
            algorithm: text(args, "algorithm"),
            mode_of_use: text(args, "mode_of_use"),
            key_version: text(args, "version_num"),
            exportability: text(args, "exportability"),
        })
        .err(),
        "test_kb_wrap_exceptions" => {
            let (protection, key) = (
                vec![b'E'; number(args, "kbpk_len")],
                vec![b'F'; number(args, "key_len")],
            );
            let wrapped = wrap(&protection, &header(text(args, "version_id"), "T"), &key, None, &RANDOM);
            let error = wrapped.expect_err("refused");
            assert_eq!(error, KeyBlockError::ProtectionKey.into());
            Some(KeyBlockError::ProtectionKey)
        }
        "test_kb_unwrap_exceptions" => unwrap(&vec![b'E'; number(args, "kbpk_len")], text(args, "kb")).err(),
        "test_header_load_exceptions" | "test_header_block_load_exceptions" => {
            Header::parse(text(args, "header")).err()
        }
        _ => panic!("a test that is not known: {test}"),
    };
    refused.unwrap_or_else(|| panic!("not refused: {args}"))
}

#[test]
fn every_record_of_key_blocks_has_its_outcome() {
    let Some(records) = records() else {
        return;
    };
    let mut counts = BTreeMap::new();
    for record in &records {
        let (test, args) = (text(record, "test"), &record["args"]);
        let kind = match test {
            "test_kb_sanity" => (sanity(args), "wrapped and unwrapped").1,
            "test_kb_known_values" => (known_value(args), "unwrapped").1,
            "test_kb_masking_key_length" => (masked_length(args), "of its length").1,
            _ => {
                assert_eq!(refusal(test, args), reason(text(args, "error")), "{args}");
                "refused"
            }
        };
        *counts.entry(kind).or_insert(0) += 1;
    }
    writeln!(std::io::stderr(), "key blocks: {counts:?}, none out of scope").expect("stderr is open");
    let expected = [
        ("of its length", 38),
        ("refused", 64),
        ("unwrapped", 13),
        ("wrapped and unwrapped", 4),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}
