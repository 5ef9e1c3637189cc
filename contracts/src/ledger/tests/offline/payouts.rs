use proptest::prelude::*;

use super::*;
use crate::{
    ledger::{receipt::Subject, rejection::Rejection::*},
    settlement::Ending,
    transaction::FreezeScope,
};

/// Alice has 1,000 in her purse and pays bob 600, who pays carol 400 of it. All of it is known.
pub(super) fn chain() -> (Network, Id16, [Transfer; 2]) {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 1_000).load;
    let first = transfer_of("alice", 1, ("bob", 1), spend(1, &[(lot, 600)]));
    let second = transfer_of("bob", 1, ("carol", 1), spend(2, &[(first.id().short(), 400)]));
    let told = vec![said("alice", first.clone()), said("bob", second.clone())];
    net.must(vec![net.testify(told)], &["fund"]);
    (net, lot, [first, second])
}

#[test]
fn what_is_redeemed_comes_from_the_load_at_its_root() {
    let (mut net, lot, [first, second]) = chain();
    net.must(
        vec![net.redeem_action("carol", 1, spend(3, &[(lot_of(&second), 400)]))],
        &["carol"],
    );
    assert_eq!((net.has("carol"), net.set_aside("alice")), (MINTED + 400, 600));
    net.must(
        vec![net.redeem_action("bob", 2, spend(2, &[(lot_of(&first), 200)]))],
        &["bob"],
    );
    net.must(vec![net.redeem_action("alice", 2, spend(1, &[(lot, 400)]))], &["alice"]);
    let all = ["alice", "bob", "carol"].map(|name| net.has(name));
    assert_eq!(all, [MINTED - 600, MINTED + 200, MINTED + 400]);
    assert_eq!(net.set_aside("alice"), 0);
    assert_eq!(net.proofs(), []);
    net.check_restores();
}

#[test]
fn a_redemption_is_paid_once() {
    let (mut net, _, [_, second]) = chain();
    let redeem = net.redeem_action("carol", 1, spend(3, &[(lot_of(&second), 400)]));
    net.must(vec![redeem.clone()], &["carol"]);
    net.must(vec![redeem.clone(), redeem], &["carol"]);
    assert_eq!(net.has("carol"), MINTED + 400);
}

#[test]
fn a_redemption_goes_to_its_account_alone_even_if_that_is_frozen_or_full() {
    let (mut net, _, [_, second]) = chain();
    let spent = spend(3, &[(lot_of(&second), 400)]);
    let redeem = net.redemption("carol", "poor", 1, spent.clone());
    let Action::Offline(action) = &redeem else {
        panic!("an action about purses")
    };
    let OfflineAction::Redeem { redeem: message, .. } = &**action else {
        panic!("a redemption")
    };
    let stolen = OfflineAction::Redeem {
        account: net.of("dave"),
        redeem: message.clone(),
    };
    net.refuse(act(stolen), &["dave"], NotPermitted);
    net.must(vec![freeze("BANK", net.of("poor"), FreezeScope::Account)], &["BANK"]);
    // Its tier may have 300.
    net.must(vec![redeem], &["poor"]);
    assert_eq!(net.has("poor"), 900);
    assert_eq!(
        net.act(vec![transfer(net.of("poor"), net.of("bob"), "EUR", 1)], &["poor"]),
        {
            let reason = AccountNotActive;
            Ok(Outcome::Rejected { action: 0, reason })
        }
    );
}

#[test]
fn what_does_not_fit_together_is_not_paid() {
    let (mut net, lot, [first, second]) = chain();
    let ungranted = net.loaded("dave", 1, 100).load;
    let mut dear = spend(2, &[(lot_of(&first), 100)]);
    dear.expiry = after(30 * 24 + 1);
    let rows = [
        ("bob", spend(2, &[(Id16([1; 16]), 100)])),
        ("bob", spend(1, &[(lot, 100)])),
        ("dave", spend(3, &[(lot_of(&second), 100)])),
        ("bob", spend(3, &[(lot_of(&first), 100)])),
        ("bob", spend(1, &[(lot_of(&first), 100)])),
        ("dave", spend(1, &[(ungranted, 100)])),
        ("bob", dear),
    ];
    for (at, (name, spent)) in (10..).zip(rows) {
        net.refuse(net.redeem_action(name, at, spent), &[name], LotUnknown);
    }
    assert_eq!(net.has("bob"), MINTED);
    net.check_restores();
}

const DOLLARS: CurrencyIndex = CurrencyIndex(2);

