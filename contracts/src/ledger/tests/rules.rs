//! What actions do when they apply, and the limits of tiers.

use super::network::*;
use crate::{
    block::{Block, Height, TimeMs},
    committee::ValidatorId,
    evidence::EvidenceRecord,
    governance::{CouncilAction, Parameters},
    identity::{AccountStatus, Freeze, Tier},
    ledger::{
        Day, InvalidBlock, Ledger, StateKey, StateValue, Tip,
        receipt::Outcome,
        rejection::{Rejection, Skip},
    },
    merkle::Root,
    money::Amount,
    transaction::{FreezeScope, UnixSeconds},
};

fn network() -> Network {
    let participants = vec![
        participant("ECB", false),
        participant("BANK", true),
        participant("PSP", true),
    ];
    let currencies = vec![currency("EUR", "ECB", 10_000), currency("JPY", "ECB", 10_000)];
    let caps = vec![limits(4, "EUR", [Some(20), Some(50), Some(100)])];
    let accounts = vec![
        opening("BANK", policy("alice"), 4, &[("EUR", 90), ("JPY", 1_000)]),
        opening("BANK", policy("bob"), 4, &[]),
        opening("PSP", policy("carol"), 0, &[("EUR", 500)]),
    ];
    Network::new(genesis(participants, currencies, caps, accounts))
}

fn rejected(action: u8, reason: Rejection) -> Fate {
    Ok(Outcome::Rejected { action, reason })
}

#[test]
fn a_genesis_posts_opening_balances_from_issuers() {
    let net = network();
    assert_eq!(net.available(net.own("ECB"), "EUR"), -590);
    assert_eq!(net.available(net.own("ECB"), "JPY"), -1_000);
    assert_eq!(net.available(net.account("BANK", "alice"), "EUR"), 90);
    let own = net.ledger.account(&net.own("PSP")).unwrap();
    assert_eq!((own.operator, own.tier), (pid("PSP"), Tier(0)));
}

#[test]
fn a_payment_limit_counts_all_transfers_to_one_payee() {
    let mut net = network();
    let [alice, bob] = ["alice", "bob"].map(|name| net.account("BANK", name));
    let carol = net.account("PSP", "carol");
    let split = vec![transfer(alice, bob, "EUR", 11), transfer(alice, bob, "EUR", 10)];
    assert_eq!(net.act(split, &["alice"]), rejected(1, Rejection::OverPaymentLimit));
    // Another payee, another currency without caps, another payer.
    let apart = vec![
        transfer(alice, bob, "EUR", 20),
        transfer(alice, carol, "EUR", 20),
        transfer(alice, bob, "JPY", 500),
        transfer(carol, bob, "EUR", 21),
    ];
    net.must(apart, &["alice", "carol"]);
}

#[test]
fn a_day_ends_at_midnight_of_block_time() {
    let mut net = network();
    let [alice, bob] = ["alice", "bob"].map(|name| net.account("BANK", name));
    let day = Day::of(net.time());
    for _ in 0..2 {
        net.must(vec![transfer(alice, bob, "EUR", 20)], &["alice"]);
    }
    let eleven = vec![transfer(alice, bob, "EUR", 11)];
    assert_eq!(net.act(eleven, &["alice"]), rejected(0, Rejection::OverDailyLimit));
    // Redeeming is outgoing too, and no payment to a payee.
    assert_eq!(
        net.act(vec![redeem("EUR", alice, 11)], &["alice"]),
        rejected(0, Rejection::OverDailyLimit)
    );
    let before = *net.ledger.balance(&alice, code("EUR")).unwrap();
    assert_eq!(before.spent_on(day), Amount(40));
    assert_eq!(before.spent_on(Day(day.0 + 1)), Amount(0));
    let midnight = TimeMs((day.0 + 1) * 86_400_000);
    let tx = |net: &mut Network, valid_until: TimeMs| {
        let mut tx = net.tx(vec![transfer(alice, bob, "EUR", 11)], &["alice"]);
        tx.transaction.valid_until = UnixSeconds(valid_until.0 / 1000 + 60);
        tx
    };
    let late = tx(&mut net, midnight);
    assert_eq!(
        net.run_at(TimeMs(midnight.0 - 1), vec![late]),
        [rejected(0, Rejection::OverDailyLimit)]
    );
    let next_day = tx(&mut net, midnight);
    assert_eq!(net.run_at(midnight, vec![next_day]), [Ok(Outcome::Applied)]);
    let after = net.ledger.balance(&alice, code("EUR")).unwrap();
    assert_eq!((after.day, after.spent), (Day(day.0 + 1), Amount(11)));
}

