use bech32::Bech32;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::example::{GENESIS_HASH, key, list, not_a_point, participant_id, small_order_keys, two_of_three};

const ACCOUNT: AccountId = AccountId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 255]);

/// The characters of bech32, without 1, b, i and o.
const CHARSET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

fn sha256(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hex::encode(hasher.finalize())
}

fn with_prefix(prefix: &str, bytes: &[u8]) -> String {
    bech32::encode::<Bech32m>(Hrp::parse(prefix).expect("a prefix"), bytes).expect("short enough")
}

#[test]
fn an_address_is_bech32m_of_the_accounts_bytes() {
    let main = ACCOUNT.address(AddressPrefix::Main).to_string();
    let devnet = ACCOUNT.address(AddressPrefix::Devnet).to_string();
    assert_eq!(main, "cw1qqqsyqcyq5rqwzqfpg9scrgwpugpzyhl5fek98");
    assert_eq!(devnet, "cwdev1qqqsyqcyq5rqwzqfpg9scrgwpugpzyhl4u7an5");
    assert_eq!(main, with_prefix("cw", ACCOUNT.as_bytes()));
    for text in [main.clone(), main.to_uppercase()] {
        let expected = Address {
            prefix: AddressPrefix::Main,
            account: ACCOUNT,
        };
        assert_eq!(text.parse(), Ok(expected));
    }
    let json = serde_json::to_string(&ACCOUNT.address(AddressPrefix::Devnet)).expect("json");
    assert_eq!(json, format!("\"{devnet}\""));
    assert_eq!(
        serde_json::from_str::<Address>(&json).expect("json").to_string(),
        devnet
    );
}

/// BIP-350 promises to detect every single wrong character, and every two exchanged neighbours.
#[test]
fn typing_errors_are_found() {
    let address = ACCOUNT.address(AddressPrefix::Main).to_string();
    let refused = |text: &str| {
        let error = text.parse::<Address>().expect_err(text);
        assert!(matches!(error, AddressError::Checksum(_)), "{text}: {error:?}");
    };
    for at in "cw1".len()..address.len() {
        for character in CHARSET.chars() {
            let mut wrong = address.clone();
            wrong.replace_range(at..=at, &character.to_string());
            if wrong != address {
                refused(&wrong);
            }
        }
        let mut missing = address.clone();
        missing.remove(at);
        refused(&missing);
        let mut upper = address.clone();
        upper.replace_range(at..=at, &address[at..=at].to_uppercase());
        if upper != address {
            refused(&upper);
        }
    }
    for at in "cw1".len()..address.len() - 1 {
        let mut swapped: Vec<char> = address.chars().collect();
        swapped.swap(at, at + 1);
        let swapped: String = swapped.into_iter().collect();
        if swapped != address {
            refused(&swapped);
        }
    }
    for text in [
        "",
        "1",
        "cw1",
        "cw",
        &address[2..],
        &format!(" {address}"),
        &format!("{address} "),
        "cw1é",
    ] {
        refused(text);
    }
    // The older bech32 has another checksum.
    let hrp = Hrp::parse("cw").expect("a prefix");
    refused(&bech32::encode::<Bech32>(hrp, ACCOUNT.as_bytes()).expect("short"));
}

#[test]
fn another_prefix_is_refused_by_name() {
    for prefix in ["bc", "cwtest", "c", "cwd"] {
        let text = with_prefix(prefix, ACCOUNT.as_bytes());
        assert_eq!(text.parse::<Address>(), Err(AddressError::Prefix(prefix.into())));
    }
}

#[test]
fn another_length_is_refused() {
    for (bytes, characters) in [(0, 0), (19, 31), (21, 34), (32, 52), (400, 640)] {
        let text = with_prefix("cw", &vec![7; bytes]);
        assert_eq!(
            text.parse::<Address>(),
            Err(AddressError::Length(characters)),
            "{bytes} bytes"
        );
    }
    // One character more than 20 bytes need: five bits that would belong to no byte.
    use bech32::primitives::iter::{ByteIterExt, Fe32IterExt};
    let hrp = Hrp::parse("cw").expect("a prefix");
    let data = ACCOUNT
        .as_bytes()
        .iter()
        .copied()
        .bytes_to_fes()
        .chain([bech32::Fe32::P]);
    let text: String = data.with_checksum::<Bech32m>(&hrp).chars().collect();
    assert_eq!(text.parse::<Address>(), Err(AddressError::Length(33)));
}

#[test]
fn an_account_id_is_derived_from_what_it_was_opened_with() {
    let keys = two_of_three();
    let salt = Salt([9; 16]);
    let mut policy = vec![2, 3];
    for entry in &keys.keys {
        policy.push(1);
        policy.extend_from_slice(entry.key.as_bytes());
        policy.push(1);
    }
    let by_hand = sha256(&[
        b"causeway/account/1",
        &GENESIS_HASH.0,
        b"BANKA\0\0\0\0\0\0\0",
        &policy,
        &salt.0,
    ]);
    let derived = AccountId::derive(&GENESIS_HASH, participant_id("BANKA"), &keys, &salt);
    assert_eq!(derived.to_string(), by_hand[..40]);
    assert_eq!(derived.to_string(), "25cbb3b202660aeb0cebaea83884d65f91881a3a");
    let others = [
        AccountId::derive(&GenesisHash([0; 32]), participant_id("BANKA"), &keys, &salt),
        AccountId::derive(&GENESIS_HASH, participant_id("BANKB"), &keys, &salt),
        AccountId::derive(
            &GENESIS_HASH,
            participant_id("BANKA"),
            &KeyPolicy::single(key(1)),
            &salt,
        ),
        AccountId::derive(&GENESIS_HASH, participant_id("BANKA"), &keys, &Salt([8; 16])),
    ];
    assert!(!others.contains(&derived));

    let own = AccountId::of_participant(&GENESIS_HASH, participant_id("BANKA"));
    let by_hand = sha256(&[
        b"causeway/participant-account/1",
        &GENESIS_HASH.0,
        b"BANKA\0\0\0\0\0\0\0",
    ]);
    assert_eq!(own.to_string(), by_hand[..40]);
}

