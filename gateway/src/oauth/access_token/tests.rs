use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::oauth::Scope;

const NOW: u64 = 1_700_000_000;
const ISSUER: &str = "https://gateway.example";
const AUDIENCE: &str = "https://gateway.example/v1";

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn issuer() -> Issuer {
    Issuer {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        key: key(),
    }
}

fn grant() -> Grant {
    Grant {
        client_id: "acme".parse().expect("a client id"),
        scopes: [Scope::QuotesWrite, Scope::EventsRead].into_iter().collect(),
        issued_at: NOW,
        lifetime: Lifetime::MAX,
        token_id: "tok_1".to_owned(),
    }
}

fn verify(token: &str, now: u64) -> Result<AccessToken, TokenFault> {
    let keys = [key().verifying_key()].into_iter().collect();
    let terms = Terms {
        issuer: ISSUER,
        audience: AUDIENCE,
        keys: &keys,
        now,
    };
    AccessToken::verify(token, &terms)
}

/// A token with this header and the claims of a good one, one of them changed.
fn forged(typ: &str, key_id: &str, name: &str, value: Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "sub": "acme", "aud": AUDIENCE, "client_id": "acme",
        "scope": "quotes:write", "iat": NOW, "exp": NOW + 600, "jti": "tok_1",
    });
    claims[name] = value;
    jws::sign(typ, key_id, &claims, &key())
}

#[test]
fn a_token_has_one_form() {
    let token = issuer().issue(&grant());
    let (head, rest) = token.split_once('.').expect("parts");
    let (claims, _) = rest.split_once('.').expect("parts");
    let decode = |part| {
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, part).expect("base64");
        String::from_utf8(bytes).expect("text")
    };
    let id = thumbprint(&key().verifying_key());
    assert_eq!(
        decode(head),
        format!("{{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"{id}\"}}")
    );
    assert_eq!(
        decode(claims),
        "{\"iss\":\"https://gateway.example\",\"sub\":\"acme\",\"aud\":\"https://gateway.example/v1\",\
         \"client_id\":\"acme\",\"scope\":\"quotes:write events:read\",\"iat\":1700000000,\"exp\":1700000600,\
         \"jti\":\"tok_1\"}"
    );
}

#[test]
fn a_token_is_good_from_its_making_until_it_expires() {
    let token = issuer().issue(&grant());
    let good = AccessToken {
        client_id: grant().client_id,
        scopes: grant().scopes,
        token_id: "tok_1".to_owned(),
        expires_at: NOW + 600,
    };
    let check = |now, expected| assert_eq!(verify(&token, now), expected, "{now}");
    check(NOW, Ok(good.clone()));
    check(NOW + 599, Ok(good.clone()));
    check(NOW + 600, Err(TokenFault::Expired));
    check(u64::MAX, Err(TokenFault::Expired));
    check(NOW - SKEW_SECONDS, Ok(good));
    check(NOW - SKEW_SECONDS - 1, Err(TokenFault::NotYetValid));
    check(0, Err(TokenFault::NotYetValid));
}

