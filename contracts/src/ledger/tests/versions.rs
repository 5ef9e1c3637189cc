//! Versions of the protocol: how one comes into force, and what may happen only then.

use super::network::*;
use crate::{
    block::{Height, TimeMs},
    governance::CouncilAction,
    ledger::{
        InvalidBlock, StateKey, StateValue,
        receipt::Outcome,
        rejection::{Rejection, Skip},
    },
    protocol::{NotInForce, Protocol, ProtocolVersion, SCHEDULE_AHEAD_MIN, Upcoming},
    transaction::{Action, SignedTransaction},
};

const V1: ProtocolVersion = ProtocolVersion(1);
const V2: ProtocolVersion = ProtocolVersion(2);

fn network() -> Network {
    let participants = vec![participant("ECB", false)];
    Network::new(genesis(
        participants,
        vec![currency("EUR", "ECB", 10_000)],
        Vec::new(),
        Vec::new(),
    ))
}

fn schedule(height: u64) -> Action {
    council(CouncilAction::ScheduleProtocol {
        version: V2,
        height: Height(height),
    })
}

fn set_council(name: &str) -> Action {
    council(CouncilAction::SetCouncil(policy(name)))
}

/// Schedules version 2 as early as may be; gives its height.
fn scheduled(net: &mut Network) -> Height {
    let height = net.ledger.tip().height.next().0 + SCHEDULE_AHEAD_MIN;
    net.must(vec![schedule(height)], &["council"]);
    Height(height)
}

fn run_to(net: &mut Network, height: u64) {
    while net.ledger.tip().height.0 < height {
        net.run(Vec::new());
    }
}

fn not_in_force(from: Option<Height>) -> Result<(), Skip> {
    Err(Skip::NotInForce(NotInForce { needs: V2, from }))
}

fn admit(net: &Network, tx: &SignedTransaction) -> Result<(), Skip> {
    net.ledger.admit(tx, &tx.id())
}

#[test]
fn a_scheduled_version_is_in_force_from_its_height_on() {
    let mut net = network();
    assert_eq!(*net.ledger.protocol(), Protocol::default());
    let height = scheduled(&mut net);
    let upcoming = Some(Upcoming { version: V2, height });
    assert_eq!(*net.ledger.protocol(), Protocol { version: V1, upcoming });

    run_to(&mut net, height.0 - 2);
    assert_eq!(net.ledger.next_version(), V1);
    let (last, execution) = net.block_at(TimeMs(net.time().0 + 1), &[]);
    assert_eq!(last.header.version, V1);
    assert!(!execution.changes.iter().any(|(key, _)| *key == StateKey::Protocol));

    assert_eq!(net.ledger.next_version(), V2);
    let (first, execution) = net.block_at(TimeMs(net.time().0 + 1), &[]);
    assert_eq!((first.header.height, first.header.version), (height, V2));
    let settled = Protocol {
        version: V2,
        upcoming: None,
    };
    let change = (StateKey::Protocol, Some(StateValue::Protocol(settled)));
    assert_eq!(execution.changes.last(), Some(&change));
    assert_eq!(*net.ledger.protocol(), settled);
    let (next, _) = net.block_at(TimeMs(net.time().0 + 1), &[]);
    assert_eq!(next.header.version, V2);
}

#[test]
fn a_block_by_the_version_before_or_after_is_invalid() {
    let mut net = network();
    let height = scheduled(&mut net);
    for (before, expected, actual) in [(height.0 - 2, V1, V2), (height.0 - 1, V2, V1)] {
        run_to(&mut net, before);
        let (mut block, _) = net.ledger.draft(net.time(), net.proposer(), &[], None);
        block.header.version = actual;
        assert_eq!(
            net.ledger.check(&block, &[]).unwrap_err(),
            InvalidBlock::Version { expected, actual }
        );
    }
}

