//! One row for each step of the documented orders: each row's transaction gives that reason, and as
//! many later ones as can hold with it.

use super::network::*;
use crate::{
    block::{Height, TimeMs},
    evidence::Evidence,
    governance::{CouncilAction, Parameters},
    identity::{AccountId, KeyPolicy, Tier, WeightedKey},
    ledger::{
        receipt::Outcome,
        rejection::{Rejection, Skip},
    },
    money::Amount,
    protocol::ProtocolVersion,
    registry::NODES_MAX,
    transaction::{Action, FreezeScope, UnixSeconds},
};

const NOWHERE: AccountId = AccountId([0xee; 20]);

/// Tier 1 has all caps in EUR, tier 2 no cap for a payment, tier 3 none for a day either.
fn network() -> Network {
    let participants = vec![
        participant("ECB", false),
        participant("ICB", false),
        participant("FCB", true),
        participant("BANK", true),
        participant("PSP", true),
    ];
    let currencies = vec![
        currency("EUR", "ECB", 1_000_000),
        currency("ICE", "ICB", 1_000),
        currency("FRZ", "FCB", 1_000),
        currency("BIG", "ICB", u64::MAX),
    ];
    let caps = vec![
        limits(1, "EUR", [Some(10), Some(20), Some(500)]),
        limits(2, "EUR", [None, Some(20), Some(500)]),
        limits(3, "EUR", [None, None, Some(500)]),
    ];
    let accounts = vec![
        opening("BANK", policy("zero"), 0, &[("EUR", 100), ("ICE", 10)]),
        opening("BANK", policy("one"), 1, &[("EUR", 100)]),
        opening("BANK", policy("two"), 2, &[("EUR", 100)]),
        opening("BANK", policy("three"), 3, &[("EUR", 100)]),
        opening("BANK", policy("frozen"), 1, &[("EUR", 100)]),
        opening("BANK", policy("closed"), 0, &[]),
        opening("BANK", policy("big"), 0, &[("BIG", u64::MAX)]),
        opening("BANK", policy("bigger"), 0, &[]),
    ];
    let mut net = Network::new(genesis(participants, currencies, caps, accounts));
    let [frozen, closed, fcb] = [
        net.account("BANK", "frozen"),
        net.account("BANK", "closed"),
        net.own("FCB"),
    ];
    net.must(vec![freeze("BANK", frozen, FreezeScope::Account)], &["BANK"]);
    net.must(vec![close("BANK", closed)], &["BANK"]);
    net.must(vec![freeze("FCB", fcb, FreezeScope::Account)], &["FCB"]);
    net.must(
        vec![freeze_everywhere("ICE", true), freeze_everywhere("FRZ", true)],
        &["council"],
    );
    let (big, bigger) = (net.account("BANK", "big"), net.account("BANK", "bigger"));
    net.must(
        vec![
            transfer(big, bigger, "BIG", u64::MAX),
            transfer(bigger, big, "BIG", u64::MAX),
        ],
        &["big", "bigger"],
    );
    net
}

fn check(net: &mut Network, rows: Vec<(Action, &str, Rejection)>) {
    for (at, (action, signer, reason)) in rows.into_iter().enumerate() {
        let fate = net.act(vec![action.clone()], &[signer]);
        let expected = Outcome::Rejected { action: 0, reason };
        assert_eq!(fate, Ok(expected), "row {at}: {action:?}");
    }
}

#[test]
fn transfer_refuses_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (zero, one, two, three) = (of("zero"), of("one"), of("two"), of("three"));
    let (frozen, closed, big, bigger) = (of("frozen"), of("closed"), of("big"), of("bigger"));
    let rows = vec![
        (transfer(frozen, NOWHERE, "XXX", 0), "frozen", UnknownAccount),
        (transfer(frozen, closed, "XXX", 0), "frozen", AccountNotActive),
        (transfer(closed, zero, "XXX", 0), "closed", AccountNotActive),
        (transfer(zero, closed, "XXX", 0), "zero", AccountNotActive),
        (transfer(one, one, "XXX", 0), "one", UnknownCurrency),
        (transfer(zero, zero, "ICE", 0), "zero", CurrencyFrozen),
        (transfer(one, one, "EUR", 0), "one", AmountZero),
        (transfer(one, one, "EUR", 1_000), "one", OverPaymentLimit),
        (transfer(two, two, "EUR", 1_000), "two", OverDailyLimit),
        (transfer(three, three, "EUR", 1_000), "three", OverBalanceLimit),
        (transfer(zero, zero, "EUR", 1_000), "zero", InsufficientFunds),
        (transfer(big, big, "BIG", 1), "big", SamePayerAndPayee),
        (transfer(big, bigger, "BIG", 1), "big", Overflow),
    ];
    check(&mut net, rows);
}

