//! Messages of payments, written and read: against ISO's schemas and the rules of CBPR+, and against the samples that
//! others published.

mod messages;
mod vectors;

use std::{fs, io};

use causeway_contracts::money::{Amount, Balance, Currency};
use causeway_gateway::iso20022::{
    inspection::{SchemaVerdict, inspect},
    message::Message,
    payments::{
        CreditTransfer, Direction, Entry, EntryStatus, Notification, OriginalMessage, Position, ReasonCode, Refusal,
        Statement, StatementError, StatementWriter, StatusReason, Text, Totals, TransferState, TransferStatus, write,
    },
    rules::RuleYear,
    schema::folder::Schemas,
    xml,
};
use proptest::{option, prelude::*, strategy::ValueTree, test_runner::TestRunner};

fn schemas() -> Option<Schemas> {
    vectors::path("iso20022/xsd").map(|folder| Schemas::open(&folder).expect("a folder"))
}

/// What a message says when it is read by `read`.
fn read_back<T>(bytes: &[u8], read: impl Fn(&Message<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
    let document = xml::read(bytes).expect("well-formed");
    let (message, faults) = Message::find(&document);
    assert_eq!(faults, []);
    read(&message.expect("a message"))
}

/// Fits its schema, where that is at hand, and keeps to the rules and restrictions of both years.
fn assert_valid(bytes: &[u8], schemas: Option<&mut Schemas>) {
    let mut schemas = schemas;
    for year in [RuleYear::Y2025, RuleYear::Y2026] {
        let found = inspect(bytes, year, schemas.as_deref_mut()).expect("the schemas are usable");
        let text = String::from_utf8_lossy(bytes);
        assert!(found.valid, "{year}: {:#?}\n{text}", found.reasons);
        if schemas.is_some() {
            assert_eq!(found.schema, SchemaVerdict::Valid, "{text}");
            assert_eq!(found.header_schema, Some(SchemaVerdict::Valid), "{text}");
        }
    }
}

/// Some messages of a kind. The first goes to the folder that `CAUSEWAY_EMITTED_DIR` names, where it does, for
/// programs of others to look at.
fn some<T>(name: &str, strategy: impl Strategy<Value = T>, mut each: impl FnMut(&T) -> Vec<u8>) {
    let folder = std::env::var_os("CAUSEWAY_EMITTED_DIR").map(std::path::PathBuf::from);
    let mut schemas = schemas();
    let mut runner = TestRunner::deterministic();
    for at in 0..150 {
        let value = strategy.new_tree(&mut runner).expect("few are filtered").current();
        let bytes = each(&value);
        assert_valid(&bytes, schemas.as_mut());
        if let Some(folder) = folder.as_ref().filter(|_| at < 10) {
            fs::write(folder.join(format!("{name}.{at}.xml")), &bytes).expect("the folder takes files");
        }
    }
}

#[test]
fn invariant_a_credit_transfer_is_read_as_it_was_written() {
    some("pacs.008.001.08", messages::credit_transfer(), |transfer| {
        let bytes = write(transfer);
        assert_eq!(read_back(&bytes, CreditTransfer::read).as_ref(), Ok(transfer));
        bytes
    });
}

#[test]
fn invariant_a_statement_is_read_as_it_was_written() {
    some("camt.053.001.08", messages::statement(), |statement| {
        let bytes = statement.write().expect("its totals are right");
        assert_eq!(read_back(&bytes, Statement::read).as_ref(), Ok(statement));
        bytes
    });
}

#[test]
fn invariant_a_notification_is_valid() {
    let notification = messages::statement().prop_map(|statement| Notification {
        header: statement.head.header,
        message_id: statement.head.message_id,
        created: statement.head.created,
        id: statement.head.id,
        account: statement.head.account,
        owner: statement.head.owner,
        servicer: statement.head.servicer,
        entries: statement.entries,
    });
    some("camt.054.001.08", notification, write);
}

fn reason() -> impl Strategy<Value = StatusReason> {
    prop::collection::vec(messages::text(), 0..3).prop_map(|additional| StatusReason {
        additional,
        ..StatusReason::of(ReasonCode::CREDITOR_ACCOUNT)
    })
}

fn state() -> impl Strategy<Value = TransferState> {
    prop_oneof![
        Just(TransferState::Accepted),
        Just(TransferState::InProcess),
        messages::date().prop_map(TransferState::Settled),
        reason().prop_map(TransferState::Rejected),
        option::of(reason()).prop_map(TransferState::Pending),
    ]
}

fn original(name: &'static str) -> impl Strategy<Value = OriginalMessage> {
    (messages::reference(), option::of(messages::moment())).prop_map(move |(id, created)| OriginalMessage {
        id,
        name: Text::new(name).expect("of the set"),
        created,
    })
}

#[test]
fn invariant_a_status_is_valid() {
    let status = (
        messages::credit_transfer(),
        original("pacs.008.001.08"),
        state(),
        option::of(messages::original_instruction_id()),
        option::of(messages::uetr()),
    );
    let status = status.prop_map(|(transfer, original, state, instruction_id, uetr)| TransferStatus {
        header: transfer.header,
        message_id: transfer.message_id,
        created: transfer.created,
        original,
        instruction_id,
        end_to_end_id: transfer.end_to_end_id,
        transaction_id: transfer.transaction_id,
        uetr,
        state,
        instructing_agent: transfer.instructing_agent,
        instructed_agent: transfer.instructed_agent,
    });
    some("pacs.002.001.10", status, write);
}

/// What is refused of the samples that fit their schema, with the reason code. Others need not know CBPR+: their
/// headers are of banks without BIC (RC01), or there is no UETR (CH21). The rest is wrong on purpose: check digits of
/// an IBAN (AC02), or gold is paid (AM03).
const REFUSED: &[(&str, &str)] = &[
    ("cbpr-ur-examples/y2026/pacs.008.min.xml", "RC01"),
    ("cbpr-ur-examples/y2026/pacs.008_stp.min.xml", "RC01"),
    (
        "cbpr-ur-tests/2025/cbprplus_pacs008_sample_dodgy_IBAN_and_bic_mismatch.xml",
        "AC02",
    ),
    (
        "cbpr-ur-tests/2025/violators/CBPR+ p.8.1.1.a pacs.008 AtoB__violates_pacs.008-R41_commodity_currency_XAU.xml",
        "AM03",
    ),
    (
        "cbpr-ur-tests/2025/violators/CBPR2025.PACS008-MinMax-0023__violates_pacs.008-R41_commodity_currency_XAU.xml",
        "AM03",
    ),
    (
        "cbpr-ur-tests/2025/violators/cbprplus_pacs008_sample_tag_mismatch_issue__violates_pacs.008-R41_commodity_currency_XAU.xml",
        "AM03",
    ),
    (
        "cbpr-ur-tests/2025/violators/pacs008_credit_transfer_sample__violates_pacs.008-R41_commodity_currency_XAU.xml",
        "AM03",
    ),
    (
        "cbpr-ur-tests/2026/violators/cbprplus_pacs008_2026__violates_pacs.008-R31_commodity_currency_XAU.xml",
        "AM03",
    ),
    ("cbpr-ur-tests/fixtures/pacs_008_2026_valid.xml", "CH21"),
    ("cbpr-ur-tests/fixtures/pacs_008_stp_2025_valid.xml", "CH21"),
    ("cbpr-ur-tests/fixtures/pacs_008_stp_2026_valid.xml", "CH21"),
    ("moov-fednow/sample-participant-to-fednow-message.xml", "RC01"),
];

/// Reads the samples of a message that fit its schema, and damaged ones, which must not panic.
fn read_samples<T>(message: &str, expected: usize, read: fn(&Message<'_>) -> Result<T, Refusal>) {
    let Some(expectations) = vectors::json::<serde_json::Value>("iso20022/EXPECTED.json") else {
        return;
    };
    let folder = vectors::path("iso20022/samples").expect("beside the expectations");
    let files = expectations["files"].as_object().expect("by name");
    let ours = files
        .iter()
        .filter(|(_, expected)| expected["message"] == message && expected["xsd_valid"] == true);
    let (mut found, mut disagreements) = (0, Vec::new());
    let mut runner = TestRunner::deterministic();
    for (name, _) in ours {
        found += 1;
        let bytes = fs::read(folder.join(name)).expect("readable");
        let refusal = read_back(&bytes, read).err();
        let listed = REFUSED.iter().find(|(refused, _)| refused == name);
        let reason = refusal.as_ref().map(|refusal| refusal.reason.as_str());
        if reason != listed.map(|(_, reason)| *reason) {
            disagreements.push(format!("{name}: {refusal:?}"));
        }
        damage(&bytes, &mut runner, read);
    }
    assert_eq!(found, expected, "{message}");
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}

fn damage<T>(bytes: &[u8], runner: &mut TestRunner, read: fn(&Message<'_>) -> Result<T, Refusal>) {
    for _ in 0..100 {
        let any = (0..bytes.len(), 0..12_usize, prop::collection::vec(any::<u8>(), 0..3));
        let (at, removed, added) = any.new_tree(runner).expect("no filter").current();
        let end = bytes.len().min(at + removed);
        let damaged = [&bytes[..at], &added, &bytes[end..]].concat();
        if let Ok(document) = xml::read(&damaged)
            && let (Some(message), _) = Message::find(&document)
            && let Err(refusal) = read(&message)
        {
            assert!(!refusal.to_string().is_empty());
        }
    }
}

#[test]
fn samples_of_credit_transfers_are_read_or_refused_with_a_reason() {
    read_samples("pacs.008.001.08", 24, CreditTransfer::read);
}

/// Its memory is that of one entry: what is written goes on at once.
#[test]
fn a_long_statement_is_written_as_it_goes() {
    let mut runner = TestRunner::deterministic();
    let mut statement = messages::statement()
        .new_tree(&mut runner)
        .expect("none is filtered")
        .current();
    let entry = messages::entry()
        .new_tree(&mut runner)
        .expect("none is filtered")
        .current();
    let mut head = statement.head.clone();
    (head.credits, head.debits) = (Totals::default(), Totals::default());
    let totals = match entry.direction {
        Direction::Credit => &mut head.credits,
        Direction::Debit => &mut head.debits,
    };
    let entries = 20_000;
    *totals = Totals {
        count: entries,
        sum: Amount(entry.amount.amount().0 * entries),
    };
    let eur = Currency::new("EUR").expect("a code");
    let moved = i128::from(head.credits.sum.0) - i128::from(head.debits.sum.0);
    let closing = Balance(head.opening.balance().0 + moved);
    head.closing = Position::new(closing, eur, 2).expect("18 digits");
    let mut writer = StatementWriter::begin(Vec::new(), head.clone()).expect("balanced");
    for _ in 0..entries {
        writer.entry(&entry).expect("booked, in EUR");
    }
    let written = writer.finish().expect("as many as declared");
    assert!(written.ends_with(b"</Ntry></Stmt></BkToCstmrStmt></Document></Envelope>"));

    let mut short = StatementWriter::begin(io::sink(), head.clone()).expect("balanced");
    short.entry(&entry).expect("booked, in EUR");
    assert!(matches!(short.finish(), Err(StatementError::Totals { .. })));

    statement.head.opening = Position::new(Balance(-7), eur, 2).expect("18 digits");
    statement.head.closing = Position::new(Balance(7), eur, 2).expect("18 digits");
    (statement.head.credits, statement.head.debits) = (Totals::default(), Totals::default());
    let begun = StatementWriter::begin(io::sink(), statement.head).map(|_| ());
    assert!(matches!(begun, Err(StatementError::Unbalanced { .. })));

    let pending = Entry {
        status: EntryStatus::Pending,
        ..entry
    };
    let mut writer = StatementWriter::begin(io::sink(), head).expect("balanced");
    assert!(matches!(writer.entry(&pending), Err(StatementError::NotBooked)));
}
