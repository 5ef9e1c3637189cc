use causeway_contracts::identity::{AccountId, AddressPrefix};
use tempfile::TempDir;

use super::*;

/// A configuration in a folder of its own, with a module in software.
struct Place {
    folder: TempDir,
    config: Config,
}

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

impl Place {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("sealing"), "07".repeat(32)).expect("written");
        let path = folder.path().join("gateway.toml");
        let text = format!(
            "operator = \"TESTBANK\"\nwallet = \"wallet\"\noperator_key = \"a\"\ncustody_key = \"b\"\n\
             listen = \"127.0.0.1:0\"\npublic_url = \"https://gateway.example\"\n{more}"
        );
        std::fs::write(&path, text).expect("written");
        let config = Config::read(&path).expect("a configuration");
        Self { folder, config }
    }

    fn keys(&self) -> CardKeys {
        modules(&self.config).expect("a module").remove(0)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

const HSM: &str = "{ kind = \"software\", file = \"keys\", key_file = \"sealing\" }";

fn issuer_text() -> String {
    let address = AccountId([9; 20]).address(AddressPrefix::Devnet);
    format!(
        "[issuing]\nbin = \"990000\"\ntoken_bin = \"990001\"\nhsm = {HSM}\n\
         keys = {{ cards = \"cards\", devices = \"devices\", cvv = \"cvv\", pin = \"pin\", pin_verification = \"pvk\" }}\n\
         [[issuing.links]]\nname = \"bankb\"\nlisten = \"127.0.0.1:0\"\nvariant = \"a\"\nacquirer = \"BANKB\"\n\
         account = \"{address}\"\nmac_key = \"mac\"\npin_key = \"zpk\"\nwrapping_key = \"kbpk\"\n"
    )
}

fn issuer() -> Place {
    Place::new(&issuer_text())
}

fn acquirer() -> Place {
    Place::new(&format!(
        "[acquiring]\nhsm = {HSM}\n[[acquiring.routes]]\nname = \"banka\"\naddress = \"127.0.0.1:1\"\nvariant = \"a\"\n\
         bins = [\"990000\"]\nacquirer_id = \"1\"\nmac_key = \"their-mac\"\nwrapping_key = \"their-kbpk\"\n"
    ))
}

fn states(rows: &[KeyRow]) -> Vec<(&str, State)> {
    rows.iter().map(|row| (row.name.as_str(), row.state)).collect()
}

const OWN: [&str; 5] = ["cards", "devices", "cvv", "pin", "pvk"];

#[test]
fn an_issuers_own_keys_are_made_once() {
    let place = issuer();
    let first = place.keys().generate().expect("keys");
    assert_eq!(states(&first), OWN.map(|name| (name, State::Made)));
    let again = place.keys().generate().expect("keys");
    assert_eq!(states(&again), OWN.map(|name| (name, State::There)));
    let values = |rows: &[KeyRow]| rows.iter().map(|row| row.check_value.clone()).collect::<Vec<_>>();
    assert_eq!(values(&first), values(&again));
    let told = serde_json::to_value(&first[2]).expect("JSON");
    let check_value = first[2].check_value.as_deref().expect("a value");
    let expected = serde_json::json!({
        "name": "cvv", "state": "made", "purpose": "cvv", "algorithm": "tdes", "check_value": check_value,
        "named_by": ["issuing.keys"],
    });
    assert_eq!(told, expected);
    assert!(check_value.len() == 6 && check_value.bytes().all(|digit| digit.is_ascii_hexdigit()));
}

#[test]
fn a_name_that_is_taken_by_a_key_for_something_else_is_refused() {
    let place = issuer();
    make(&*place.keys().hsm, &name("cvv"), Purpose::Mac).expect("a key");
    let refused = place.keys().generate().expect_err("refused").to_string();
    assert_eq!(refused, "the key `cvv` is a MAC key, and a CVV key is needed");
}

#[test]
fn two_institutions_bring_components_and_then_have_the_same_key() {
    let (here, there) = (issuer(), acquirer());
    let files = ["one", "two", "three"].map(|file| here.path(file));
    let wrapping = here.keys().make_wrapping(&name("kbpk"), &files).expect("a key");
    assert_eq!((wrapping.state, wrapping.components.len()), (State::Made, 3));
    for file in &files {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(file).expect("a file").permissions().mode() & 0o777,
            0o600
        );
    }
    let brought = there.keys().assemble(&name("their-kbpk"), &files).expect("a key");
    assert_eq!(
        (&brought.check_value, &brought.components),
        (&wrapping.check_value, &wrapping.components)
    );
    let block = here.path("block");
    let made = here.keys().share(&name("mac"), None, &block).expect("a key");
    let taken = there.keys().import(&name("their-mac"), None, &block).expect("a key");
    assert_eq!((taken.check_value, taken.purpose), (made.check_value, Purpose::Mac));
    assert_eq!(taken.named_by, ["acquiring.routes.banka.mac_key"]);
    // What is there is not made or brought again, and files are not overwritten.
    let again = [
        here.keys().share(&name("mac"), None, &here.path("other")),
        there.keys().import(&name("their-mac"), None, &block),
        here.keys().make_wrapping(&name("kbpk"), &files),
        here.keys().assemble(&name("kbpk"), &files),
    ];
    for refused in again {
        assert!(matches!(refused, Err(CardKeysError::Hsm(HsmError::Exists(_)))));
    }
    assert!(!here.path("other").exists());
    let taken = here.keys().share(&name("zpk"), None, &block);
    assert!(matches!(taken, Err(CardKeysError::File(error)) if error.is_already_there()));
    let absent = here.keys().list().expect("keys");
    assert!(
        absent
            .iter()
            .any(|row| row.name == name("zpk") && row.state == State::Absent)
    );
}