#[test]
fn a_balance_limit_counts_what_the_payee_has() {
    let mut net = network();
    let alice = net.account("BANK", "alice");
    let carol = net.account("PSP", "carol");
    net.must(vec![transfer(carol, alice, "EUR", 10)], &["carol"]);
    let one = vec![transfer(carol, alice, "EUR", 1)];
    assert_eq!(
        net.act(one.clone(), &["carol"]),
        rejected(0, Rejection::OverBalanceLimit)
    );
    assert_eq!(
        net.act(vec![issue("EUR", alice, 1)], &["ECB"]),
        rejected(0, Rejection::OverBalanceLimit)
    );
    net.must(vec![set_tier("BANK", alice, 0)], &["BANK"]);
    net.must(one, &["carol"]);
}

#[test]
fn issuing_debits_the_issuer_and_redeeming_credits_it() {
    let mut net = network();
    let carol = net.account("PSP", "carol");
    net.must(vec![issue("EUR", carol, 10_000 - 590)], &["ECB"]);
    assert_eq!(net.available(net.own("ECB"), "EUR"), -10_000);
    assert_eq!(
        net.act(vec![issue("EUR", carol, 1)], &["ECB"]),
        rejected(0, Rejection::OverIssuanceCap)
    );
    net.must(vec![redeem("EUR", carol, 400)], &["carol"]);
    assert_eq!(net.available(net.own("ECB"), "EUR"), -9_600);
    // A cap below what is issued stops issuing and nothing else.
    let lower = CouncilAction::SetIssuanceCap {
        currency: code("EUR"),
        cap: Amount(1),
    };
    net.must(vec![council(lower)], &["council"]);
    net.must(vec![redeem("EUR", carol, 1)], &["carol"]);
    assert_eq!(
        net.act(vec![issue("EUR", carol, 1)], &["ECB"]),
        rejected(0, Rejection::OverIssuanceCap)
    );
}

#[test]
fn a_frozen_account_accepts_credits_and_refuses_debits() {
    let mut net = network();
    let (alice, carol) = (net.account("BANK", "alice"), net.account("PSP", "carol"));
    net.must(vec![freeze("BANK", alice, FreezeScope::Account)], &["BANK"]);
    let expected = AccountStatus::Frozen(Freeze {
        by: pid("BANK"),
        at: net.time(),
        reason: REASON,
    });
    assert_eq!(net.ledger.account(&alice).unwrap().status, expected);
    for out in [transfer(alice, carol, "EUR", 1), redeem("EUR", alice, 1)] {
        assert_eq!(net.act(vec![out], &["alice"]), rejected(0, Rejection::AccountNotActive));
    }
    net.must(vec![transfer(carol, alice, "EUR", 1)], &["carol"]);
    net.must(vec![issue("JPY", alice, 1)], &["ECB"]);
    net.must(vec![set_tier("BANK", alice, 0)], &["BANK"]);
    net.must(vec![unfreeze("BANK", alice, FreezeScope::Account)], &["BANK"]);
    net.must(vec![transfer(alice, carol, "EUR", 1)], &["alice"]);
}

#[test]
fn an_issuer_freezes_its_currency_in_one_account() {
    let mut net = network();
    let (alice, carol) = (net.account("BANK", "alice"), net.account("PSP", "carol"));
    let scope = FreezeScope::Currency(code("EUR"));
    net.must(vec![freeze("ECB", alice, scope)], &["ECB"]);
    let freeze = net.ledger.balance(&alice, code("EUR")).unwrap().frozen.unwrap();
    assert_eq!((freeze.by, freeze.at, freeze.reason), (pid("ECB"), net.time(), REASON));
    for out in [transfer(alice, carol, "EUR", 1), redeem("EUR", alice, 1)] {
        assert_eq!(net.act(vec![out], &["alice"]), rejected(0, Rejection::CurrencyFrozen));
    }
    net.must(vec![transfer(alice, carol, "JPY", 1)], &["alice"]);
    net.must(vec![transfer(carol, alice, "EUR", 1)], &["carol"]);
    // The operator's freeze is another one.
    assert_eq!(
        net.act(vec![unfreeze("BANK", alice, FreezeScope::Account)], &["BANK"]),
        rejected(0, Rejection::FreezeUnchanged)
    );
    net.must(vec![unfreeze("ECB", alice, scope)], &["ECB"]);
    net.must(vec![transfer(alice, carol, "EUR", 1)], &["alice"]);
}

