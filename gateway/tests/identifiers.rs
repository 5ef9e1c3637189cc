//! Identifiers against published ones, and against the promise of their check digits.

mod vectors;

use std::collections::BTreeMap;

use causeway_gateway::{
    identifiers::{bic::Bic, iban::Iban, lei::Lei},
    reason::Coded,
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Literals {
    valid: Vec<String>,
    #[serde(default, alias = "allow_invalid")]
    invalid: Vec<String>,
}

fn check_iban(text: &str, valid: bool) {
    let faults = Iban::faults(text);
    assert_eq!(faults.is_empty(), valid, "{text}: {faults:?}");
    assert_eq!(text.parse::<Iban>().is_ok(), valid, "{text}");
}

#[test]
fn published_ibans() {
    for (file, valid) in [
        ("iban_valid.json", true),
        ("iban_experimental.json", true),
        ("iban_invalid.json", false),
    ] {
        let Some(texts) = vectors::json::<Vec<String>>(&format!("identifiers/{file}")) else {
            return;
        };
        assert!(!texts.is_empty());
        for text in texts {
            check_iban(&text, valid);
            check_iban(&text.replace(' ', ""), valid);
        }
    }
}

/// Every country of the registry, by a made-up account: of that length and make-up, valid; one
/// character shorter, not.
#[test]
fn every_country_of_the_registry_is_known() {
    #[derive(Deserialize)]
    struct Country {
        iban_spec: String,
        bban_spec: String,
        iban_length: usize,
    }
    let Some(registry) = vectors::json::<BTreeMap<String, Country>>("identifiers/iban_registry_generated.json") else {
        return;
    };
    for (code, country) in registry {
        let account: String = country
            .bban_spec
            .split_inclusive(['n', 'a', 'c'])
            .flat_map(|group| {
                let (length, class) = group.split_once('!').expect("a group");
                let character = if class == "n" { "7" } else { "Q" };
                character.chars().cycle().take(length.parse().expect("a length"))
            })
            .collect();
        // Where accounts are of another country, such as France, so are their IBANs.
        let own = country.iban_spec.starts_with(&code);
        let valid =
            |account: &str| (2..=98).any(|digits| format!("{code}{digits:02}{account}").parse::<Iban>().is_ok());
        assert_eq!(valid(&account), own, "{code}");
        assert!(!valid(&account[1..]), "{code}");
        assert_eq!(account.len() + 4, country.iban_length, "{code}");
    }
}

#[test]
fn published_bics() {
    let Some(bics) = vectors::json::<Literals>("identifiers/bic_literals.json") else {
        return;
    };
    assert!(!bics.valid.is_empty() && !bics.invalid.is_empty());
    for text in bics.valid {
        assert_eq!(Bic::faults(&text), [], "{text}");
    }
    for text in bics.invalid {
        let codes: Vec<_> = Bic::faults(&text).iter().map(Coded::code).collect();
        assert_eq!(codes, ["bic_country"], "{text}");
    }
}

#[test]
fn published_leis() {
    let Some(leis) = vectors::json::<Literals>("identifiers/lei_literals.json") else {
        return;
    };
    assert!(!leis.valid.is_empty() && !leis.invalid.is_empty());
    for text in leis.valid {
        assert_eq!(Lei::faults(&text), [], "{text}");
    }
    for text in leis.invalid {
        let codes: Vec<_> = Lei::faults(&text).iter().map(Coded::code).collect();
        assert_eq!(codes, ["lei_check_digits"], "{text}");
    }
}

const IBANS: [&str; 4] = [
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "MT84MALT011000012345MTLCAST001S",
    "NO9386011117947",
];

/// Puts another digit for a digit, or another capital for a capital. MOD 97-10 promises to find these:
/// the numbers differ by less than 97, times a power of ten. A digit for a letter makes a number of
/// another length, of which one in 97 has the same remainder.
fn replaced(text: &str, at: usize, by: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = match bytes[at] {
        b'0'..=b'9' => b'0' + by % 10,
        _ => b'A' + by % 26,
    };
    String::from_utf8(bytes).expect("ASCII")
}

/// An LEI of any entity: whichever two digits make it valid, of which there is one pair.
fn lei(entity: &str) -> String {
    let valid: Vec<_> = (2..=98)
        .map(|digits| format!("{entity}{digits:02}"))
        .filter(|text| text.parse::<Lei>().is_ok())
        .collect();
    let [one] = valid.as_slice() else {
        panic!("{entity}: {valid:?}")
    };
    one.clone()
}

proptest! {
    #[test]
    fn invariant_any_one_wrong_character_of_an_iban_is_found(
        iban in proptest::sample::select(IBANS.as_slice()),
        at in 0..34_usize,
        by in any::<u8>(),
    ) {
        prop_assert!(iban.parse::<Iban>().is_ok());
        let at = at % iban.len();
        let wrong = replaced(iban, at, by);
        prop_assert_eq!(wrong.parse::<Iban>().is_ok(), wrong == iban, "{}", wrong);
    }

    /// Where a country's accounts are digits alone, a letter is found whatever the remainder.
    #[test]
    fn invariant_any_letter_in_an_iban_of_digits_is_found(at in 2..22_usize, letter in proptest::char::range('A', 'Z')) {
        let mut wrong = IBANS[0].to_owned();
        wrong.replace_range(at..=at, letter.encode_utf8(&mut [0; 4]));
        prop_assert!(wrong.parse::<Iban>().is_err(), "{}", wrong);
    }

    #[test]
    fn invariant_two_swapped_characters_of_an_iban_are_found(
        iban in proptest::sample::select(IBANS.as_slice()),
        at in 4..33_usize,
    ) {
        let at = 4 + at % (iban.len() - 5);
        let mut characters: Vec<char> = iban.chars().collect();
        characters.swap(at, at + 1);
        let swapped: String = characters.into_iter().collect();
        prop_assert_eq!(swapped.parse::<Iban>().is_ok(), swapped == iban, "{}", swapped);
    }

    #[test]
    fn invariant_spaces_of_the_printed_form_change_nothing(iban in proptest::sample::select(IBANS.as_slice())) {
        let groups: Vec<String> = iban.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        prop_assert_eq!(groups.join(" ").parse::<Iban>(), iban.parse::<Iban>());
    }

    #[test]
    fn invariant_any_one_wrong_character_of_an_lei_is_found(
        entity in "[0-9A-Z]{18}",
        at in 0..20_usize,
        by in any::<u8>(),
    ) {
        let lei = lei(&entity);
        let wrong = replaced(&lei, at, by);
        prop_assert_eq!(wrong.parse::<Lei>().is_ok(), wrong == lei, "{}", wrong);
    }

    #[test]
    fn invariant_no_text_panics_and_first_faults_are_errors(text in ".{0,40}") {
        prop_assert_eq!(text.parse::<Iban>().err(), Iban::faults(&text).into_iter().next());
        prop_assert_eq!(text.parse::<Bic>().err(), Bic::faults(&text).into_iter().next());
        prop_assert_eq!(text.parse::<Lei>().err(), Lei::faults(&text).into_iter().next());
    }
}