#[test]
fn issue_refuses_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (zero, three, closed, ecb) = (of("zero"), of("three"), of("closed"), net.own("ECB"));
    let rows = vec![
        (issue("FRZ", NOWHERE, 0), "FCB", UnknownAccount),
        (issue("FRZ", zero, 0), "FCB", AccountNotActive),
        (issue("ICE", closed, 0), "ICB", AccountNotActive),
        (issue("ICE", net.own("ICB"), 0), "ICB", CurrencyFrozen),
        (issue("EUR", ecb, 0), "ECB", AmountZero),
        (issue("EUR", three, 2_000_000), "ECB", OverBalanceLimit),
        (issue("EUR", ecb, 2_000_000), "ECB", SamePayerAndPayee),
        (issue("EUR", zero, 999_601), "ECB", OverIssuanceCap),
    ];
    check(&mut net, rows);
    net.must(vec![issue("EUR", zero, 999_500)], &["ECB"]);
}

#[test]
fn redeem_refuses_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (zero, one, frozen, big) = (of("zero"), of("one"), of("frozen"), of("big"));
    let (ecb, icb) = (net.own("ECB"), net.own("ICB"));
    let rows = vec![
        (redeem("XXX", frozen, 0), "frozen", AccountNotActive),
        (redeem("XXX", zero, 0), "zero", UnknownCurrency),
        (redeem("ICE", zero, 0), "zero", CurrencyFrozen),
        (redeem("EUR", ecb, 0), "ECB", AmountZero),
        (redeem("EUR", one, 1_000), "one", OverDailyLimit),
        (redeem("EUR", ecb, 1_000), "ECB", InsufficientFunds),
        (redeem("BIG", big, 1), "big", Overflow),
    ];
    check(&mut net, rows);
    // The issuer has something available only when it has bought its own money back beyond its issue,
    // which cannot be; so being its own payee is never the first reason.
    assert!(net.available(icb, "BIG") <= 0);
}

#[test]
fn account_actions_refuse_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (zero, frozen, closed, bank) = (of("zero"), of("frozen"), of("closed"), net.own("BANK"));
    let whole = FreezeScope::Account;
    let in_currency = |name| FreezeScope::Currency(code(name));
    let rows = vec![
        (open("ECB", "zero", 0), "ECB", NotPermitted),
        (open("BANK", "zero", 0), "BANK", AccountExists),
        (set_tier("PSP", NOWHERE, 1), "PSP", UnknownAccount),
        (set_tier("PSP", closed, 1), "PSP", AccountNotActive),
        (set_tier("PSP", zero, 1), "PSP", NotPermitted),
        (set_tier("BANK", bank, 1), "BANK", NotPermitted),
        (freeze("PSP", NOWHERE, whole), "PSP", UnknownAccount),
        (freeze("PSP", closed, whole), "PSP", AccountNotActive),
        (freeze("PSP", frozen, whole), "PSP", NotPermitted),
        (freeze("BANK", frozen, whole), "BANK", FreezeUnchanged),
        (freeze("ECB", closed, in_currency("XXX")), "ECB", AccountNotActive),
        (freeze("BANK", zero, in_currency("EUR")), "BANK", NotPermitted),
        (freeze("ECB", zero, in_currency("XXX")), "ECB", UnknownCurrency),
        (unfreeze("PSP", NOWHERE, whole), "PSP", UnknownAccount),
        (unfreeze("PSP", closed, whole), "PSP", AccountNotActive),
        (unfreeze("PSP", zero, whole), "PSP", NotPermitted),
        (unfreeze("BANK", zero, whole), "BANK", FreezeUnchanged),
        (unfreeze("BANK", zero, in_currency("EUR")), "BANK", NotPermitted),
        (unfreeze("ECB", zero, in_currency("XXX")), "ECB", UnknownCurrency),
        (unfreeze("ECB", zero, in_currency("EUR")), "ECB", FreezeUnchanged),
        (close("PSP", NOWHERE), "PSP", UnknownAccount),
        (close("PSP", closed), "PSP", AccountNotActive),
        (close("PSP", frozen), "PSP", AccountNotActive),
        (close("PSP", zero), "PSP", NotPermitted),
        (close("BANK", bank), "BANK", NotPermitted),
        (close("BANK", zero), "BANK", AccountNotEmpty),
    ];
    check(&mut net, rows);
    net.must(vec![freeze("ECB", zero, in_currency("EUR"))], &["ECB"]);
    let again = freeze("ECB", zero, in_currency("EUR"));
    check(&mut net, vec![(again, "ECB", FreezeUnchanged)]);
}

