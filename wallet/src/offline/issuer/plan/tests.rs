use causeway_contracts::offline::ids::{KeyId, ListVersion, LoadCounter};

use super::*;
use crate::offline::issuer::example::{CURRENCY, HOUR, RULES, block, keys, load, purse};

fn list(entries: impl IntoIterator<Item = RevocationEntry>, version: u32, hours: u32) -> RevocationList {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort();
    RevocationList::new(ListVersion(version), Epoch(HOUR + hours), entries).expect("in order")
}

fn entry(number: u16) -> RevocationEntry {
    RevocationEntry::purse(purse(number))
}

/// A plan, where the list is of hour `HOUR` and there is a beacon of that hour.
fn planned(events: &[Events], standings: &[(u16, Standing)]) -> Plan {
    planned_after(&Book::default(), events, &list([], 1, 0), standings)
}

fn planned_after(book: &Book, events: &[Events], list: &RevocationList, standings: &[(u16, Standing)]) -> Plan {
    let standings = standings
        .iter()
        .map(|(number, standing)| (purse(*number), *standing))
        .collect();
    let known = Known {
        list,
        beacon: Some(Epoch(HOUR)),
        standings: &standings,
    };
    plan(book, events, &known, &RULES, &keys().ids())
}

fn numbers(plan: &Plan) -> Vec<RevocationEntry> {
    plan.deltas
        .iter()
        .flat_map(|delta| delta.entries.iter().copied())
        .collect()
}

#[test]
fn each_load_has_a_grant_that_begins_in_the_hour_of_its_block() {
    let mut blocks = [block(1, 0), block(2, 1)];
    blocks[0].loads = vec![load(1, 1)];
    blocks[1].loads = vec![load(2, 7), load(1, 2)];
    blocks[1].granted.insert((purse(1), LoadCounter(1)));
    let plan = planned(&blocks, &[]);
    let grant = |number, counter| {
        let load = load(number, counter);
        Grant {
            issuer: keys().ids().grant,
            load: load.lot,
            purse: load.purse,
            load_counter: load.counter,
            amount: load.amount,
            currency: CURRENCY,
            epoch: Epoch(HOUR + 1),
            expiry: Epoch(HOUR + 1 + 720),
        }
    };
    assert_eq!(plan.grants, [grant(2, 7), grant(1, 2)]);
    assert_eq!((plan.book.height, plan.book.block), (Height(2), Some(blocks[1].block)));
}

#[test]
fn a_purse_that_is_listed_has_no_grant() {
    let mut blocks = [block(1, 0)];
    blocks[0].loads = vec![load(1, 1), load(2, 1), load(3, 1)];
    let listed = list([entry(3)], 1, 0);
    let plan = planned_after(&Book::default(), &blocks, &listed, &[(1, Standing::Guilty)]);
    let granted: Vec<_> = plan.grants.iter().map(|grant| grant.purse).collect();
    assert_eq!(granted, [purse(2)]);
}

#[test]
fn there_is_one_beacon_in_each_period_and_it_is_of_the_list_with_all_that_is_added() {
    let beacon = |newest, hours, beacon_hours| {
        let known = Known {
            list: &list([entry(1)], 7, 0),
            beacon: newest,
            standings: &BTreeMap::new(),
        };
        let rules = Rules { beacon_hours, ..RULES };
        plan(&Book::default(), &[block(1, hours)], &known, &rules, &keys().ids()).beacon
    };
    let newest = Some(Epoch(HOUR));
    assert_eq!(beacon(newest, 0, 1), None);
    let next = beacon(newest, 1, 1).expect("an hour later");
    assert_eq!((next.epoch, next.list_version), (Epoch(HOUR + 1), ListVersion(7)));
    assert_eq!(next.list_root, list([entry(1)], 7, 0).root());
    assert!(beacon(None, 0, 1).is_some());
    // 490,000 is even.
    assert_eq!(beacon(newest, 1, 2), None);
    assert!(beacon(newest, 2, 2).is_some());

    let plan = planned(&[block(1, 1)], &[(5, Standing::Guilty)]);
    let told = plan.beacon.expect("an hour later");
    assert_eq!(told.list_version, ListVersion(2));
    assert_eq!(told.list_root, list([entry(5)], 2, 1).root());
}

