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
        BatchStatus, CancellationAnswer, CancellationRequest, CancellationState, Case, CreditTransfer, Direction,
        Entry, EntryStatus, GroupStatus, Initiation, Money, Notification, OrderStatus, PaymentReturn, PaymentStatus,
        Position, Refusal, Statement, StatementError, StatementWriter, Text, Totals, TransferState, TransferStatus,
        write,
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
    for at in 0..100 {
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

fn state() -> impl Strategy<Value = TransferState> {
    prop_oneof![
        Just(TransferState::Accepted),
        Just(TransferState::InProcess),
        messages::date().prop_map(TransferState::Settled),
        messages::reason().prop_map(TransferState::Rejected),
        option::of(messages::reason()).prop_map(TransferState::Pending),
    ]
}

#[test]
fn invariant_a_status_is_valid() {
    let status = (
        messages::credit_transfer(),
        messages::original(),
        state(),
        option::of(messages::uetr()),
    );
    let status = status.prop_map(|(transfer, original, state, uetr)| TransferStatus {
        header: transfer.header,
        message_id: transfer.message_id,
        created: transfer.created,
        original,
        uetr,
        state,
        instructing_agent: transfer.instructing_agent,
        instructed_agent: transfer.instructed_agent,
    });
    some("pacs.002.001.10", status, write);
}

#[test]
fn invariant_a_return_is_read_as_it_was_written() {
    some("pacs.004.001.09", messages::payment_return(), |returned| {
        let bytes = write(returned);
        assert_eq!(read_back(&bytes, PaymentReturn::read).as_ref(), Ok(returned));
        bytes
    });
}

/// Less than was paid is marked as such, which is the only difference.
#[test]
fn invariant_a_return_of_a_part_says_so() {
    let eur = |units| Money::new(Amount(units), Currency::new("EUR").expect("a code"), 2).expect("18 digits");
    let (more, less) = (eur(999_999_999_999_999_999), eur(7));
    let part = messages::payment_return().prop_map(move |returned| PaymentReturn {
        original_settled: Some(more),
        returned: less,
        ..returned
    });
    some("pacs.004.001.09-part", part, |returned| {
        let bytes = write(returned);
        let mut expected = returned.clone();
        expected
            .reason
            .additional
            .insert(0, Text::new("PART").expect("of the set"));
        assert_eq!(read_back(&bytes, PaymentReturn::read), Ok(expected));
        bytes
    });
}

#[test]
fn invariant_an_answer_to_a_cancellation_is_valid() {
    let state = prop_oneof![
        Just(CancellationState::Cancelled),
        messages::reason().prop_map(CancellationState::Rejected),
        messages::reason().prop_map(CancellationState::Pending),
    ];
    let case = (messages::text(), messages::actor()).prop_map(|(id, creator)| Case { id, creator });
    let rest = (option::of(case), option::of(messages::text()), state);
    let answer = (messages::credit_transfer(), messages::original(), rest);
    let answer = answer.prop_map(
        |(transfer, original, (case, cancellation_id, state))| CancellationAnswer {
            header: transfer.header,
            id: transfer.message_id,
            assigner: transfer.instructing_agent,
            assignee: transfer.instructed_agent,
            created: transfer.created,
            case,
            cancellation_id,
            original,
            uetr: transfer.uetr,
            state,
        },
    );
    some("camt.029.001.09", answer, write);
}

#[test]
fn invariant_a_status_of_orders_is_valid() {
    let order = (messages::reference(), option::of(messages::reference()), state());
    let order = order.prop_map(|(id, end_to_end_id, state)| OrderStatus {
        instruction_id: Some(id),
        end_to_end_id,
        uetr: None,
        state,
    });
    let status = || {
        option::of(proptest::sample::select(
            &[GroupStatus::Partly, GroupStatus::Rejected][..],
        ))
    };
    let batch = (messages::text(), status(), option::of(messages::reason()));
    let batch = (batch, prop::collection::vec(order, 0..3));
    let batch = batch.prop_map(|((id, status, reason), transfers)| BatchStatus {
        id,
        status,
        reason,
        transfers,
    });
    let whole = (
        status(),
        option::of(messages::reason()),
        prop::collection::vec(batch, 0..3),
    );
    let report = (messages::credit_transfer(), messages::original_message(), whole);
    let report = report.prop_map(|(transfer, original, (status, reason, batches))| PaymentStatus {
        header: Some(transfer.header),
        message_id: transfer.message_id,
        created: transfer.created,
        initiating_party: transfer.ultimate_debtor,
        original,
        status,
        reason,
        batches,
    });
    some("pain.002.001.10", report, write);
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
    // A reason code in small letters, no header's BIC, no UETR.
    ("cbpr-ur-examples/y2026/pacs.004.max.xml", "FF01"),
    ("cbpr-ur-examples/y2026/pacs.004.min.xml", "RC01"),
    ("cbpr-ur-tests/fixtures/pacs_004_2025_invalid.xml", "CH21"),
    // Cheques, no header's BIC, the header of another message.
    ("cbpr-ur-examples/y2026/pain.001.max.xml", "AG03"),
    ("cbpr-ur-examples/y2026/pain.001.min.xml", "RC01"),
    (
        "cbpr-ur-tests/2025/violators/pain001_credit_initiation_sample__violates_pain.001-R3_msgdefidr_mismatch.xml",
        "FF01",
    ),
    // No header.
    ("genkgo-camt/camt053.v8.xml", "FF01"),
];

/// How a kind of message is read and, where it is, written.
struct Form<T> {
    read: fn(&Message<'_>) -> Result<T, Refusal>,
    write: fn(&T) -> Option<Vec<u8>>,
}

impl<T> Form<T> {
    /// What is read can be written, and what was written is read as such: it is written the same again.
    fn check(&self, read: &T) {
        if let Some(written) = (self.write)(read) {
            let again = read_back(&written, self.read).expect("our own");
            assert_eq!((self.write)(&again).as_ref(), Some(&written));
        }
    }
}

/// Reads the samples of a message that fit its schema, and damaged ones, which must not panic.
fn read_samples<T>(message: &str, expected: usize, form: Form<T>) {
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
        let refusal = read_back(&bytes, form.read).map(|read| form.check(&read)).err();
        let listed = REFUSED.iter().find(|(refused, _)| refused == name);
        let reason = refusal.as_ref().map(|refusal| refusal.reason.as_str());
        if reason != listed.map(|(_, reason)| *reason) {
            disagreements.push(format!("{name}: {refusal:?}"));
        }
        damage(&bytes, &mut runner, &form);
    }
    assert_eq!(found, expected, "{message}");
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
}

fn damage<T>(bytes: &[u8], runner: &mut TestRunner, form: &Form<T>) {
    for _ in 0..60 {
        let any = (0..bytes.len(), 0..12_usize, prop::collection::vec(any::<u8>(), 0..3));
        let (at, removed, added) = any.new_tree(runner).expect("no filter").current();
        let end = bytes.len().min(at + removed);
        let damaged = [&bytes[..at], &added, &bytes[end..]].concat();
        if let Ok(document) = xml::read(&damaged)
            && let (Some(message), _) = Message::find(&document)
        {
            match (form.read)(&message) {
                Ok(read) => form.check(&read),
                Err(refusal) => assert!(!refusal.to_string().is_empty()),
            }
        }
    }
}

#[test]
fn samples_of_credit_transfers_are_read_or_refused_with_a_reason() {
    let form = Form {
        read: CreditTransfer::read,
        write: |transfer| Some(write(transfer)),
    };
    read_samples("pacs.008.001.08", 24, form);
}

#[test]
fn samples_of_returns_are_read_or_refused_with_a_reason() {
    let form = Form {
        read: PaymentReturn::read,
        write: |returned| Some(write(returned)),
    };
    read_samples("pacs.004.001.09", 9, form);
}

#[test]
fn samples_of_cancellations_are_read_or_refused_with_a_reason() {
    let form = Form {
        read: CancellationRequest::read,
        write: |_| None,
    };
    read_samples("camt.056.001.08", 3, form);
}

#[test]
fn samples_of_orders_are_read_or_refused_with_a_reason() {
    let form = Form {
        read: Initiation::read,
        write: |_| None,
    };
    read_samples("pain.001.001.09", 5, form);
}

#[test]
fn samples_of_statements_are_read_or_refused_with_a_reason() {
    let form = Form {
        read: Statement::read,
        write: |statement| statement.write().ok(),
    };
    read_samples("camt.053.001.08", 6, form);
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