#[test]
fn a_currency_frozen_everywhere_does_not_move() {
    let mut net = network();
    let (alice, carol) = (net.account("BANK", "alice"), net.account("PSP", "carol"));
    net.must(vec![freeze_everywhere("EUR", true)], &["council"]);
    let cases = [
        (transfer(alice, carol, "EUR", 1), "alice"),
        (redeem("EUR", alice, 1), "alice"),
        (issue("EUR", carol, 1), "ECB"),
    ];
    for (action, signer) in cases {
        assert_eq!(net.act(vec![action], &[signer]), rejected(0, Rejection::CurrencyFrozen));
    }
    net.must(vec![freeze_everywhere("EUR", false)], &["council"]);
    net.must(vec![transfer(alice, carol, "EUR", 1)], &["alice"]);
}

#[test]
fn a_closed_account_takes_and_gives_nothing() {
    let mut net = network();
    let (bob, carol) = (net.account("BANK", "bob"), net.account("PSP", "carol"));
    net.must(vec![close("BANK", bob)], &["BANK"]);
    assert_eq!(net.ledger.account(&bob).unwrap().status, AccountStatus::Closed);
    let cases = [
        (transfer(carol, bob, "EUR", 1), "carol"),
        (issue("EUR", bob, 1), "ECB"),
        (transfer(bob, carol, "EUR", 1), "bob"),
    ];
    for (action, signer) in cases {
        assert_eq!(
            net.act(vec![action], &[signer]),
            rejected(0, Rejection::AccountNotActive)
        );
    }
    assert_eq!(
        net.act(vec![open("BANK", "bob", 0)], &["BANK"]),
        rejected(0, Rejection::AccountExists)
    );
}

#[test]
fn council_actions_take_effect() {
    let mut net = network();
    let carol = net.account("PSP", "carol");
    let register = vec![
        council(CouncilAction::RegisterParticipant(participant("BOT", false))),
        council(CouncilAction::RegisterCurrency(currency("THB", "BOT", 100))),
        council(CouncilAction::SetOperator {
            participant: pid("BOT"),
            operator: true,
        }),
    ];
    net.must(register, &["council"]);
    assert_eq!(net.ledger.account(&net.own("BOT")).unwrap().tier, Tier(0));
    net.must(vec![issue("THB", carol, 100)], &["BOT"]);
    net.must(vec![open("BOT", "dave", 0)], &["BOT"]);
    let resign = CouncilAction::SetOperator {
        participant: pid("BOT"),
        operator: false,
    };
    net.must(vec![council(resign)], &["council"]);
    assert_eq!(
        net.act(vec![open("BOT", "erin", 0)], &["BOT"]),
        rejected(0, Rejection::NotPermitted)
    );
    let dave = net.account("BOT", "dave");
    assert_eq!(
        net.act(vec![freeze("BOT", dave, FreezeScope::Account)], &["BOT"]),
        rejected(0, Rejection::NotPermitted)
    );
}

#[test]
fn parameters_are_in_force_from_the_next_block_on() {
    let mut net = network();
    let [alice, bob] = ["alice", "bob"].map(|name| net.account("BANK", name));
    let parameters = |payment| Parameters {
        limits: list(vec![limits(4, "EUR", [Some(payment), None, None])]),
        ..Parameters::default()
    };
    let change = |payment| council(CouncilAction::SetParameters(parameters(payment)));
    let transactions = vec![
        net.tx(vec![change(1)], &["council"]),
        net.tx(vec![transfer(alice, bob, "EUR", 20)], &["alice"]),
        // Taken back, so that the change before it stands.
        net.tx(vec![change(2), transfer(alice, bob, "EUR", 0)], &["council", "alice"]),
    ];
    let expected = [
        Ok(Outcome::Applied),
        Ok(Outcome::Applied),
        rejected(1, Rejection::AmountZero),
    ];
    assert_eq!(net.run(transactions), expected);
    assert_eq!(*net.ledger.parameters(), parameters(1));
    let two = vec![transfer(alice, bob, "EUR", 2)];
    assert_eq!(net.act(two, &["alice"]), rejected(0, Rejection::OverPaymentLimit));
}

