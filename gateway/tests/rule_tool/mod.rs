//! The rules of PyPI's cbpr-usage-rules 0.6.0, as far as samples break them.

use causeway_gateway::iso20022::rules::RuleYear;

/// Our name, and the tool's numbers with spaces between.
type Names = &'static [(&'static str, &'static str)];

/// The rules that the tool names, and what we call their breach. It numbers the rules of each message
/// and year anew.
const RULES: &[(RuleYear, &str, Names)] = &[
    (
        RuleYear::Y2025,
        "camt.054",
        &[
            ("copy_duplicate", "R1"),
            ("business_message_id", "R3"),
            ("message_definition", "R4"),
            ("business_service", "R6"),
            ("slashes", "R20"),
        ],
    ),
    (
        RuleYear::Y2026,
        "camt.054",
        &[
            ("copy_duplicate", "R1"),
            ("business_message_id", "R2 R4"),
            ("message_definition", "R5"),
            ("page_zero", "R8"),
            ("booked_without_date", "R10"),
            ("slashes", "R13"),
        ],
    ),
    (
        RuleYear::Y2025,
        "pacs.002",
        &[("message_definition", "R5"), ("business_service", "R7")],
    ),
    (
        RuleYear::Y2026,
        "pacs.002",
        &[("message_definition", "R7"), ("original_message_name", "R12")],
    ),
    (
        RuleYear::Y2025,
        "pacs.004",
        &[
            ("agents", "R1 R2"),
            ("business_service", "R6"),
            ("original_twice", "R12"),
            ("original_message_name", "R16"),
            ("settled_in_metal", "R23 R111"),
            ("party_name_or_bic", "R44 R104"),
            ("party_name_with_address", "R45 R105"),
            ("party_name_and_bic", "R92"),
        ],
    ),
    (
        RuleYear::Y2026,
        "pacs.004",
        &[
            ("agents", "R4"),
            ("original_twice", "R10"),
            ("original_message_name", "R13"),
            ("settled_in_metal", "R20 R65"),
            ("party_name_with_address", "R36 R64"),
            ("party_name_or_bic", "R37 R63"),
            ("party_name_and_bic", "R52"),
        ],
    ),
    (
        RuleYear::Y2025,
        "pacs.008",
        &[
            ("agents", "R2 R3"),
            ("business_message_id", "R5"),
            ("message_definition", "R6"),
            ("business_service", "R8"),
            ("instructions_exclude", "R13"),
            ("remittance_and_related", "R33"),
            ("slashes", "R38"),
            ("settled_in_metal", "R41"),
            ("party_name_or_bic", "R81 R95"),
            ("party_name_with_address", "R82 R99"),
            ("party_name_and_bic", "R83 R100"),
            ("address_structured", "R84"),
        ],
    ),
    (
        RuleYear::Y2026,
        "pacs.008",
        &[
            ("business_message_id", "R1 R7"),
            ("agents", "R2 R3 R5"),
            ("message_definition", "R8"),
            ("instructions_exclude", "R11"),
            ("remittance_and_related", "R27"),
            ("slashes", "R28"),
            ("settled_in_metal", "R31"),
            ("party_name_and_bic", "R47 R54"),
            ("party_name_with_address", "R48 R56"),
            ("party_name_or_bic", "R50 R55"),
        ],
    ),
    (
        RuleYear::Y2025,
        "pain.001",
        &[("message_definition", "R3"), ("business_service", "R5")],
    ),
    (
        RuleYear::Y2026,
        "pain.001",
        &[("message_definition", "R4"), ("payment_information_id", "R8")],
    ),
];

/// What we call a rule of the tool, such as `pacs.008:R41`.
pub fn our_name(year: RuleYear, rule: &str) -> &'static str {
    let (function, number) = rule.split_once(':').expect("message:rule");
    match number {
        "VAL-BIC" => return "bic",
        "VAL-IBAN" => return "iban",
        "VAL-CCY" => return "currency",
        _ => {}
    }
    let mut rules = RULES
        .iter()
        .filter(|(of_year, of_function, _)| *of_year == year && *of_function == function);
    let mut names = rules.by_ref().flat_map(|(_, _, names)| names.iter());
    let found = names.find(|(_, numbers)| numbers.split(' ').any(|known| known == number));
    found.unwrap_or_else(|| panic!("{year} {rule} is in the table")).0
}
