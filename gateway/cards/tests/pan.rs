//! Card numbers against published tables of brands and of test numbers. They are not part of this repository.

use std::{fs, io::Write, path::Path};

use causeway_cards::pan::{BRANDS, inspect, possible_brands};
use serde_json::{Value, json};

/// A file of vectors; where it is absent, says so and gives `None`.
fn vectors(name: &str) -> Option<Value> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        Into::into,
    );
    let path = folder.join("cards").join(name);
    if !path.exists() {
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    let text = fs::read_to_string(path).expect("the vectors are readable");
    Some(serde_json::from_str(&text).expect("the vectors are JSON"))
}

fn rows(value: &Value) -> &Vec<Value> {
    value.as_array().expect("rows")
}

#[test]
fn the_table_of_brands_is_the_published_one() {
    let Some(published) = vectors("brand_patterns.json") else {
        return;
    };
    let published = published["brands"].as_object().expect("brands");
    for brand in BRANDS {
        let row = &published[brand.id];
        let beginnings: Vec<_> = rows(&row["patterns"])
            .iter()
            .map(|pattern| {
                if pattern.is_array() {
                    pattern.clone()
                } else {
                    json!([pattern, pattern])
                }
            })
            .collect();
        assert_eq!(json!(brand.beginnings), json!(beginnings), "{}", brand.id);
        assert_eq!(
            (json!(brand.name), json!(brand.lengths)),
            (row["name"].clone(), row["lengths"].clone())
        );
    }
    println!("{} brands", BRANDS.len());
    assert_eq!((BRANDS.len(), published.len()), (15, 15));
}

#[test]
fn beginnings_of_numbers_are_of_the_recorded_brand() {
    let Some(published) = vectors("brand_detection.json") else {
        return;
    };
    for row in rows(&published) {
        let number = row[0].as_str().expect("digits");
        let brands: Vec<_> = possible_brands(number.as_bytes())
            .iter()
            .map(|brand| brand.id)
            .collect();
        assert_eq!(json!(brands), json!([row[1]]), "{number}");
    }
    println!("{} beginnings", rows(&published).len());
    assert_eq!(rows(&published).len(), 90);
}

#[test]
fn numbers_are_valid_or_not_as_recorded() {
    let Some(published) = vectors("card_number_validation.json") else {
        return;
    };
    let (mut valid, mut open, mut refused) = (0, 0, 0);
    for row in rows(&published) {
        let answer = inspect(row["input"].as_str().expect("a text"));
        assert_eq!(answer["brand"], row["card"], "{row}");
        assert_eq!(answer["valid"], row["valid"], "{row}");
        assert_eq!(answer["potentially_valid"], row["potentially_valid"], "{row}");
        match (row["valid"] == true, row["potentially_valid"] == true) {
            (true, _) => valid += 1,
            (false, true) => open += 1,
            (false, false) => refused += 1,
        }
    }
    println!("{valid} valid, {open} could become valid, {refused} refused");
    assert_eq!((valid, open, refused), (12, 16, 5));
}
