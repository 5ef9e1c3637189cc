use super::*;

fn draft(components: &[Component], terms: &Terms<'_>, fields: &[(&str, &str)]) -> Result<Draft, DraftFault> {
    let request = Request {
        method: "POST",
        target: &target(),
        fields,
    };
    Draft::new(&request, components, terms)
}

fn field(name: &str) -> Component {
    Component::field(name).expect("a field")
}

#[test]
fn the_signature_base_of_every_kind_of_component() {
    let components = [
        Component::Method,
        Component::TargetUri,
        Component::Authority,
        Component::Path,
        Component::Query,
        field("x-empty"),
        field("x-twice"),
    ];
    let fields = [("X-Twice", " a\t"), ("X-Empty", ""), ("x-twice", "b, c ")];
    let terms = Terms {
        expires: Some(NOW + 60),
        ..terms()
    };
    let draft = draft(&components, &terms, &fields).expect("a draft");
    let expected = "\"@method\": POST\n\
        \"@target-uri\": https://example.com/v1/quotes?a=b\n\
        \"@authority\": example.com\n\
        \"@path\": /v1/quotes\n\
        \"@query\": ?a=b\n\
        \"x-empty\": \n\
        \"x-twice\": a, b, c\n\
        \"@signature-params\": (\"@method\" \"@target-uri\" \"@authority\" \"@path\" \"@query\" \"x-empty\" \"x-twice\")\
        ;created=1618884473;expires=1618884533;keyid=\"acme\";nonce=\"n-1\"";
    assert_eq!(std::str::from_utf8(draft.base()), Ok(expected));
}

/// RFC 9421, section 2.2.7.
#[test]
fn a_query_that_is_not_there_is_a_question_mark() {
    let target = TargetUri::parse("https://example.com/path").expect("a target");
    let request = Request {
        method: "GET",
        target: &target,
        fields: &[],
    };
    let draft = Draft::new(&request, &[Component::Query], &terms()).expect("a draft");
    assert!(draft.base().starts_with(b"\"@query\": ?\n"));
}

#[test]
fn each_fault_of_a_draft() {
    let check = |components: &[Component], terms: Terms<'_>, fields: &[(&str, &str)], expected| {
        assert_eq!(draft(components, &terms, fields).err(), Some(expected));
    };
    let label = |label| Terms { label, ..terms() };
    check(
        &[],
        label("Sig"),
        &[],
        DraftFault::Label {
            label: "Sig".to_owned(),
        },
    );
    check(&[], label(""), &[], DraftFault::Label { label: String::new() });
    let key_id = |key_id| Terms { key_id, ..terms() };
    check(&[], key_id("é"), &[], DraftFault::Text { name: "keyid" });
    let long = "a".repeat(limits::PARAMETER_BYTES_MAX + 1);
    check(&[], key_id(&long), &[], DraftFault::Text { name: "keyid" });
    let nonce = Terms {
        nonce: Some("\n"),
        ..terms()
    };
    check(&[], nonce, &[], DraftFault::Text { name: "nonce" });
    let created = Terms {
        created: 1_000_000_000_000_000,
        ..terms()
    };
    check(&[], created, &[], DraftFault::Time { name: "created" });
    let expires = Terms {
        expires: Some(u64::MAX),
        ..terms()
    };
    check(&[], expires, &[], DraftFault::Time { name: "expires" });
    let twice = [Component::Path, field("date"), Component::Path];
    let component = Component::Path;
    check(&twice, terms(), &[], DraftFault::ComponentTwice { component });
    let many: Vec<_> = (0..=limits::COMPONENTS_MAX)
        .map(|at| field(&format!("x{at}")))
        .collect();
    check(&many, terms(), &[], DraftFault::TooManyComponents);
    let component = field("date");
    let date = [component.clone()];
    check(
        &date,
        terms(),
        &[],
        BaseFault::Absent {
            component: component.clone(),
        }
        .into(),
    );
    for value in ["a\n\"@path\": /", "a\r\n b", "é", "\u{7f}", "\0"] {
        let fault = BaseFault::Character {
            component: component.clone(),
        };
        check(&date, terms(), &[("date", value)], fault.into());
    }
    let long = "a".repeat(limits::SIGNATURE_BASE_BYTES_MAX / 2);
    let twice = [field("x1"), field("x2")];
    check(
        &twice,
        terms(),
        &[("x1", &long), ("x2", &long)],
        BaseFault::TooLong.into(),
    );
    check(
        &date,
        terms(),
        &[("date", &long), ("date", &long)],
        BaseFault::TooLong.into(),
    );
}
