//! Claims that wait for money.

use super::*;
use crate::ledger::rejection::Rejection::*;

/// Alice's load of 1 pays dave so often, 10 each, and he redeems it all: the claims of that wait.
fn waiting(count: u32) -> Network {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 1).load;
    for seq in 1..=count {
        let body = transfer_of("alice", seq, ("dave", seq), spend(1, &[(lot, 10)]));
        net.must_testify(vec![said("alice", body.clone())]);
        net.must_redeem("dave", seq, 2, (lot_of(&body), 10));
    }
    net
}

fn withdraw(amount: u64) -> Action {
    act(OfflineAction::WithdrawGuarantee {
        currency: code("EUR"),
        amount: Amount(amount),
    })
}

#[test]
fn no_claim_and_no_withdrawal_goes_before_those_that_wait() {
    let mut net = waiting(67);
    assert_eq!(net.has("dave"), MINTED + 1);
    let lot = net.granted("carol", 1, 1).load;
    let late = [1, 2].map(|seq| transfer_of("carol", seq, ("bob", seq), spend(1, &[(lot, 100)])));
    net.must_testify(late.iter().map(|body| said("carol", body.clone())).collect());
    // Pays the oldest 64, of which the first is of 9, and has enough left for two that wait.
    net.must(vec![net.guarantee(639 + 25)], &["fund"]);
    assert_eq!(net.has("dave"), MINTED + 1 + 639);
    net.refuse(withdraw(1), &["ECB"], InsufficientFunds);
    // Each new claim pays two: what is left does not do for the third, nor for the new one.
    net.must_redeem("bob", 1, 2, (lot_of(&late[0]), 100));
    assert_eq!((net.has("dave"), net.has("bob")), (MINTED + 1 + 659, MINTED + 1));
    net.must_redeem("bob", 2, 2, (lot_of(&late[1]), 100));
    assert_eq!((net.has("dave"), net.has("bob")), (MINTED + 1 + 664, MINTED + 1));
    assert_eq!(net.set_aside("fund"), 0);
    net.check_restores();
    net.must(vec![net.guarantee(5 + 99 + 100 + 7)], &["fund"]);
    assert_eq!((net.has("dave"), net.has("bob")), (MINTED + 670, MINTED + 200));
    net.refuse(withdraw(8), &["ECB"], InsufficientFunds);
    net.must(vec![withdraw(7)], &["ECB"]);
    net.check_restores();
}

#[test]
fn what_is_left_once_all_that_wait_are_paid_can_be_withdrawn() {
    let mut net = waiting(65);
    net.must(vec![net.guarantee(1_000)], &["fund"]);
    // One of 10 waits still.
    assert_eq!(net.set_aside("fund"), 1_000 - 639);
    net.refuse(withdraw(352), &["ECB"], InsufficientFunds);
    net.must(vec![withdraw(351)], &["ECB"]);
    assert_eq!(net.set_aside("fund"), 10);
    net.must(vec![net.guarantee(1)], &["fund"]);
    assert_eq!((net.has("dave"), net.set_aside("fund")), (MINTED + 650, 1));
    net.check_restores();
}
