//! One suite for every module, with published values (pyemv's and psec's tests), so that all give the same.

mod cards;
mod codes;
mod software;

use causeway_cards::crypto::{
    CryptoError,
    key::{AesKey, TdesKey},
    mac::Padding,
    tr31::{self, KeyBlockError},
};

use super::{Algorithm, Hsm, HsmConfig, HsmError, KeyName, KeySpec, PinReference, Pkcs11Hsm, Purpose, TokenError};

const MASTER: &str = "0123456789ABCDEFFEDCBA9876543210";

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hexadecimal")
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    bytes(text).try_into().expect("as many bytes")
}

fn spec(purpose: Purpose, algorithm: Algorithm) -> KeySpec {
    KeySpec {
        purpose,
        algorithm,
        exportable: false,
    }
}

/// A key of known bytes, by two components.
fn load(hsm: &dyn Hsm, label: &str, spec: KeySpec, key: &str) -> KeyName {
    let key = bytes(key);
    let first = vec![0x5A; key.len()];
    let second: Vec<u8> = key.iter().map(|byte| byte ^ 0x5A).collect();
    let info = hsm.assemble(&name(label), spec, &[&first, &second]).expect(label);
    assert_eq!(info.spec, spec);
    name(label)
}

fn all_of(hsm: &dyn Hsm) {
    cards::cryptograms_are_verified_and_answered(hsm);
    cards::devices_get_session_keys(hsm);
    codes::codes_are_made_and_verified(hsm);
    codes::pins_are_verified_and_translated(hsm);
    key_blocks_come_in(hsm);
    keys_are_made_kept_apart_and_deleted(hsm);
    keys_are_shared_with_who_has_the_same_wrapping_key(hsm);
}

const KBPK: &str = "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6";
const BLOCK: &str = "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D2\
                     07E2E417C07156A27E8E31DA05F7425509593D03A457DC34";

fn key_blocks_come_in(hsm: &dyn Hsm) {
    let wrapping = load(hsm, "kbpk", spec(Purpose::Wrapping, Algorithm::Aes256), KBPK);
    let info = hsm.import(&name("zpk"), Purpose::Pin, &wrapping, BLOCK).expect("a key");
    let key = AesKey::new(&bytes("3F419E1CB7079442AA37474C2EFBF8B8")).expect("a key");
    assert_eq!(
        (info.spec.algorithm, info.check_value),
        (Algorithm::Aes128, key.check_value())
    );

    let again = hsm.import(&name("zpk"), Purpose::Pin, &wrapping, BLOCK);
    assert!(matches!(again, Err(HsmError::Exists(key)) if key == name("zpk")));
    let usage = hsm.import(&name("new"), Purpose::Mac, &wrapping, BLOCK);
    assert!(matches!(usage, Err(HsmError::KeyBlock("usage", Purpose::Mac))));
    let altered = BLOCK.replace("AE00E", "AE00N");
    let altered = hsm.import(&name("new"), Purpose::Pin, &wrapping, &altered);
    let mac = CryptoError::KeyBlock(KeyBlockError::Mac);
    assert!(matches!(altered, Err(HsmError::Input(error)) if error == mac));
    let other = hsm.import(&name("new"), Purpose::Pin, &name("mac"), BLOCK);
    assert!(matches!(
        other,
        Err(HsmError::WrongPurpose {
            is: Purpose::Mac,
            needed: Purpose::Wrapping,
            ..
        })
    ));
}

fn keys_are_made_kept_apart_and_deleted(hsm: &dyn Hsm) {
    for (label, purpose, algorithm) in [
        ("g1", Purpose::CryptogramMaster, Algorithm::Tdes),
        ("g2", Purpose::Mac, Algorithm::Tdes),
        ("g3", Purpose::Wrapping, Algorithm::Aes256),
    ] {
        let made = hsm.generate(&name(label), spec(purpose, algorithm)).expect(label);
        assert_eq!(hsm.describe(&name(label)).expect(label), made);
        let kept = hsm.export(&name(label), &name("kbpk"));
        assert!(matches!(kept, Err(HsmError::NotExportable(key)) if key == name(label)));
        let again = hsm.generate(&name(label), spec(purpose, algorithm));
        assert!(matches!(again, Err(HsmError::Exists(_))));
    }
    hsm.mac(&name("g2"), b"data", Padding::Method1)
        .expect("a generated key is whole");
    let wrong = hsm.mac(&name("g1"), b"data", Padding::Method1);
    assert!(matches!(
        wrong,
        Err(HsmError::WrongPurpose {
            is: Purpose::CryptogramMaster,
            ..
        })
    ));
    let kind = hsm.generate(&name("new"), spec(Purpose::Cvv, Algorithm::Aes128));
    assert!(matches!(
        kind,
        Err(HsmError::Algorithm {
            purpose: Purpose::Cvv,
            ..
        })
    ));
    // Which give nothing, or one of them.
    let components: [&[&[u8]]; 4] = [
        &[&[7; 16], &[7; 16]],
        &[&[1; 16], &[2; 16], &[3; 16]],
        &[&[7; 16], &[9; 16], &[7; 16]],
        &[&[9; 16]],
    ];
    for components in components {
        let nothing = hsm.assemble(&name("new"), spec(Purpose::Cvv, Algorithm::Tdes), components);
        assert!(matches!(nothing, Err(HsmError::Components)));
    }
    for label in ["g1", "g2", "g3"] {
        hsm.delete(&name(label)).expect(label);
        assert!(matches!(hsm.describe(&name(label)), Err(HsmError::UnknownKey(_))));
        assert!(matches!(hsm.delete(&name(label)), Err(HsmError::UnknownKey(_))));
    }
    hsm.generate(&name("g2"), spec(Purpose::Mac, Algorithm::Tdes))
        .expect("a name is free when its key is deleted");
}

