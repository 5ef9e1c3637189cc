//! Who is named how, and where they live.

use super::{check, check_restrictions, messages};

#[test]
fn agents_and_parties_are_named() {
    let both = |message: &str, from: &str, to: &str, codes: &[&str]| check(message, &[(from, to)], codes, codes);
    let agent = "<DbtrAgt><FinInstnId><BICFI>BNPAFRPP</BICFI>";
    let named = format!("{agent}<Nm>Bank</Nm>");
    both(messages::CREDIT_TRANSFER, agent, &named, &["agent_name_and_address"]);
    check(
        messages::INITIATION,
        &[(agent, &named)],
        &[],
        &["agent_name_and_address"],
    );
    let debtor = "<Dbtr><Nm>Jane</Nm>";
    both(
        messages::CREDIT_TRANSFER,
        debtor,
        "<Dbtr>",
        &["party_name_with_address", "party_name_or_bic"],
    );
    check(
        messages::INITIATION,
        &[(debtor, "<Dbtr>")],
        &[],
        &["party_name_with_address"],
    );
    both(
        messages::CREDIT_TRANSFER,
        "<Cdtr><Nm>John</Nm>",
        "<Cdtr>",
        &["party_name_or_bic"],
    );
    let bic = "<Id><OrgId><AnyBIC>CHASUS33</AnyBIC></OrgId></Id>";
    both(
        messages::CREDIT_TRANSFER,
        "<Cdtr><Nm>John</Nm>",
        &format!("<Cdtr>{bic}"),
        &[],
    );
    both(
        messages::CREDIT_TRANSFER,
        "<Nm>John</Nm>",
        &format!("<Nm>John</Nm>{bic}"),
        &["party_name_and_bic"],
    );
    both(messages::RETURN, "<Nm>John</Nm>", "", &["party_name_or_bic"]);
    both(
        messages::RETURN,
        "<Nm>John</Nm>",
        &format!("<Nm>John</Nm>{bic}"),
        &["party_name_and_bic"],
    );
    both(messages::STATUS, "<Nm>Jane</Nm>", "", &["party_name_or_bic"]);
}

#[test]
fn addresses_are_structured_or_hybrid_by_year() {
    let address = "<TwnNm>Paris</TwnNm><Ctry>FR</Ctry>";
    let one = |to: &str, in_2025: &[&str], in_2026: &[&str]| {
        check(messages::CREDIT_TRANSFER, &[(address, to)], in_2025, in_2026)
    };
    let restricted =
        |to: &str, in_2026: &[&str]| check_restrictions(messages::CREDIT_TRANSFER, &[(address, to)], &[], in_2026);
    let without = "address_without_town_or_country";

    one("<TwnNm>Paris</TwnNm>", &["address_structured"], &[]);
    restricted("<TwnNm>Paris</TwnNm>", &[without]);
    let hybrid = format!("{address}<AdrLine>Rue 1</AdrLine><AdrLine>Porte 2</AdrLine>");
    one(&hybrid, &[], &[]);
    restricted(&hybrid, &[]);
    let hybrid = "<Ctry>FR</Ctry><AdrLine>Rue 1</AdrLine>";
    one(hybrid, &["address_hybrid"], &[]);
    restricted(hybrid, &[without]);
    let three = format!("{address}{}", "<AdrLine>Rue 1</AdrLine>".repeat(3));
    one(&three, &["address_lines"], &[]);
    restricted(&three, &["address_lines"]);
    let line = |count: usize| format!("<AdrLine>{}</AdrLine>", "x".repeat(count));
    one(&line(35), &[], &[]);
    one(&line(36), &["address_line_length"], &[]);
    restricted(&line(35), &[without, without]);
    restricted(&format!("{address}{}", line(70)), &[]);
    restricted(&format!("{address}{}", line(71)), &["address_line_length"]);

    let repeated = format!("{address}<AdrLine>1 rue, Paris</AdrLine>");
    one(&repeated, &["address_repeated"], &["address_repeated"]);
    one(&format!("{address}<AdrLine>1 rue Parisienne, FR</AdrLine>"), &[], &[]);
}
