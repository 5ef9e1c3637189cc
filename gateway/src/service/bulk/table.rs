//! Lines in CSV (RFC 4180), with a fixed header. All that is wrong is told at once, by the number of its line.

use causeway_contracts::{identity::ParticipantId, money::Currency};
use serde::Serialize;

use super::{LINES_MAX, line::LineOrder};
use crate::{
    money::{Exponents, Money},
    remittance::order::Party,
    service::{
        api::{
            checks,
            remittances::{AccountName, lookup},
        },
        problem::{Code, Problem},
    },
};

pub const COLUMNS: [&str; 8] = [
    "name",
    "account_kind",
    "account",
    "operator",
    "currency",
    "amount",
    "reference",
    "end_to_end_id",
];

/// So many faults are told; more are counted.
const FAULTS_TOLD: usize = 100;

/// What is wrong in a line of the text, of which the header is the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineFault {
    pub line: u64,
    pub detail: String,
}

/// Who pays, for all lines.
#[derive(Debug, Clone)]
pub struct Payer {
    pub account: String,
    /// That of each line, if it is none.
    pub source: Option<Currency>,
}

/// # Errors
/// The header is another, there are no or too many lines, or some are wrong: then none is taken.
pub fn read(
    text: &[u8],
    payer: &Payer,
    exponents: &Exponents,
    is_operator: impl Fn(ParticipantId) -> bool,
) -> Result<Vec<LineOrder>, Problem> {
    let malformed = |detail: String| Problem::new(Code::BodyMalformed, detail);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let header = reader
        .headers()
        .map_err(|error| malformed(format!("the header line: {error}")))?;
    if header.iter().ne(COLUMNS) {
        return Err(malformed(format!("the header line is {}", COLUMNS.join(","))));
    }
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    let mut left_out = 0_u64;
    let mut counted = 0_usize;
    for record in reader.records() {
        counted += 1;
        if counted > LINES_MAX {
            return Err(malformed(format!("there are more than {LINES_MAX} lines")));
        }
        let (line, read) = match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                (line, order(&record, payer, exponents, &is_operator))
            }
            Err(error) => (error.position().map_or(0, csv::Position::line), Err(error.to_string())),
        };
        match read {
            Ok(order) => lines.push(order),
            Err(detail) if faults.len() < FAULTS_TOLD => faults.push(LineFault { line, detail }),
            Err(_) => left_out += 1,
        }
    }
    if !faults.is_empty() {
        let details = serde_json::json!({ "lines": faults, "left_out": left_out });
        let detail = "some lines are not as they should be, and none was taken; details has them by number";
        return Err(malformed(detail.to_owned()).with(details));
    }
    if lines.is_empty() {
        return Err(malformed("there is no line after the header".to_owned()));
    }
    Ok(lines)
}

