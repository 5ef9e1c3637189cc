use causeway_contracts::identity::ParticipantId;

use super::*;
use crate::{
    remittance::{state::Side, tests::fixture},
    service::records::{
        followed::{self, Followed, KeptBookkeeper},
        remittances,
    },
    store::{Store, tests::database},
};

pub const ANNA: AccountId = AccountId([1; 20]);

fn code(text: &str) -> Currency {
    Currency::new(text).unwrap()
}

/// Of this height, in whose seconds it is.
pub fn entry(height: u64, index: u32, signed: i64, currency: &str) -> Entry {
    Entry {
        account: ANNA,
        currency: code(currency),
        height: Height(height),
        index,
        part: 0,
        time_ms: TimeMs(height * 1_000),
        direction: if signed < 0 {
            Direction::Debit
        } else {
            Direction::Credit
        },
        amount: Amount(signed.unsigned_abs()),
        kind: Kind::Transfer,
        counterparty: Some(AccountId([2; 20])),
        transaction: Some(TxId([index as u8; 32])),
        contract: None,
        memo: Text::new("it's for tea").unwrap(),
    }
}

pub async fn stored(store: &Store, entries: Vec<Entry>) {
    store.write(move |sql| add(sql, &entries)).await.expect("stored");
}

async fn all(store: &Store) -> Vec<Recorded> {
    let range = Range {
        account: ANNA,
        currency: None,
        after: None,
        until_ms: None,
    };
    store.read(move |sql| list(sql, &range, 1_000)).await.expect("read")
}

async fn balance(store: &Store, currency: &str, until_ms: Option<u64>) -> i128 {
    let currency = code(currency);
    let totals = store.read::<_, StoreError, _>(move |sql| totals_before(sql, &ANNA, currency, until_ms));
    totals.await.expect("read").balance().0
}

#[tokio::test]
async fn entries_come_back_as_they_were_with_what_was_booked_so_far() {
    let (store, _folder) = database().await;
    let block = vec![
        entry(5, 0, 700, "EUR"),
        entry(5, 1, 30, "THB"),
        entry(5, 2, -200, "EUR"),
    ];
    stored(&store, block.clone()).await;
    let later = vec![Entry {
        part: 3,
        amount: Amount(u64::MAX),
        transaction: None,
        counterparty: None,
        ..entry(6, 7, 1, "EUR")
    }];
    stored(&store, later.clone()).await;
    // Again: after a restart the same blocks are booked once more.
    stored(&store, block.clone()).await;
    stored(&store, later.clone()).await;
    let found = all(&store).await;
    let entries: Vec<Entry> = found.iter().map(|recorded| recorded.entry.clone()).collect();
    assert_eq!(entries, [block, later].concat());
    let balances: Vec<i128> = found.iter().map(|recorded| recorded.totals.balance().0).collect();
    assert_eq!(balances, [700, 30, 500, 500 + i128::from(u64::MAX)]);
    assert_eq!(
        found[3].totals,
        Totals {
            credits: 2,
            credited: 700 + u128::from(u64::MAX),
            debits: 1,
            debited: 200,
        }
    );
    let place = found[3].place;
    let one = store.read(move |sql| find(sql, &ANNA, place)).await.expect("read");
    assert_eq!(one.map(|recorded| recorded.entry), Some(found[3].entry.clone()));
    let none = store.read(move |sql| find(sql, &AccountId([2; 20]), place)).await;
    assert!(none.expect("read").is_none(), "it is another's");
}

