use super::*;

/// RFC 8037, appendix A.1.
fn key() -> SigningKey {
    let seed = BASE64_URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    SigningKey::from_seed(&seed.expect("base64").try_into().expect("32 bytes"))
}

/// RFC 8037, appendices A.4 and A.5.
const EXAMPLE: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
    hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

#[test]
fn the_example_of_rfc_8037_is_made_and_verified() {
    let made = compact(b"{\"alg\":\"EdDSA\"}", b"Example of Ed25519 signing", &key());
    assert_eq!(made, EXAMPLE);
    let read = Compact::read(EXAMPLE).expect("a token");
    assert_eq!(read.verify(&key().verifying_key()), Ok(()));
    assert_eq!(read.payload, b"Example of Ed25519 signing");
}

#[test]
fn each_fault_of_a_token() {
    let check = |token: &str, expected| {
        let found = Compact::read(token).and_then(|read| read.verify(&key().verifying_key()));
        assert_eq!(found, Err(expected), "{token}");
    };
    let header = |header: &str| compact(header.as_bytes(), b"{}", &key());
    check(&"a".repeat(TOKEN_BYTES_MAX + 1), JwsFault::TooLong);
    check("", JwsFault::Parts);
    check("a.b", JwsFault::Parts);
    check("a.b.c.d", JwsFault::Parts);
    check("{\"payload\":\"e30\"}", JwsFault::Parts);
    check(&format!("{EXAMPLE}=="), JwsFault::Base64);
    check(&format!("{EXAMPLE} "), JwsFault::Base64);
    check(&EXAMPLE.replace("M0KAg", "M0KAh"), JwsFault::Base64);
    check("..", JwsFault::Header);
    check(&header("[]"), JwsFault::Header);
    check(&header("{}"), JwsFault::Header);
    check(&header("{\"alg\":7}"), JwsFault::Header);
    check(&header("{\"alg\":\"none\",\"alg\":\"EdDSA\"}"), JwsFault::Header);
    for none in ["none", "None", "nOnE"] {
        check(&header(&format!("{{\"alg\":\"{none}\"}}")), JwsFault::AlgorithmNone);
    }
    check("eyJhbGciOiJub25lIn0.e30.", JwsFault::AlgorithmNone);
    for symmetric in ["HS256", "HS384", "HS512"] {
        check(
            &header(&format!("{{\"alg\":\"{symmetric}\"}}")),
            JwsFault::AlgorithmSymmetric,
        );
    }
    for other in ["RS256", "ES256", "Ed448", "eddsa", ""] {
        check(&header(&format!("{{\"alg\":\"{other}\"}}")), JwsFault::AlgorithmUnknown);
    }
    check(
        &header("{\"alg\":\"EdDSA\",\"crit\":[\"b64\"],\"b64\":false}"),
        JwsFault::Critical,
    );
    check(&header("{\"alg\":\"EdDSA\"}").replace("e30", "e31"), JwsFault::Base64);
    check(
        &header("{\"alg\":\"EdDSA\"}").replace("e30", "W10"),
        JwsFault::BadSignature,
    );
    check("eyJhbGciOiJFZERTQSJ9.e30.", JwsFault::BadSignature);
}
