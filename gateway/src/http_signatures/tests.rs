use super::*;
use crate::keys::{SharedSecret, SigningKey};

mod drafts;
mod inputs;
mod refusals;

const NOW: u64 = 1_618_884_473;
const BODY: &[u8] = b"{\"hello\": \"world\"}";
/// SHA-256 of [`BODY`], as in RFC 9530's appendix D.
const DIGEST: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
const FIELDS: [(&str, &str); 4] = [
    ("Host", "example.com"),
    ("Content-Type", "application/json"),
    ("Content-Digest", DIGEST),
    ("Idempotency-Key", "b4a1"),
];

fn target() -> TargetUri {
    TargetUri::parse("https://example.com/v1/quotes?a=b").expect("a target")
}

fn ed25519() -> SecretKey {
    SecretKey::Ed25519(SigningKey::from_seed(&[7; 32]))
}

fn hmac() -> SecretKey {
    SecretKey::HmacSha256(SharedSecret::new(vec![7; 32].into()).expect("a secret"))
}

fn terms() -> Terms<'static> {
    Terms {
        label: "sig1",
        key_id: "acme",
        created: NOW,
        expires: None,
        nonce: Some("n-1"),
    }
}

#[test]
fn the_digest_of_a_body() {
    assert_eq!(content_digest(BODY), DIGEST);
    let check = |value: Option<&str>, expected| {
        let fields: Vec<_> = value.map(|value| ("content-digest", value)).into_iter().collect();
        let request = Request {
            method: "POST",
            target: &target(),
            fields: &fields,
        };
        assert_eq!(verify_content_digest(&request, BODY).err(), expected, "{value:?}");
    };
    check(Some(DIGEST), None);
    check(Some(&format!("sha-512=:AAAA:, {DIGEST};q=1")), None);
    check(None, Some(DigestFault::Absent));
    check(
        Some(&"a".repeat(limits::CONTENT_DIGEST_BYTES_MAX + 1)),
        Some(DigestFault::TooLong),
    );
    check(Some("sha-256=:X48E"), Some(DigestFault::Syntax));
    check(Some("sha-256=X48E"), Some(DigestFault::Syntax));
    check(Some("sha-256=(:AAAA:)"), Some(DigestFault::Syntax));
    check(Some("sha-512=:AAAA:"), Some(DigestFault::NoSha256));
    check(Some("sha-256=:AAAA:"), Some(DigestFault::OtherBody));
    check(Some(&content_digest(b"other")), Some(DigestFault::OtherBody));
}
