//! What a client may bring as access token, assertion, key set or scopes. Half of the tokens are signed here, so that
//! what mutations make of their headers and claims is looked at.

#![no_main]

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use causeway_gateway::{
    keys::SigningKey,
    oauth::{
        ASSERTION_SECONDS_MAX, AccessToken, AssertionTerms, ClientAssertion, Grant, Issuer, Jwk, JwkSet, KeySet,
        Lifetime, Presented, Scopes, TOKEN_ID_BYTES_MAX, Terms, thumbprint,
    },
};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_700_000_000;
const ISSUER: &str = "https://gateway.example";
const AUDIENCE: &str = "https://gateway.example/v1";

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn keys() -> KeySet {
    [key().verifying_key()].into_iter().collect()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let text = std::str::from_utf8(bytes);
    match (kind % 6, text) {
        (0, Ok(token)) => access(token),
        (1, Ok(token)) => assertion(token),
        (2, _) => signed(bytes).iter().for_each(|token| access(token)),
        (3, _) => signed(bytes).iter().for_each(|token| assertion(token)),
        (4, _) => key_set(bytes),
        (_, Ok(text)) => scopes(text),
        _ => {}
    }
});

/// A header, a zero byte, and claims, under a good signature. In the header `KID` stands for the key's own id.
fn signed(bytes: &[u8]) -> Option<String> {
    let zero = bytes.iter().position(|byte| *byte == 0)?;
    let header = String::from_utf8_lossy(&bytes[..zero]).replace("KID", &thumbprint(&key().verifying_key()));
    let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = [part(header.as_bytes()), part(&bytes[zero + 1..])].join(".");
    let signature = part(&key().sign(signed.as_bytes()));
    Some([signed, signature].join("."))
}

fn access(token: &str) {
    let keys = keys();
    let terms = |now| Terms {
        issuer: ISSUER,
        audience: AUDIENCE,
        keys: &keys,
        now,
    };
    let Ok(good) = AccessToken::verify(token, &terms(NOW)) else {
        return;
    };
    assert!(good.expires_at > NOW && good.expires_at <= NOW + 30 + Lifetime::MAX.as_seconds());
    assert!((1..=TOKEN_ID_BYTES_MAX).contains(&good.token_id.len()));
    assert!(
        AccessToken::verify(token, &terms(good.expires_at)).is_err(),
        "it has expired"
    );
    let issuer = Issuer {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        key: key(),
    };
    let grant = Grant {
        client_id: good.client_id.clone(),
        scopes: good.scopes.clone(),
        issued_at: NOW,
        lifetime: Lifetime::MAX,
        token_id: good.token_id.clone(),
    };
    let ours = AccessToken {
        expires_at: NOW + Lifetime::MAX.as_seconds(),
        ..good
    };
    assert_eq!(AccessToken::verify(&issuer.issue(&grant), &terms(NOW)), Ok(ours));
}

fn assertion(token: &str) {
    let keys = keys();
    let Ok(presented) = Presented::read(token) else {
        return;
    };
    let client = presented.client_id().clone();
    let terms = AssertionTerms {
        audiences: &[ISSUER, AUDIENCE],
        keys: &keys,
        now: NOW,
    };
    if let Ok(ClientAssertion {
        client_id, expires_at, ..
    }) = presented.verify(&terms)
    {
        assert_eq!(client_id, client);
        assert!((NOW + 1..=NOW + ASSERTION_SECONDS_MAX).contains(&expires_at));
    }
}

fn key_set(json: &[u8]) {
    let Ok(keys) = KeySet::read(json) else {
        return;
    };
    if let Some(key) = keys.only() {
        let set = JwkSet {
            keys: vec![Jwk::of(key)],
        };
        let again = KeySet::read(&serde_json::to_vec(&set).expect("it has a JSON form")).expect("our own");
        assert_eq!(again.get(&thumbprint(key)), Some(key));
    }
}

fn scopes(text: &str) {
    if let Ok(scopes) = text.parse::<Scopes>() {
        assert_eq!(scopes.to_string().parse(), Ok(scopes));
    }
}