#[test]
fn an_entry_that_is_changed_back_is_no_change() {
    let mut net = network();
    let carol = net.account("PSP", "carol");
    let scope = FreezeScope::Account;
    let tx = net.tx(
        vec![freeze("PSP", carol, scope), unfreeze("PSP", carol, scope)],
        &["PSP"],
    );
    let batch = net.batch("v1", vec![tx]);
    let now = TimeMs(net.time().0 + 1);
    let (_, execution) = net.block_at(now, &[batch]);
    assert_eq!(execution.receipts[0].outcome, Outcome::Applied);
    assert_eq!(execution.changes, []);
}

#[test]
fn what_a_rejected_transaction_wrote_is_taken_back() {
    let mut net = network();
    let (alice, bob, carol) = (
        net.account("BANK", "alice"),
        net.account("BANK", "bob"),
        net.account("PSP", "carol"),
    );
    let actions = vec![
        transfer(carol, alice, "EUR", 5),
        open("PSP", "dave", 0),
        freeze("PSP", carol, FreezeScope::Account),
        council(CouncilAction::RegisterCurrency(currency("THB", "ECB", 1))),
        council(CouncilAction::RegisterParticipant(participant("BOT", true))),
        transfer(alice, bob, "EUR", 0),
    ];
    let before: Vec<_> = net.ledger.entries().collect();
    let tx = net.tx(actions, &["carol", "PSP", "council", "alice"]);
    let batch = net.batch("v1", vec![tx.clone()]);
    let now = TimeMs(net.time().0 + 1);
    let (_, execution) = net.block_at(now, &[batch]);
    let expected = Outcome::Rejected {
        action: 5,
        reason: Rejection::AmountZero,
    };
    assert_eq!(execution.receipts[0].outcome, expected);
    assert!(!execution.changes.iter().any(|(key, _)| *key != StateKey::Rotation));
    let after: Vec<_> = net.ledger.entries().collect();
    assert_eq!(before, after);
    // The id is consumed nonetheless.
    assert_eq!(net.run(vec![tx]), [Err(Skip::AlreadyKnown)]);
}

#[test]
fn admission_tolerates_an_idle_network() {
    let mut net = network();
    let carol = net.account("PSP", "carol");
    let bob = net.account("BANK", "bob");
    let seconds = net.time().0 / 1000;
    let mut until = |valid_until: u64| {
        let mut tx = net.tx(vec![transfer(carol, bob, "EUR", 1)], &["carol"]);
        tx.transaction.valid_until = UnixSeconds(valid_until);
        tx
    };
    let rows = [
        (until(seconds), Err(Skip::Expired)),
        (until(seconds + 1), Ok(())),
        (until(seconds + 605), Ok(())),
        (until(seconds + 606), Err(Skip::TooFarAhead)),
    ];
    for (tx, expected) in &rows {
        assert_eq!(net.ledger.admit(tx, &tx.id()), *expected);
    }
    // With a clock, after an hour without a block.
    let now = TimeMs(net.time().0 + 3_600_000);
    let (tx, _) = &rows[1];
    assert_eq!(net.ledger.admit_at(tx, &tx.id(), now), Err(Skip::Expired));
    let mut tx = tx.clone();
    tx.transaction.valid_until = UnixSeconds(now.0 / 1000 + 60);
    assert_eq!(net.ledger.admit(&tx, &tx.id()), Err(Skip::TooFarAhead));
    assert_eq!(net.ledger.admit_at(&tx, &tx.id(), now), Ok(()));
    let strange = with_signers(tx.transaction.clone(), &["stranger"]);
    assert_eq!(net.ledger.admit_at(&strange, &tx.id(), now), Err(Skip::UnknownSigner));
}

