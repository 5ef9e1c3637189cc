//! Messages against the verdicts of programs that others wrote: libxml2 on well-formedness and on
//! schemas, and PyPI's cbpr-usage-rules 0.6.0 on the rules of CBPR+, as `EXPECTED.json` records them.

mod rule_tool;
mod vectors;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use causeway_gateway::{
    iso20022::{
        inspection::{Inspection, RulesVerdict, SchemaVerdict, inspect},
        rules::RuleYear,
        schema::folder::Schemas,
    },
    reason::Check,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expectations {
    files: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct Expected {
    well_formed: bool,
    message: Option<String>,
    xsd_valid: Option<bool>,
    xsd_first_error: Option<String>,
    cbpr_2025: Option<Rules>,
    cbpr_2026: Option<Rules>,
}

#[derive(Deserialize)]
struct Rules {
    valid: bool,
    rules: Vec<String>,
}

/// Every sample with its expectations, inspected by the rules of a year. `None` without vectors.
fn samples(year: RuleYear) -> Option<Vec<(String, Expected, Inspection)>> {
    let expectations: Expectations = vectors::json("iso20022/EXPECTED.json")?;
    let folder = vectors::path("iso20022/samples")?;
    let mut schemas = schemas()?;
    let inspected = expectations.files.into_iter().map(|(name, expected)| {
        let bytes = fs::read(folder.join(&name)).expect("the sample is readable");
        let inspection = inspect(&bytes, year, Some(&mut schemas)).expect("the schemas are usable");
        (name, expected, inspection)
    });
    Some(inspected.collect())
}

fn schemas() -> Option<Schemas> {
    vectors::path("iso20022/xsd").map(|folder| Schemas::open(&folder).expect("a folder"))
}

fn fail_on(disagreements: &[String]) {
    assert!(
        disagreements.is_empty(),
        "{} disagreements:\n{}",
        disagreements.len(),
        disagreements.join("\n")
    );
}

fn told(inspection: &Inspection, check: Check) -> Vec<String> {
    let reasons = inspection.reasons.iter().filter(|reason| reason.check == check);
    reasons
        .map(|reason| {
            let place = reason.place.as_ref().and_then(|place| place.path.clone());
            format!("{} at {}: {}", reason.code, place.unwrap_or_default(), reason.text)
        })
        .collect()
}

/// Samples whose `Document` is in no namespace of ISO 20022. The oracle calls the message by whatever
/// follows the namespace's last colon; we give no name, as there is no such message of ISO's.
const OF_OTHERS: [&str; 9] = [
    "cbpr-ur-tests/fixtures/mini_valid.xml",
    "moov-fednow/fednow-sample-message-admi998.xml",
    "moov-iso20022/musterfile_pain.001_Nov2020.xml",
    "moov-iso20022/pain002-epo_p_0_0_0_2018031510491259.xml",
    "moov-iso20022/pain002-epo_p_0_0_0_2018032614401842.xml",
    "moov-iso20022/pain002-epo_p_ch2909000000250094239_1109800799_0_2018032612092784.xml",
    "moov-iso20022/pain008-musterfile.xml",
    "prowide/mx_sample_request_wrapper.xml",
    "wso2-mx-to-mt/c_107_1_1/CBPR+ c.107.1.1 camt.107-AtoB.xml",
];

#[test]
fn well_formedness_and_message_are_as_libxml2_says() {
    let Some(samples) = samples(RuleYear::Y2026) else {
        return;
    };
    assert_eq!(samples.len(), 263);
    let mut disagreements = Vec::new();
    for (name, expected, inspection) in samples {
        if inspection.well_formed != expected.well_formed {
            disagreements.push(format!("{name}: {:?}", told(&inspection, Check::WellFormed)));
        }
        // The oracle writes no message as "" or not at all.
        let named = !OF_OTHERS.contains(&name.as_str());
        let message = expected.message.filter(|message| named && !message.is_empty());
        if inspection.message != message {
            disagreements.push(format!("{name}: {:?}, not {message:?}", inspection.message));
        }
    }
    fail_on(&disagreements);
}

#[test]
fn schema_verdicts_are_as_libxml2_says() {
    let Some(samples) = samples(RuleYear::Y2026) else {
        return;
    };
    let mut disagreements = Vec::new();
    let mut compared = 0;
    for (name, expected, inspection) in samples {
        let verdict = match expected.xsd_valid {
            Some(true) => SchemaVerdict::Valid,
            Some(false) => SchemaVerdict::Invalid,
            None => SchemaVerdict::Unsupported,
        };
        compared += usize::from(verdict != SchemaVerdict::Unsupported);
        if inspection.schema != verdict {
            disagreements.push(format!(
                "{name}: {:?}, not {verdict:?}: {:?}",
                inspection.schema,
                told(&inspection, Check::Schema)
            ));
        }
        // The first error is about the same element; libxml2 calls a missing element by the next one.
        if let Some(error) = expected.xsd_first_error {
            let element = error.split(['}', '\'']).nth(2).expect("Element '{namespace}name'");
            let reasons = told(&inspection, Check::Schema);
            let first = reasons.first().cloned().unwrap_or_default();
            if !first.contains(element) {
                disagreements.push(format!("{name}: {first:?} is not of {element}: {error}"));
            }
        }
    }
    assert_eq!(compared, 177);
    fail_on(&disagreements);
}

/// The messages that the gateway takes and gives.
const MESSAGES: [&str; 9] = [
    "pain.001.001.09",
    "pain.002.001.10",
    "pacs.008.001.08",
    "pacs.004.001.09",
    "pacs.002.001.10",
    "camt.056.001.08",
    "camt.029.001.09",
    "camt.053.001.08",
    "camt.054.001.08",
];

#[test]
fn rules_verdicts_are_as_the_rule_tool_says() {
    let mut disagreements = Vec::new();
    for year in [RuleYear::Y2025, RuleYear::Y2026] {
        let Some(samples) = samples(year) else { return };
        let mut compared = 0;
        for (name, expected, inspection) in samples {
            let rules = match year {
                RuleYear::Y2025 => expected.cbpr_2025,
                RuleYear::Y2026 => expected.cbpr_2026,
            };
            let ours = inspection
                .message
                .as_deref()
                .is_some_and(|message| MESSAGES.contains(&message));
            assert_eq!(inspection.rules != RulesVerdict::None, ours, "{name}");
            let Some(rules) = rules.filter(|_| ours) else { continue };
            compared += 1;
            let verdict = if rules.valid {
                RulesVerdict::Valid
            } else {
                RulesVerdict::Invalid
            };
            if inspection.rules != verdict {
                disagreements.push(format!(
                    "{year} {name}: {:?}, not {verdict:?} {:?}: {:#?}",
                    inspection.rules,
                    rules.rules,
                    told(&inspection, Check::Rules)
                ));
            }
        }
        assert_eq!(compared, 74);
    }
    fail_on(&disagreements);
}

#[test]
fn reasons_are_the_rules_that_the_tool_names() {
    let mut disagreements = Vec::new();
    for year in [RuleYear::Y2025, RuleYear::Y2026] {
        let Some(samples) = samples(year) else { return };
        for (name, expected, inspection) in samples {
            let rules = match year {
                RuleYear::Y2025 => expected.cbpr_2025,
                RuleYear::Y2026 => expected.cbpr_2026,
            };
            let ours = inspection.rules != RulesVerdict::None;
            let Some(rules) = rules.filter(|_| ours) else { continue };
            let expected: BTreeSet<_> = rules.rules.iter().map(|rule| rule_tool::our_name(year, rule)).collect();
            let reasons = inspection.reasons.iter().filter(|reason| reason.check == Check::Rules);
            let found: BTreeSet<_> = reasons
                .map(|reason| match reason.code {
                    "from_is_not_instructing_agent" | "to_is_not_instructed_agent" => "agents",
                    code => code.split_once('_').map_or(code, |(kind, _)| match kind {
                        "bic" | "iban" => kind,
                        _ => code,
                    }),
                })
                .collect();
            if found != expected {
                disagreements.push(format!("{year} {name}: {found:?}, not {expected:?}"));
            }
        }
    }
    fail_on(&disagreements);
}

/// As many elements as a document may have, where rules compare elements with each other. Comparing
/// all with all took minutes.
#[test]
fn the_largest_documents_take_no_longer_than_others() {
    let check = |inside: &str| {
        let namespace = "urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08";
        let text = format!("<Document xmlns='{namespace}'><A><CdtTrfTxInf>{inside}</CdtTrfTxInf></A></Document>");
        let begun = Instant::now();
        let inspection = inspect(text.as_bytes(), RuleYear::Y2025, None).expect("no schemas are read");
        assert!(inspection.well_formed && !inspection.valid);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    };
    let repeated = |count: usize, element: fn(usize) -> String| (0..count).map(element).collect::<String>();
    let codes = repeated(95_000, |at| format!("<InstrForCdtrAgt><Cd>{at}</Cd></InstrForCdtrAgt>"));
    check(&codes);
    let towns = repeated(95_000, |at| format!("<TwnNm>Town{at}</TwnNm>"));
    let lines = repeated(95_000, |at| format!("<AdrLine>{at}</AdrLine>"));
    check(&format!("<Dbtr><PstlAdr>{towns}{lines}</PstlAdr></Dbtr>"));
    check(&repeated(190_000, |at| format!("<InstdAmt Ccy='X'>{at}</InstdAmt>")));
}

/// Damaged samples are refused or accepted, and nothing else happens.
#[test]
fn invariant_no_damage_panics() {
    let Some(samples) = samples(RuleYear::Y2026) else {
        return;
    };
    let (Some(folder), Some(mut schemas)) = (vectors::path("iso20022/samples"), schemas()) else {
        return;
    };
    let mut runner = TestRunner::deterministic();
    for (name, _, _) in samples {
        let bytes = fs::read(folder.join(&name)).expect("the sample is readable");
        for _ in 0..12 {
            let any = (
                0..bytes.len(),
                0..40_usize,
                proptest::collection::vec(any::<u8>(), 0..3),
            );
            let (at, removed, added) = any.new_tree(&mut runner).expect("no filter").current();
            let end = bytes.len().min(at + removed);
            let damaged = [&bytes[..at], &added, &bytes[end..]].concat();
            inspect(&damaged, RuleYear::Y2025, Some(&mut schemas)).expect("the schemas are usable");
        }
    }
}

#[test]
fn every_published_schema_is_understood() {
    let Some(folder) = vectors::path("iso20022/xsd") else {
        return;
    };
    let mut schemas = Schemas::open(&folder).expect("a folder");
    let mut understood = 0;
    for entry in fs::read_dir(&folder).expect("readable") {
        let path: PathBuf = entry.expect("readable").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let namespace = format!("urn:iso:std:iso:20022:tech:xsd:{name}");
        let Some(id) = causeway_gateway::iso20022::message::MessageId::of_namespace(&namespace) else {
            // That of CBPR+ is named otherwise.
            continue;
        };
        assert!(schemas.find(&id).expect("usable").is_some(), "{name}");
        understood += 1;
    }
    assert_eq!(understood, 52);
}
