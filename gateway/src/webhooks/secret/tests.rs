use super::*;

const PAIR: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

#[test]
fn secrets_to_sign_with() {
    let check = |text: &str, expected: Result<&str, SecretTextFault>| {
        let found = SigningSecret::parse(text).map(|secret| secret.to_text().to_string());
        assert_eq!(found.as_deref(), expected.as_ref().copied(), "{text}");
    };
    let shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    check(shared, Ok(shared));
    check(&shared[6..], Ok(shared));
    check(
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        Ok("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ="),
    );
    check(PAIR, Ok(PAIR));
    check("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=", Ok(PAIR));
    check(&"a".repeat(TEXT_BYTES_MAX + 1), Err(SecretTextFault::TooLong));
    check(PUBLIC, Err(SecretTextFault::Prefix { expected: "whsk_" }));
    check(
        "hwsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        Err(SecretTextFault::Prefix { expected: "whsk_" }),
    );
    check("whsec_%", Err(SecretTextFault::Base64));
    check("", Err(SecretFault::TooShort.into()));
    check("whsec_", Err(SecretFault::TooShort.into()));
    check("whsk_", Err(SecretTextFault::KeyPairLength));
    check(
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        Err(SecretTextFault::KeyPairLength),
    );
    check(&PAIR[..89], Err(SecretTextFault::KeyPairLength));
    check(&PAIR.replace("X0dR", "aaaa"), Err(SecretTextFault::KeyPairMismatch));
}

#[test]
fn secrets_to_verify_with() {
    let check = |text: &str, expected: Result<&str, SecretTextFault>| {
        let found = VerifyingSecret::parse(text).map(|secret| secret.to_text().to_string());
        assert_eq!(found.as_deref(), expected.as_ref().copied(), "{text}");
    };
    check(PUBLIC, Ok(PUBLIC));
    check(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        Ok("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    );
    check(&"a".repeat(TEXT_BYTES_MAX + 1), Err(SecretTextFault::TooLong));
    check(PAIR, Err(SecretTextFault::Prefix { expected: "whpk_" }));
    check("whpk_%", Err(SecretTextFault::Base64));
    check("whpk_AAAA", Err(KeyFault::Length.into()));
    let zero = "whpk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    check(zero, Err(KeyFault::SmallOrder.into()));
    let pair = SigningSecret::parse(PAIR).expect("a key pair");
    assert_eq!(*pair.verifying().to_text(), PUBLIC);
    let made = SigningSecret::symmetric(Zeroizing::new([1; 32]));
    assert_eq!(*made.verifying().to_text(), *made.to_text());
}
