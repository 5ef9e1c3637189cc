use causeway_contracts::{block::TimeMs, money::Amount};

use super::*;
use crate::{
    bookkeeping::{Direction, Entry},
    iso20022::{message::Message, payments::Statement, xml},
    remittance::{Remittance, state::Side, tests::fixture},
    service::records::{
        accounts::AccountBody,
        entries::tests::{ANNA, entry, stored},
        remittances,
    },
    store::tests::database,
};

const DAY: &str = "2026-11-29";

fn subject() -> Subject {
    Subject {
        account: ANNA,
        currency: Currency::new("EUR").unwrap(),
        exponent: 2,
        day: Day::parse(DAY).expect("a day"),
    }
}

fn account(iban: Option<&str>) -> Account {
    Account {
        id: "acc_0190a1b2c3d47e8f9aabbccddeeff001".to_owned(),
        client: "client_1".to_owned(),
        customer: "cust_1".to_owned(),
        address: "cwdev1qqqq".to_owned(),
        iban: iban.map(str::to_owned),
        opened: true,
        body: AccountBody {
            salt: causeway_contracts::identity::Salt([1; 16]),
            name: "Zoë Müller".to_owned(),
            aliases: Vec::new(),
            external: false,
        },
    }
}

/// In this millisecond.
fn at(time_ms: u64, index: u32, signed: i64) -> Entry {
    Entry {
        time_ms: TimeMs(time_ms),
        ..entry(7, index, signed, "EUR")
    }
}

async fn chunks(store: &Store, account: &Account) -> Vec<Bytes> {
    let subject = subject();
    let sums = store.read::<_, StoreError, _>(move |sql| {
        let mut before = |ms| entries::totals_before(sql, &subject.account, subject.currency, Some(ms));
        Ok((before(subject.day.begin_ms())?, before(subject.day.until_ms())?))
    });
    let (opening, closing) = sums.await.expect("read");
    let owner = messages::Owner {
        account,
        bic: "BANKDEFFXXX".parse().expect("a BIC"),
        now_ms: 1_796_000_000_000,
    };
    let head = messages::statement_head(&owner, &subject, opening, closing).expect("a head");
    let stream = stream(store.clone(), subject, head).expect("begun");
    let chunks: Vec<_> = stream.collect().await;
    chunks.into_iter().map(|chunk| chunk.expect("a piece")).collect()
}

fn read(written: &[u8]) -> Statement {
    let document = xml::read(written).expect("well-formed");
    Statement::read(&Message::find(&document).0.expect("a message")).expect("a statement")
}

#[test]
fn days_begin_and_end_in_utc() {
    let check = |text: &str, expected: Option<(u64, u64)>| {
        let found = Day::parse(text).map(|day| (day.begin_ms(), day.until_ms()));
        assert_eq!(found, expected, "{text}");
    };
    check("1970-01-01", Some((0, 86_400_000)));
    check("2026-11-29", Some((1_795_910_400_000, 1_795_996_800_000)));
    check("2028-02-29", Some((1_835_395_200_000, 1_835_481_600_000)));
    check("9999-12-31", Some((253_402_214_400_000, 253_402_300_800_000)));
    for wrong in [
        "1969-12-31",
        "2026-02-29",
        "2026-13-01",
        "2026-11-29Z",
        "26-11-29",
        "+026-11-29",
        "",
        "2026/11/29",
    ] {
        check(wrong, None);
    }
}

#[tokio::test]
async fn a_day_has_what_was_booked_from_its_first_millisecond_to_its_last() {
    let (store, _folder) = database().await;
    let day = Day::parse(DAY).expect("a day");
    let (from, until) = (day.begin_ms(), day.until_ms());
    let booked = [
        at(from - 1, 0, 1_000),
        at(from, 0, 20),
        at(from, 1, -7),
        at(until - 1, 0, 300),
        at(until, 0, -4_000),
    ];
    stored(&store, booked.to_vec()).await;
    let statement = read(&chunks(&store, &account(None)).await.concat());
    let head = &statement.head;
    assert_eq!((head.opening.balance().0, head.closing.balance().0), (1_000, 1_313));
    assert_eq!((head.credits.count, head.credits.sum), (2, Amount(320)));
    assert_eq!((head.debits.count, head.debits.sum), (1, Amount(7)));
    let amounts: Vec<u64> = statement.entries.iter().map(|entry| entry.amount.amount().0).collect();
    assert_eq!(amounts, [20, 7, 300]);
    assert_eq!(head.day.to_string(), DAY);
    assert_eq!(
        head.owner
            .as_ref()
            .and_then(|owner| owner.name.as_ref())
            .map(|name| name.as_str()),
        Some("Zoe Muller")
    );
}