#[test]
fn more_entries_than_a_delta_has_are_several_deltas_in_a_row() {
    let guilty: Vec<_> = (1..=120).map(|number| (number, Standing::Guilty)).collect();
    let plan = planned_after(&Book::default(), &[block(1, 0)], &list([entry(7)], 4, 0), &guilty);
    let lengths: Vec<_> = plan.deltas.iter().map(|delta| delta.entries.len()).collect();
    assert_eq!(lengths, [54, 54, 11]);
    let versions: Vec<_> = plan
        .deltas
        .iter()
        .map(|delta| (delta.previous.0, delta.version.0))
        .collect();
    assert_eq!(versions, [(4, 5), (5, 6), (6, 7)]);
    let expected: Vec<_> = (1..=120).filter(|number| *number != 7).map(entry).collect();
    assert_eq!(numbers(&plan), expected);
    assert_eq!(plan.unlisted, 0);
}

#[test]
fn a_key_that_is_withdrawn_is_listed_and_so_is_what_was_missed() {
    let mut blocks = [block(1, 0)];
    blocks[0].withdrawn.insert(KeyId([9; 4]));
    let book = Book {
        missed: [entry(2)].into(),
        ..Book::default()
    };
    let plan = planned_after(&book, &blocks, &list([], 1, 0), &[]);
    assert_eq!(numbers(&plan), [entry(2), RevocationEntry::key(KeyId([9; 4]))]);
    assert!(plan.book.missed.is_empty());
}

#[test]
fn a_list_that_has_not_changed_for_a_day_is_said_to_be_so() {
    let delta = |hours| planned(&[block(1, hours)], &[]).deltas;
    assert_eq!(delta(23), []);
    let [ref delta] = delta(24)[..] else {
        panic!("one delta");
    };
    assert!(delta.entries.is_empty());
    assert_eq!(
        (delta.version, delta.previous, delta.epoch),
        (ListVersion(2), ListVersion(1), Epoch(HOUR + 24))
    );
    // And at first, when there is none.
    let first = planned_after(&Book::default(), &[block(1, 0)], &RevocationList::default(), &[]);
    assert_eq!(first.deltas.len(), 1);
}

#[test]
fn a_full_list_says_how_many_found_no_room() {
    let full = list((1..=4_095).map(entry), 9, 0);
    let guilty = [
        (4_096, Standing::Guilty),
        (4_097, Standing::Guilty),
        (4_098, Standing::Guilty),
    ];
    let plan = planned_after(&Book::default(), &[block(1, 0)], &full, &guilty);
    assert_eq!((numbers(&plan), plan.unlisted), (vec![entry(4_096)], 2));
}

#[test]
fn who_has_only_overspent_is_listed_when_no_void_has_come_for_a_day() {
    let first = planned(&[block(1, 0)], &[(1, Standing::Overspent), (2, Standing::Guilty)]);
    assert_eq!(numbers(&first), [entry(2)]);
    assert_eq!(first.book.overspent, BTreeMap::from([(purse(1), Epoch(HOUR))]));
    let empty = list([], 1, 0);
    let ask = |hours| asked_of(&first.book, &[block(2, hours)], &empty, &RULES);
    assert_eq!(ask(23), BTreeSet::new());
    assert_eq!(ask(24), BTreeSet::from([purse(1)]));
    let after = |hours, standing| planned_after(&first.book, &[block(2, hours)], &empty, &[(1, standing)]);
    // Proved once more before that, it waits on from where it was.
    assert_eq!(after(5, Standing::Overspent).book.overspent, first.book.overspent);
    let lifted = after(5, Standing::Sound);
    assert_eq!((lifted.book.overspent.len(), numbers(&lifted)), (0, vec![]));
    let late = after(24, Standing::Overspent);
    assert_eq!((late.book.overspent.len(), numbers(&late)), (0, vec![entry(1)]));
}

#[test]
fn the_ledger_is_asked_for_those_that_something_was_said_of_and_that_are_not_listed() {
    let mut blocks = [block(1, 0), block(2, 0)];
    blocks[0].revoked = [purse(1), purse(2)].into();
    blocks[1].suspects = [purse(2), purse(3)].into();
    let asked = asked_of(&Book::default(), &blocks, &list([entry(3)], 1, 0), &RULES);
    assert_eq!(asked, BTreeSet::from([purse(1), purse(2)]));
}
