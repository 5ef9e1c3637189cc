//! HTTP Message Signatures against RFC 9421, and what must hold of any request.

mod structured_fields;
mod vectors;

use std::fs;

use base64::{Engine, prelude::BASE64_STANDARD};
use causeway_gateway::{
    http_signatures::{
        Acceptance, Component, Draft, Key, Refusal, Request, SecretKey, TargetUri, Terms, content_digest, read,
        required,
    },
    keys::{SharedSecret, SigningKey},
};
use proptest::prelude::*;

/// `test-request` of RFC 9421, appendix B.2.
const FIELDS: [(&str, &str); 5] = [
    ("Host", "example.com"),
    ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("Content-Type", "application/json"),
    (
        "Content-Digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
    ("Content-Length", "18"),
];
const CREATED: u64 = 1_618_884_473;

struct Example<'a> {
    label: &'a str,
    key_id: &'a str,
    components: &'a [&'a str],
    key: SecretKey,
    input: &'a str,
    signature: &'a str,
}

/// Makes the signature of an example, and verifies the one printed.
fn check_example(example: &Example<'_>) {
    let target = TargetUri::parse("https://example.com/foo?param=Value&Pet=dog").expect("a target");
    let request = Request {
        method: "POST",
        target: &target,
        fields: &FIELDS,
    };
    let components: Vec<_> = example.components.iter().map(|name| component(name)).collect();
    let terms = Terms {
        label: example.label,
        key_id: example.key_id,
        created: CREATED,
        expires: None,
        nonce: None,
    };
    let draft = Draft::new(&request, &components, &terms).expect("a draft");
    let made = draft.sign(&example.key);
    assert_eq!(made.signature_input, example.input);
    assert_eq!(made.signature, example.signature);

    let lines = [("Signature-Input", example.input), ("Signature", example.signature)];
    let fields = [FIELDS.as_slice(), &lines].concat();
    let request = Request {
        fields: &fields,
        ..request
    };
    let offered = read(&request).expect("a signature");
    assert_eq!(offered[0].fits(&request, &example.key.key()), Ok(()));
}

fn component(name: &str) -> Component {
    match name {
        "@method" => Component::Method,
        "@path" => Component::Path,
        "@authority" => Component::Authority,
        name => Component::field(name).expect("a field"),
    }
}

/// The text of a quoted field of the shared appendix, lines joined as RFC 8792 has it.
fn appendix() -> Option<String> {
    let path = vectors::path("http-signatures/rfc9421_appendix_b_shared.md")?;
    let text = fs::read_to_string(path).expect("the vectors are readable");
    let mut joined = String::new();
    for line in text.lines() {
        match line.strip_suffix('\\') {
            Some(line) => joined.push_str(line.trim_start()),
            None => joined.extend([line.trim_start(), "\n"]),
        }
    }
    Some(joined)
}

fn field<'a>(appendix: &'a str, field: &str, label: &str) -> &'a str {
    let start = format!("{field}: {label}=");
    let line = appendix
        .lines()
        .find(|line| line.starts_with(&start))
        .expect("the example");
    &line[field.len() + 2..]
}

#[test]
fn appendix_b_2_5_with_hmac_sha256() {
    let Some(appendix) = appendix() else {
        return;
    };
    let lines = appendix
        .lines()
        .skip_while(|line| !line.starts_with("### Example Shared Secret"));
    let secret = lines.into_iter().find(|line| line.ends_with("==")).expect("the secret");
    let secret = BASE64_STANDARD.decode(secret).expect("base64");
    check_example(&Example {
        label: "sig-b25",
        key_id: "test-shared-secret",
        components: &["date", "@authority", "content-type"],
        key: SecretKey::HmacSha256(SharedSecret::new(secret.into()).expect("a secret")),
        input: field(&appendix, "Signature-Input", "sig-b25"),
        signature: field(&appendix, "Signature", "sig-b25"),
    });
}

