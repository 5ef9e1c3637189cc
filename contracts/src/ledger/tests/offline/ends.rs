//! What becomes of transfers that nobody redeemed.

use super::{payouts::chain, *};
use crate::{
    ledger::{
        StateValue,
        receipt::{Receipt as LedgerReceipt, Subject},
    },
    offline::record::Claim,
    settlement::Ending,
};

const DUE_HOURS: u64 = 60 * 24;

fn at(hours: u64) -> TimeMs {
    TimeMs(START_MS + hours * Epoch::HOUR_MS)
}

/// The receipts of a block without transactions.
fn wait(net: &mut Network, hours: u64) -> Vec<LedgerReceipt> {
    let (_, execution) = net.block_at(at(hours), &[]);
    execution.receipts
}

fn received(payee: &str, body: &Transfer) -> Vec<Testimony> {
    vec![said(payee, request(payee, 1)), said(payee, receipt(payee, 1, body))]
}

fn ways(receipts: &[LedgerReceipt]) -> Vec<Ending> {
    let how = |receipt: &LedgerReceipt| match receipt.subject {
        Subject::System { how, .. } => how,
        Subject::Transaction(_) => panic!("of the ledger itself"),
    };
    receipts.iter().map(how).collect()
}

#[test]
fn what_was_received_goes_to_its_payee_and_the_rest_back() {
    let (mut net, _, [first, second]) = chain();
    net.must_testify([received("bob", &first), received("carol", &second)].concat());
    assert_eq!(ways(&wait(&mut net, DUE_HOURS - 1)), []);
    let ended = wait(&mut net, DUE_HOURS);
    assert_eq!(ways(&ended), [Ending::Paid, Ending::Paid, Ending::Expired]);
    let all = ["alice", "bob", "carol"].map(|name| net.has(name));
    assert_eq!(all, [MINTED - 600, MINTED + 200, MINTED + 400]);
    assert_eq!(net.set_aside("alice"), 0);
    assert_eq!(ways(&wait(&mut net, DUE_HOURS + 1)), []);
    net.check_restores();
}

/// Without a receipt the payer has it back: here bob, who received it himself.
#[test]
fn what_was_not_received_goes_to_its_payer() {
    let (mut net, _, [first, _]) = chain();
    net.must_testify(received("bob", &first));
    wait(&mut net, DUE_HOURS);
    let all = ["alice", "bob", "carol"].map(|name| net.has(name));
    assert_eq!(all, [MINTED - 600, MINTED + 600, MINTED]);
}

#[test]
fn what_was_redeemed_is_not_paid_again() {
    let (mut net, _, [first, second]) = chain();
    net.must_testify([received("bob", &first), received("carol", &second)].concat());
    net.must_redeem("carol", 1, 3, (lot_of(&second), 400));
    net.must_redeem("bob", 2, 2, (lot_of(&first), 50));
    wait(&mut net, DUE_HOURS);
    let all = ["alice", "bob", "carol"].map(|name| net.has(name));
    assert_eq!(all, [MINTED - 600, MINTED + 200, MINTED + 400]);
    net.check_restores();
}

#[test]
fn a_receipt_that_comes_too_late_or_of_a_convicted_payee_moves_nothing() {
    let (mut net, _, [first, second]) = chain();
    net.must_testify(received("bob", &first));
    net.must_testify(vec![said("bob", void("bob", 1))]);
    wait(&mut net, DUE_HOURS);
    net.must_testify(received("carol", &second));
    assert_eq!(ways(&wait(&mut net, DUE_HOURS + 1)), []);
    assert!(OWNERS.iter().all(|name| net.has(name) == MINTED));
    net.check_restores();
}

/// Two bodies at one place.
fn convict(net: &mut Network, name: &str) {
    let made_up = |amount| transfer_of(name, 77, ("dave", 9), spend(1, &[(Id16([9; 16]), amount)]));
    net.must_testify([1, 2].map(|amount| said(name, made_up(amount))).to_vec());
}

fn releases(net: &Network) -> Vec<Claim> {
    let rows = net.ledger.entries().filter_map(|(_, value)| match value {
        StateValue::Offline(row) => Some(row),
        _ => None,
    });
    rows.filter_map(|row| match *row {
        OfflineRow::HeldBack(claim) => Some(claim),
        _ => None,
    })
    .collect()
}

/// What its payee cannot be paid is not his payer's again, who passed it on.
#[test]
fn what_was_received_by_a_convicted_purse_waits_for_the_issuer() {
    let (mut net, _, [first, second]) = chain();
    net.must_testify([received("bob", &first), received("carol", &second)].concat());
    convict(&mut net, "carol");
    assert_eq!(
        ways(&wait(&mut net, DUE_HOURS)),
        [Ending::Paid, Ending::Paid, Ending::Expired]
    );
    let all = ["alice", "bob", "carol"].map(|name| net.has(name));
    assert_eq!(all, [MINTED - 600, MINTED + 200, MINTED]);
    assert_eq!((net.set_aside("fund"), net.has("fund")), (400, MINTED + 400));
    let held = Claim {
        account: net.of("carol"),
        amount: Amount(400),
        redemption: second.id(),
    };
    assert_eq!(releases(&net), [held]);
    net.check_restores();
    let release = OfflineAction::ReleaseClaim {
        currency: code("EUR"),
        number: 0,
    };
    net.must(vec![act(release)], &["ECB"]);
    let all = ["fund", "carol"].map(|name| net.has(name));
    assert_eq!((all, net.set_aside("fund")), ([MINTED, MINTED + 400], 0));
    net.check_restores();
}

/// The fund's own purse loaded what a convicted one received.
#[test]
fn a_load_of_the_fund_itself_becomes_its_guarantee() {
    let mut net = purse_town();
    net.must(vec![net.register("fund")], &["BANK"]);
    let lot = net.granted("fund", 1, 1_000).load;
    let body = transfer_of("fund", 1, ("bob", 1), spend(1, &[(lot, 600)]));
    net.must_testify([vec![said("fund", body.clone())], received("bob", &body)].concat());
    convict(&mut net, "bob");
    wait(&mut net, DUE_HOURS);
    assert_eq!((net.set_aside("fund"), net.has("fund")), (600, MINTED));
    net.check_restores();
}

/// As many as one block ends, and no load before them.
#[test]
fn a_block_ends_only_so_many() {
    let mut net = purse_town();
    let lot = net.granted("alice", 1, 1_000).load;
    for seq in 1..=130 {
        let body = transfer_of("alice", seq, ("bob", seq), spend(1, &[(lot, 1)]));
        net.must_testify(vec![
            said("alice", body.clone()),
            said("bob", request("bob", seq)),
            said("bob", receipt("bob", seq, &body)),
        ]);
    }
    assert_eq!(ways(&wait(&mut net, DUE_HOURS)), [Ending::Paid; 125]);
    assert_eq!((net.has("bob"), net.set_aside("alice")), (MINTED + 125, 875));
    let (_, execution) = net.block_at(TimeMs(at(DUE_HOURS).0 + 1), &[]);
    let expected = [&[Ending::Paid; 5][..], &[Ending::Expired]].concat();
    assert_eq!(ways(&execution.receipts), expected);
    assert_eq!(
        (net.has("bob"), net.has("alice"), net.set_aside("alice")),
        (MINTED + 130, MINTED - 130, 0)
    );
    net.check_restores();
}