#[test]
fn each_fault_of_a_token() {
    let id = thumbprint(&key().verifying_key());
    let check = |token: &str, expected| assert_eq!(verify(token, NOW), Err(expected), "{token}");
    let claim = |name: &str, value: Value| forged(TYPE, &id, name, value);
    assert!(verify(&claim("unknown", json!(1)), NOW).is_ok());
    assert!(verify(&claim("aud", json!([AUDIENCE])), NOW).is_ok());
    for typ in ["AT+JWT", "application/at+jwt"] {
        assert!(verify(&forged(typ, &id, "jti", json!("a")), NOW).is_ok());
    }

    check("", JwsFault::Parts.into());
    let token = issuer().issue(&grant());
    check(&token.replacen('.', "..", 1), JwsFault::Parts.into());
    let unsigned = token.rsplit_once('.').expect("parts").0;
    check(&format!("{unsigned}."), JwsFault::BadSignature.into());
    let other = Issuer {
        key: SigningKey::from_seed(&[8; 32]),
        ..issuer()
    };
    check(&other.issue(&grant()), TokenFault::KeyUnknown);
    let stolen_id = jws::sign(TYPE, &id, &json!({}), &other.key);
    check(&stolen_id, JwsFault::BadSignature.into());

    for typ in ["JWT", "", "jwt", "client-authentication+jwt"] {
        check(&forged(typ, &id, "jti", json!("a")), TokenFault::Type);
    }
    check(&jws::compact(b"{\"alg\":\"EdDSA\"}", b"{}", &key()), TokenFault::Type);
    check(
        &jws::compact(b"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", b"{}", &key()),
        TokenFault::KeyIdAbsent,
    );
    check(&jws::sign(TYPE, &id, &json!([]), &key()), TokenFault::Claims);
    for name in ["iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti"] {
        check(&claim(name, Value::Null), TokenFault::Claims);
    }
    check(&claim("exp", json!("1700000600")), TokenFault::Claims);
    check(&claim("iss", json!("https://gateway.example/")), TokenFault::Issuer);
    check(&claim("aud", json!("https://other.example/v1")), TokenFault::Audience);
    check(&claim("aud", json!([])), TokenFault::Audience);
    check(
        &claim("aud", json!([AUDIENCE, "https://other.example"])),
        TokenFault::Audience,
    );
    check(&claim("exp", json!(NOW)), TokenFault::Expired);
    check(&claim("iat", json!(NOW + SKEW_SECONDS + 1)), TokenFault::NotYetValid);
    check(&claim("exp", json!(NOW + 601)), TokenFault::LifetimeTooLong);
    check(&claim("client_id", json!("")), ClientIdFault::Empty.into());
    check(&claim("sub", json!("other")), TokenFault::Subject);
    check(&claim("jti", json!("")), TokenFault::TokenId);
    check(
        &claim("jti", json!("a".repeat(TOKEN_ID_BYTES_MAX + 1))),
        TokenFault::TokenId,
    );
    check(&claim("scope", json!("")), ScopeFault::Empty.into());
    let name = "root".to_owned();
    check(&claim("scope", json!("root")), ScopeFault::Unknown { name }.into());
    check(
        &claim("pad", json!("a".repeat(jws::TOKEN_BYTES_MAX))),
        JwsFault::TooLong.into(),
    );
}

#[test]
fn a_lifetime_is_of_minutes() {
    let check = |seconds, good| assert_eq!(Lifetime::seconds(seconds).is_ok(), good, "{seconds}");
    check(0, false);
    check(1, true);
    check(600, true);
    check(601, false);
    assert_eq!(Lifetime::seconds(600), Ok(Lifetime::MAX));
    assert_eq!(Lifetime::MAX.as_seconds(), 600);
}

proptest! {
    #[test]
    fn invariant_a_token_made_is_verified_and_a_changed_one_is_not(
        client in "[ -~]{1,40}",
        scopes in proptest::sample::subsequence(Scope::ALL.as_slice(), 1..=13),
        token_id in "\\PC{1,20}",
        lifetime in 1..=600_u64,
        at in any::<proptest::sample::Index>(),
        by in 1..128_u8,
    ) {
        let grant = Grant {
            client_id: client.parse().expect("a client id"),
            scopes: scopes.into_iter().collect(),
            issued_at: NOW,
            lifetime: Lifetime::seconds(lifetime).expect("a lifetime"),
            token_id,
        };
        let token = issuer().issue(&grant);
        let expected = AccessToken {
            client_id: grant.client_id,
            scopes: grant.scopes,
            token_id: grant.token_id,
            expires_at: NOW + lifetime,
        };
        prop_assert_eq!(verify(&token, NOW), Ok(expected));
        let mut changed = token.into_bytes();
        let at = at.index(changed.len());
        changed[at] = (changed[at] ^ by) & 0x7f;
        let changed = String::from_utf8(changed).expect("ASCII");
        prop_assert!(verify(&changed, NOW).is_err());
    }

    #[test]
    fn invariant_no_text_panics(token in "[A-Za-z0-9_=-]{0,30}(\\.[A-Za-z0-9_-]{0,30}){0,3}") {
        prop_assert!(verify(&token, NOW).is_err());
    }
}