#[test]
fn key_policies() {
    let check = |threshold, keys: &[(PublicKey, u16)], expected| {
        let mut keys: Vec<_> = keys.iter().map(|&(key, weight)| WeightedKey { key, weight }).collect();
        keys.sort_by_key(|entry| entry.key);
        assert_eq!(
            KeyPolicy {
                threshold,
                keys: list(keys)
            }
            .check(),
            expected
        );
    };
    let threshold = |threshold, sum| Err(PolicyError::Threshold { threshold, sum });
    check(1, &[(key(1), 1)], Ok(()));
    check(2, &[(key(1), 1), (key(2), 1), (key(3), 1)], Ok(()));
    check(7, &[(key(1), 3), (key(2), 4)], Ok(()));
    let sixteen: Vec<_> = (1..=16).map(|number| (key(number), u16::MAX)).collect();
    check(16 * 65_535, &sixteen, Ok(()));

    check(1, &[], Err(PolicyError::NoKeys));
    check(0, &[(key(1), 1)], threshold(0, 1));
    check(2, &[(key(1), 1)], threshold(2, 1));
    check(u32::MAX, &sixteen, threshold(u32::MAX, 1_048_560));
    check(1, &[(key(1), 0)], Err(PolicyError::ZeroWeight));
    check(1, &[(key(1), 1), (key(2), 0)], Err(PolicyError::ZeroWeight));
    check(1, &[(key(1), 1), (key(1), 1)], Err(PolicyError::KeysNotAscending));
    let weak = small_order_keys()[3];
    check(
        1,
        &[(weak, 1)],
        Err(PolicyError::Key {
            key: weak,
            source: KeyError::SmallOrder,
        }),
    );
    let none = not_a_point();
    check(
        1,
        &[(key(1), 1), (none, 1)],
        Err(PolicyError::Key {
            key: none,
            source: KeyError::NotAPoint,
        }),
    );

    let mut descending = two_of_three().keys.into_vec();
    descending.reverse();
    let descending = KeyPolicy {
        threshold: 2,
        keys: list(descending),
    };
    assert_eq!(descending.check(), Err(PolicyError::KeysNotAscending));
    assert_eq!(KeyPolicy::single(key(1)).check(), Ok(()));
}

#[test]
fn a_policy_is_met_by_enough_weight() {
    let mut keys = vec![
        WeightedKey { key: key(1), weight: 3 },
        WeightedKey { key: key(2), weight: 2 },
        WeightedKey { key: key(3), weight: 1 },
    ];
    keys.sort_by_key(|entry| entry.key);
    let policy = KeyPolicy {
        threshold: 4,
        keys: list(keys),
    };
    let check = |signers: &[u8], expected| {
        let signers: Vec<_> = signers.iter().map(|&number| key(number)).collect();
        assert_eq!(policy.is_met_by(&signers), expected, "{signers:?}");
    };
    check(&[], false);
    check(&[1], false);
    check(&[2, 3], false);
    check(&[1, 3], true);
    check(&[1, 2], true);
    check(&[1, 9], false);
    check(&[1, 2, 3, 9], true);
    assert!(policy.contains(&key(2)) && !policy.contains(&key(9)));
}

#[test]
fn participant_ids() {
    for name in ["PB", "BANKA", "DEUTDEFF", "DEUTDEFF500", "ABCDEFGHIJ12"] {
        assert_eq!(participant_id(name).to_string(), name);
        assert_eq!(name.parse(), Ok(participant_id(name)));
    }
    for name in ["", "P", "ABCDEFGHIJ123", "banka", "BANK A", "BANK\0", "BÄNK", "BANK-A"] {
        assert_eq!(ParticipantId::new(name), Err(NotAParticipantId), "{name}");
    }
    for bytes in [
        b"B\0\0\0\0\0\0\0\0\0\0\0",
        b"BANK\0A\0\0\0\0\0\0",
        b"bank\0\0\0\0\0\0\0\0",
        &[0xff; 12],
    ] {
        let error = codec::decode::<ParticipantId>(bytes, 12)
            .expect_err("not an id")
            .to_string();
        assert_eq!(error, format!("malformed: {NotAParticipantId}"));
    }
}

proptest! {
    #[test]
    fn addresses_are_read_back(account: [u8; 20], devnet: bool) {
        let prefix = if devnet { AddressPrefix::Devnet } else { AddressPrefix::Main };
        let address = AccountId(account).address(prefix);
        prop_assert_eq!(address.to_string().parse(), Ok(address));
    }

    #[test]
    fn invariant_no_text_panics_as_an_address(text: String, tail in "[a-zA-Z0-9]{0,60}") {
        for text in [text, format!("cw1{tail}"), format!("cwdev1{tail}")] {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string(), text.to_lowercase());
            }
        }
    }
}
