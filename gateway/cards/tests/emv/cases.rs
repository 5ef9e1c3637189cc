//! Conversations with what binaryfoo's decoder says of them.

use causeway_cards::emv::{
    apdu::{Command, CryptogramKind, Request, Response, ResponseError},
    inspect,
    tags::meaning,
    tlv::{Limits, Node, read_tree},
};
use serde_json::{Value, json};

use crate::vectors;

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    commands: usize,
    /// Of which the peer says the same in words that are compared.
    described: usize,
    responses: usize,
    /// Bytes without a status, which the peer refuses too.
    refused: usize,
    /// Objects that the peer has at the same place in the same template.
    objects: usize,
    /// Of these, those whose value it shows as it is, as text, or by its beginning and end.
    values: usize,
    /// Those that it shows in words of its own.
    otherwise: Vec<String>,
    /// What lists ask for.
    asked: usize,
    /// Without a row in the table of tags: 9F28, of which the peer knows nothing either.
    unnamed: usize,
}

/// Lines of the peer's answer, and how far they are compared.
struct Said<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Said<'a> {
    /// The next line that begins so; those between are what the peer says more.
    fn next(&mut self, beginning: &str) -> &'a str {
        let found = self.lines[self.at..]
            .iter()
            .position(|line| line.starts_with(beginning));
        let found = found.unwrap_or_else(|| panic!("no {beginning:?} after line {}", self.at));
        self.at += found + 1;
        self.lines[self.at - 1][beginning.len()..].trim_end()
    }
}

fn words(request: &Request<'_>) -> Option<String> {
    Some(match request {
        Request::Select { name, .. } if name.iter().all(u8::is_ascii_graphic) => {
            format!("Select: {}", String::from_utf8_lossy(name))
        }
        Request::Select { name, .. } => format!("Select: AID {}", hex::encode_upper(name)),
        Request::ReadRecord { file, record } => format!("Read Record: SFI {file} record {record}"),
        Request::ProcessingOptions { data: [] } => "GPO: No PDOL included".to_owned(),
        Request::ProcessingOptions { data } => format!("GPO: PDOL {}", hex::encode_upper(data)),
        Request::ExternalAuthenticate { data } => format!("External Authenticate: {}", hex::encode_upper(data)),
        Request::GetData { tag } => format!("GetData: {tag} "),
        Request::GenerateCryptogram { kind, combined, .. } => {
            let kind = match kind {
                CryptogramKind::Decline => "AAC",
                CryptogramKind::Approve => "TC",
                CryptogramKind::Online => "ARQC",
            };
            format!("Generate AC ({kind}{}): CDOL ", if *combined { "+CDA" } else { "" })
        }
    })
}

fn command(line: &str, said: Option<&mut Said<'_>>, counts: &mut Counts) {
    let command = Command::parse(&hex::decode(line).expect("hex")).expect("a command");
    let answer = inspect::apdu(line);
    assert_eq!(
        (&answer["kind"], &answer["valid"]),
        (&json!("command"), &json!(true)),
        "{line}"
    );
    counts.commands += 1;
    let request = Request::of(&command).expect("a request that is known");
    if let (Some(said), Some(words)) = (said, words(&request)) {
        said.next(&format!("C-APDU: {words}"));
        counts.described += 1;
    }
}

fn response(line: &str, mut said: Option<&mut Said<'_>>, counts: &mut Counts) {
    let bytes = hex::decode(line).expect("hex");
    let response = match Response::parse(&bytes) {
        Ok(response) => response,
        Err(error) => {
            assert_eq!(error, ResponseError::Status(0));
            said.expect("the peer's answer").next("00000000: Failed to decode");
            counts.refused += 1;
            return;
        }
    };
    let answer = inspect::apdu(line);
    assert_eq!(
        (&answer["kind"], &answer["valid"]),
        (&json!("response"), &json!(true)),
        "{line}"
    );
    counts.responses += 1;
    let nodes = read_tree(response.data(), Limits::STANDARD).expect("data objects");
    if let Some(said) = &mut said {
        said.next(&format!("R-APDU: {}", response.status));
        for (node, shown) in nodes.iter().zip(answer["objects"].as_array().expect("objects")) {
            compare(node, shown, 1, said, counts);
        }
    }
}

fn compare(node: &Node<'_>, shown: &Value, level: usize, said: &mut Said<'_>, counts: &mut Counts) {
    let tag = node.object.tag;
    let line = said.next(&format!("{}{tag} (", "  ".repeat(level)));
    let (_, value) = line.split_once("): ").expect("a value");
    counts.objects += 1;
    counts.unnamed += usize::from(meaning(tag).is_none());
    if is_shown(node.object.value, value) {
        counts.values += 1;
    } else {
        counts.otherwise.push(format!("{tag}: {value}"));
    }
    for entry in shown["list"].as_array().into_iter().flatten() {
        let tag = entry["tag"].as_str().expect("a tag");
        let line = said.next(&format!("{}{tag} (", "  ".repeat(level + 1)));
        assert!(line.ends_with(&format!(") {} bytes", entry["bytes"])), "{line}");
        counts.asked += 1;
    }
    for (node, shown) in node
        .children
        .iter()
        .zip(shown["objects"].as_array().into_iter().flatten())
    {
        compare(node, shown, level + 1, said, counts);
    }
}

fn is_shown(value: &[u8], said: &str) -> bool {
    let digits = hex::encode_upper(value);
    let is_text = String::from_utf8_lossy(value).trim_end() == said;
    let is_part = said
        .split_once("...")
        .is_some_and(|(first, last)| digits.starts_with(first) && digits.ends_with(last));
    digits == said || is_text || is_part
}

fn conversation(name: &str, answer: Option<&str>, counts: &mut Counts) -> Option<()> {
    let text = vectors(&format!("binaryfoo-cases/{name}"))?;
    let answer = match answer {
        Some(name) => Some(vectors(&format!("binaryfoo-cases/{name}"))?),
        None => None,
    };
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut said = answer.as_ref().map(|answer| Said {
        lines: answer.lines().collect(),
        at: 0,
    });
    for pair in lines.chunks(2) {
        let [sent, got] = pair else {
            panic!("{name} ends with a command");
        };
        command(sent, said.as_mut(), counts);
        response(got, said.as_mut(), counts);
    }
    Some(())
}

#[test]
fn conversations_are_read_as_their_peer_reads_them() {
    let mut counts = Counts::default();
    for (name, answer) in [
        ("amex-cda-in.txt", Some("amex-cda-out.txt")),
        ("amex-msd-mobile.txt", None),
        ("contact-visa-in.txt", Some("contact-visa-out.txt")),
    ] {
        if conversation(name, answer, &mut counts).is_none() {
            return;
        }
    }
    println!("{counts:?}");
    let otherwise = [
        "5F28: AUS (Australia)",
        "9F42: AUD (Australian Dollar)",
        "9F27: ARQC (Authorisation Request Cryptogram - Go ask the issuer)",
        "9F36: 6",
        "5F28: SGP (Singapore)",
        "5F28: SGP (Singapore)",
    ];
    let expected = Counts {
        commands: 38,
        described: 27,
        responses: 37,
        refused: 1,
        objects: 102,
        values: 96,
        otherwise: otherwise.map(str::to_owned).into(),
        asked: 52,
        unnamed: 1,
    };
    assert_eq!(counts, expected);
}