#[test]
fn council_actions_refuse_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let exponent_of_nine = |name: &str, issuer: &str| {
        let mut record = currency(name, issuer, 1);
        record.exponent = 9;
        council(CouncilAction::RegisterCurrency(record))
    };
    let parameters = Parameters {
        validity_seconds_max: 1,
        ..Parameters::default()
    };
    let cap = CouncilAction::SetIssuanceCap {
        currency: code("XXX"),
        cap: Amount(1),
    };
    let operator = CouncilAction::SetOperator {
        participant: pid("NOBODY"),
        operator: true,
    };
    let rows = vec![
        (exponent_of_nine("EUR", "NOBODY"), "council", CurrencyExists),
        (exponent_of_nine("NEW", "NOBODY"), "council", UnknownParticipant),
        (exponent_of_nine("NEW", "ECB"), "council", ParameterOutOfRange),
        (council(cap), "council", UnknownCurrency),
        (freeze_everywhere("XXX", true), "council", UnknownCurrency),
        (freeze_everywhere("ICE", true), "council", FreezeUnchanged),
        (
            council(CouncilAction::RegisterParticipant(participant("ECB", true))),
            "council",
            ParticipantExists,
        ),
        (council(operator), "council", UnknownParticipant),
        (
            council(CouncilAction::SetParameters(parameters)),
            "council",
            ParameterOutOfRange,
        ),
    ];
    check(&mut net, rows);
}

#[test]
fn schedules_of_versions_refuse_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    // Each row is in a block after that of the one before it.
    let now = net.ledger.tip().height.0;
    let schedule = |version, height| {
        council(CouncilAction::ScheduleProtocol {
            version: ProtocolVersion(version),
            height: Height(height),
        })
    };
    let rows = vec![
        (schedule(1, now + 1), "council", ProtocolNotNext),
        (schedule(3, now + 65), "council", ProtocolNotNext),
        (schedule(2, now + 2 + 64), "council", ProtocolTooSoon),
        (
            council(CouncilAction::WithdrawProtocol),
            "council",
            ProtocolNotScheduled,
        ),
    ];
    check(&mut net, rows);
}

#[test]
fn changes_of_validators_and_nodes_refuse_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    net.must(vec![set_node("v5", "v5 network", &["v5", "v5 next"])], &["council"]);
    let rows = vec![
        (change(&["v9"], &[("stranger", 0)]), "council", UnknownValidator),
        (
            change(&["v1", "v2", "v3", "v4"], &[("stranger", 0)]),
            "council",
            UnknownNode,
        ),
        (change(&["v1", "v2"], &[("v5", 0)]), "council", ValidatorSetInvalid),
        (change(&["v1", "v2", "v3", "v4"], &[]), "council", ValidatorSetInvalid),
        (change(&[], &[("v1", 1)]), "council", ValidatorSetInvalid),
        (change(&["v1", "v2"], &[]), "council", TooFewUnchangedValidators),
        (change(&[], &[("v5", 2)]), "council", TooFewUnchangedValidators),
        (change(&["v1"], &[("v2", 2)]), "council", TooFewUnchangedValidators),
        (set_node("", "v1 network", &["v1"]), "council", NodeUnsound),
        (set_node("v1", "v2 network", &[]), "council", NodeKeyTaken),
        (set_node("v1", "v1 network", &["v5 next"]), "council", NodeKeyTaken),
        (set_node("v1", "v1 network", &[]), "council", NodeInUse),
        (remove_node("v9"), "council", UnknownNode),
        (remove_node("v1"), "council", NodeInUse),
    ];
    check(&mut net, rows);
    // What a block has decided already counts, and what it changes so far counts together.
    net.must(vec![change(&[], &[("v5", 1)])], &["council"]);
    check(&mut net, vec![(remove_node("v5"), "council", NodeInUse)]);
    let one = net.tx(vec![change(&["v1"], &[])], &["council"]);
    let other = net.tx(vec![change(&["v2"], &[])], &["council"]);
    let refused = Outcome::Rejected {
        action: 0,
        reason: TooFewUnchangedValidators,
    };
    assert_eq!(net.run(vec![one, other]), [Ok(Outcome::Applied), Ok(refused)]);
    // Until v1 has decided its last block, its node keeps its key.
    check(&mut net, vec![(change(&["v1"], &[]), "council", UnknownValidator)]);
    net.must(vec![remove_node("v1")], &["council"]);
}