/// Alice has 1,000 euro in her purse, and dave's is for dollars.
pub(super) fn with_dave_in_dollars() -> (Network, Id16) {
    let mut net = open_town();
    net.must(vec![net.register("alice")], &["BANK"]);
    net.must(vec![net.open_currency("USD")], &["OTHER", "fund"]);
    let service = secret("another service");
    let set = OfflineAction::SetServiceKey {
        currency: code("USD"),
        key: service.public_key(),
        role: KeyRole::Certificate,
    };
    net.must(vec![act(set)], &["OTHER"]);
    let dave = Certificate {
        issuer: KeyId::of(&service.public_key()),
        currency: DOLLARS,
        ..certificate("dave")
    };
    net.must(vec![net.registration("dave", signed(dave, &service))], &["BANK"]);
    let lot = net.granted("alice", 1, 1_000).load;
    (net, lot)
}

#[test]
fn a_load_pays_in_no_other_currency() {
    let (mut net, lot) = with_dave_in_dollars();
    let in_dollars = |hop, lot| Spend {
        currency: DOLLARS,
        ..spend(hop, &[(lot, 600)])
    };
    let paid = transfer_of("alice", 1, ("dave", 1), in_dollars(1, lot));
    net.must(vec![net.testify(vec![said("alice", paid.clone())])], &["fund"]);
    let redeem = net.redeem_action("dave", 1, in_dollars(2, lot_of(&paid)));
    net.refuse(redeem, &["dave"], LotUnknown);
    net.check_restores();
}

#[test]
fn overspending_is_paid_to_the_honest_by_who_guarantees_the_oldest_first() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 1_000).load;
    let paid: Vec<_> = [("bob", 900), ("carol", 800), ("dave", 700)]
        .into_iter()
        .zip(1..)
        .map(|((payee, amount), seq)| transfer_of("alice", seq, (payee, 1), spend(1, &[(lot, amount)])))
        .collect();
    let told = paid.iter().map(|body| said("alice", body.clone())).collect();
    net.must(vec![net.testify(told)], &["fund"]);
    assert_eq!(net.proofs(), [("alice", Proof::Lot(lot))]);
    net.must(vec![net.guarantee(500)], &["fund"]);
    for (name, body) in ["bob", "carol", "dave"].into_iter().zip(&paid) {
        let redeem = net.redeem_action(name, 1, spend(2, &[(lot_of(body), body.spend.amount.0)]));
        net.must(vec![redeem], &[name]);
    }
    let gained = |net: &Network| ["bob", "carol", "dave"].map(|name| net.has(name) - MINTED);
    // The load had 900 and 100, the fund 500 of what carol lacks.
    assert_eq!(gained(&net), [900, 600, 0]);
    net.check_restores();
    net.must(vec![net.guarantee(300)], &["fund"]);
    assert_eq!(gained(&net), [900, 800, 100]);
    net.check_restores();
    net.must(vec![net.guarantee(1_000)], &["fund"]);
    assert_eq!(gained(&net), [900, 800, 700]);
    assert_eq!(net.set_aside("fund"), 400);
    // The culprit gets nothing, and the fund has back what nobody claims.
    net.must(vec![net.redeem_action("alice", 9, spend(1, &[(lot, 1)]))], &["alice"]);
    assert_eq!(net.has("alice"), MINTED - 1_000);
    let withdraw = |amount| {
        act(OfflineAction::WithdrawGuarantee {
            currency: code("EUR"),
            amount: Amount(amount),
        })
    };
    net.refuse(withdraw(401), &["ECB"], InsufficientFunds);
    net.refuse(withdraw(0), &["ECB"], AmountZero);
    net.must(vec![withdraw(400)], &["ECB"]);
    assert_eq!((net.set_aside("fund"), net.has("fund")), (0, MINTED - 1_400));
    net.check_restores();
}

