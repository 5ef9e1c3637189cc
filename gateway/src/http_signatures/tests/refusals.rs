use super::*;

/// A request with a signature, and what it is held against. Each test changes one thing.
struct Case {
    method: &'static str,
    fields: Vec<(&'static str, String)>,
    signing: SecretKey,
    covered: Option<Vec<Component>>,
    terms: Terms<'static>,
    added: &'static str,
    body: &'static [u8],
    verifying: SecretKey,
    now: u64,
    idempotent: bool,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            method: "POST",
            fields: FIELDS.map(|(name, value)| (name, value.to_owned())).to_vec(),
            signing: ed25519(),
            covered: None,
            terms: terms(),
            added: "",
            body: BODY,
            verifying: ed25519(),
            now: NOW,
            idempotent: true,
        }
    }
}

/// Puts `added` at the end of the parameters, before signing.
fn signed(case: &Case, request: &Request<'_>) -> SignatureFields {
    let covered = case.covered.clone();
    let covered = covered.unwrap_or_else(|| required(request, case.body, case.idempotent));
    let draft = Draft::new(request, &covered, &case.terms).expect("a draft");
    let base = format!("{}{}", std::str::from_utf8(draft.base()).expect("ASCII"), case.added);
    let signed = draft.signed(&case.signing.sign(base.as_bytes()));
    SignatureFields {
        signature_input: signed.signature_input + case.added,
        ..signed
    }
}

