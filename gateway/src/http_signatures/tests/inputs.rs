use super::*;

fn read_fields(input: Option<&str>, signature: Option<&str>) -> Result<Vec<Offered>, InputFault> {
    let lines = [("signature-input", input), ("signature", signature)];
    let fields: Vec<_> = lines
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    read(&Request {
        method: "GET",
        target: &target(),
        fields: &fields,
    })
}

/// Holds that these fields are refused with an error of this message's beginning.
fn check(input: &str, signature: &str, expected: &str) {
    let fault = read_fields(Some(input), Some(signature)).expect_err(input);
    let name = format!("{fault:?}");
    let name = name.split([' ', '{']).next().unwrap_or_default();
    assert_eq!(name, expected, "{input}: {fault}");
}

#[test]
fn a_request_without_signatures_is_told_so() {
    assert!(matches!(read_fields(None, None), Err(InputFault::NotSigned)));
    assert!(matches!(
        read_fields(None, Some("a=:AA==:")),
        Err(InputFault::NotSigned)
    ));
    assert!(matches!(read_fields(Some(""), Some("")), Err(InputFault::NotSigned)));
    let fault = read_fields(Some("a=()"), None);
    assert!(matches!(fault, Err(InputFault::SignatureAbsent { label }) if label == "a"));
}

#[test]
fn each_fault_of_the_fields() {
    let long = "a".repeat(limits::SIGNATURE_FIELD_BYTES_MAX + 1);
    check(&long, "a=:AA==:", "TooLong");
    check("a=()", &long, "TooLong");
    check("a=(", "a=:AA==:", "Syntax");
    check("a=(1;at=@1)", "a=:AA==:", "Syntax");
    check("a=()", "a=:AA==", "Syntax");
    check("a=(), b=(), c=(), d=(), e=()", "a=:AA==:", "TooManySignatures");
    check("a=()", "a=:AA==:, b=::, c=::, d=::, e=::", "TooManySignatures");
    check("a=(), b=()", "a=:AA==:", "SignatureAbsent");
    check("a=()", "a=:AA==:, b=:AA==:", "InputAbsent");
    check("a=1", "a=:AA==:", "NotAList");
    check("a", "a=:AA==:", "NotAList");
    check("a=()", "a=\"AA==\"", "NotBytes");
    check("a=()", "a=(:AA==:)", "NotBytes");
    let many: Vec<_> = (0..=limits::COMPONENTS_MAX)
        .map(|field| format!("\"x{field}\""))
        .collect();
    check(&format!("a=({})", many.join(" ")), "a=:AA==:", "TooManyComponents");
    check("a=(date)", "a=:AA==:", "NameForm");
    check("a=(\"Date\")", "a=:AA==:", "FieldName");
    check("a=(\"\")", "a=:AA==:", "FieldName");
    check("a=(\"@status\")", "a=:AA==:", "DerivedUnknown");
    check("a=(\"@signature-params\")", "a=:AA==:", "DerivedUnknown");
    check("a=(\"date\";bs)", "a=:AA==:", "ComponentParameters");
    check("a=(\"@method\";req)", "a=:AA==:", "ComponentParameters");
    check("a=(\"date\" \"@path\" \"date\")", "a=:AA==:", "ComponentTwice");
    let many: String = (0..=limits::PARAMETERS_MAX)
        .map(|parameter| format!(";x{parameter}=1"))
        .collect();
    check(&format!("a=(){many}"), "a=:AA==:", "TooManyParameters");
    check("a=();created=1.5", "a=:AA==:", "ParameterType");
    check("a=();created", "a=:AA==:", "ParameterType");
    check("a=();expires=\"1\"", "a=:AA==:", "ParameterType");
    check("a=();keyid=acme", "a=:AA==:", "ParameterType");
    check("a=();nonce=1", "a=:AA==:", "ParameterType");
    check("a=();alg=ed25519", "a=:AA==:", "ParameterType");
    check("a=();tag=1", "a=:AA==:", "ParameterType");
    let long = "a".repeat(limits::PARAMETER_BYTES_MAX + 1);
    for name in ["keyid", "nonce", "alg", "tag"] {
        check(&format!("a=();{name}=\"{long}\""), "a=:AA==:", "ParameterTooLong");
    }
}

#[test]
fn signatures_are_read_in_order_and_over_several_lines() {
    let fields = [
        ("Signature", "b=:AQ==:"),
        ("Signature-Input", "a=(\"@path\");keyid=\"one\""),
        ("signature-input", "b=();unknown=?0"),
        ("signature", "a=:AA==:"),
    ];
    let offered = read(&Request {
        method: "GET",
        target: &target(),
        fields: &fields,
    });
    let offered = offered.expect("signatures");
    let found: Vec<_> = offered
        .iter()
        .map(|offered| (offered.label(), offered.key_id()))
        .collect();
    assert_eq!(found, [("a", Some("one")), ("b", None)]);
    assert_eq!(offered[0].components(), [Component::Path]);
    assert_eq!(offered[1].signature_params, "();unknown=?0");
}
