use super::*;

/// RFC 8037, appendix A.2, and its thumbprint, appendix A.3.
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

fn example() -> VerifyingKey {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(X).expect("base64");
    VerifyingKey::from_bytes(&bytes).expect("a key")
}

fn key(members: &str) -> String {
    format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\"{members}}}")
}

fn set(keys: &[&str]) -> String {
    format!("{{\"keys\":[{}]}}", keys.join(","))
}

#[test]
fn the_example_of_rfc_8037_has_its_thumbprint() {
    assert_eq!(thumbprint(&example()), THUMBPRINT);
    let read = KeySet::read(set(&[&key("")]).as_bytes()).expect("a set");
    assert_eq!(read.get(THUMBPRINT), Some(&example()));
    assert_eq!(read.only(), Some(&example()));
}

#[test]
fn what_is_published_is_read_back() {
    let other = crate::keys::SigningKey::from_seed(&[1; 32]).verifying_key();
    let published = JwkSet {
        keys: vec![Jwk::of(&example()), Jwk::of(&other)],
    };
    let json = serde_json::to_vec(&published).expect("JSON");
    let expected: KeySet = [example(), other, example()].into_iter().collect();
    assert_eq!(KeySet::read(&json), Ok(expected.clone()));
    assert_eq!(expected.only(), None);
    let one = serde_json::to_string(&published.keys[0]).expect("JSON");
    let text = format!(
        "{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{X}\",\"kid\":\"{THUMBPRINT}\",\"alg\":\"EdDSA\",\"use\":\"sig\"}}"
    );
    assert_eq!(one, text);
}

#[test]
fn keys_of_other_kinds_are_passed_over() {
    let rsa = "{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\",\"kid\":\"a\"}";
    let others = [
        key(",\"use\":\"enc\""),
        key(",\"alg\":\"ES256\""),
        key(",\"kid\":\"a\""),
    ];
    let keys = set(&[rsa, &others[0], &others[1], &others[2]]);
    let read = KeySet::read(keys.as_bytes()).expect("a set");
    assert_eq!(read.get("a"), Some(&example()));
    assert_eq!(read.only(), Some(&example()));
}

#[test]
fn each_fault_of_a_set() {
    let check = |json: &str, expected| assert_eq!(KeySet::read(json.as_bytes()), Err(expected), "{json}");
    check(&" ".repeat(SET_BYTES_MAX + 1), KeySetFault::TooLong);
    check("", KeySetFault::Form);
    check("{}", KeySetFault::Form);
    check(&key(""), KeySetFault::Form);
    check(&set(&["{}"]), KeySetFault::Form);
    let same = key("");
    check(&set(&[same.as_str(); KEYS_MAX + 1]), KeySetFault::TooManyKeys);
    check(&set(&[]), KeySetFault::NoKey);
    check(&set(&[&key(",\"use\":\"enc\"")]), KeySetFault::NoKey);
    check(&set(&[&key(",\"d\":\"nWGx\"")]), KeySetFault::Private);
    check(&set(&["{\"kty\":\"RSA\",\"d\":\"nWGx\"}"]), KeySetFault::Private);
    check(&set(&["{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"]), KeySetFault::X);
    check(&set(&[&key("").replace(X, "+/==")]), KeySetFault::X);
    check(&set(&[&key("").replace(X, "11qY")]), KeyFault::Length.into());
    let zero = "A".repeat(43);
    check(&set(&[&key("").replace(X, &zero)]), KeyFault::SmallOrder.into());
    let id = format!(",\"kid\":\"{}\"", "a".repeat(KEY_ID_BYTES_MAX + 1));
    check(&set(&[&key(&id)]), KeySetFault::KeyIdTooLong);
    check(&set(&[&same, &same]), KeySetFault::KeyIdTwice);
}
