//! Structured fields, in which signatures are written, against the tests of the HTTP working group: that what
//! reads and writes them here does so as RFC 9651 has it.

use std::{fs, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::vectors;

const FOLDER: &str = "http-signatures/structured-field-tests";

fn cases_of<T: DeserializeOwned>(folder: &str, file: &Path) -> Vec<T> {
    let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
    vectors::json(&format!("{FOLDER}/{folder}{name}")).expect("it is there")
}

#[derive(Deserialize)]
struct FieldCase {
    name: String,
    raw: Option<Vec<String>>,
    header_type: String,
    #[serde(default)]
    must_fail: bool,
    #[serde(default)]
    can_fail: bool,
    canonical: Option<Vec<String>>,
}

/// The field of a case as it is written after it was read, or that it cannot be read.
fn rewritten(header_type: &str, raw: &str) -> Result<Option<String>, sfv::Error> {
    let parser = sfv::Parser::new(raw);
    Ok(match header_type {
        "item" => {
            let item: sfv::Item = parser.parse()?;
            let serializer = sfv::ItemSerializer::new().bare_item(&item.bare_item);
            Some(serializer.parameters(&item.params).finish())
        }
        "list" => {
            let mut serializer = sfv::ListSerializer::new();
            serializer.members(&parser.parse::<sfv::List>()?);
            serializer.finish()
        }
        "dictionary" => {
            let mut serializer = sfv::DictSerializer::new();
            serializer.members(&parser.parse::<sfv::Dictionary>()?);
            serializer.finish()
        }
        other => panic!("no such type of field: {other}"),
    })
}

#[test]
fn fields_are_read_and_written() {
    let Some(folder) = vectors::path(FOLDER) else {
        return;
    };
    let mut cases = 0;
    for file in fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        if path.is_dir() {
            continue;
        }
        for case in cases_of::<FieldCase>("", &path) {
            check(&case);
            cases += 1;
        }
    }
    assert_eq!(cases, 830);
}

fn check(case: &FieldCase) {
    let raw = case.raw.as_ref().expect("what is to be read").join(", ");
    let found = rewritten(&case.header_type, &raw);
    match (found, case.must_fail) {
        (Err(_), true) => {}
        (Err(fault), false) => assert!(case.can_fail, "{}: {fault}", case.name),
        (Ok(text), true) => panic!("{}: {text:?}", case.name),
        (Ok(text), false) => {
            let canonical = case.canonical.clone().unwrap_or(vec![raw]);
            assert_eq!(text.into_iter().collect::<Vec<_>>(), canonical, "{}", case.name);
        }
    }
}

#[test]
fn values_that_cannot_be_written() {
    let Some(folder) = vectors::path(&format!("{FOLDER}/serialisation-tests")) else {
        return;
    };
    let mut refused = 0;
    for file in fs::read_dir(folder).expect("a folder") {
        let cases = cases_of::<Value>("serialisation-tests/", &file.expect("a file").path());
        for case in cases.iter().filter(|case| case["must_fail"] == true) {
            let value = &case["expected"][0];
            let written = match value.as_str() {
                Some(text) => sfv::StringRef::from_str(text).is_ok(),
                None => sfv::TokenRef::from_str(value["value"].as_str().expect("a token")).is_ok(),
            };
            assert!(!written, "{}", case["name"]);
            refused += 1;
        }
    }
    assert_eq!(refused, 157);
}
