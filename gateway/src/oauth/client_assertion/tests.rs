use serde_json::{Value, json};

use super::*;
use crate::{
    keys::SigningKey,
    oauth::{jwk::thumbprint, jws},
};

const NOW: u64 = 1_700_000_000;
const AUDIENCES: [&str; 2] = ["https://gateway.example", "https://gateway.example/oauth/token"];

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

fn claims(name: &str, value: Value) -> Value {
    let mut claims = json!({
        "iss": "acme", "sub": "acme", "aud": AUDIENCES[0], "exp": NOW + 60, "jti": "a-1", "iat": NOW,
    });
    claims[name] = value;
    claims
}

fn signed(header: &Value, claims: &Value) -> String {
    jws::compact(header.to_string().as_bytes(), claims.to_string().as_bytes(), &key(1))
}

fn verify(token: &str, numbers: &[u8]) -> Result<ClientAssertion, AssertionFault> {
    let keys = numbers.iter().map(|number| key(*number).verifying_key()).collect();
    Presented::read(token)?.verify(&AssertionTerms {
        audiences: &AUDIENCES,
        keys: &keys,
        now: NOW,
    })
}

#[test]
fn a_client_proves_who_it_is() {
    let good = ClientAssertion {
        client_id: "acme".parse().expect("a client id"),
        token_id: "a-1".to_owned(),
        expires_at: NOW + 60,
    };
    let id = thumbprint(&key(1).verifying_key());
    let check = |header: Value, claims: Value, numbers: &[u8]| {
        assert_eq!(
            verify(&signed(&header, &claims), numbers),
            Ok(good.clone()),
            "{header} {claims}"
        );
    };
    let plain = claims("unknown", json!({}));
    check(json!({"alg": "EdDSA"}), plain.clone(), &[1]);
    check(json!({"alg": "EdDSA", "kid": id}), plain.clone(), &[2, 1]);
    check(json!({"alg": "EdDSA", "typ": "JWT"}), plain.clone(), &[1]);
    check(json!({"alg": "EdDSA", "typ": "client-authentication+jwt"}), plain, &[1]);
    check(json!({"alg": "EdDSA"}), claims("aud", json!([AUDIENCES[1]])), &[1]);
    check(json!({"alg": "EdDSA"}), claims("iat", Value::Null), &[1]);
    check(json!({"alg": "EdDSA"}), claims("nbf", json!(NOW + SKEW_SECONDS)), &[1]);
    let token = signed(&json!({"alg": "EdDSA"}), &claims("jti", json!("a")));
    assert_eq!(
        Presented::read(&token).expect("an assertion").client_id().as_str(),
        "acme"
    );
}

#[test]
fn each_fault_of_an_assertion() {
    let plain = json!({"alg": "EdDSA"});
    let check = |token: &str, numbers: &[u8], expected| assert_eq!(verify(token, numbers), Err(expected), "{token}");
    let claim = |name: &str, value: Value, expected| check(&signed(&plain, &claims(name, value)), &[1], expected);
    let good = claims("jti", json!("a"));

    check("a.b", &[1], JwsFault::Parts.into());
    check(
        &signed(&json!({"alg": "none"}), &good),
        &[1],
        JwsFault::AlgorithmNone.into(),
    );
    check(
        &signed(&json!({"alg": "HS256"}), &good),
        &[1],
        JwsFault::AlgorithmSymmetric.into(),
    );
    check(&signed(&plain, &good), &[2], JwsFault::BadSignature.into());
    for typ in ["at+jwt", "application/at+jwt", ""] {
        check(
            &signed(&json!({"alg": "EdDSA", "typ": typ}), &good),
            &[1],
            AssertionFault::Type,
        );
    }
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        claim(name, Value::Null, AssertionFault::Claims);
    }
    claim("nbf", json!("soon"), AssertionFault::Claims);
    claim("iss", json!(""), ClientIdFault::Empty.into());
    claim("iss", json!("other"), AssertionFault::Subject);
    claim("sub", json!("other"), AssertionFault::Subject);
    check(&signed(&plain, &good), &[1, 2], AssertionFault::KeyIdAbsent);
    check(&signed(&plain, &good), &[], AssertionFault::KeyIdAbsent);
    let other = thumbprint(&key(2).verifying_key());
    let of_other = signed(&json!({"alg": "EdDSA", "kid": other}), &good);
    check(&of_other, &[1], AssertionFault::KeyUnknown);
    check(&of_other, &[1, 2], JwsFault::BadSignature.into());
    claim("aud", json!("https://other.example"), AssertionFault::Audience);
    claim("aud", json!([]), AssertionFault::Audience);
    claim(
        "aud",
        json!([AUDIENCES[0], "https://other.example"]),
        AssertionFault::AudienceNotAlone,
    );
    claim("exp", json!(NOW), AssertionFault::Expired);
    claim("iat", json!(NOW + SKEW_SECONDS + 1), AssertionFault::NotYetValid);
    claim("nbf", json!(NOW + SKEW_SECONDS + 1), AssertionFault::NotYetValid);
    claim(
        "exp",
        json!(NOW + ASSERTION_SECONDS_MAX + 1),
        AssertionFault::LifetimeTooLong,
    );
    claim("jti", json!(""), AssertionFault::TokenId);
    claim(
        "jti",
        json!("a".repeat(TOKEN_ID_BYTES_MAX + 1)),
        AssertionFault::TokenId,
    );
    claim("pad", json!("a".repeat(jws::TOKEN_BYTES_MAX)), JwsFault::TooLong.into());
}