/// Alice's purse may hold 100, and pays bob 1,100 and carol 50.
#[test]
fn what_a_purse_owes_beyond_ten_balances_waits_for_the_issuer() {
    let mut net = open_town();
    let mut small = certificate("alice");
    small.balance_max = Amount(100);
    let others = ["bob", "carol"].map(|name| net.register(name));
    net.must(
        [&others[..], &[net.registration("alice", certified(small))]].concat(),
        &["BANK"],
    );
    let lot = net.granted("alice", 1, 100).load;
    for (seq, (name, amount)) in (1..).zip([("bob", 1_100), ("carol", 50)]) {
        let body = transfer_of("alice", seq, (name, 1), spend(1, &[(lot, amount)]));
        net.must(vec![net.testify(vec![said("alice", body.clone())])], &["fund"]);
        net.must(
            vec![net.redeem_action(name, 1, spend(2, &[(lot_of(&body), amount)]))],
            &[name],
        );
    }
    let gained = |net: &Network| ["bob", "carol"].map(|name| net.has(name) - MINTED);
    assert_eq!(gained(&net), [100, 0]);
    net.must(vec![net.guarantee(2_000)], &["fund"]);
    assert_eq!(gained(&net), [1_100, 0]);
    let release = |number| {
        act(OfflineAction::ReleaseClaim {
            currency: code("EUR"),
            number,
        })
    };
    net.refuse(release(0), &["ECB"], UnknownClaim);
    net.must(vec![release(1)], &["ECB"]);
    assert_eq!(gained(&net), [1_100, 50]);
    net.refuse(release(1), &["ECB"], UnknownClaim);
    net.check_restores();
}

#[test]
fn only_the_fund_guarantees() {
    let mut net = purse_town();
    let by_another = OfflineAction::FundGuarantee {
        fund: net.of("alice"),
        currency: code("EUR"),
        amount: Amount(1),
    };
    net.refuse(act(by_another), &["alice"], NotPermitted);
    net.refuse(net.guarantee(MINTED + 1), &["fund"], InsufficientFunds);
}

#[test]
fn who_is_convicted_is_paid_once_a_void_lifts_it() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 1_000).load;
    let body = transfer_of("alice", 1, ("bob", 1), spend(1, &[(lot, 600)]));
    net.must(vec![net.testify(vec![said("alice", body)])], &["fund"]);
    let redeem = net.redeem_action("alice", 2, spend(1, &[(lot, 1_000)]));
    net.must(vec![redeem.clone()], &["alice"]);
    assert_eq!(net.set_aside("alice"), 1_000);
    net.must(
        vec![net.testify(vec![said("bob", void("bob", 1))]), redeem],
        &["alice", "fund"],
    );
    assert_eq!(net.set_aside("alice"), 0);
    assert_eq!(net.has("alice"), MINTED);
    net.check_restores();
}

#[test]
fn a_claim_is_in_time_until_thirty_days_after_the_expiry_and_then_the_owner_has_the_rest() {
    let deadline = 60 * 24_u64;
    for (hours, in_time) in [(deadline - 1, true), (deadline, false)] {
        let (mut net, _, [_, second]) = chain();
        net.run_at(TimeMs(START_MS + hours * Epoch::HOUR_MS), vec![]);
        let redeem = net.redeem_action("carol", 1, spend(3, &[(lot_of(&second), 400)]));
        if in_time {
            net.must(vec![redeem], &["carol"]);
            assert_eq!(net.set_aside("alice"), 600);
        } else {
            assert_eq!(net.set_aside("alice"), 0);
            assert_eq!(net.has("alice"), MINTED);
            net.refuse(redeem, &["carol"], LotExpired);
        }
        net.check_restores();
    }
}

#[test]
fn the_end_of_a_load_has_a_receipt() {
    let (mut net, ..) = chain();
    let now = TimeMs(START_MS + 60 * 24 * Epoch::HOUR_MS);
    let (_, execution) = net.block_at(now, &[]);
    let [receipt] = &execution.receipts[..] else {
        panic!("one receipt")
    };
    let Subject::System { how, .. } = receipt.subject else {
        panic!("of the ledger itself")
    };
    assert_eq!(how, Ending::Expired);
    let (_, execution) = net.block_at(TimeMs(now.0 + 1), &[]);
    assert!(execution.receipts.is_empty());
}