fn order(
    record: &csv::StringRecord,
    payer: &Payer,
    exponents: &Exponents,
    is_operator: &impl Fn(ParticipantId) -> bool,
) -> Result<LineOrder, String> {
    if record.len() != COLUMNS.len() {
        return Err(format!(
            "it has {} fields, and there are {}",
            record.len(),
            COLUMNS.len()
        ));
    }
    let field = |name: &str| {
        let at = COLUMNS.iter().position(|column| *column == name);
        at.and_then(|at| record.get(at)).unwrap_or_default()
    };
    let optional = |name: &str| Some(field(name).to_owned()).filter(|text| !text.is_empty());
    let told = |problem: Problem| match problem.param {
        Some(param) => format!("{param}: {}", problem.detail),
        None => problem.detail,
    };
    let account = field("account").to_owned();
    let beneficiary_account = match field("account_kind") {
        "address" => AccountName::Address(account),
        "iban" => AccountName::Iban(account),
        "phone" => AccountName::Phone(account),
        "email" => AccountName::Email(account),
        "merchant" => AccountName::Merchant(account),
        _ => return Err("account_kind: it is address, iban, phone, email or merchant".to_owned()),
    };
    let beneficiary = Party {
        name: field("name").to_owned(),
        address: None,
        lei: None,
    };
    checks::party("beneficiary", &beneficiary).map_err(told)?;
    lookup(&beneficiary_account, &beneficiary.name).map_err(told)?;
    let operator: ParticipantId = field("operator")
        .parse()
        .ok()
        .filter(|operator| is_operator(*operator))
        .ok_or("operator: it is none of this gateway's configuration")?;
    let target: Currency = field("currency")
        .parse()
        .map_err(|_| "currency: it is a code such as EUR".to_owned())?;
    let source = payer.source.unwrap_or(target);
    exponents.of(source).map_err(|fault| format!("source: {fault}"))?;
    let amount = Money {
        value: field("amount").to_owned(),
        currency: target,
    };
    let read = exponents.read(&amount).map_err(|fault| format!("amount: {fault}"))?;
    if read.is_zero() {
        return Err("amount: it is above zero".to_owned());
    }
    let (reference, end_to_end_id) = (optional("reference"), optional("end_to_end_id"));
    checks::text("reference", reference.as_deref(), 140).map_err(told)?;
    checks::text("end_to_end_id", end_to_end_id.as_deref(), 35).map_err(told)?;
    Ok(LineOrder {
        account: payer.account.clone(),
        source,
        target,
        amount: amount.value,
        beneficiary,
        beneficiary_account,
        operator,
        sender: None,
        uetr: None,
        purpose: None,
        reference,
        end_to_end_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "name,account_kind,account,operator,currency,amount,reference,end_to_end_id\n";

    fn read_text(text: &str) -> Result<Vec<LineOrder>, Problem> {
        let currency = |code: &str| Currency::new(code).unwrap();
        let exponents = Exponents::from_iter([(currency("EUR"), 2), (currency("THB"), 2)]);
        let payer = Payer {
            account: "acc_1".to_owned(),
            source: None,
        };
        let known = ParticipantId::new("BANKB").unwrap();
        read(text.as_bytes(), &payer, &exponents, |id| id == known)
    }

    #[test]
    fn lines_are_read_with_quotes_and_without_what_is_optional() {
        let text = format!(
            "{HEADER}\"Ben, Example\",iban,DE89370400440532013000,BANKB,EUR,12.50,Invoice 7,E-7\nCleo,merchant,SHOP7,BANKB,THB,7,,\n"
        );
        let lines = read_text(&text).unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].beneficiary.name, "Ben, Example");
        assert_eq!(lines[0].reference.as_deref(), Some("Invoice 7"));
        assert_eq!((lines[1].source.as_str(), lines[1].target.as_str()), ("THB", "THB"));
        assert_eq!((&lines[1].reference, &lines[1].end_to_end_id), (&None, &None));
        assert_eq!(lines[1].beneficiary_account, AccountName::Merchant("SHOP7".to_owned()));
    }

    #[test]
    fn each_fault_is_told_with_its_line() {
        let check = |line: &str, expected: &str| {
            let good = "Ben,merchant,SHOP7,BANKB,EUR,1.00,,";
            let problem = read_text(&format!("{HEADER}{good}\n{line}\n{good}\n")).unwrap_err();
            assert_eq!(problem.code, Code::BodyMalformed);
            let faults = problem.details.expect("details");
            assert_eq!(faults["lines"][0]["line"], 3, "{line}");
            let detail = faults["lines"][0]["detail"].as_str().unwrap();
            assert!(detail.starts_with(expected), "{line}: {detail}");
            assert_eq!(faults["lines"].as_array().map(Vec::len), Some(1), "{line}");
        };
        check("Ben,merchant,SHOP7,BANKB,EUR,1.00,", "it has 7 fields");
        check(",merchant,SHOP7,BANKB,EUR,1.00,,", "beneficiary.name: ");
        check("Ben,wallet,SHOP7,BANKB,EUR,1.00,,", "account_kind: ");
        check(
            "Ben,iban,DE00370400440532013000,BANKB,EUR,1.00,,",
            "beneficiary.account.iban: ",
        );
        check("Ben,merchant,SHOP7,BANKX,EUR,1.00,,", "operator: ");
        check(
            "Ben,merchant,SHOP7,BANKB,KRW,1,,",
            "source: the network has no currency KRW",
        );
        check("Ben,merchant,SHOP7,BANKB,EUR,1.001,,", "amount: ");
        check("Ben,merchant,SHOP7,BANKB,EUR,0.00,,", "amount: it is above zero");
        check(
            &format!("Ben,merchant,SHOP7,BANKB,EUR,1.00,{},", "x".repeat(141)),
            "reference: ",
        );
        check(
            &format!("Ben,merchant,SHOP7,BANKB,EUR,1.00,,{}", "x".repeat(36)),
            "end_to_end_id: ",
        );
    }

    #[test]
    fn a_text_that_is_no_such_table_is_refused_whole() {
        let check = |text: &str, expected: &str| {
            let problem = read_text(text).unwrap_err();
            assert!(problem.detail.starts_with(expected), "{}", problem.detail);
        };
        check("", "the header line is name,");
        check("name,account\n", "the header line is name,");
        check(HEADER, "there is no line");
        let good = "Ben,merchant,SHOP7,BANKB,EUR,1.00,,\n";
        check(
            &format!("{HEADER}{}", good.repeat(LINES_MAX + 1)),
            "there are more than 10000 lines",
        );
        assert_eq!(
            read_text(&format!("{HEADER}{}", good.repeat(LINES_MAX)))
                .map(|lines| lines.len())
                .ok(),
            Some(LINES_MAX)
        );
    }
}
