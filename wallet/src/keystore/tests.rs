use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::keystore::derivation::{COIN_TYPE, ExtendedKey, path, path_text};

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hexadecimal")
}

/// One row of the test vectors in SLIP-0010: path from the master, chain code, private key.
type Row = (&'static [u32], &'static str, &'static str);

fn check_slip10(seed: &str, rows: &[Row]) {
    let master = ExtendedKey::master(&bytes(seed));
    for (path, chain_code, key) in rows {
        let derived = master.descendant(path);
        assert_eq!(hex::encode(derived.chain_code()), *chain_code, "{}", path_text(path));
        assert_eq!(hex::encode(derived.key()), *key, "{}", path_text(path));
    }
}

/// SLIP-0010, "Test vector 1 for ed25519".
#[test]
fn derivation_agrees_with_slip_0010_vector_1() {
    check_slip10(
        "000102030405060708090a0b0c0d0e0f",
        &[
            (
                &[],
                "90046a93de5380a72b5e45010748567d5ea02bbf6522f979e05c0d8d8ca9fffb",
                "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7",
            ),
            (
                &[0],
                "8b59aa11380b624e81507a27fedda59fea6d0b779a778918a2fd3590e16e9c69",
                "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3",
            ),
            (
                &[0, 1],
                "a320425f77d1b5c2505a6b1b27382b37368ee640e3557c315416801243552f14",
                "b1d0bad404bf35da785a64ca1ac54b2617211d2777696fbffaf208f746ae84f2",
            ),
            (
                &[0, 1, 2],
                "2e69929e00b5ab250f49c3fb1c12f252de4fed2c1db88387094a0f8c4c9ccd6c",
                "92a5b23c0b8a99e37d07df3fb9966917f5d06e02ddbd909c7e184371463e9fc9",
            ),
            (
                &[0, 1, 2, 2],
                "8f6d87f93d750e0efccda017d662a1b31a266e4a6f5993b15f5c1f07f74dd5cc",
                "30d1dc7e5fc04c31219ab25a27ae00b50f6fd66622f6e9c913253d6511d1e662",
            ),
            (
                &[0, 1, 2, 2, 1_000_000_000],
                "68789923a0cac2cd5a29172a475fe9e0fb14cd6adb5ad98a3fa70333e7afa230",
                "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793",
            ),
        ],
    );
}

/// SLIP-0010, "Test vector 2 for ed25519".
#[test]
fn derivation_agrees_with_slip_0010_vector_2() {
    check_slip10(
        "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2\
         9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542",
        &[
            (
                &[],
                "ef70a74db9c3a5af931b5fe73ed8e1a53464133654fd55e7a66f8570b8e33c3b",
                "171cb88b1b3c1db25add599712e36245d75bc65a1a5c9e18d76f9f2b1eab4012",
            ),
            (
                &[0],
                "0b78a3226f915c082bf118f83618a618ab6dec793752624cbeb622acb562862d",
                "1559eb2bbec5790b0c65d8693e4d0875b1747f4970ae8b650486ed7470845635",
            ),
            (
                &[0, 2_147_483_647],
                "138f0b2551bcafeca6ff2aa88ba8ed0ed8de070841f0c4ef0165df8181eaad7f",
                "ea4f5bfe8694d8bb74b7b59404632fd5968b774ed545e810de9c32a4fb4192f4",
            ),
            (
                &[0, 2_147_483_647, 1],
                "73bd9fff1cfbde33a1b846c27085f711c0fe2d66fd32e139d3ebc28e5a4a6b90",
                "3757c7577170179c7868353ada796c839135b3d30554bbb74a4b1e4a5a58505c",
            ),
            (
                &[0, 2_147_483_647, 1, 2_147_483_646],
                "0902fe8a29f9140480a00ef244bd183e8a13288e4412d8389d140aac1794825a",
                "5837736c89570de861ebc173b1086da4f505d4adb387c6a1b1342d5e4ac9ec72",
            ),
            (
                &[0, 2_147_483_647, 1, 2_147_483_646, 2],
                "5d70af781f3a37b829f0d060924d5e960bdc02e85423494afc0b1a41bbe196d4",
                "551d333177df541ad876a60ea71f00447931c0a9da16f227c11ea080d7391b8d",
            ),
        ],
    );
}

/// The reference vectors that BIP-0039 names (trezor/python-mnemonic, `vectors.json`, English), whose
/// passphrase is TREZOR.
#[test]
fn words_and_seeds_agree_with_the_bip_39_vectors() {
    let check = |entropy: &str, words: &str, seed: &str| {
        let secret = Secret::from_words(words, 0).expect("a vector's words");
        assert_eq!(hex::encode(secret.bytes()), entropy);
        assert_eq!(secret.words().expect("it has words").as_str(), words);
        let mnemonic = secret::mnemonic(&bytes(entropy));
        assert_eq!(hex::encode(mnemonic.to_seed_normalized("TREZOR")), seed);
    };
    check(
        "00000000000000000000000000000000",
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
        "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553\
         1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
    );
    check(
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
        "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6f\
         a457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607",
    );
    check(
        "80808080808080808080808080808080",
        "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
        "d71de856f81a8acc65e6fc851a38d4d7ec216fd0796d0a6827a3ad6ed5511a30\
         fa280f12eb2e47ed2ac03b5c462a0358d18d69fe4f985ec81778c1b370b652a8",
    );
    check(
        "0000000000000000000000000000000000000000000000000000000000000000",
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
         abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
        "bda85446c68413707090a52022edd26a1c9462295029f2e60cd7c4f2bbd30971\
         70af7a4d73245cafa9c3cca8d561a7c3de6f5d4a10be8ed2a5e608d68f92fcc8",
    );
}

#[test]
fn a_wallets_key_is_where_it_says() {
    let words = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    let secret = Secret::from_words(words, 3).expect("a vector's words");
    let seed = secret::mnemonic(secret.bytes()).to_seed_normalized("");
    let expected = ExtendedKey::master(&seed).descendant(&[44, COIN_TYPE, 0, 0, 3]);
    let expected = causeway_contracts::keys::SecretKey::from_seed(expected.key());
    assert_eq!(secret.signing_key().public_key(), expected.public_key());
    assert_eq!(path_text(&path(3)), "m/44'/17239'/0'/0'/3'");
}

#[test]
fn mistyped_words_and_seeds_are_refused() {
    let check = |text: &str, expected: fn(&SecretError) -> bool| match Secret::from_words(text, 0) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => assert!(expected(&error), "{text}: {error}"),
    };
    check("legal winner thank", |error| *error == SecretError::WordCount(3));
    check(
        "legal winner thank year wave sausage worth useful legal winner thank thank",
        |error| matches!(error, SecretError::Words(bip39::Error::InvalidChecksum)),
    );
    check(
        "legal winner thank year wave sausage worth useful legal winner thank yelow",
        |error| matches!(error, SecretError::Words(bip39::Error::UnknownWord(11))),
    );
    for text in ["", "00", &"0".repeat(63), &"g".repeat(64), &"0".repeat(66)] {
        assert_eq!(Secret::from_seed_text(text).err(), Some(SecretError::Seed), "{text}");
    }
}