fn verdict(case: &Case, after_signing: impl FnOnce(&mut Vec<(&str, String)>)) -> Result<Authenticated, Refusal> {
    let target = target();
    let request = |fields: &[(&'static str, String)]| -> Vec<(&'static str, String)> { fields.to_vec() };
    let mut lines = request(&case.fields);
    let borrowed: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let fields = signed(
        case,
        &Request {
            method: case.method,
            target: &target,
            fields: &borrowed,
        },
    );
    lines.push(("Signature-Input", fields.signature_input));
    lines.push(("Signature", fields.signature));
    after_signing(&mut lines);
    let borrowed: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = Request {
        method: case.method,
        target: &target,
        fields: &borrowed,
    };
    let offered = read(&request).expect("signatures");
    offered[0].verify(
        &request,
        &Acceptance {
            key: &case.verifying.key(),
            now: case.now,
            body: case.body,
            idempotent: case.idempotent,
        },
    )
}

fn check(case: Case, expected: Refusal) {
    assert_eq!(verdict(&case, |_| {}), Err(expected));
}

fn check_good(case: Case) {
    let expected = Authenticated {
        key_id: "acme".to_owned(),
        nonce: "n-1".to_owned(),
        created: case.terms.created,
    };
    assert_eq!(verdict(&case, |_| {}), Ok(expected));
}

fn with_terms(change: impl FnOnce(&mut Terms<'static>)) -> Case {
    let mut case = Case::default();
    change(&mut case.terms);
    case
}

#[test]
fn what_is_signed_as_required_is_authentic() {
    check_good(Case::default());
    check_good(Case {
        signing: hmac(),
        verifying: hmac(),
        ..Case::default()
    });
    check_good(Case {
        added: ";alg=\"ed25519\";tag=\"x\";unknown",
        ..Case::default()
    });
    check_good(Case {
        method: "GET",
        fields: Vec::new(),
        body: b"",
        idempotent: false,
        ..Case::default()
    });
    for now in [NOW - WINDOW_SECONDS, NOW + WINDOW_SECONDS] {
        check_good(Case { now, ..Case::default() });
    }
    check_good(with_terms(|terms| terms.expires = Some(NOW + 1)));
}

#[test]
fn a_signature_says_who_when_and_how() {
    let parameters = |parameters: &'static str| {
        let case = Case {
            method: "GET",
            fields: Vec::new(),
            body: b"",
            idempotent: false,
            ..Case::default()
        };
        verdict(&case, move |lines| {
            lines.retain(|(name, _)| *name != "Signature-Input");
            lines.push((
                "Signature-Input",
                format!("sig1=(\"@method\" \"@target-uri\"){parameters}"),
            ));
        })
    };
    assert_eq!(parameters(";created=1618884473;nonce=\"n\""), Err(Refusal::KeyIdAbsent));
    assert_eq!(parameters(";created=1618884473;keyid=\"k\""), Err(Refusal::NonceAbsent));
    assert_eq!(
        parameters(";created=1618884473;keyid=\"k\";nonce=\"\""),
        Err(Refusal::NonceAbsent)
    );
    assert_eq!(parameters(";keyid=\"k\";nonce=\"n\""), Err(Refusal::CreatedAbsent));
    assert_eq!(parameters(";created=-1;keyid=\"k\";nonce=\"n\""), Err(Refusal::TooOld));
    // The rest being in order, it is the signature that does not fit.
    assert_eq!(
        parameters(";created=1618884473;keyid=\"k\";nonce=\"n\""),
        Err(Refusal::BadSignature)
    );
}

#[test]
fn a_signature_is_good_for_minutes() {
    let now = |now| Case { now, ..Case::default() };
    check(now(NOW + WINDOW_SECONDS + 1), Refusal::TooOld);
    check(now(u64::MAX), Refusal::TooOld);
    check(now(NOW - WINDOW_SECONDS - 1), Refusal::TooNew);
    check(now(0), Refusal::TooNew);
    check(with_terms(|terms| terms.expires = Some(NOW)), Refusal::Expired);
    check(with_terms(|terms| terms.expires = Some(0)), Refusal::Expired);
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    let case = Case {
        added: ";alg=\"hmac-sha256\"",
        ..Case::default()
    };
    let said = "hmac-sha256".to_owned();
    check(
        case,
        Refusal::Algorithm {
            said,
            algorithm: "ed25519",
        },
    );
    let case = Case {
        added: ";alg=\"rsa-pss-sha512\"",
        signing: hmac(),
        verifying: hmac(),
        ..Case::default()
    };
    let said = "rsa-pss-sha512".to_owned();
    check(
        case,
        Refusal::Algorithm {
            said,
            algorithm: "hmac-sha256",
        },
    );
}

/// With the public key as the secret of an HMAC, which everybody could make.
#[test]
fn a_public_key_is_no_secret() {
    let public = SigningKey::from_seed(&[7; 32]).verifying_key().as_bytes().to_vec();
    let case = Case {
        signing: SecretKey::HmacSha256(SharedSecret::new(public.into()).expect("a secret")),
        ..Case::default()
    };
    check(case, Refusal::BadSignature);
}

#[test]
fn each_required_component_must_be_covered() {
    let all = [
        "@method",
        "@target-uri",
        "content-type",
        "content-digest",
        "idempotency-key",
    ];
    let all = all.map(|name| Component::parse(name).expect("a component"));
    for left_out in &all {
        let case = Case {
            covered: Some(all.iter().filter(|component| *component != left_out).cloned().collect()),
            ..Case::default()
        };
        check(
            case,
            Refusal::NotCovered {
                component: left_out.clone(),
            },
        );
    }
    // Where no key is asked for, one that is there is covered all the same.
    let case = Case {
        covered: Some(all[..4].to_vec()),
        idempotent: false,
        ..Case::default()
    };
    let component = all[4].clone();
    check(case, Refusal::NotCovered { component });
}

#[test]
fn what_is_covered_must_be_there() {
    let absent = verdict(&Case::default(), |lines| {
        lines.retain(|(name, _)| *name != "Idempotency-Key")
    });
    let component = Component::field("idempotency-key").expect("a field");
    assert_eq!(absent, Err(BaseFault::Absent { component }.into()));
}

#[test]
fn nothing_covered_may_change() {
    for name in ["Content-Type", "Content-Digest", "Idempotency-Key"] {
        let changed = verdict(&Case::default(), |lines| {
            let line = lines.iter_mut().find(|(field, _)| *field == name);
            line.expect("a line").1.push('x');
        });
        assert_eq!(changed, Err(Refusal::BadSignature), "{name}");
    }
    let another = verdict(&Case::default(), |lines| {
        lines.push(("idempotency-key", "second".to_owned()))
    });
    assert_eq!(another, Err(Refusal::BadSignature));
    let not_covered = verdict(&Case::default(), |lines| lines[0].1.push('x'));
    assert!(not_covered.is_ok());
}

#[test]
fn another_body_is_refused() {
    let case = Case {
        fields: [
            ("Content-Type", "a/b"),
            ("Content-Digest", DIGEST),
            ("Idempotency-Key", "k"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec(),
        body: b"other",
        ..Case::default()
    };
    check(case, DigestFault::OtherBody.into());
    // A digest is looked at even without a body.
    let case = Case {
        body: b"",
        ..Case::default()
    };
    check(case, DigestFault::OtherBody.into());
}