#[tokio::test]
async fn pages_follow_each_other_and_a_time_is_the_first_of_the_next() {
    let (store, _folder) = database().await;
    let entries = [
        (1, 0, 10, "EUR"),
        (1, 1, 20, "THB"),
        (2, 0, -5, "EUR"),
        (3, 0, 7, "EUR"),
    ];
    let entries = entries.map(|(height, index, signed, currency)| entry(height, index, signed, currency));
    stored(&store, entries.to_vec()).await;
    let check = async |currency: Option<&str>, from_ms: u64, until_ms: u64, expected: &[u64]| {
        let mut range = Range {
            account: ANNA,
            currency: currency.map(code),
            after: Place::last_before(from_ms),
            until_ms: Some(until_ms),
        };
        let mut amounts = Vec::new();
        loop {
            let page = store.read::<_, StoreError, _>(move |sql| list(sql, &range, 1)).await;
            match page.expect("read").pop() {
                Some(recorded) => {
                    amounts.push(recorded.entry.amount.0);
                    range.after = Some(recorded.place);
                }
                None => break,
            }
        }
        assert_eq!(amounts, expected, "{currency:?} {from_ms} {until_ms}");
    };
    check(None, 0, u64::MAX, &[10, 20, 5, 7]).await;
    check(Some("EUR"), 0, u64::MAX, &[10, 5, 7]).await;
    check(Some("EUR"), 1_000, 3_000, &[10, 5]).await;
    check(Some("EUR"), 1_001, 3_001, &[5, 7]).await;
    check(Some("JPY"), 0, u64::MAX, &[]).await;
    for (until_ms, expected) in [(1_000, 0), (1_001, 10), (2_001, 5), (3_000, 5), (3_001, 12)] {
        assert_eq!(balance(&store, "EUR", Some(until_ms)).await, expected, "{until_ms}");
    }
}

#[tokio::test]
async fn what_the_ledger_has_beyond_the_entries_is_booked_once() {
    let (store, _folder) = database().await;
    stored(&store, vec![entry(5, 0, 700, "EUR"), entry(5, 1, 30, "THB")]).await;
    let issued = -(i128::from(u64::MAX) + 5);
    let held = Held {
        account: ANNA,
        height: Height(6),
        time_ms: TimeMs(6_000),
        balances: BTreeMap::from([(code("EUR"), Balance(650)), (code("USD"), Balance(issued))]),
    };
    for _ in 0..2 {
        let held = held.clone();
        store.write(move |sql| settle(sql, &held)).await.expect("stored");
    }
    let found = all(&store).await;
    let others = found.iter().filter(|recorded| recorded.entry.kind == Kind::Other);
    let others: Vec<_> = others
        .map(|recorded| {
            let Entry {
                currency,
                direction,
                amount,
                index,
                part,
                ..
            } = recorded.entry;
            assert_eq!(index, u32::MAX);
            (currency.to_string(), direction, amount.0, part)
        })
        .collect();
    let expected = [
        ("EUR", Direction::Debit, 50, 0),
        ("THB", Direction::Debit, 30, 1),
        ("USD", Direction::Debit, u64::MAX, 2),
        ("USD", Direction::Debit, 5, 3),
    ];
    let expected = expected.map(|(currency, direction, amount, part)| (currency.to_owned(), direction, amount, part));
    assert_eq!(others, expected);
    for (currency, expected) in [("EUR", 650), ("THB", 0), ("USD", issued)] {
        assert_eq!(balance(&store, currency, None).await, expected, "{currency}");
    }
    let currencies = store.read(|sql| currencies_of(sql, &ANNA)).await.expect("read");
    assert_eq!(currencies, ["EUR", "THB", "USD"].map(code));
}

#[tokio::test]
async fn an_entry_has_the_remittance_whose_hold_it_is_of() {
    let (store, _folder) = database().await;
    let remittance = fixture::reserved(Side::Sender);
    let hold = remittance.ledger.hold;
    assert!(hold.is_some());
    let kept = remittance.clone();
    store
        .write::<_, StoreError, _>(move |sql| {
            remittances::add(sql, &kept)?;
            remittances::keep_proof(sql, &TxId([7; 32]).to_string(), &kept.id, "{}")
        })
        .await
        .expect("stored");
    let of = |part: u16, contract: Option<ContractId>| Entry {
        part,
        contract,
        kind: Kind::HoldPosted,
        ..entry(5, 7, -700, "EUR")
    };
    let others = ContractId::derive(&TxId([8; 32]), 0);
    stored(&store, vec![of(0, hold), of(1, Some(others)), of(2, None)]).await;
    let found: Vec<_> = all(&store)
        .await
        .into_iter()
        .map(|recorded| recorded.remittance)
        .collect();
    assert_eq!(found, [Some(Box::new(remittance)), None, None]);
}