#[test]
fn appendix_b_2_6_with_ed25519() {
    let Some(path) = vectors::path("http-signatures/keys/test-key-ed25519.key") else {
        return;
    };
    let pem = fs::read_to_string(path).expect("the vectors are readable");
    let key = pem.lines().find(|line| !line.starts_with('-')).expect("a key");
    let pkcs8 = BASE64_STANDARD.decode(key).expect("base64");
    // RFC 8410, section 7: the seed is at the end.
    let seed = pkcs8.last_chunk().expect("a seed");
    check_example(&Example {
        label: "sig-b26",
        key_id: "test-key-ed25519",
        components: &[
            "date",
            "@method",
            "@path",
            "@authority",
            "content-type",
            "content-length",
        ],
        key: SecretKey::Ed25519(SigningKey::from_seed(seed)),
        input: "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
                ;created=1618884473;keyid=\"test-key-ed25519\"",
        signature: "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    });
}

/// The other examples are read, as far as they are of what is known here, and refused by name where they are not.
#[test]
fn appendix_b_2_1_and_2_2_are_of_other_algorithms() {
    let Some(appendix) = appendix() else {
        return;
    };
    let target = TargetUri::parse("https://example.com/foo?param=Value&Pet=dog").expect("a target");
    let read_example = |label| {
        let fields = [
            ("Signature-Input", field(&appendix, "Signature-Input", label)),
            ("Signature", field(&appendix, "Signature", label)),
        ];
        read(&Request {
            method: "POST",
            target: &target,
            fields: &fields,
        })
    };
    let minimal = read_example("sig-b21").expect("a signature");
    assert_eq!(minimal[0].key_id(), Some("test-key-rsa-pss"));
    let selective = read_example("sig-b22").expect_err("@query-param is not known");
    assert_eq!(
        selective.to_string(),
        "sig-b22 covers @query-param, which is not known here"
    );
}

fn secret_key(ed25519: bool, bytes: [u8; 32]) -> SecretKey {
    if ed25519 {
        SecretKey::Ed25519(SigningKey::from_seed(&bytes))
    } else {
        SecretKey::HmacSha256(SharedSecret::new(bytes.to_vec().into()).expect("a secret"))
    }
}

fn acceptance<'a>(key: &'a Key, body: &'a [u8]) -> Acceptance<'a> {
    Acceptance {
        key,
        now: CREATED,
        body,
        idempotent: true,
    }
}

proptest! {
    #[test]
    fn invariant_what_is_signed_verifies_and_nothing_else_does(
        ed25519 in any::<bool>(),
        key in any::<[u8; 32]>(),
        method in "[A-Z]{1,8}",
        path in "/[a-z0-9/%._~-]{0,30}",
        idempotency_key in "[!-~]([ -~]{0,30}[!-~])?",
        body in proptest::collection::vec(any::<u8>(), 1..200),
        nonce in "[ -~]{1,40}",
        flipped in any::<proptest::sample::Index>(),
    ) {
        let key = secret_key(ed25519, key);
        let target = TargetUri::parse(&format!("https://example.com{path}")).expect("a target");
        let digest = content_digest(&body);
        let mut fields = vec![
            ("content-type", "application/json"),
            ("content-digest", digest.as_str()),
            ("idempotency-key", idempotency_key.as_str()),
        ];
        let request = Request { method: &method, target: &target, fields: &fields };
        let terms = Terms { label: "sig1", key_id: "k", created: CREATED, expires: None, nonce: Some(&nonce) };
        let draft = Draft::new(&request, &required(&request, &body, true), &terms).expect("a draft");
        let signed = draft.sign(&key);
        fields.push(("signature-input", &signed.signature_input));
        fields.push(("signature", &signed.signature));
        let request = Request { method: &method, target: &target, fields: &fields };
        let offered = read(&request).expect("signatures");
        let verifying = key.key();
        let authenticated = offered[0].verify(&request, &acceptance(&verifying, &body));
        prop_assert_eq!(authenticated.map(|found| found.nonce), Ok(nonce));

        let other = TargetUri::parse(&format!("https://example.com{path}x")).expect("a target");
        let elsewhere = Request { target: &other, ..request };
        prop_assert_eq!(offered[0].verify(&elsewhere, &acceptance(&verifying, &body)), Err(Refusal::BadSignature));
        let method = format!("{method}X");
        let otherwise = Request { method: &method, ..request };
        prop_assert_eq!(offered[0].verify(&otherwise, &acceptance(&verifying, &body)), Err(Refusal::BadSignature));
        let mut changed = body.clone();
        changed[flipped.index(body.len())] ^= 1;
        let changed = offered[0].verify(&request, &acceptance(&verifying, &changed));
        prop_assert!(matches!(changed, Err(Refusal::Digest(_))));
    }

    #[test]
    fn invariant_reading_never_panics_and_stays_within_its_limits(
        input in "([a-z]{1,3}=\\((\"[a-z@-]{0,9}\" ?){0,4}\\)(;[a-z]{1,7}=?[\"0-9a-z]{0,5}){0,4},? ?){0,5}",
        signature in "([a-z]{1,3}=:?[A-Za-z0-9+/=]{0,12}:?,? ?){0,5}",
        target in "\\PC{0,40}",
    ) {
        let _ = TargetUri::parse(&target);
        let target = TargetUri::parse("https://example.com/").expect("a target");
        let fields = [("signature-input", input.as_str()), ("signature", signature.as_str())];
        let request = Request { method: "GET", target: &target, fields: &fields };
        if let Ok(offered) = read(&request) {
            prop_assert!(!offered.is_empty() && offered.len() <= 4);
            let key = SecretKey::Ed25519(SigningKey::from_seed(&[1; 32])).key();
            for offered in offered {
                prop_assert!(offered.fits(&request, &key).is_err());
            }
        }
    }
}
