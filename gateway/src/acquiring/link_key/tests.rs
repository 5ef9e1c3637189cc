use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::acquiring::hsm::SoftwareHsm;

pub fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

/// A module in software, whose folder is to be kept.
pub fn module() -> (Arc<dyn Hsm>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let hsm = SoftwareHsm::open(&folder.path().join("keys"), Zeroizing::new([7; 32])).expect("a module");
    (Arc::new(hsm), folder)
}

/// A key of these bytes.
pub fn put(hsm: &Arc<dyn Hsm>, label: &str, purpose: Purpose, bytes: &[u8]) {
    let algorithm = match purpose {
        Purpose::Wrapping if bytes.len() == 32 => Algorithm::Aes256,
        Purpose::Wrapping => Algorithm::Aes128,
        _ => Algorithm::Tdes,
    };
    let spec = KeySpec {
        purpose,
        algorithm,
        exportable: false,
    };
    let (half, other) = (
        vec![0x40; bytes.len()],
        bytes.iter().map(|byte| byte ^ 0x40).collect::<Vec<_>>(),
    );
    hsm.assemble(&name(label), spec, &[&half, &other]).expect(label);
}

pub const PROTECTION: [u8; 16] = [7; 16];

/// A link's key for codes of these bytes, under [`PROTECTION`].
pub fn link_key(hsm: &Arc<dyn Hsm>, label: &str, bytes: [u8; 16]) -> LinkKey {
    put(hsm, label, Purpose::Mac, &bytes);
    if hsm.describe(&name("kbpk")).is_err() {
        put(hsm, "kbpk", Purpose::Wrapping, &PROTECTION);
    }
    LinkKey {
        hsm: Arc::clone(hsm),
        name: name(label),
        purpose: Purpose::Mac,
        wrapping: Some(name("kbpk")),
    }
}

fn names(key: &LinkKey) -> Vec<String> {
    let generations = key.generations().expect("generations");
    generations.iter().map(|key| key.name().to_string()).collect()
}

#[tokio::test]
async fn generations_are_found_by_age_and_no_number_comes_twice() {
    let ((here, _a), (there, _b)) = (module(), module());
    let (ours, theirs) = (link_key(&here, "mac", [1; 16]), link_key(&there, "other", [1; 16]));
    put(&here, "mac2", Purpose::Mac, &[3; 16]);
    put(&here, "mac.x", Purpose::Mac, &[3; 16]);
    put(&here, "mac.01", Purpose::Mac, &[3; 16]);
    for number in 1..=10 {
        let (made, block) = ours.share().expect("a key");
        assert_eq!(made.name(), &name(&format!("mac.{number}")));
        let known = theirs.generations().expect("keys");
        let taken = theirs.import(&block, &known).expect("a key");
        assert_eq!(
            taken.code(b"data").expect("a code"),
            made.code(b"data").expect("a code")
        );
        assert!(matches!(
            there.export(taken.name(), &name("kbpk")),
            Err(HsmError::NotExportable(_))
        ));
    }
    here.delete(&name("mac")).expect("a key");
    here.delete(&name("mac.1")).expect("a key");
    assert_eq!(names(&ours).first().map(String::as_str), Some("mac.2"));
    assert_eq!(names(&ours).last().map(String::as_str), Some("mac.10"));
}

#[test]
fn what_is_no_generation_is_refused() {
    let (hsm, _folder) = module();
    let mut key = link_key(&hsm, "mac", [1; 16]);
    key.wrapping = Some(name("no-kbpk"));
    assert!(matches!(key.generations(), Err(HsmError::UnknownKey(_))));
    key.wrapping = Some(name("mac"));
    assert!(matches!(
        key.generations(),
        Err(HsmError::WrongPurpose {
            needed: Purpose::Wrapping,
            ..
        })
    ));
    key.wrapping = None;
    assert!(matches!(key.share(), Err(HsmError::NoWrapping(_))));
    put(&hsm, "mac.1", Purpose::Cvv, &[3; 16]);
    assert!(matches!(
        key.generations(),
        Err(HsmError::WrongPurpose { is: Purpose::Cvv, .. })
    ));
    key.name = name("absent");
    assert!(matches!(key.generations(), Err(HsmError::UnknownKey(_))));
    for (text, is) in [
        ("mac", true),
        ("mac.1", false),
        (&"k".repeat(24), true),
        (&"k".repeat(25), false),
    ] {
        assert_eq!(is_name(&name(text)), is, "{text}");
    }
}

#[test]
fn an_aes_key_for_pin_blocks_is_not_taken() {
    let (hsm, _folder) = module();
    put(&hsm, "kbpk", Purpose::Wrapping, &PROTECTION);
    put(&hsm, "pin", Purpose::Pin, &[5; 16]);
    let spec = KeySpec {
        purpose: Purpose::Pin,
        algorithm: Algorithm::Aes128,
        exportable: false,
    };
    let (_, block) = hsm.share(&name("other"), spec, &name("kbpk")).expect("a key");
    let key = LinkKey {
        hsm: Arc::clone(&hsm),
        name: name("pin"),
        purpose: Purpose::Pin,
        wrapping: Some(name("kbpk")),
    };
    let refused = |name: &KeyName| {
        format!(
            "the key `{name}` is AES-128; a link's must be double-length TDES, as its messages have no room for other codes and PIN blocks"
        )
    };
    let error = key.import(&block, &[]).err().expect("refused");
    assert_eq!(error.to_string(), refused(&name("pin.1")));
    assert_eq!(names(&key), ["pin"]);
    // Nor does a process start with one that came otherwise.
    hsm.import(&name("pin.2"), Purpose::Pin, &name("kbpk"), &block)
        .expect("a key");
    let error = key.generations().err().expect("refused");
    assert_eq!(error.to_string(), refused(&name("pin.2")));
}

#[test]
fn a_key_that_is_known_is_not_taken_again() {
    let ((here, _a), (there, _b)) = (module(), module());
    let (ours, theirs) = (link_key(&here, "mac", [1; 16]), link_key(&there, "mac", [1; 16]));
    let (_, block) = theirs.share().expect("a key");
    let first = ours.import(&block, &[]).expect("a key");
    let gone = ModuleKey::new(Arc::clone(&here), name("gone"));
    assert!(matches!(
        ours.import(&block, &[gone.clone(), first]),
        Err(HsmError::Repeated(known)) if known == name("mac.1")
    ));
    assert_eq!(names(&ours), ["mac", "mac.1"]);
    // As an offer that comes again.
    ours.import(&block, &[gone]).expect("a key");
    assert_eq!(names(&ours), ["mac", "mac.1", "mac.2"]);
}