fn keys_are_shared_with_who_has_the_same_wrapping_key(hsm: &dyn Hsm) {
    for (purpose, algorithm) in [(Purpose::Mac, Algorithm::Tdes), (Purpose::Pin, Algorithm::Aes256)] {
        let (made, block) = hsm
            .share(&name("shared"), spec(purpose, algorithm), &name("kbpk"))
            .expect("a key");
        let there = tr31::unwrap(&bytes(KBPK), &block).expect("the key is in it");
        let check_value = match algorithm {
            Algorithm::Tdes => TdesKey::new(&there.key).expect("a key").check_value(),
            _ => AesKey::new(&there.key).expect("a key").check_value(),
        };
        assert_eq!(
            (made.check_value, there.header.attributes().exportability),
            (check_value, "N")
        );
        let again = hsm.share(&name("shared"), spec(purpose, algorithm), &name("kbpk"));
        assert!(matches!(again, Err(HsmError::Exists(_))));
        let kept = hsm.export(&name("shared"), &name("kbpk"));
        assert!(matches!(kept, Err(HsmError::NotExportable(_))));
        let names = hsm.names().expect("names");
        assert!(names.contains(&name("shared")) && names.contains(&name("kbpk")) && names.is_sorted());
        hsm.delete(&name("shared")).expect("a key");
        assert!(!hsm.names().expect("names").contains(&name("shared")));
    }
}

#[test]
fn names_and_references_that_are_none_are_refused() {
    for text in ["", "Key", "a b", "ü", &"k".repeat(33)] {
        assert!(matches!(text.parse::<KeyName>(), Err(HsmError::Name)), "{text}");
    }
    for text in [
        "",
        "1234",
        "pvv:1:123",
        "pvv:10:1234",
        "pvv:1:12a4",
        "pvv:+1:1234",
        "ibm3624:123",
        "ibm3624:1234567890123",
    ] {
        assert!(
            matches!(text.parse::<PinReference>(), Err(HsmError::PinReference)),
            "{text}"
        );
    }
    let reference: PinReference = "pvv:1:1234".parse().expect("a reference");
    assert_eq!(format!("{reference:?}"), "PinReference(..)");
}

#[test]
fn a_configuration_opens_its_module_or_says_why_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let config: HsmConfig =
        toml::from_str("kind = \"software\"\nfile = \"keys\"\nkey_file = \"key\"").expect("a configuration");
    let opened = |key: &str| {
        std::fs::write(folder.path().join("key"), key).expect("a file");
        config
            .clone()
            .within(folder.path())
            .open()
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(opened(&format!("{}\n", "0a".repeat(32))), Ok(()));
    assert!(
        opened("0a0b")
            .expect_err("too short")
            .ends_with("the 32 random bytes that seal the keys")
    );
    let unknown = toml::from_str::<HsmConfig>("kind = \"software\"\nfile = \"k\"\nkey_file = \"k\"\npin = \"1\"");
    assert!(unknown.expect_err("refused").to_string().contains("unknown field"));
}

/// `scripts/softhsm-trial` makes the token.
#[test]
#[ignore = "needs a token: scripts/softhsm-trial"]
fn a_token_does_all_and_keeps_its_keys() {
    let variable =
        |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by scripts/softhsm-trial"));
    let folder = tempfile::tempdir().expect("a folder");
    let module = variable("CAUSEWAY_PKCS11_MODULE");
    let pin = variable("CAUSEWAY_PKCS11_PIN");
    std::fs::write(folder.path().join("pin"), format!("{pin}\n")).expect("a file");
    let config = HsmConfig::Pkcs11 {
        module: module.clone().into(),
        slot_label: variable("CAUSEWAY_PKCS11_TOKEN"),
        pin_file: "pin".into(),
    };
    all_of(&*config.clone().within(folder.path()).open().expect("a token"));
    super::pkcs11::tests::keys_are_sensitive(module.as_ref(), &variable("CAUSEWAY_PKCS11_TOKEN"), &pin);
    let nowhere = Pkcs11Hsm::open(module.as_ref(), "no such token", &pin.into());
    assert!(matches!(
        nowhere.err(),
        Some(HsmError::Token(TokenError::NoToken { .. }))
    ));
}