#[test]
fn a_report_leaves_a_record_and_nothing_else() {
    let mut net = network();
    net.run(Vec::new());
    let validators = net.ledger.validators().clone();
    let evidence = net.double_vote("v1", 1);
    let tx = net.tx(vec![report("v2", evidence.clone())], &["v2"]);
    assert!(!net.ledger.has_evidence(&evidence));
    let before: Vec<_> = net
        .ledger
        .entries()
        .filter(|(key, _)| *key != StateKey::Rotation)
        .collect();
    assert_eq!(net.run(vec![tx.clone()]), [Ok(Outcome::Applied)]);
    let record = EvidenceRecord {
        evidence: evidence.clone(),
        reporter: ValidatorId::of(&key("v2")),
        transaction: tx.id(),
        height: net.ledger.tip().height,
        time_ms: net.time(),
    };
    assert_eq!(
        net.ledger.evidence_against(evidence.validator).collect::<Vec<_>>(),
        [&record]
    );
    assert!(net.ledger.has_evidence(&evidence));
    assert_eq!(net.ledger.evidence_count(), 1);
    assert_eq!(*net.ledger.validators(), validators);
    let entry = (
        StateKey::Evidence(evidence.validator, 0),
        StateValue::Evidence(Box::new(record)),
    );
    let after: Vec<_> = net
        .ledger
        .entries()
        .filter(|(key, _)| *key != StateKey::Rotation)
        .collect();
    assert_eq!(after, [before, vec![entry]].concat());
    // Another round of the same height adds nothing; another height does.
    let again = net.double_vote("v1", 1);
    let fate = net.act(vec![report("v3", again)], &["v3"]);
    assert_eq!(fate, rejected(0, Rejection::EvidenceKnown));
    let second = net.double_vote("v1", 2);
    net.must(vec![report("v3", second)], &["v3"]);
    assert_eq!(net.ledger.evidence_count(), 2);
}

#[test]
fn a_report_is_taken_back_with_its_transaction() {
    let mut net = network();
    net.run(Vec::new());
    let evidence = net.double_vote("v1", 1);
    let [alice, bob] = ["alice", "bob"].map(|name| net.account("BANK", name));
    let actions = vec![report("v2", evidence.clone()), transfer(alice, bob, "EUR", 0)];
    assert_eq!(net.act(actions, &["v2", "alice"]), rejected(1, Rejection::AmountZero));
    assert_eq!(net.ledger.evidence_count(), 0);
    net.must(vec![report("v2", evidence)], &["v2"]);
}

#[test]
fn evidence_is_recorded_within_a_million_heights() {
    let old = network();
    let at = |height: u64| {
        let tip = Tip {
            height: Height(height - 1),
            ..old.ledger.tip().clone()
        };
        let none = std::iter::empty;
        let restored = Ledger::restore(
            old.ledger.genesis(),
            tip,
            old.ledger.entries(),
            none(),
            std::iter::empty(),
            1,
        );
        let mut net = Network {
            ledger: restored.unwrap(),
            ..network()
        };
        let evidence = net.double_vote("v1", 7);
        net.act(vec![report("v2", evidence)], &["v2"])
    };
    assert_eq!(at(7), rejected(0, Rejection::EvidenceOutOfTime));
    assert_eq!(at(8), Ok(Outcome::Applied));
    assert_eq!(at(1_000_007), Ok(Outcome::Applied));
    assert_eq!(at(1_000_008), rejected(0, Rejection::EvidenceOutOfTime));
}

#[test]
fn a_simulation_may_judge_signatures_in_its_own_way() {
    let mut net = network();
    net.run(Vec::new());
    let mut evidence = net.double_vote("v1", 1);
    evidence.round += 1;
    let tx = |net: &mut Network| vec![net.tx(vec![report("v2", evidence.clone())], &["v2"])];
    let refused = tx(&mut net);
    assert_eq!(net.run(refused), [rejected(0, Rejection::EvidenceInvalid)]);
    let Network { genesis, ledger, nonce } = net;
    let mut net = Network {
        genesis,
        ledger: ledger.judging_by(|_| true),
        nonce,
    };
    let taken = tx(&mut net);
    assert_eq!(net.run(taken), [Ok(Outcome::Applied)]);
}

/// Who decides the next block, and the one after it.
fn sets(net: &Network) -> [Vec<(ValidatorId, u64)>; 2] {
    [net.ledger.validators(), net.ledger.next_validators()]
        .map(|set| set.iter().map(|(id, validator)| (*id, validator.power)).collect())
}

fn set_of(names: &[&str]) -> Vec<(ValidatorId, u64)> {
    let mut ids: Vec<_> = names.iter().map(|name| (ValidatorId::of(&key(name)), 1)).collect();
    ids.sort();
    ids
}

