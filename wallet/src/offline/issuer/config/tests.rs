use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

const GENESIS: &str = include_str!("../../../../../peers/python/tests/vectors/genesis.toml");

/// What is otherwise in the file, by whole lines.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Self(folder);
        place.put("genesis.toml", GENESIS);
        for (number, name) in (1_u8..).zip(["account", "certificate", "grant", "beacon", "banka"]) {
            place.put(&format!("{name}.key"), &hex::encode([number; 32]));
        }
        place
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    }

    fn read(&self, change: impl FnOnce(String) -> String) -> Result<Config, ConfigError> {
        self.put("issuer.toml", &change(text()));
        Config::read(&self.0.path().join("issuer.toml"))
    }
}

fn text() -> String {
    let account = AccountId([9; 20]).address(Genesis::parse(GENESIS).expect("a genesis").address_prefix);
    format!(
        r#"
listen = "127.0.0.1:31500"
genesis = "genesis.toml"
nodes = ["http://127.0.0.1:27200"]
currency = "EUR"
account = "{account}"
account_key = "account.key"
certificate_key = "certificate.key"
grant_key = "grant.key"
beacon_key = "beacon.key"
state = "state"

[[operator]]
id = "BANKA"
key = "banka.key"
"#
    )
}

#[test]
fn a_file_is_read_and_what_it_leaves_out_is_the_devnets() {
    let place = Place::new();
    let config = place.read(|text| text).expect("a good file");
    assert_eq!(config.state, place.0.path().join("state"));
    assert_eq!(
        (config.beacon_hours, config.lot_proof_hours, config.from_height),
        (1, 24, Height(0))
    );
    assert_eq!(
        config.keys.grant.public_key(),
        SecretKey::from_seed(&[3; 32]).public_key()
    );
    let limits = config.limits.resolve(2).expect("good limits");
    assert_eq!(limits, crate::offline::issuer::example::LIMITS);
    // A currency without digits after the point.
    assert_eq!(config.limits.resolve(0).expect("good limits").payment, Amount(500));
}

#[test]
fn limits_can_be_others() {
    let place = Place::new();
    let more = "beacon_seconds = 3601\n[limits]\npayment = \"12.50\"\npayments = 7\n[[operator]]";
    let config = place
        .read(|text| text.replace("[[operator]]", more))
        .expect("a good file");
    let limits = config.limits.resolve(2).expect("good limits");
    assert_eq!(
        (limits.payment, limits.payments, limits.out),
        (Amount(1_250), 7, Amount(200_000))
    );
    assert_eq!(config.beacon_hours, 2);
    assert_eq!(
        config.limits.resolve(1).expect_err("two digits").to_string(),
        "limits.payment: '12.50' has 2 digits after the point, and this currency has 1"
    );
}

#[test]
fn what_cannot_be_is_told() {
    let place = Place::new();
    let check = |old: &str, new: &str, expected: &str| match place.read(|text| text.replace(old, new)) {
        Ok(_) => panic!("{new} was taken"),
        Err(error) => assert!(error.to_string().contains(expected), "{error}"),
    };
    check(
        "127.0.0.1:31500",
        "0.0.0.0:31500",
        "must be an address of this machine alone",
    );
    check(
        "[[operator]]",
        "[[operators]]",
        "is not the configuration of an issuer's service",
    );
    check("grant.key", "beacon.key", "grant_key and beacon_key are the same key");
    check("grant.key", "no.key", "grant_key: cannot read");
    check(
        "[[operator]]",
        "beacon_seconds = 0\n[[operator]]",
        "beacon_seconds is 0, and must be 1 to 604800",
    );
    check(
        "key = \"banka.key\"",
        "key = \"banka.key\"\n[[operator]]\nid = \"BANKA\"\nkey = \"banka.key\"",
        "operator BANKA is there twice",
    );
    let main = AccountId([9; 20]).address(AddressPrefix::Main).to_string();
    let error = place.read(|text| {
        let start = text.find("account = \"").expect("there") + 11;
        let end = start + text[start..].find('"').expect("there");
        format!("{}{main}{}", &text[..start], &text[end..])
    });
    assert!(matches!(error, Err(ConfigError::OtherNetwork(_))));
    fs::set_permissions(place.0.path().join("banka.key"), fs::Permissions::from_mode(0o644)).expect("set");
    check("nodes", "nodes", "operator.key: the key file");
}
