//! Webhooks against the tests of Standard Webhooks' own libraries and of the Svix server, and what must hold of any.

mod vectors;

use causeway_gateway::webhooks::{Received, Refusal, SigningSecret, VerifyingSecret, sign, verify};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Published {
    sign: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    secret: String,
    webhook_id: String,
    webhook_timestamp: u64,
    payload: String,
    signature: String,
}

fn check(case: &Case, verifying: &str) {
    let secret = SigningSecret::parse(&case.secret).expect("a secret");
    let id = case.webhook_id.parse().expect("an id");
    let headers = sign(&id, case.webhook_timestamp, case.payload.as_bytes(), &[secret]);
    assert_eq!(headers.signature, case.signature);
    assert_eq!(headers.id, case.webhook_id);

    let received = Received {
        id: Some(&headers.id),
        timestamp: Some(&headers.timestamp),
        signature: Some(&case.signature),
        body: case.payload.as_bytes(),
    };
    let verifying = [VerifyingSecret::parse(verifying).expect("a secret")];
    assert_eq!(verify(&received, &verifying, case.webhook_timestamp), Ok(id));
    // What the libraries must accept and refuse besides.
    let list = format!(
        "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= {}",
        case.signature
    );
    let several = Received {
        signature: Some(&list),
        ..received
    };
    assert!(verify(&several, &verifying, case.webhook_timestamp).is_ok());
    for signature in ["v1,dawfeoifkpqwoekfpqoekf", "v1,"] {
        let signature = Some(signature);
        let refused = verify(&Received { signature, ..received }, &verifying, case.webhook_timestamp);
        assert_eq!(refused, Err(Refusal::NoneFits));
    }
    let later = verify(&received, &verifying, case.webhook_timestamp + 301);
    assert_eq!(later, Err(Refusal::TooOld));
    let earlier = verify(&received, &verifying, case.webhook_timestamp - 301);
    assert_eq!(earlier, Err(Refusal::TooNew));
}

#[test]
fn of_standard_webhooks() {
    let Some(published) = vectors::json::<Published>("webhooks/standard_webhooks.json") else {
        return;
    };
    assert_eq!(published.sign.len(), 1);
    for case in published.sign {
        check(&case, &case.secret);
        check(&case, case.secret.trim_start_matches("whsec_"));
    }
}

/// <https://github.com/svix/svix-webhooks>, server/svix-server/src/worker.rs; the signature is also that of the
/// example in the standard's section on headers.
#[test]
fn of_the_svix_server() {
    let case = Case {
        secret: "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
            .to_owned(),
        webhook_id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
        webhook_timestamp: 1_614_265_330,
        payload: "{\"test\": 2432232314}".to_owned(),
        signature: "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
            .to_owned(),
    };
    check(&case, "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
}

proptest! {
    #[test]
    fn invariant_what_is_signed_verifies_and_no_other_body_does(
        secret in any::<[u8; 32]>(),
        id in "[!-\\-/-~]{1,40}",
        timestamp in 0..u64::MAX,
        body in proptest::collection::vec(any::<u8>(), 1..200),
        flipped in any::<proptest::sample::Index>(),
    ) {
        let secret = SigningSecret::symmetric(secret.into());
        let id = id.parse().expect("an id");
        let headers = sign(&id, timestamp, &body, std::slice::from_ref(&secret));
        let received = Received {
            id: Some(&headers.id),
            timestamp: Some(&headers.timestamp),
            signature: Some(&headers.signature),
            body: &body,
        };
        let verifying = [secret.verifying()];
        prop_assert_eq!(verify(&received, &verifying, timestamp), Ok(id));
        let mut changed = body.clone();
        changed[flipped.index(body.len())] ^= 1;
        let changed = Received { body: &changed, ..received };
        prop_assert_eq!(verify(&changed, &verifying, timestamp), Err(Refusal::NoneFits));
    }

    #[test]
    fn invariant_no_headers_or_secrets_panic(
        id in "\\PC{0,20}",
        timestamp in "[0-9+. -]{0,20}",
        signature in "(v1a?,?[A-Za-z0-9+/=]{0,60} ?){0,4}",
        secret in "(whsec_|whsk_|whpk_)?[A-Za-z0-9+/=%_]{0,100}",
    ) {
        let _ = SigningSecret::parse(&secret);
        let _ = VerifyingSecret::parse(&secret);
        let received = Received { id: Some(&id), timestamp: Some(&timestamp), signature: Some(&signature), body: b"" };
        let known = [SigningSecret::symmetric([1; 32].into()).verifying()];
        prop_assert!(verify(&received, &known, 0).is_err());
    }
}
