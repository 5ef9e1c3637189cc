use super::*;
use crate::{
    ledger::rejection::Rejection::*,
    merkle,
    offline::revocation::{REVOCATIONS_MAX, RevocationList},
};

/// Of a list with these entries.
fn root(entries: &[RevocationEntry]) -> Root {
    let mut leaves: Vec<_> = entries.iter().map(|entry| entry.0).collect();
    leaves.sort();
    merkle::root(leaves.iter().map(|entry| merkle::leaf(entry)).collect())
}

/// The same delta, signed by somebody else's key.
fn forged(action: Action) -> Action {
    let Action::Offline(action) = action else {
        panic!("about purses")
    };
    let OfflineAction::AddRevocations { by, delta } = *action else {
        panic!("a delta")
    };
    let delta = signed(delta.body, &service(KeyRole::Grant));
    act(OfflineAction::AddRevocations { by, delta })
}

#[test]
fn an_hour_has_one_beacon_and_hours_ascend() {
    let mut net = purse_town();
    net.refuse(net.beacon_action(after(1), 0, root(&[])), &["fund"], EpochOutOfTime);
    net.refuse(net.beacon_action(HOUR, 1, root(&[])), &["fund"], ListVersionUnknown);
    net.must(vec![net.beacon_action(HOUR, 0, root(&[]))], &["fund"]);
    net.must(vec![net.beacon_action(HOUR, 0, root(&[]))], &["fund"]);
    let other = net.beacon_action(HOUR, 0, Root([2; 32]));
    net.refuse(other, &["fund"], MessageConflict);
    let earlier = net.beacon_action(Epoch(HOUR.0 - 1), 0, root(&[]));
    net.refuse(earlier, &["fund"], EpochOutOfTime);
    let next = net.beacon_action(after(2), 0, root(&[]));
    assert_eq!(
        net.at_hour(2, next, "alice"),
        Err(crate::ledger::rejection::Skip::UnknownSigner)
    );
    net.must(vec![net.beacon_action(after(2), 0, root(&[]))], &["fund"]);
    net.check_restores();
}

#[test]
fn versions_of_the_revocation_list_follow_each_other() {
    let mut net = purse_town();
    let entries = vec![
        RevocationEntry::purse(purse("alice")),
        RevocationEntry::purse(purse("nobody")),
    ];
    let first = net.delta_action((0, 1), HOUR, entries.clone());
    let ahead = net.delta_action((0, 1), after(1), vec![]);
    net.refuse(ahead, &["fund"], EpochOutOfTime);
    net.refuse(net.delta_action((1, 2), HOUR, vec![]), &["fund"], ListVersionUnknown);
    net.must(vec![first.clone()], &["fund"]);
    net.must(vec![first], &["fund"]);
    net.refuse(net.delta_action((0, 1), HOUR, vec![]), &["fund"], MessageConflict);
    net.refuse(net.delta_action((0, 2), HOUR, vec![]), &["fund"], ListVersionUnknown);
    net.refuse(net.beacon_action(HOUR, 1, root(&[])), &["fund"], ListMismatch);
    net.must(vec![net.beacon_action(HOUR, 1, root(&entries))], &["fund"]);
    let load = net.load_action("alice", load_request("alice", 1, 1));
    net.refuse(load, &["alice"], PurseRevoked);
    net.check_restores();
}

/// A thief of the key leaves no fewer versions for the issuer than he had deltas recorded.
#[test]
fn a_delta_leads_to_the_next_version_alone() {
    let mut net = purse_town();
    for (previous, version) in [(0, 2), (0, u32::MAX)] {
        let jump = net.delta_action((previous, version), HOUR, vec![]);
        net.refuse(jump, &["fund"], ListVersionUnknown);
    }
    net.must(vec![net.delta_action((0, 1), HOUR, vec![])], &["fund"]);
    let jump = net.delta_action((1, 3), HOUR, vec![]);
    net.refuse(jump, &["fund"], ListVersionUnknown);
    net.must(vec![net.delta_action((1, 2), HOUR, vec![])], &["fund"]);
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

/// Each version keeps its root, so that a beacon signed before the next delta is taken after it.
#[test]
fn a_beacon_tells_the_root_of_the_list_of_its_version() {
    let mut net = purse_town();
    let entries = ["alice", "bob"].map(|name| RevocationEntry::purse(purse(name)));
    net.must(vec![net.delta_action((0, 1), HOUR, vec![entries[0]])], &["fund"]);
    net.must(vec![net.delta_action((1, 2), HOUR, entries.to_vec())], &["fund"]);
    net.refuse(
        net.beacon_action(HOUR, 3, root(&entries[..1])),
        &["fund"],
        ListVersionUnknown,
    );
    net.refuse(net.beacon_action(HOUR, 1, root(&entries)), &["fund"], ListMismatch);
    net.must(vec![net.beacon_action(HOUR, 1, root(&entries[..1]))], &["fund"]);
    let later = net.beacon_action(after(1), 2, root(&entries));
    assert_eq!(net.at_hour(1, later, "fund"), Ok(Outcome::Applied));
    let earlier = net.delta_action((2, 3), Epoch(HOUR.0 - 1), vec![]);
    net.refuse(earlier.clone(), &["fund"], EpochOutOfTime);
    net.refuse(forged(earlier), &["fund"], EpochOutOfTime);
    let two = [
        net.delta_action((2, 3), HOUR, vec![]),
        net.delta_action((3, 4), HOUR, vec![]),
    ];
    let fate = net.act(two.to_vec(), &["fund"]);
    let reason = MessageConflict;
    assert_eq!(fate, Ok(Outcome::Rejected { action: 1, reason }));
    net.check_restores();
}

#[test]
fn a_list_has_no_more_entries_than_a_purse_keeps() {
    let mut net = purse_town();
    let entry = |number: usize| RevocationEntry((number as u64).to_be_bytes());
    let all: Vec<_> = (1..=REVOCATIONS_MAX).map(entry).collect();
    let (mut version, mut list) = (0, RevocationList::default());
    for part in all.chunks(54) {
        let action = net.delta_action((version, version + 1), HOUR, part.to_vec());
        net.must(vec![action.clone()], &["fund"]);
        let Action::Offline(action) = action else {
            panic!("about purses")
        };
        let OfflineAction::AddRevocations { delta, .. } = *action else {
            panic!("a delta")
        };
        list.apply(&delta.body).expect("the next");
        version += 1;
    }
    net.must(vec![net.beacon_action(HOUR, version, list.root())], &["fund"]);
    let more = net.delta_action((version, version + 1), HOUR, vec![entry(REVOCATIONS_MAX + 1)]);
    net.refuse(more.clone(), &["fund"], RegistryFull);
    // Who does not sign for the list has it not even read.
    net.refuse(forged(more), &["fund"], MessageInvalid);
    net.must(
        vec![net.delta_action((version, version + 1), HOUR, vec![entry(1)])],
        &["fund"],
    );
}