#[test]
fn a_list_tells_generations_and_what_is_absent() {
    let place = issuer();
    let keys = place.keys();
    keys.generate().expect("keys");
    make(&*keys.hsm, &name("mac.3"), Purpose::Mac).expect("a key");
    make(&*keys.hsm, &name("spare"), Purpose::Cvv).expect("a key");
    let rows = keys.list().expect("keys");
    let found = |text: &str| {
        rows.iter()
            .find(|row| row.name == name(text))
            .map(|row| (row.state, row.named_by.clone()))
    };
    assert_eq!(
        found("mac.3"),
        Some((State::There, vec!["issuing.links.bankb.mac_key".to_owned()]))
    );
    assert_eq!(found("mac"), None, "a later generation is there");
    assert_eq!(found("spare"), Some((State::There, vec![])));
    assert_eq!(
        found("kbpk"),
        Some((State::Absent, vec!["issuing.links.bankb.wrapping_key".to_owned()]))
    );
    let refused = keys.import(&name("mac"), Some(name("kbpk")), &place.path("block"));
    assert!(matches!(refused, Err(CardKeysError::Hsm(HsmError::Exists(key))) if key == name("mac.3")));
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let place = issuer();
    let keys = place.keys();
    let told = |error: CardKeysError| error.to_string();
    let refused = |done: Result<KeyRow, CardKeysError>| done.map_err(told).expect_err("refused");
    let block = place.path("block");
    assert_eq!(
        refused(keys.share(&name("other"), None, &block)),
        "the configuration names no key `other`, so that it is not known what it is for"
    );
    assert_eq!(
        refused(keys.share(&name("cvv"), None, &block)),
        "the key `cvv` has no wrapping_key in the configuration; name one by --under"
    );
    assert_eq!(
        refused(keys.share(&name("mac"), None, &block)),
        "there is no key `kbpk`"
    );
    let (short, long) = (place.path("short"), place.path("long"));
    std::fs::write(&short, "0A".repeat(16)).expect("written");
    std::fs::write(&long, "0B".repeat(32)).expect("written");
    for files in [vec![short.clone(), long.clone()], vec![block.clone(), long.clone()]] {
        std::fs::write(&block, "no digits").expect("written");
        let refused = refused(keys.assemble(&name("kbpk"), &files));
        assert!(
            refused.contains("must be a component: 32 or 64 hexadecimal digits"),
            "{refused}"
        );
        assert!(!refused.contains("0B0B"), "{refused}");
    }
    let same = refused(keys.assemble(&name("kbpk"), &[long.clone(), long.clone()]));
    assert_eq!(same, HsmError::Components.to_string());
    let one = refused(keys.assemble(&name("kbpk"), &[long]));
    assert_eq!(one, HsmError::Components.to_string());
    let none = modules(&Place::new("").config).err().map(told);
    assert_eq!(none, Some(told(CardKeysError::NoModule)));
}