#[test]
fn reports_of_evidence_refuse_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let known = net.double_vote("v1", 1);
    net.must(vec![report("v2", known)], &["v2"]);
    for height in 1..=16 {
        let evidence = net.double_vote("v3", height);
        // Blocks up to that height.
        while net.ledger.tip().height.0 < height {
            net.run(Vec::new());
        }
        net.must(vec![report("v1", evidence)], &["v1"]);
    }
    let now = net.ledger.tip().height.0;
    let spoilt = |mut evidence: Evidence| {
        evidence.round += 1;
        evidence
    };
    // Each row is in a block after that of the one before it.
    let evidence = [
        ("stranger", now + 1, UnknownValidator),
        ("v1", now + 2, EvidenceOutOfTime),
        ("v1", 1, EvidenceKnown),
        ("v3", 1, EvidenceKnown),
        ("v3", 17, EvidenceFull),
        ("v1", 2, EvidenceInvalid),
    ];
    let rows = evidence.map(|(name, height, reason)| {
        let evidence = spoilt(net.double_vote(name, height));
        (report("v4", evidence), "v4", reason)
    });
    check(&mut net, rows.to_vec());
    let unknown = net.double_vote("v2", 1);
    let by_nobody = report("stranger", unknown.clone());
    assert_eq!(net.act(vec![by_nobody], &["stranger"]), Err(Skip::UnknownSigner));
    let by_another = report("v1", unknown.clone());
    assert_eq!(net.act(vec![by_another], &["v2"]), Err(Skip::UnknownSigner));
    // A validator may report itself.
    net.must(vec![report("v2", unknown)], &["v2"]);
}

#[test]
fn registries_are_full_at_their_bounds() {
    let mut net = network();
    let missing = crate::ledger::CURRENCIES_MAX - net.genesis.currencies.len();
    let register = |at: usize| {
        council(CouncilAction::RegisterCurrency(currency(
            &format!("N{at:04}"),
            "ECB",
            1,
        )))
    };
    let actions: Vec<_> = (0..missing).map(register).collect();
    for actions in actions.chunks(64) {
        net.must(actions.to_vec(), &["council"]);
    }
    let rows = vec![(register(missing), "council", Rejection::RegistryFull)];
    check(&mut net, rows);
    let register = |at: usize| set_node(&format!("n{at}"), &format!("n{at} network"), &[]);
    let nodes: Vec<_> = (net.ledger.nodes().len()..NODES_MAX).map(register).collect();
    for actions in nodes.chunks(64) {
        net.must(actions.to_vec(), &["council"]);
    }
    let unsound = set_node("late", "v1", &["v1"]);
    check(&mut net, vec![(unsound, "council", Rejection::RegistryFull)]);
    net.must(vec![set_node("n9", "n9 moved", &[])], &["council"]);
    let participants: Vec<_> = (net.genesis.participants.len()..crate::ledger::PARTICIPANTS_MAX)
        .map(|at| {
            council(CouncilAction::RegisterParticipant(participant(
                &format!("P{at:05}"),
                false,
            )))
        })
        .collect();
    for actions in participants.chunks(64) {
        net.must(actions.to_vec(), &["council"]);
    }
    let one_more = council(CouncilAction::RegisterParticipant(participant("LATE", false)));
    check(&mut net, vec![(one_more, "council", Rejection::RegistryFull)]);
}

#[test]
fn the_first_failing_action_is_named() {
    let mut net = network();
    let (zero, three) = (net.account("BANK", "zero"), net.account("BANK", "three"));
    let actions = vec![
        transfer(zero, three, "EUR", 60),
        transfer(zero, three, "EUR", 60),
        transfer(zero, three, "EUR", 0),
    ];
    let expected = Outcome::Rejected {
        action: 1,
        reason: Rejection::InsufficientFunds,
    };
    assert_eq!(net.act(actions, &["zero"]), Ok(expected));
    assert_eq!(net.available(zero, "EUR"), 100);
}

