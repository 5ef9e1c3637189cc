//! Tokens against published ones: what is not signed by a key of ours is refused, each for its reason.

mod vectors;

use std::collections::BTreeMap;

use causeway_gateway::{
    keys::SigningKey,
    oauth::{AccessToken, AssertionFault, JwsFault, KeySet, Presented, Terms, TokenFault},
};
use serde::Deserialize;
use serde_json::{Value, json};

fn verify(token: &str, keys: &KeySet) -> Result<AccessToken, TokenFault> {
    let terms = Terms {
        issuer: "https://gateway.example",
        audience: "https://gateway.example/v1",
        keys,
        now: 0,
    };
    AccessToken::verify(token, &terms)
}

/// RFC 8037, appendix A, whose signature is good and whose payload is no access token.
#[test]
fn the_ed25519_example_of_the_cookbook() {
    let Some(example) = vectors::json::<Value>("jose-oauth/curve25519/jws.json") else {
        return;
    };
    let compact = example["output"]["compact"].as_str().expect("a token");
    let mut key = example["input"]["key"].clone();
    let private = KeySet::read(json!({"keys": [key.clone()]}).to_string().as_bytes());
    assert!(private.is_err_and(|fault| fault.to_string().contains("private")));
    key.as_object_mut().expect("a key").remove("d");
    let keys = KeySet::read(json!({"keys": [key]}).to_string().as_bytes()).expect("a set");
    assert!(keys.get("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k").is_some());
    assert_eq!(verify(compact, &keys), Err(TokenFault::Type));
    assert_eq!(Presented::read(compact).err(), Some(AssertionFault::Claims));
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wycheproof {
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    jws: Value,
}

/// None is by EdDSA: good by its own key or not, none is one of ours.
#[test]
fn tokens_by_other_algorithms() {
    let Some(vectors) = vectors::json::<Wycheproof>("crypto-primitives/json_web_signature_test.json") else {
        return;
    };
    let keys = [SigningKey::from_seed(&[1; 32]).verifying_key()].into_iter().collect();
    let mut refused = BTreeMap::new();
    for case in vectors.test_groups.iter().flat_map(|group| &group.tests) {
        let token = case.jws.as_str().map_or_else(|| case.jws.to_string(), str::to_owned);
        let fault = verify(&token, &keys).expect_err("no token of ours");
        *refused.entry(fault.to_string()).or_insert(0) += 1;
    }
    let expected = [
        (JwsFault::Parts, 18),
        (JwsFault::Base64, 14),
        (JwsFault::Header, 6),
        (JwsFault::AlgorithmNone, 5),
        (JwsFault::AlgorithmSymmetric, 16),
        (JwsFault::AlgorithmUnknown, 342),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(fault, count)| (fault.to_string(), count)).into();
    assert_eq!(refused, expected);
}
