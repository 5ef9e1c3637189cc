use super::*;
use crate::ledger::rejection::Rejection::*;

#[test]
fn an_hour_has_one_beacon_and_hours_ascend() {
    let mut net = purse_town();
    net.refuse(net.beacon_action(after(1), 0, 1), &["fund"], EpochOutOfTime);
    net.refuse(net.beacon_action(HOUR, 1, 1), &["fund"], ListVersionUnknown);
    net.must(vec![net.beacon_action(HOUR, 0, 1)], &["fund"]);
    net.must(vec![net.beacon_action(HOUR, 0, 1)], &["fund"]);
    net.refuse(net.beacon_action(HOUR, 0, 2), &["fund"], MessageConflict);
    let earlier = net.beacon_action(Epoch(HOUR.0 - 1), 0, 1);
    net.refuse(earlier, &["fund"], EpochOutOfTime);
    let next = net.beacon_action(after(2), 0, 1);
    assert_eq!(
        net.at_hour(2, next, "alice"),
        Err(crate::ledger::rejection::Skip::UnknownSigner)
    );
    net.must(vec![net.beacon_action(after(2), 0, 1)], &["fund"]);
    net.check_restores();
}

#[test]
fn versions_of_the_revocation_list_follow_each_other() {
    let mut net = purse_town();
    let entries = vec![
        RevocationEntry::purse(purse("alice")),
        RevocationEntry::purse(purse("nobody")),
    ];
    let first = net.delta_action((0, 1), HOUR, entries);
    let ahead = net.delta_action((0, 1), after(1), vec![]);
    net.refuse(ahead, &["fund"], EpochOutOfTime);
    net.refuse(net.delta_action((1, 2), HOUR, vec![]), &["fund"], ListVersionUnknown);
    net.must(vec![first.clone()], &["fund"]);
    net.must(vec![first], &["fund"]);
    net.refuse(net.delta_action((0, 1), HOUR, vec![]), &["fund"], MessageConflict);
    net.refuse(net.delta_action((0, 2), HOUR, vec![]), &["fund"], ListVersionUnknown);
    net.must(vec![net.beacon_action(HOUR, 1, 3)], &["fund"]);
    let load = net.load_action("alice", load_request("alice", 1, 1));
    net.refuse(load, &["alice"], PurseRevoked);
    net.check_restores();
}

#[test]
fn one_entry_kills_a_key() {
    let mut net = purse_town();
    let grant = net.loaded("alice", 1, 1_000);
    let entry = RevocationEntry::key(kid(KeyRole::Grant));
    let unknown = RevocationEntry::key(KeyId([1; 4]));
    net.must(vec![net.delta_action((0, 1), HOUR, vec![entry, unknown])], &["fund"]);
    net.refuse(net.grant_action(grant), &["fund"], UnknownServiceKey);
    net.check_restores();
}
