use super::{
    super::{Headers, SigningSecret, sign},
    *,
};

const NOW: u64 = 1_614_265_330;
const BODY: &[u8] = b"{\"test\": 2432232314}";
const SHARED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const PAIR: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text).expect("a secret")
}

fn signed(secrets: &[&str]) -> Headers {
    let id = "msg_1".parse().expect("an id");
    let secrets: Vec<_> = secrets.iter().map(|text| secret(text)).collect();
    sign(&id, NOW, BODY, &secrets)
}

fn received(headers: &Headers) -> Received<'_> {
    Received {
        id: Some(&headers.id),
        timestamp: Some(&headers.timestamp),
        signature: Some(&headers.signature),
        body: BODY,
    }
}

fn refusal(received: &Received<'_>, now: u64) -> Option<Refusal> {
    verify(received, &[secret(SHARED).verifying()], now).err()
}

#[test]
fn each_refusal() {
    let headers = signed(&[SHARED]);
    let good = received(&headers);
    assert_eq!(refusal(&good, NOW), None);
    let check = |received: Received<'_>, expected| assert_eq!(refusal(&received, NOW), Some(expected));
    check(Received { id: None, ..good }, Refusal::IdAbsent);
    check(
        Received {
            timestamp: None,
            ..good
        },
        Refusal::TimestampAbsent,
    );
    check(
        Received {
            signature: None,
            ..good
        },
        Refusal::SignatureAbsent,
    );
    let id = Some("msg_1.1");
    check(Received { id, ..good }, IdFault::Character.into());
    for timestamp in [
        "",
        "hello",
        "+1614265330",
        "01614265330",
        "1614265330.0",
        " 1614265330",
        "99999999999999999999",
    ] {
        let timestamp = Some(timestamp);
        check(Received { timestamp, ..good }, Refusal::TimestampForm);
    }
    let long = "a".repeat(SIGNATURE_BYTES_MAX + 1);
    let signature = Some(long.as_str());
    check(Received { signature, ..good }, Refusal::SignatureTooLong);
    let many = format!("{}{}", "v2,a ".repeat(SIGNATURES_MAX), headers.signature);
    let signature = Some(many.as_str());
    check(Received { signature, ..good }, Refusal::TooManySignatures);
    let other_version = headers.signature.replace("v1,", "v1a,");
    for signature in [
        "",
        "v1",
        "v1,",
        "v1,dawfeoifkpqwoekfpqoekf",
        &headers.signature[3..],
        &other_version,
    ] {
        let signature = Some(signature);
        check(Received { signature, ..good }, Refusal::NoneFits);
    }
    check(Received { body: b"{}", ..good }, Refusal::NoneFits);
    let id = Some("msg_2");
    check(Received { id, ..good }, Refusal::NoneFits);
    let timestamp = Some("1614265331");
    check(Received { timestamp, ..good }, Refusal::NoneFits);
    assert_eq!(verify(&good, &[], NOW), Err(Refusal::NoneFits));
}

#[test]
fn a_webhook_is_good_for_five_minutes() {
    let headers = signed(&[SHARED]);
    let check = |now, expected| assert_eq!(refusal(&received(&headers), now), expected, "{now}");
    check(NOW + TOLERANCE_SECONDS, None);
    check(NOW - TOLERANCE_SECONDS, None);
    check(NOW + TOLERANCE_SECONDS + 1, Some(Refusal::TooOld));
    check(NOW - TOLERANCE_SECONDS - 1, Some(Refusal::TooNew));
    check(0, Some(Refusal::TooNew));
    check(u64::MAX, Some(Refusal::TooOld));
}

/// While a secret is being replaced, whoever has either one accepts.
#[test]
fn one_good_signature_is_enough() {
    let all = [OTHER, PAIR, SHARED];
    let headers = signed(&all);
    let versions: Vec<_> = headers
        .signature
        .split(' ')
        .filter_map(|text| text.split_once(','))
        .collect();
    let versions: Vec<_> = versions.into_iter().map(|(version, _)| version).collect();
    assert_eq!(versions, ["v1", "v1a", "v1"]);
    for text in all {
        let known = [
            secret("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").verifying(),
            secret(text).verifying(),
        ];
        assert!(verify(&received(&headers), &known, NOW).is_ok());
    }
    let left_out = signed(&[OTHER, SHARED]);
    let asymmetric = [secret(PAIR).verifying()];
    assert_eq!(verify(&received(&left_out), &asymmetric, NOW), Err(Refusal::NoneFits));
}