#[test]
fn an_entry_belongs_to_a_remittance_of_its_account_alone() {
    let mut remittance = fixture::reserved(Side::Sender);
    remittance.ledger.returning = Some(TxId([9; 32]));
    let hold = remittance.ledger.hold;
    let check = |account: u8, kind: Kind, transaction: u8, contract: Option<ContractId>, expected: bool| {
        let entry = Entry {
            account: AccountId([account; 20]),
            kind,
            transaction: Some(TxId([transaction; 32])),
            contract,
            ..entry(5, 0, -700, "EUR")
        };
        assert_eq!(
            belongs(&entry, &remittance),
            expected,
            "{account} {kind:?} {transaction} {contract:?}"
        );
    };
    check(1, Kind::Exchange, 7, hold, true);
    check(2, Kind::HoldPosted, 7, hold, true);
    check(3, Kind::HoldPosted, 7, hold, false);
    check(
        1,
        Kind::HoldPosted,
        7,
        Some(ContractId::derive(&TxId([1; 32]), 1)),
        false,
    );
    check(1, Kind::Transfer, 9, None, true);
    check(3, Kind::Transfer, 9, None, false);
    check(1, Kind::Fee, 1, None, true);
    check(1, Kind::Transfer, 1, None, false);
    check(1, Kind::Transfer, 7, None, false);
}

#[tokio::test]
async fn how_far_the_ledger_was_followed_is_stored_with_the_bookkeeper_apart() {
    let (store, _folder) = database().await;
    let nothing = store.read(|sql| Ok::<_, StoreError>((followed::find(sql)?, followed::bookkeeper(sql)?)));
    assert_eq!(nothing.await.expect("read"), (None, None));
    let at = |height: u64| Followed {
        height: Height(height),
        time_ms: TimeMs(height * 1_000),
        since_ms: TimeMs(0),
        unsettled: BTreeSet::from([ANNA]),
    };
    let issuers = [(code("EUR"), ParticipantId::new("CBEUR").unwrap())];
    let genesis = causeway_contracts::block::GenesisHash([7; 32]);
    let mut bookkeeper = crate::bookkeeping::Bookkeeper::new(Height(4), genesis, issuers);
    bookkeeper.watch(ANNA);
    let kept = KeptBookkeeper {
        block: Some(causeway_contracts::block::BlockId([3; 32])),
        bookkeeper,
    };
    let written = kept.clone();
    store
        .write::<_, StoreError, _>(move |sql| {
            followed::save(sql, &at(3))?;
            followed::save_bookkeeper(sql, &written)?;
            followed::save(sql, &at(9))
        })
        .await
        .expect("stored");
    let found = store.read(|sql| Ok::<_, StoreError>((followed::find(sql)?, followed::bookkeeper(sql)?)));
    assert_eq!(found.await.expect("read"), (Some(at(9)), Some(kept)));
}

#[test]
fn ids_sort_as_entries_do_and_are_read_in_one_form() {
    let place = Place {
        time_ms: 1_800_000_000_000,
        within: u64::from(u32::MAX) << 16 | 5,
    };
    let id = place.to_string();
    assert_eq!(id, "ent_01a3185c5000ffffffff0005");
    assert_eq!(id.parse(), Ok(place));
    let later = Place {
        time_ms: 1_800_000_000_001,
        within: 0,
    };
    assert!(Place::last_before(later.time_ms).is_some_and(|last| place < last && last < later));
    assert_eq!(Place::last_before(0), None);
    for wrong in [
        "",
        "ent_",
        "ent_01A3185c5000ffffffff0005",
        "ent_01a3185c5000ffffffff00050",
        "é",
    ] {
        assert_eq!(wrong.parse::<Place>(), Err(NotAPlace), "{wrong}");
    }
}
