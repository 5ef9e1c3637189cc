//! The module in software, and its file.

use causeway_cards::crypto::key::TdesKey;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{KBPK, MASTER, all_of, bytes, load, name, spec};
use crate::acquiring::hsm::{Algorithm, Hsm, HsmError, KeySpec, Purpose, SoftwareHsm, file};

fn software(folder: &TempDir, sealing: u8) -> Result<SoftwareHsm, HsmError> {
    SoftwareHsm::open(&folder.path().join("keys"), Zeroizing::new([sealing; 32]))
}

#[test]
fn a_module_in_software_does_all() {
    let folder = tempfile::tempdir().expect("a folder");
    all_of(&software(&folder, 1).expect("a module"));
    let again = software(&folder, 1).expect("the file opens");
    let key = TdesKey::new(&bytes(MASTER)).expect("a key");
    assert_eq!(again.check_value(&name("imk")).expect("a key"), key.check_value());
}

#[test]
fn a_key_that_may_leave_is_the_same_elsewhere() {
    let (here, there) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let (here, there) = (
        software(&here, 1).expect("a module"),
        software(&there, 2).expect("a module"),
    );
    for hsm in [&here, &there] {
        load(hsm, "kbpk", spec(Purpose::Wrapping, Algorithm::Aes256), KBPK);
    }
    let key = KeySpec {
        exportable: true,
        ..spec(Purpose::Mac, Algorithm::Tdes)
    };
    let made = here.generate(&name("mac"), key).expect("a key");
    let block = here.export(&name("mac"), &name("kbpk")).expect("a block");
    assert!(block.starts_with("D0144M3TC00E"), "{block}");
    let moved = there
        .import(&name("moved"), Purpose::Mac, &name("kbpk"), &block)
        .expect("a key");
    assert_eq!(moved, made);
}

#[test]
fn a_file_of_keys_keeps_its_format() {
    let file = golden();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("keys"), &file).expect("a file");
    let hsm = software(&folder, 1).expect("the file opens");
    let info = hsm.describe(&name("cvk")).expect("a key");
    assert!(info.spec.exportable && info.spec.purpose == Purpose::Cvv);
    let key = TdesKey::new(&bytes(MASTER)).expect("a key");
    assert_eq!(info.check_value, key.check_value());
    assert_eq!(hex::encode(file), GOLDEN);
}

const GOLDEN: &str = "435748534d0188d494af031e8545020202020202020202020202020202020202020202020202cf054084ae76fd4c83240618d99d9660116f69de61d43b5f61dcc66ff67ad3d591e016a68c66ca";

fn golden() -> Vec<u8> {
    let key = file::StoredKey {
        spec: KeySpec {
            exportable: true,
            ..spec(Purpose::Cvv, Algorithm::Tdes)
        },
        bytes: Zeroizing::new(bytes(MASTER)),
    };
    file::seal(&[(name("cvk"), key)].into(), &[1; 32], &[2; 24])
}

#[test]
fn a_file_that_is_not_of_this_key_or_altered_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let file = golden();
    let opened = |bytes: &[u8], sealing| {
        std::fs::write(&path, bytes).expect("a file");
        software(&folder, sealing).err().expect("refused")
    };
    assert!(matches!(opened(&file, 2), HsmError::SealingKey { .. }));
    assert!(matches!(opened(b"something else", 1), HsmError::NotKeys { .. }));
    for at in [14, 40, file.len() - 1] {
        let mut altered = file.clone();
        altered[at] ^= 1;
        assert!(matches!(opened(&altered, 1), HsmError::Damaged { .. }), "byte {at}");
    }
    let mut newer = file.clone();
    newer[5] = 2;
    assert!(matches!(
        opened(&newer, 1),
        HsmError::Version {
            version: 2,
            known: 1,
            ..
        }
    ));
    assert!(matches!(opened(&file[..20], 1), HsmError::Damaged { .. }));
}

#[test]
fn two_modules_of_one_file_lose_nothing_of_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (
        software(&folder, 1).expect("a module"),
        software(&folder, 1).expect("a module"),
    );
    let mac = spec(Purpose::Mac, Algorithm::Tdes);
    let first = one.generate(&name("first"), mac).expect("a key");
    assert!(matches!(two.generate(&name("first"), mac), Err(HsmError::Exists(_))));
    two.generate(&name("second"), mac).expect("a key");
    assert_eq!(two.describe(&name("first")).expect("the other's key"), first);
}