#[tokio::test]
async fn a_day_without_entries_has_two_equal_balances() {
    let (store, _folder) = database().await;
    let day = Day::parse(DAY).expect("a day");
    stored(&store, vec![at(day.begin_ms() - 1, 0, 500)]).await;
    let statement = read(&chunks(&store, &account(Some("DE89370400440532013000"))).await.concat());
    assert_eq!(
        (statement.head.opening.balance().0, statement.head.closing.balance().0),
        (500, 500)
    );
    assert_eq!(statement.entries, []);
    assert!(matches!(
        statement.head.account.id,
        crate::iso20022::payments::AccountId::Iban(_)
    ));
}

/// With its UETR, its own references, and who paid whom.
#[tokio::test]
async fn an_entry_of_a_remittance_says_so() {
    let (store, _folder) = database().await;
    let mut remittance = fixture::reserved(Side::Sender);
    remittance.order.end_to_end_id = Some("E2E-7".to_owned());
    remittance.order.reference = Some("Invoice 7".to_owned());
    let kept: Remittance = remittance.clone();
    store
        .write::<_, StoreError, _>(move |sql| {
            remittances::add(sql, &kept)?;
            let transaction = causeway_contracts::transaction::TxId([1; 32]).to_string();
            remittances::keep_proof(sql, &transaction, &kept.id, "{}")
        })
        .await
        .expect("stored");
    let day = Day::parse(DAY).expect("a day");
    let paid = Entry {
        contract: remittance.ledger.hold,
        ..at(day.begin_ms(), 1, -1_250)
    };
    let unexplained = Entry {
        memo: Default::default(),
        ..at(day.begin_ms(), 0, 9_000)
    };
    stored(&store, vec![unexplained, paid]).await;
    let statement = read(&chunks(&store, &account(None)).await.concat());
    let details = &statement.entries[1].details[0];
    assert_eq!(
        details.uetr.as_ref().map(ToString::to_string),
        Some(remittance.order.uetr)
    );
    assert_eq!(details.end_to_end_id.as_ref().map(|id| id.as_str()), Some("E2E-7"));
    let name = |party: &Option<crate::iso20022::payments::Party>| {
        party
            .as_ref()
            .and_then(|party| party.name.as_ref())
            .map(ToString::to_string)
    };
    assert_eq!(name(&details.debtor).as_deref(), Some("Ada Example"));
    assert_eq!(name(&details.creditor).as_deref(), Some("Ben Example"));
    // Without a remittance or a memo there is nothing to say, and no empty element.
    assert_eq!(statement.entries[0].details, []);
    assert_eq!(
        statement.entries[0].direction,
        crate::iso20022::payments::Direction::Credit
    );
    assert_eq!(Direction::Credit, at(0, 0, 1).direction);
}

/// No piece is longer than a page of entries, however many there are.
async fn check_long(count: u64) {
    let (store, _folder) = database().await;
    let day = Day::parse(DAY).expect("a day");
    for block in 0..count / 1_000 {
        let entries = (0..1_000).map(|index| at(day.begin_ms() + block, index, 2));
        stored(&store, entries.collect()).await;
    }
    let subject = subject();
    let totals = store.read::<_, StoreError, _>(move |sql| {
        entries::totals_before(sql, &subject.account, subject.currency, Some(day.until_ms()))
    });
    let closing = totals.await.expect("read");
    assert_eq!((closing.credits, closing.credited), (count, 2 * u128::from(count)));
    let account = account(None);
    let owner = messages::Owner {
        account: &account,
        bic: "BANKDEFFXXX".parse().expect("a BIC"),
        now_ms: 1_796_000_000_000,
    };
    let before = high_water();
    let begun = std::time::Instant::now();
    let head = messages::statement_head(&owner, &subject, Default::default(), closing).expect("a head");
    let mut stream = stream(store.clone(), subject, head).expect("begun");
    let (mut written, mut counted, mut longest) = (0, 0, 0);
    let mut last = Bytes::new();
    while let Some(chunk) = stream.next().await {
        last = chunk.expect("a piece");
        written += last.len();
        longest = longest.max(last.len());
        counted += last.windows(6).filter(|window| window == b"<Ntry>").count() as u64;
    }
    println!(
        "{count} entries, {written} bytes in {:?}; at most {} KiB before and {} KiB after",
        begun.elapsed(),
        before,
        high_water()
    );
    assert_eq!(counted, count);
    assert!(longest < PAGE * 2_048, "{longest}");
    assert!(last.ends_with(b"</Document></Envelope>"));
}

/// The most memory that the process ever had, in KiB.
fn high_water() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[tokio::test]
async fn a_hundred_thousand_entries_are_never_in_memory_together() {
    check_long(100_000).await;
}

#[tokio::test]
#[ignore = "takes minutes; by hand, alone: it prints memory and time"]
async fn a_million_entries_are_never_in_memory_together() {
    check_long(1_000_000).await;
}