#[test]
fn a_key_is_looked_for_in_the_module_of_its_section() {
    let both = Place::new(&format!(
        "{}[acquiring]\nhsm = {{ kind = \"software\", file = \"others\", key_file = \"sealing\" }}\n\
         [[acquiring.routes]]\nname = \"banka\"\naddress = \"127.0.0.1:1\"\nvariant = \"a\"\n\
         bins = [\"990000\"]\nacquirer_id = \"1\"\nmac_key = \"their-mac\"\nwrapping_key = \"kbpk\"\n",
        issuer_text()
    ));
    let of = |key: &str, section| {
        module_of(modules(&both.config).expect("modules"), section, &name(key)).map(|keys| keys.sections)
    };
    assert_eq!(of("cvv", None).expect("one"), [Section::Issuing]);
    assert_eq!(of("their-mac", None).expect("one"), [Section::Acquiring]);
    assert!(matches!(of("kbpk", None), Err(CardKeysError::TwoModules(_))));
    assert_eq!(of("kbpk", Some(Section::Acquiring)).expect("one"), [Section::Acquiring]);
    let one = acquirer();
    let of =
        |section| module_of(modules(&one.config).expect("modules"), section, &name("spare")).map(|keys| keys.sections);
    assert_eq!(of(None).expect("one"), [Section::Acquiring]);
    assert!(matches!(
        of(Some(Section::Issuing)),
        Err(CardKeysError::NoSection(Section::Issuing))
    ));
}

#[test]
fn an_aes_key_for_a_links_pins_is_refused() {
    let place = issuer();
    let keys = place.keys();
    keys.make_wrapping(&name("kbpk"), &["one", "two"].map(|file| place.path(file)))
        .expect("a key");
    let spec = KeySpec {
        purpose: Purpose::Pin,
        algorithm: Algorithm::Aes128,
        exportable: false,
    };
    let (_, block) = keys.hsm.share(&name("theirs"), spec, &name("kbpk")).expect("a key");
    std::fs::write(place.path("block"), block).expect("written");
    let refused = keys.import(&name("zpk"), None, &place.path("block"));
    assert!(matches!(
        refused,
        Err(CardKeysError::Hsm(HsmError::LinkAlgorithm {
            is: Algorithm::Aes128,
            ..
        }))
    ));
    assert!(matches!(keys.hsm.describe(&name("zpk")), Err(HsmError::UnknownKey(_))));
}

#[test]
fn a_wrapping_key_that_is_not_made_leaves_no_components() {
    let place = issuer();
    let [one, two, taken] = ["one", "two", "taken"].map(|file| place.path(file));
    std::fs::write(&taken, "another's").expect("written");
    let refused = place.keys().make_wrapping(&name("kbpk"), &[one.clone(), taken.clone()]);
    assert!(matches!(refused, Err(CardKeysError::File(error)) if error.is_already_there()));
    assert!(!one.exists());
    assert_eq!(std::fs::read_to_string(&taken).expect("a file"), "another's");
    // One file is too few for the module.
    let refused = place.keys().make_wrapping(&name("kbpk"), std::slice::from_ref(&one));
    assert!(matches!(refused, Err(CardKeysError::Hsm(HsmError::Components))));
    assert!(!one.exists());
    place.keys().make_wrapping(&name("kbpk"), &[one, two]).expect("a key");
}

#[test]
fn a_key_is_deleted_by_its_name_and_check_value_only() {
    let place = issuer();
    let keys = place.keys();
    for label in ["mac", "mac.1", "spare"] {
        make(&*keys.hsm, &name(label), Purpose::Mac).expect("a key");
    }
    let value = |label: &str| hex::encode_upper(keys.hsm.check_value(&name(label)).expect("a key"));
    let spare = keys.delete(&name("spare"), &value("spare"));
    assert!(matches!(spare, Err(CardKeysError::NotNamed(_))));
    for wrong in [value("mac.1").as_str(), "", "mac"] {
        let refused = keys.delete(&name("mac"), wrong);
        assert!(matches!(refused, Err(CardKeysError::CheckValue(_))), "{wrong}");
    }
    let absent = keys.delete(&name("zpk"), "000000");
    assert!(matches!(absent, Err(CardKeysError::Hsm(HsmError::UnknownKey(_)))));
    assert_eq!(keys.hsm.names().expect("names").len(), 3);
    for label in ["mac", "mac.1"] {
        let deleted = keys.delete(&name(label), &value(label).to_lowercase()).expect("a key");
        assert_eq!((deleted.name, deleted.state), (name(label), State::Deleted));
        assert!(matches!(keys.hsm.describe(&name(label)), Err(HsmError::UnknownKey(_))));
    }
}