fn keystore() -> (tempfile::TempDir, Keystore) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keystore = Keystore::new(folder.path().join("keys"));
    (folder, keystore)
}

#[test]
fn a_sealed_key_opens_with_its_passphrase_only() {
    let (_folder, keystore) = keystore();
    let secret = Secret::generate(WordCount::TwentyFour).expect("random bytes");
    let public_key = keystore.add("mine", &secret, "correct horse").expect("added");
    assert_eq!(public_key, secret.signing_key().public_key());
    let opened = keystore.open("mine", "correct horse").expect("opened");
    assert_eq!(opened.words(), secret.words());
    let wrong = keystore.open("mine", "correct hors").err().expect("wrong passphrase");
    let KeystoreError::Seal { source, .. } = wrong else {
        panic!("{wrong}");
    };
    assert_eq!(source, SealError::WrongPassphrase);
    let path = keystore.path("mine").expect("a name");
    let mode = fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(path).expect("text");
    let entropy = hex::encode(secret.bytes());
    assert!(!text.contains(&entropy), "the secret stands in the file");
    assert!(matches!(
        keystore.add("mine", &secret, "x"),
        Err(KeystoreError::Exists { .. })
    ));
    assert!(matches!(
        keystore.add("other", &secret, ""),
        Err(KeystoreError::EmptyPassphrase)
    ));
    assert!(matches!(keystore.add("../x", &secret, "x"), Err(KeystoreError::Name)));
    assert!(matches!(
        keystore.open("nobody", "x"),
        Err(KeystoreError::Unknown { .. })
    ));
    assert_eq!(keystore.list().expect("listed").len(), 1);
}

/// Any change to the header or the sealed bytes is noticed; a change that keeps the passphrase from
/// being checked at all reads as a wrong passphrase.
#[test]
fn a_key_file_that_was_changed_does_not_open() {
    let secret = Secret::from_seed_text(&"5a".repeat(32)).expect("a seed");
    let file = KeyFile::seal(&secret, "p").expect("sealed");
    let json = serde_json::to_value(&file).expect("JSON");
    let check = |pointer: &str, value: serde_json::Value, expected: SealError| {
        let mut changed = json.clone();
        *changed.pointer_mut(pointer).expect(pointer) = value;
        let changed: KeyFile = serde_json::from_value(changed).expect("still a key file");
        assert_eq!(changed.open("p").err(), Some(expected), "{pointer}");
    };
    let other = Secret::from_seed_text(&"5b".repeat(32)).expect("a seed");
    let other_key = serde_json::to_value(other.signing_key().public_key()).expect("JSON");
    let sealed = json["sealed"].as_str().expect("text");
    let flipped = format!("{}{}", if sealed.starts_with('0') { '1' } else { '0' }, &sealed[1..]);
    check("/header/public_key", other_key, SealError::Tampered);
    check(
        "/header/origin",
        serde_json::json!({"words": {"index": 0}}),
        SealError::Tampered,
    );
    check("/header/nonce", "00".repeat(24).into(), SealError::Tampered);
    check("/header/nonce", "00".into(), SealError::Tampered);
    check("/sealed", flipped.into(), SealError::Tampered);
    check("/sealed", "".into(), SealError::Tampered);
    check("/header/version", 2.into(), SealError::Version(2));
    check("/header/kdf/passes", 4.into(), SealError::WrongPassphrase);
    check("/header/kdf/salt", "00".repeat(16).into(), SealError::WrongPassphrase);
    check(
        "/header/passphrase_check",
        "00".repeat(32).into(),
        SealError::WrongPassphrase,
    );
    check("/header/kdf/memory_kib", 4_000_000.into(), SealError::TooMuchWork);
    check("/header/kdf/passes", 1_000.into(), SealError::TooMuchWork);
    let mut unknown = json.clone();
    unknown["header"]["cipher"] = "rot13".into();
    assert!(serde_json::from_value::<KeyFile>(unknown).is_err());
}
