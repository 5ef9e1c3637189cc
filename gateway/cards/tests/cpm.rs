//! Customers' codes against published payloads. They are not part of this repository.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use causeway_cards::{
    emv::tlv::Tlv,
    qr::cpm::{Code, chip_data, decode, inspect},
};
use serde_json::{Value, json};

/// The rows of the vectors; where they are absent, says so and gives `None`.
fn rows() -> Option<Vec<Value>> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        Into::into,
    );
    let path = folder.join("emvco-qr-cpm/payloads.json");
    if !path.exists() {
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    let text = fs::read_to_string(path).expect("the vectors are readable");
    Some(serde_json::from_str(&text).expect("the vectors have their form"))
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().expect("a text")
}

/// As the vectors record an object.
fn recorded(tlv: &Tlv<'_>, children: Vec<Value>) -> Value {
    let value = hex::encode_upper(tlv.value);
    let mut object = json!({"tag": tlv.tag, "len": tlv.value.len(), "value": value});
    if tlv.tag.is_constructed() {
        object["children"] = json!(children);
    }
    object
}

/// What is inside an object, of chip data as the issuer opens it.
fn inside(tlv: &Tlv<'_>) -> Vec<Value> {
    if !tlv.tag.is_constructed() {
        return Vec::new();
    }
    let nodes = chip_data(tlv.value).expect("objects");
    nodes.iter().map(|node| recorded(&node.object, Vec::new())).collect()
}

#[test]
fn payloads_have_the_objects_that_are_recorded() {
    let Some(rows) = rows() else { return };
    let (mut sound, mut applications, mut numbers, mut broken) = (0, 0, 0, BTreeMap::new());
    for row in &rows {
        let id = text(row, "id");
        assert_eq!(row["ber_valid"], true, "{id}");
        let bytes = decode(text(row, "base64")).expect("base64");
        let code = Code::read(&bytes).expect("structure");
        let read = code.objects.iter().map(|object| {
            let children = match object.inside[..] {
                [] => inside(&object.tlv),
                _ => object.inside.iter().map(|tlv| recorded(tlv, inside(tlv))).collect(),
            };
            recorded(&object.tlv, children)
        });
        assert_eq!(json!(read.collect::<Vec<_>>()), row["tlv"], "{id}");
        applications += code.applications().count();
        numbers += code
            .applications()
            .filter(|one| one.pan().is_some_and(|pan| pan.is_ok()))
            .count();
        let found = inspect(text(row, "base64"));
        sound += usize::from(found["valid"] == true);
        let told = |violation: &Value| format!("{} {}", text(violation, "code"), text(violation, "where"));
        let told: Vec<_> = found["violations"]
            .as_array()
            .expect("a row")
            .iter()
            .map(told)
            .collect();
        if !told.is_empty() {
            broken.insert(id.to_owned(), told);
        }
    }
    println!(
        "{} structured, {sound} sound, {applications} applications, {numbers} numbers, broken: {broken:?}",
        rows.len()
    );
    assert_eq!((rows.len(), sound, applications, numbers), (5, 4, 6, 5));
    // Of 18 bytes, and chip data outside the application that it is of.
    let told = ["misplaced 63", "wrong_number 61.5A"].map(str::to_owned).to_vec();
    assert_eq!(broken, BTreeMap::from([("mydebit-like".to_owned(), told)]));
}