#[test]
fn what_is_not_in_force_is_neither_admitted_nor_drafted_nor_valid() {
    let mut net = network();
    let early = net.tx(vec![set_council("other")], &["council"]);
    assert_eq!(admit(&net, &early), not_in_force(None));
    let height = scheduled(&mut net);
    for at in [net.ledger.tip().height.0, height.0 - 2] {
        run_to(&mut net, at);
        // Whatever else may be said against it.
        let unsigned = net.tx(vec![set_council("other")], &["stranger"]);
        assert_eq!(admit(&net, &unsigned), not_in_force(Some(height)));
        let tx = net.tx(vec![set_council("other")], &["council"]);
        let batch = net.batch("v1", vec![tx]);
        assert_eq!(batch.needs(), V2);
        let (mut block, execution) = net
            .ledger
            .draft(net.time(), net.proposer(), std::slice::from_ref(&batch), None);
        assert!(block.batches.is_empty() && execution.receipts.is_empty());
        block.batches = list(vec![batch.digest()]);
        let expected = InvalidBlock::NotInForce {
            batch: batch.digest(),
            needs: V2,
            in_force: V1,
        };
        assert_eq!(net.ledger.check(&block, &[batch]).unwrap_err(), expected);
    }
    // The first block that may hold it is the next.
    run_to(&mut net, height.0 - 1);
    let tx = net.tx(vec![set_council("other")], &["council"]);
    assert_eq!(admit(&net, &tx), Ok(()));
    assert_eq!(net.run(vec![tx]), [Ok(Outcome::Applied)]);
    assert_eq!(net.ledger.tip().height, height);
}

#[test]
fn the_council_hands_over_to_other_keys_at_once() {
    let mut net = network();
    let height = scheduled(&mut net);
    run_to(&mut net, height.0);
    let transactions = vec![
        net.tx(vec![set_council("other")], &["council"]),
        net.tx(vec![freeze_everywhere("EUR", true)], &["council"]),
        net.tx(vec![freeze_everywhere("EUR", true)], &["other"]),
    ];
    let fates = net.run(transactions);
    assert_eq!(
        fates,
        [Ok(Outcome::Applied), Err(Skip::UnknownSigner), Ok(Outcome::Applied)]
    );
    assert_eq!(*net.ledger.council(), policy("other"));
    // What fails is taken back whole.
    let twice = vec![set_council("third"), freeze_everywhere("EUR", true)];
    let reason = Rejection::FreezeUnchanged;
    assert_eq!(net.act(twice, &["other"]), Ok(Outcome::Rejected { action: 1, reason }));
    assert_eq!(*net.ledger.council(), policy("other"));
}

#[test]
fn a_schedule_is_replaced_or_withdrawn_until_it_is_in_force() {
    let mut net = network();
    let first = scheduled(&mut net);
    let later = Height(first.0 + 100);
    net.must(vec![schedule(later.0)], &["council"]);
    let upcoming = |net: &Network| net.ledger.protocol().upcoming.map(|it| it.height);
    assert_eq!(upcoming(&net), Some(later));
    // A transaction that fails leaves it.
    let fails = vec![council(CouncilAction::WithdrawProtocol), schedule(1)];
    let reason = Rejection::ProtocolTooSoon;
    assert_eq!(
        net.act(fails, &["council"]),
        Ok(Outcome::Rejected { action: 1, reason })
    );
    assert_eq!(upcoming(&net), Some(later));
    run_to(&mut net, later.0 - 2);
    net.must(vec![council(CouncilAction::WithdrawProtocol)], &["council"]);
    assert_eq!((net.ledger.tip().height.0, upcoming(&net)), (later.0 - 1, None));
    net.run(Vec::new());
    assert_eq!(net.ledger.protocol().version, V1);

    let height = scheduled(&mut net);
    run_to(&mut net, height.0 - 1);
    let reason = Rejection::ProtocolNotScheduled;
    let late = net.act(vec![council(CouncilAction::WithdrawProtocol)], &["council"]);
    assert_eq!(late, Ok(Outcome::Rejected { action: 0, reason }));
    assert_eq!(net.ledger.protocol().version, V2);
}

#[test]
fn a_restored_ledger_knows_what_is_scheduled() {
    let mut net = network();
    let height = scheduled(&mut net);
    run_to(&mut net, height.0 - 1);
    let none = std::iter::empty;
    let (genesis, tip) = (net.ledger.genesis(), net.ledger.tip().clone());
    let restored =
        crate::ledger::Ledger::restore(genesis, tip, net.ledger.entries(), none(), std::iter::empty(), 9).unwrap();
    assert_eq!(restored.protocol(), net.ledger.protocol());
    assert_eq!(restored.next_version(), V2);
}
