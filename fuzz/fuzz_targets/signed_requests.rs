//! A request with signatures of RFC 9421, as a client may send it: a line with its method and target, a line for each
//! header field, an empty line, and the body. It is also signed here over all that it has, and that signature is good,
//! and no more when something of the request is changed.

#![no_main]

use causeway_gateway::{
    http_signatures::{
        Acceptance, Component, Draft, Key, Request, SecretKey, TargetUri, Terms, content_digest,
        limits::{COMPONENTS_MAX, SIGNATURES_MAX},
        read, required, verify_content_digest,
    },
    keys::{SharedSecret, SigningKey},
};
use libfuzzer_sys::fuzz_target;

const NOW: u64 = 1_618_884_473;

fn secrets() -> [SecretKey; 2] {
    [
        SecretKey::Ed25519(SigningKey::from_seed(&[7; 32])),
        SecretKey::HmacSha256(SharedSecret::new(vec![7; 32].into()).expect("a secret")),
    ]
}

fn acceptance<'a>(key: &'a Key, body: &'a [u8]) -> Acceptance<'a> {
    Acceptance {
        key,
        now: NOW,
        body,
        idempotent: true,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (head, body) = match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &[][..]),
    };
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut lines = head.split('\n');
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else {
        return;
    };
    let Ok(target) = TargetUri::parse(target) else { return };
    assert_eq!(TargetUri::parse(&target.to_string()).as_ref(), Ok(&target), "one form");
    let fields: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let request = Request {
        method,
        target: &target,
        fields: &fields,
    };
    offered(&request, body);
    let _ = verify_content_digest(&request, body);
    for secret in secrets() {
        sign_and_verify(&request, body, &secret);
    }
});

fn offered(request: &Request<'_>, body: &[u8]) {
    let Ok(offered) = read(request) else { return };
    assert!((1..=SIGNATURES_MAX).contains(&offered.len()));
    for offered in offered {
        assert!(offered.components().len() <= COMPONENTS_MAX && !offered.label().is_empty());
        for key in secrets().map(|secret| secret.key()) {
            let fits = offered.fits(request, &key).is_ok();
            let verified = offered.verify(request, &acceptance(&key, body));
            assert!(fits || verified.is_err());
            if let Ok(verified) = verified {
                assert_eq!(Some(&*verified.key_id), offered.key_id());
                assert!(verified.created.abs_diff(NOW) <= 300 && !verified.nonce.is_empty());
            }
        }
    }
}

fn sign_and_verify(request: &Request<'_>, body: &[u8], secret: &SecretKey) {
    let digest = content_digest(body);
    let ours = ["signature-input", "signature", Component::CONTENT_DIGEST];
    let mut fields: Vec<_> = request.fields.to_vec();
    fields.retain(|(name, _)| !ours.iter().any(|ours| name.eq_ignore_ascii_case(ours)));
    fields.push((Component::CONTENT_DIGEST, &digest));
    let request = Request {
        fields: &fields,
        ..*request
    };
    let terms = Terms {
        label: "sig1",
        key_id: "acme",
        created: NOW,
        expires: None,
        nonce: Some("n-1"),
    };
    let Ok(draft) = Draft::new(&request, &required(&request, body, true), &terms) else {
        return;
    };
    let made = draft.sign(secret);
    let mut signed = fields.clone();
    signed.extend([
        ("Signature-Input", &*made.signature_input),
        ("Signature", &made.signature),
    ]);
    let key = secret.key();
    let verify = |method: &str, fields: &[(&str, &str)], body: &[u8]| {
        let request = Request {
            method,
            fields,
            ..request
        };
        let offered = read(&request).expect("our own");
        offered[0].verify(&request, &acceptance(&key, body)).is_ok()
    };
    assert!(verify(request.method, &signed, body), "our own");
    let other = [request.method, "X"].concat();
    assert!(!verify(&other, &signed, body), "another method");
    assert!(!verify(request.method, &signed, &[body, b"x"].concat()), "another body");
}