#[test]
fn a_load_without_a_grant_goes_back_after_three_days() {
    let mut net = purse_town();
    let grant = net.loaded("alice", 1, 1_000);
    let after_days = |days: u64| TimeMs(START_MS + days * 24 * Epoch::HOUR_MS);
    net.run_at(TimeMs(after_days(3).0 - 1), vec![]);
    assert_eq!(net.set_aside("alice"), 1_000);
    net.run_at(after_days(3), vec![]);
    assert_eq!(net.set_aside("alice"), 0);
    net.refuse(net.grant_action(grant), &["fund"], ContractEnded);
    net.check_restores();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whoever keeps the rules: all that is paid and redeemed comes from loads, each gets what it redeems, and no
    /// fund is needed.
    #[test]
    fn invariant_honest_purses_are_paid_in_full_from_loads(
        payments in prop::collection::vec((0..4_usize, 1..4_usize, 1..400_u64, any::<bool>()), 0..12),
        order in any::<u64>(),
    ) {
        let mut net = purse_town();
        let mut lots: Vec<Vec<(Id16, u64, u8)>> = OWNERS
            .iter()
            .map(|name| vec![(net.granted(name, 1, 1_000).load, 1_000, 0)])
            .collect();
        let mut seqs = [0_u32; 4];
        let mut told = Vec::new();
        for (number, (payer, step, amount, merges)) in (1..).zip(payments) {
            let payee = (payer + step) % 4;
            let usable: Vec<_> = lots[payer].iter().copied().filter(|lot| lot.1 > 0 && lot.2 < 4).collect();
            let taken = if merges { usable.len().min(4) } else { usable.len().min(1) };
            let mut parts = Vec::new();
            for (lot, has, _) in &usable[..taken] {
                parts.push((*lot, amount.min(*has)));
            }
            let Some(highest) = usable[..taken].iter().map(|lot| lot.2).max() else { continue };
            seqs[payer] += 1;
            let body = transfer_of(OWNERS[payer], seqs[payer], (OWNERS[payee], number), spend(highest + 1, &parts));
            for (lot, spent) in &parts {
                let own = lots[payer].iter_mut().find(|own| own.0 == *lot).expect("its own");
                own.1 -= spent;
            }
            lots[payee].push((lot_of(&body), body.spend.amount.0, highest + 1));
            told.push(said(OWNERS[payer], body));
        }
        if !told.is_empty() {
            net.must(vec![net.testify(told)], &["fund"]);
        }
        prop_assert_eq!(net.proofs(), []);
        let mut redemptions: Vec<_> = (0..4).flat_map(|who| lots[who].iter().map(move |lot| (who, *lot))).collect();
        redemptions.sort_by_key(|(_, lot)| crate::codec::hash("order", &[&order.to_be_bytes(), &lot.0.0]));
        for (who, (lot, left, hop)) in redemptions.into_iter().filter(|(_, lot)| lot.1 > 0) {
            let before = net.available(net.of(OWNERS[who]), "EUR");
            seqs[who] += 1;
            let redeem = net.redeem_action(OWNERS[who], seqs[who], spend(hop + 1, &[(lot, left)]));
            net.must(vec![redeem], &[OWNERS[who]]);
            prop_assert_eq!(net.available(net.of(OWNERS[who]), "EUR") - before, i128::from(left));
        }
        prop_assert!(OWNERS.iter().all(|name| net.set_aside(name) == 0));
        prop_assert_eq!(net.has("fund"), MINTED);
        net.check_restores();
    }
}

#[test]
fn the_dearest_transactions_about_purses_fit_a_batch() {
    use crate::{block::batch::BATCH_COST_MAX, ledger::cost};
    let mut net = purse_town();
    let names: Vec<_> = (0..16).map(|at| format!("key {at}")).collect();
    let signers: Vec<_> = names.iter().map(String::as_str).collect();
    let redeem = net.redeem_action("alice", 1, spend(5, &[(Id16([1; 16]), 1)]));
    let words: Vec<_> = (0..64).map(|at| said("bob", request("bob", at))).collect();
    let delta = net.delta_action((0, 1), HOUR, vec![]);
    let rows = [
        // A redemption counts as three messages.
        (
            [vec![redeem; 21], vec![net.guarantee(1); 43]].concat(),
            21 * (7_300 + 128 * 380 + 16 * 3) + 43 * (6_560 + 16 * 3),
        ),
        (
            [vec![net.testify(words)], vec![net.guarantee(1); 63]].concat(),
            100 + 64 * 23_000 + 16 * 3 + 63 * (6_560 + 16 * 3),
        ),
        (vec![delta; 64], 64 * (7_180 + 16 * 3) + 125_000),
    ];
    for (actions, expected) in rows {
        let tx = net.tx(actions, &signers);
        assert_eq!(cost(&tx), 20 + expected);
        assert!(cost(&tx) <= BATCH_COST_MAX);
    }
}

#[test]
fn a_redemption_is_paid_for_by_the_hops_behind_it() {
    let mut net = purse_town();
    for (hop, lots) in [(1, 1), (2, 5), (3, 21), (4, 85), (5, 128), (255, 128)] {
        let redeem = net.redeem_action("alice", 1, spend(hop, &[(Id16([1; 16]), 1)]));
        let tx = net.tx(vec![redeem], &["alice"]);
        assert_eq!(crate::ledger::cost(&tx), 20 + 3 + 7_300 + 380 * lots);
    }
}