#[test]
fn skips_come_in_the_documented_order() {
    let mut net = network();
    let (zero, three) = (net.account("BANK", "zero"), net.account("BANK", "three"));
    let at = TimeMs(net.time().0 + 1000);
    let now = at.0 / 1000;
    let valid_until = |net: &mut Network, valid_until: u64, signers: &[&str]| {
        let mut tx = net.tx(vec![transfer(zero, three, "EUR", 1)], signers);
        tx.transaction.valid_until = UnixSeconds(valid_until);
        tx
    };
    // At the edge: block time is a whole second here.
    assert_eq!(at.0 % 1000, 0);
    let applied = valid_until(&mut net, now + 600, &["zero"]);
    let again = with_signers(applied.transaction.clone(), &["stranger"]);
    let mut nobodys = net.tx(vec![transfer(NOWHERE, zero, "EUR", 1)], &["zero"]);
    nobodys.transaction.valid_until = UnixSeconds(now + 600);
    let rows = vec![
        (valid_until(&mut net, now, &["stranger"]), Err(Skip::Expired)),
        (valid_until(&mut net, now + 601, &["stranger"]), Err(Skip::TooFarAhead)),
        (applied.clone(), Ok(Outcome::Applied)),
        (again.clone(), Err(Skip::AlreadyKnown)),
        (nobodys, Err(Skip::UnknownSigner)),
        (valid_until(&mut net, now + 1, &["stranger"]), Err(Skip::UnknownSigner)),
        (
            valid_until(&mut net, now + 1, &["stranger", "zero"]),
            Err(Skip::UnknownSigner),
        ),
    ];
    let (transactions, expected): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    assert_eq!(net.run_at(at, transactions), expected);
    // Known still, and expired: the id is forgotten in this very block.
    let end = TimeMs((now + 600) * 1000);
    assert_eq!(
        net.run_at(TimeMs(end.0 - 1), vec![again.clone()]),
        [Err(Skip::AlreadyKnown)]
    );
    assert_eq!(net.ledger.admit(&again, &again.id()), Err(Skip::AlreadyKnown));
    assert_eq!(net.run_at(end, vec![again.clone()]), [Err(Skip::Expired)]);
    assert_eq!(net.ledger.admit(&again, &again.id()), Err(Skip::Expired));
    assert_eq!(net.ledger.recent_ids(), 0);
}

#[test]
fn every_policy_must_be_met_and_every_signature_count() {
    let mut net = network();
    let mut keys: Vec<_> = [("a", 1), ("b", 1), ("c", 2)]
        .map(|(name, weight)| WeightedKey { key: key(name), weight })
        .to_vec();
    keys.sort_by_key(|entry| entry.key);
    let keys = KeyPolicy {
        threshold: 3,
        keys: list(keys),
    };
    let joint = AccountId::derive(
        &net.ledger.genesis(),
        pid("BANK"),
        &keys,
        &crate::identity::Salt([0; 16]),
    );
    let mut action = open("BANK", "x", 0);
    if let Action::OpenAccount { keys: policy, .. } = &mut action {
        *policy = keys;
    }
    net.must(vec![action], &["BANK"]);
    net.must(vec![issue("EUR", joint, 100)], &["ECB"]);
    let zero = net.account("BANK", "zero");
    let pay = || vec![transfer(joint, zero, "EUR", 1)];
    assert_eq!(net.act(pay(), &["a"]), Err(Skip::ThresholdNotMet));
    assert_eq!(net.act(pay(), &["a", "b"]), Err(Skip::ThresholdNotMet));
    assert_eq!(net.act(pay(), &["a", "c"]), Ok(Outcome::Applied));
    assert_eq!(net.act(pay(), &["a", "b", "c"]), Ok(Outcome::Applied));
    assert_eq!(net.act(pay(), &["a", "c", "zero"]), Err(Skip::UnknownSigner));
    let both = || vec![transfer(joint, zero, "EUR", 1), transfer(zero, joint, "EUR", 1)];
    assert_eq!(net.act(both(), &["a", "c"]), Err(Skip::ThresholdNotMet));
    assert_eq!(net.act(both(), &["a", "c", "zero"]), Ok(Outcome::Applied));
    // An account that the same transaction opens cannot sign in it.
    let new = net.account("BANK", "new");
    let open_and_pay = vec![open("BANK", "new", 0), transfer(new, zero, "EUR", 1)];
    assert_eq!(net.act(open_and_pay, &["BANK", "new"]), Err(Skip::UnknownSigner));
    assert_eq!(net.ledger.account(&new), None);
    assert_eq!(net.act(vec![issue("XXX", zero, 1)], &["ECB"]), Err(Skip::UnknownSigner));
    assert_eq!(
        net.act(vec![close("NOBODY", zero)], &["BANK"]),
        Err(Skip::UnknownSigner)
    );
    assert_eq!(net.ledger.account(&zero).unwrap().tier, Tier(0));
}