#[test]
fn a_change_of_validators_is_named_by_the_next_header_and_in_force_after_it() {
    let mut net = network();
    let (old, new) = (set_of(&["v1", "v2", "v3", "v4"]), set_of(&["v1", "v2", "v3", "v5"]));
    let actions = vec![
        set_node("v4", "v4 network", &["v4", "v5"]),
        change(&["v4"], &[("v5", 1)]),
    ];
    let tx = net.tx(actions, &["council"]);
    let batch = net.batch("v1", vec![tx]);
    let now = TimeMs(net.time().0 + 1);
    let (block, execution) = net.block_at(now, &[batch]);
    assert_eq!(execution.receipts[0].outcome, Outcome::Applied);
    let before = net.ledger.validators().hash();
    let header = |block: &Block| [block.header.validators_hash, block.header.next_validators_hash];
    assert_eq!(header(&block), [before, before]);
    assert_eq!(sets(&net), [old, new.clone()]);
    let after = net.ledger.next_validators().hash();
    let (block, _) = net.block_at(TimeMs(now.0 + 1), &[]);
    assert_eq!(header(&block), [before, after]);
    assert_eq!(sets(&net), [new.clone(), new]);
    let last = net.ledger.tip().height;
    let (block, execution) = net.block_at(TimeMs(now.0 + 2), &[]);
    assert_eq!(header(&block), [after, after]);
    assert_eq!(execution.changes, []);
    // Its key is still known for what it signed while it was a validator.
    let v4 = ValidatorId::of(&key("v4"));
    assert_eq!(net.ledger.accountable(&v4, last), Some(&key("v4")));
    assert_eq!(net.ledger.accountable(&v4, last.next()), None);
    let late = net.double_vote("v4", last.0 + 1);
    let fate = net.act(vec![report("v1", late)], &["v1"]);
    assert_eq!(fate, rejected(0, Rejection::UnknownValidator));
    let evidence = net.double_vote("v4", last.0);
    net.must(vec![report("v5", evidence.clone())], &["v5"]);
    let by_who_left = vec![report("v4", evidence)];
    assert_eq!(net.act(by_who_left, &["v4"]), Err(Skip::UnknownSigner));
}

#[test]
fn a_block_by_who_has_left_is_invalid() {
    let mut net = network();
    net.must(vec![change(&["v4"], &[])], &["council"]);
    net.run(Vec::new());
    assert_eq!(sets(&net)[0], set_of(&["v1", "v2", "v3"]));
    let now = TimeMs(net.time().0 + 1);
    let (mut block, _) = net.ledger.draft(now, net.proposer(), &[], None);
    let v4 = ValidatorId::of(&key("v4"));
    block.header.proposer = v4;
    let refused = net.ledger.check(&block, &[]).map(drop);
    assert_eq!(refused, Err(InvalidBlock::Author(v4)));
    block.header.proposer = net.proposer();
    block.header.next_validators_hash = Root([1; 32]);
    let expected = InvalidBlock::NextValidators {
        expected: net.ledger.validators().hash(),
        actual: Root([1; 32]),
    };
    assert_eq!(net.ledger.check(&block, &[]).map(drop), Err(expected));
}

#[test]
fn an_observer_is_registered_moves_and_is_removed() {
    let mut net = network();
    net.must(vec![set_node("reader", "reader network", &[])], &["council"]);
    let found = |net: &Network| net.ledger.nodes().of_network_key(&key("reader network")).cloned();
    assert_eq!(found(&net), Some(node("reader", "reader network", &[])));
    net.must(vec![set_node("reader", "moved network", &[])], &["council"]);
    assert_eq!(found(&net), None);
    net.must(vec![remove_node("reader")], &["council"]);
    assert_eq!(net.ledger.nodes().len(), 4);
    // Taken back with its transaction.
    let [alice, bob] = ["alice", "bob"].map(|name| net.account("BANK", name));
    let actions = vec![
        set_node("v5", "v5 network", &["v5"]),
        change(&[], &[("v5", 1)]),
        transfer(alice, bob, "EUR", 0),
    ];
    assert_eq!(
        net.act(actions, &["council", "alice"]),
        rejected(2, Rejection::AmountZero)
    );
    assert_eq!((net.ledger.nodes().len(), net.ledger.next_validators().len()), (4, 4));
}
