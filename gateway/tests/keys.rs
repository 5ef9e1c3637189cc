//! Keys of the gateway against Wycheproof.

mod vectors;

use causeway_gateway::keys::{SharedSecret, VerifyingKey};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Groups<G> {
    test_groups: Vec<G>,
}

#[test]
fn ed25519() {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Group {
        public_key: Point,
        tests: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Point {
        pk: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Case {
        tc_id: u32,
        msg: String,
        sig: String,
        result: String,
    }
    let Some(vectors) = vectors::json::<Groups<Group>>("crypto-primitives/ed25519_test.json") else {
        return;
    };
    let mut cases = 0;
    for group in vectors.test_groups {
        let key = VerifyingKey::from_bytes(&hex::decode(group.public_key.pk).expect("hexadecimal")).expect("a key");
        for case in group.tests {
            let message = hex::decode(case.msg).expect("hexadecimal");
            let signature = hex::decode(case.sig).expect("hexadecimal");
            let good = key.verify(&message, &signature).is_ok();
            assert_eq!(good, case.result == "valid", "case {}", case.tc_id);
            cases += 1;
        }
    }
    assert_eq!(cases, 151);
}

/// Those with the whole MAC: a shortened one is refused here whatever it is.
#[test]
fn hmac_sha256() {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Group {
        tag_size: usize,
        tests: Vec<Case>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Case {
        tc_id: u32,
        key: String,
        msg: String,
        tag: String,
        result: String,
    }
    let Some(vectors) = vectors::json::<Groups<Group>>("crypto-primitives/hmac_sha256_test.json") else {
        return;
    };
    let mut cases = 0;
    for group in vectors.test_groups {
        let whole = group.tag_size == 256;
        for case in group.tests {
            let key = hex::decode(case.key).expect("hexadecimal");
            let secret = SharedSecret::new(key.into()).expect("a secret");
            let message = hex::decode(case.msg).expect("hexadecimal");
            let tag = hex::decode(case.tag).expect("hexadecimal");
            let good = secret.verify(&message, &tag).is_ok();
            assert_eq!(good, whole && case.result == "valid", "case {}", case.tc_id);
            cases += 1;
        }
    }
    assert_eq!(cases, 174);
}
