//! The program as it is run: what it prints, and how it ends.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// Status, and what was printed: one JSON object a line.
fn run(arguments: &[&str], input: &[u8]) -> (i32, Vec<Value>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_causeway-gateway"))
        .args(arguments)
        .env_remove("CAUSEWAY_ISO20022_SCHEMAS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may end without reading all of it.
    let written = child.stdin.take().expect("piped").write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().expect("the program ends");
    let lines = String::from_utf8(stdout).expect("UTF-8");
    let objects = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let status = status.code().expect("no signal");
    assert!(written.is_ok() || status == 2);
    (status, objects, String::from_utf8(stderr).expect("UTF-8"))
}

fn codes(object: &Value) -> Vec<&str> {
    let reasons = object["reasons"].as_array().expect("reasons");
    reasons
        .iter()
        .map(|reason| reason["code"].as_str().expect("a code"))
        .collect()
}

#[test]
fn values_are_read_by_line() {
    let input = b"DE89 3704 0044 0532 0130 00\r\n\nDE88370400440532013000\n\xff\nFR";
    let (status, objects, _) = run(&["inspect", "iban"], input);
    assert_eq!(status, 1);
    let found: Vec<_> = objects
        .iter()
        .map(|object| (object["valid"] == true, codes(object)))
        .collect();
    assert_eq!(
        found,
        [
            (true, vec![]),
            (false, vec!["iban_check_digits"]),
            (false, vec!["iban_character"]),
            (false, vec!["iban_too_short"]),
        ]
    );
    let text = objects[1]["reasons"][0]["text"].as_str();
    assert!(
        text.is_some_and(|text| text.starts_with("the IBAN has wrong check digits")),
        "{text:?}"
    );
    assert_eq!(run(&["inspect", "bic"], b"DEUTDEFF\n").0, 0);
    assert_eq!(run(&["inspect", "lei"], b"213800KUD8LAJWSQ9D15").0, 0);
    assert_eq!(run(&["inspect", "lei"], b"213800KUD8LAJWSQ9D16").0, 1);
}

#[test]
fn a_line_without_end_is_refused() {
    let mut input = vec![b'A'; 5_000_000];
    input.extend(b"\nDEUTDEFF\n");
    let (status, objects, _) = run(&["inspect", "bic"], &input);
    assert_eq!((status, objects.len()), (1, 2));
    assert_eq!(objects[1]["valid"], true);
    assert_eq!(codes(&objects[0]), ["too_long"]);
    // What ends with the input needs no end of its own.
    let whole = [b"DEUTDEFF".as_slice(), &b" ".repeat(1016)].concat();
    assert_eq!(run(&["inspect", "bic"], &whole).0, 0);
}

#[test]
fn a_message_is_read_from_standard_input() {
    let message = b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pacs.008.001.10'><A/></Document>";
    let (status, objects, _) = run(&["inspect", "iso20022"], message);
    assert_eq!((status, objects.len()), (0, 1));
    let object = &objects[0];
    assert_eq!(object["message"], "pacs.008.001.10");
    assert_eq!(object["well_formed"], true);
    assert_eq!(object["schema"], "unsupported");
    assert_eq!(object["rules"], "none");
    let notices: Vec<_> = object["notices"]
        .as_array()
        .expect("notices")
        .iter()
        .map(|notice| &notice["code"])
        .collect();
    assert_eq!(notices, ["schemas_not_given", "header_absent"]);
}

#[test]
fn reasons_say_where() {
    let (status, objects, _) = run(&["inspect", "iso20022"], b"<a>\n<b></a>");
    assert_eq!((status, codes(&objects[0])), (1, vec!["xml_syntax"]));
    assert_eq!(objects[0]["well_formed"], false);
    assert_eq!(
        (&objects[0]["reasons"][0]["line"], &objects[0]["reasons"][0]["column"]),
        (&2.into(), &4.into())
    );

    let message = b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><B>\n<C/><C><Ctry>UK</Ctry></C></B></Document>";
    let (status, objects, _) = run(&["inspect", "iso20022", "--rules", "2025"], message);
    assert_eq!((status, codes(&objects[0])), (1, vec!["country"]));
    assert_eq!(objects[0]["rule_set"], "2025");
    assert_eq!(objects[0]["reasons"][0]["path"], "/Document/B/C[2]/Ctry");
    assert_eq!(objects[0]["reasons"][0]["line"], 2);
    assert_eq!(objects[0]["reasons"][0]["check"], "rules");
}

#[test]
fn reasons_are_bounded_and_counted() {
    let countries = "<Ctry>UK</Ctry>".repeat(1000);
    let message =
        format!("<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><B>{countries}</B></Document>");
    let (status, objects, _) = run(&["inspect", "iso20022"], message.as_bytes());
    assert_eq!((status, codes(&objects[0]).len()), (1, 100));
    assert_eq!(objects[0]["reasons_left_out"], 900);
}

#[test]
fn errors_of_the_program_are_2() {
    let check = |arguments: &[&str], expected: &str| {
        let (status, objects, stderr) = run(arguments, b"");
        assert_eq!((status, objects.len()), (2, 0), "{arguments:?}");
        assert!(stderr.contains(expected), "{stderr}");
    };
    check(&["inspect", "iso20022", "--rules", "2024"], "2025, 2026");
    check(&["inspect", "iso20022", "/nowhere.xml"], "cannot read /nowhere.xml");
    check(
        &["inspect", "iso20022", "--schemas", "/nowhere"],
        "/nowhere is no folder of schemas",
    );
    check(&["inspect", "iban", "/nowhere"], "cannot read /nowhere");
    check(&["inspect"], "Usage");
}

#[test]
fn schemas_are_found_by_name_and_never_half_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let namespace = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.10";
    let message = format!("<Document xmlns='{namespace}'><A>1</A></Document>");
    let inspect = || run(&["inspect", "iso20022", "--schemas", path], message.as_bytes());
    let (status, objects, _) = inspect();
    assert_eq!((status, &objects[0]["schema"]), (0, &"unsupported".into()));
    assert_eq!(objects[0]["notices"][0]["code"], "schema_absent");

    let write = |target: &str, content: &str| {
        let schema = format!(
            "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' elementFormDefault='qualified' targetNamespace='{target}'>\
             <xs:element name='Document' type='D'/><xs:complexType name='D'>{content}</xs:complexType></xs:schema>"
        );
        std::fs::write(folder.path().join("pacs.008.001.10.xsd"), schema).expect("writable");
    };
    let sequence = |kind: &str| format!("<xs:sequence><xs:element name='A' type='{kind}'/></xs:sequence>");
    write(namespace, &sequence("xs:decimal"));
    assert_eq!(inspect().1[0]["schema"], "valid");
    write(namespace, &sequence("xs:date"));
    let (status, objects, _) = inspect();
    assert_eq!((status, codes(&objects[0])), (1, vec!["schema_value_type"]));

    let refused = |expected: &str| {
        let (status, objects, stderr) = inspect();
        assert_eq!((status, objects.len()), (2, 0), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    };
    write(namespace, "<xs:all/>");
    refused("all is not supported here");
    write("urn:other", &sequence("xs:date"));
    refused("is of the namespace \"urn:other\"");
    std::fs::write(folder.path().join("pacs.008.001.10.xsd"), "<a").expect("writable");
    refused("is not well-formed");
}

#[test]
fn cards_are_computed_with_one_answer_a_line() {
    let input = br#"{"key":"99999999999999998888888888888888","pan":"2222222222222222","date":"3333","service_code":"111","cvv":"361"}
"#;
    let (status, answers, _) = run(&["crypto", "cvv"], input);
    assert_eq!(
        (status, &answers[..]),
        (0, &[serde_json::json!({"cvv": "361", "matches": true})][..])
    );
    let wrong = [
        input.as_slice(),
        br#"{"key":"99"}"#,
        b"\n99999999999999998888888888888888\n",
    ]
    .concat();
    let (status, answers, _) = run(&["crypto", "cvv"], &wrong);
    assert_eq!((status, answers.len()), (1, 3));
    assert_eq!(answers[1]["error"]["code"], "parameter_wrong");
    assert_eq!(answers[1]["error"]["parameter"], "key");
    assert_eq!(answers[1]["error"]["message"], "`key` must be 16 bytes in hexadecimal");
    assert_eq!(answers[2]["error"]["code"], "not_an_object");
    let other = String::from_utf8_lossy(input).replace("361", "362");
    assert_eq!(run(&["crypto", "cvv"], other.as_bytes()).0, 1);
    let (status, _, stderr) = run(&["crypto", "cvc"], b"");
    assert_eq!(status, 2);
    assert!(stderr.contains("arqc"), "{stderr}");
}

#[test]
fn messages_and_codes_of_cards_are_inspected() {
    // An echo: 0800 with DE 7, 11 and 70.
    let echo = b"0800822000000000000004000000000000001105120000000123301\n";
    let (status, found, _) = run(&["inspect", "iso8583"], echo);
    assert_eq!((status, &found[0]["message_type"]), (0, &"0800".into()), "{found:?}");
    let (status, found, _) = run(&["inspect", "iso8583", "--variant", "b"], b"zz\n0800\n");
    assert_eq!((status, found.len()), (1, 2));
    assert_eq!(found[0]["violations"][0]["code"], "line");
    let (status, found, _) = run(&["inspect", "qr"], b"00020101021163040000\n");
    assert_eq!((status, &found[0]["crc"]), (1, &"wrong".into()));
    let (status, found, _) = run(&["inspect", "tlv"], b"70 0A 5A08374245001741007F\n5A0837\n");
    assert_eq!((status, found.len()), (1, 2));
    assert_eq!(found[0]["objects"][0]["objects"][0]["masked"], "374245*****1007");
    assert_eq!(found[1]["violations"][0]["code"], "value_truncated");
    let long = [b"C000".as_slice(), &b" ".repeat(20_000), b"C0\n"].concat();
    assert_eq!(
        run(&["inspect", "tlv"], &long).1[0]["violations"][0]["code"],
        "too_long"
    );
    let (status, found, _) = run(&["inspect", "apdu"], b"00B2020C00\n6A83\n");
    assert_eq!((status, &found[0]["request"]["name"]), (0, &"READ RECORD".into()));
    assert_eq!(found[1]["meaning"], "the record is not found");
    let (status, found, _) = run(&["inspect", "pan"], b"4111 1111 1111 1111\n4111111111111112\n");
    assert_eq!((status, &found[0]["masked"]), (1, &"411111******1111".into()));
    assert_eq!(found[1]["violations"][0]["code"], "wrong_check_digit");
    // 85, and 61 of 4F and 5A 5413330089020011.
    let code = b"hQVDUFYwMWETTwfwQ1dQQVkBWghUEzMAiQIAEQ==\nhQ==\n";
    let (status, found, _) = run(&["inspect", "cpm"], code);
    assert_eq!((status, found.len()), (1, 2));
    assert_eq!(found[0]["valid"], true, "{found:?}");
    assert_eq!(found[0]["objects"][1]["objects"][1]["value"], "541333******0011");
    assert_eq!(found[1]["violations"][0]["code"], "length_truncated");
}

#[test]
fn a_provider_whose_port_is_taken_says_so() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let listen = taken.local_addr().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.into_os_string().into_string().expect("UTF-8")
    };
    let config = format!(
        "wallet = \"wallet\"\naccount = \"main\"\nlisten = \"{listen}\"\nspread_bp = 25\nhold_seconds_max = 600\n\
         valid_seconds = 20\nrates.files = [\"rates.csv\"]\nsell.EUR = {{ min = \"1.00\", max = \"2.00\", fee = \"0.50\" }}\n"
    );
    let config = file("maker.toml", config);
    let passphrase = file("passphrase", "only for trying".to_owned());
    let arguments = ["maker", "--config", &config, "--passphrase-file", &passphrase];
    let (status, objects, stderr) = run(&arguments, b"");
    assert_eq!((status, objects.len()), (2, 0), "{stderr}");
    let said = format!("cannot serve on {listen}");
    assert!(stderr.contains(&said) && !stderr.contains("panicked"), "{stderr}");
}

/// Starts a program that may leave a core dump as large as it likes.
fn dumping(folder: &Path, program: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited && exec \"$@\"", "sh"]);
    command.args(program).current_dir(folder);
    command
}

#[test]
fn a_number_that_was_read_comes_into_no_core_dump() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = dumping(folder.path(), &["sh", "-c", "kill -ABRT $$"]).status();
    if !other.expect("a shell").core_dumped() {
        println!("SKIPPED: no program leaves a core dump here");
        return;
    }
    let program = [env!("CARGO_BIN_EXE_causeway-gateway"), "inspect", "pan"];
    let mut command = dumping(folder.path(), &program);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut values = child.stdin.take().expect("piped");
    values.write_all(b"4123709999000029\n").expect("it reads");
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    lines.read_line(&mut line).expect("it answers");
    assert!(line.contains("valid"), "{line}");
    let killed = Command::new("kill").args(["-ABRT", &child.id().to_string()]).status();
    assert!(killed.expect("kill is there").success());
    let status = child.wait().expect("it ends");
    assert!(status.signal().is_some() && !status.core_dumped(), "{status}");
}
