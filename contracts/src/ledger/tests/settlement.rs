//! What holds and escrows do, step by step, and in which order they refuse.

mod exchange;
mod model;
mod netting;
mod offers;

use super::network::*;
use crate::{
    block::TimeMs,
    identity::AccountId,
    keys::PublicKey,
    ledger::{
        Ledger, SWEEP_MAX,
        receipt::{Outcome, Subject},
        rejection::{Rejection, Skip},
    },
    money::Amount,
    settlement::{
        Claim, ContractId, ENDED_SECONDS, Ending, Escrow, Hold, Leg, OPEN_SECONDS_MAX, SettlementAction, Side, Status,
        condition::{Condition, Preimage},
    },
    transaction::{Action, FreezeScope, UnixSeconds},
};

pub(super) fn leg(debtor: AccountId, creditor: AccountId, name: &str, amount: u64) -> Leg {
    Leg {
        debtor,
        creditor,
        currency: code(name),
        amount: Amount(amount),
    }
}

pub(super) fn hold(legs: Vec<Leg>, expires_at: UnixSeconds, post_by: &[AccountId], void_by: &[AccountId]) -> Action {
    let sorted = |parties: &[AccountId]| {
        let mut parties = parties.to_vec();
        parties.sort();
        list(parties)
    };
    Action::Settle(SettlementAction::Hold(Hold {
        legs: list(legs),
        expires_at,
        post_by: sorted(post_by),
        void_by: sorted(void_by),
    }))
}

pub(super) fn post(hold: ContractId, by: AccountId, amount: Option<u64>, keep_rest: bool) -> Action {
    Action::Settle(SettlementAction::Post {
        hold,
        by,
        amount: amount.map(Amount),
        keep_rest,
    })
}

pub(super) fn void(hold: ContractId, by: AccountId) -> Action {
    Action::Settle(SettlementAction::Void { hold, by })
}

pub(super) fn post_group(hold: ContractId, by: AccountId) -> Action {
    Action::Settle(SettlementAction::PostGroup { hold, by })
}

pub(super) fn void_group(hold: ContractId, by: AccountId) -> Action {
    Action::Settle(SettlementAction::VoidGroup { hold, by })
}

pub(super) fn claim(escrow: ContractId, by: AccountId, side: Side, preimages: Vec<Preimage>) -> Action {
    Action::Settle(SettlementAction::Claim(Claim {
        escrow,
        by,
        side,
        preimages: list(preimages),
    }))
}

fn signed_by(names: &[&str], threshold: u8) -> Condition {
    let mut keys: Vec<PublicKey> = names.iter().map(|name| key(name)).collect();
    keys.sort();
    Condition::SignedBy {
        keys: list(keys),
        threshold,
    }
}

/// Three customers with 1,000 EUR and 1,000 USD each; `capped` pays at most 300 a day and has at most 1,100.
fn network() -> Network {
    let participants = vec![
        participant("ECB", false),
        participant("FED", false),
        participant("BANK", true),
    ];
    let currencies = vec![currency("EUR", "ECB", 1_000_000), currency("USD", "FED", 1_000_000)];
    let both = [("EUR", 1_000), ("USD", 1_000)];
    let accounts = vec![
        opening("BANK", policy("ann"), 0, &both),
        opening("BANK", policy("bob"), 0, &both),
        opening("BANK", policy("eve"), 0, &both),
        opening("BANK", policy("capped"), 1, &both),
    ];
    let caps = vec![limits(1, "EUR", [None, Some(300), Some(1_100)])];
    Network::new(genesis(participants, currencies, caps, accounts))
}

impl Network {
    fn held(&self, account: AccountId, name: &str) -> u64 {
        let record = self.ledger.balance(&account, code(name));
        record.map_or(0, |record| record.held.0)
    }

    /// In this many seconds after the last block.
    pub(super) fn after(&self, seconds: u64) -> UnixSeconds {
        UnixSeconds(self.time().0 / 1000 + seconds)
    }

    /// Opens a contract with one action, and gives its id.
    pub(super) fn open_contract(&mut self, action: Action, signers: &[&str]) -> ContractId {
        let tx = self.tx(vec![action], signers);
        let id = ContractId::derive(&tx.id(), 0);
        assert_eq!(self.run(vec![tx]), [Ok(Outcome::Applied)]);
        id
    }

    fn refused(&mut self, action: Action, signers: &[&str], reason: Rejection) {
        let fate = self.act(vec![action.clone()], signers);
        let expected = Outcome::Rejected { action: 0, reason };
        assert_eq!(fate, Ok(expected), "{action:?}");
    }

    /// An empty block so many seconds later; what the ledger ended by itself in it.
    pub(super) fn pass(&mut self, seconds: u64) -> Vec<(ContractId, Ending)> {
        let (_, execution) = self.block_at(TimeMs(self.time().0 + seconds * 1000), &[]);
        let ended = execution.receipts.iter().map(|receipt| match receipt.subject {
            Subject::System { contract, how } => (contract, how),
            Subject::Transaction(_) => panic!("the block is empty"),
        });
        ended.collect()
    }

    fn ended(&self, id: &ContractId) -> Ending {
        match self.ledger.contract(id).map(|contract| contract.status) {
            Some(Status::Ended { how, .. }) => how,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_hold_is_posted_in_parts_and_returns_the_rest() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob) = (of("ann"), of("bob"));
    let action = hold(vec![leg(ann, bob, "EUR", 100)], net.after(60), &[bob], &[bob]);
    let id = net.open_contract(action, &["ann"]);
    assert_eq!((net.available(ann, "EUR"), net.held(ann, "EUR")), (900, 100));
    net.must(vec![post(id, bob, Some(30), true)], &["bob"]);
    assert_eq!((net.held(ann, "EUR"), net.available(bob, "EUR")), (70, 1_030));
    net.must(vec![post(id, bob, Some(20), false)], &["bob"]);
    assert_eq!((net.held(ann, "EUR"), net.available(ann, "EUR")), (0, 950));
    assert_eq!(net.available(bob, "EUR"), 1_050);
    assert_eq!(net.ended(&id), Ending::Posted);
    net.refused(post(id, bob, None, false), &["bob"], Rejection::ContractEnded);
    net.refused(void(id, bob), &["bob"], Rejection::ContractEnded);
}

#[test]
fn a_group_posts_whole_or_not_at_all() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve) = (of("ann"), of("bob"), of("eve"));
    let legs = vec![leg(ann, bob, "EUR", 100), leg(bob, ann, "USD", 110)];
    let group = hold(legs, net.after(60), &[eve], &[ann, bob]);
    // One of two debtors is not enough.
    assert_eq!(net.act(vec![group.clone()], &["ann"]), Err(Skip::ThresholdNotMet));
    let id = net.open_contract(group.clone(), &["ann", "bob"]);
    net.refused(post(id, eve, None, false), &["eve"], Rejection::HoldGrouped);
    net.refused(void(id, ann), &["ann"], Rejection::HoldGrouped);
    net.must(vec![freeze("FED", bob, FreezeScope::Currency(code("USD")))], &["FED"]);
    net.refused(post_group(id, eve), &["eve"], Rejection::CurrencyFrozen);
    assert_eq!((net.held(ann, "EUR"), net.held(bob, "USD")), (100, 110));
    assert_eq!(net.available(bob, "EUR"), 1_000);
    net.must(vec![unfreeze("FED", bob, FreezeScope::Currency(code("USD")))], &["FED"]);
    net.must(vec![post_group(id, eve)], &["eve"]);
    assert_eq!((net.available(ann, "USD"), net.available(bob, "EUR")), (1_110, 1_100));
    // A frozen account gets its money back, and may ask for it.
    let id = net.open_contract(group, &["ann", "bob"]);
    net.must(vec![freeze("BANK", ann, FreezeScope::Account)], &["BANK"]);
    net.must(vec![void_group(id, ann)], &["ann"]);
    assert_eq!((net.available(ann, "EUR"), net.held(ann, "EUR")), (900, 0));
    assert_eq!(net.ended(&id), Ending::Voided);
    // Of a group that cannot be set aside whole, nothing is.
    net.must(vec![unfreeze("BANK", ann, FreezeScope::Account)], &["BANK"]);
    let legs = vec![leg(ann, bob, "EUR", 600), leg(ann, eve, "EUR", 600)];
    let too_much = hold(legs, net.after(60), &[bob], &[bob]);
    net.refused(too_much, &["ann"], Rejection::InsufficientFunds);
    assert_eq!((net.available(ann, "EUR"), net.held(ann, "EUR")), (900, 0));
}

#[test]
fn a_hold_ends_by_time_and_is_forgotten_a_day_later() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob) = (of("ann"), of("bob"));
    let action = hold(vec![leg(ann, bob, "EUR", 100)], net.after(10), &[bob], &[ann]);
    let id = net.open_contract(action, &["ann"]);
    // Of no effect on rights: the block in which it ends is the first whose time is not before.
    let expired = net.after(9);
    let tx = net.tx(vec![post(id, bob, None, false)], &["bob"]);
    assert_eq!(net.run_at(TimeMs(expired.0 * 1000 - 1), vec![tx]).len(), 1);
    assert_eq!(net.ended(&id), Ending::Posted);

    let action = hold(vec![leg(ann, bob, "EUR", 100)], net.after(10), &[bob], &[ann]);
    let id = net.open_contract(action, &["ann"]);
    assert_eq!(net.pass(9), [(id, Ending::Expired)]);
    assert_eq!((net.available(ann, "EUR"), net.held(ann, "EUR")), (900, 0));
    net.refused(post(id, bob, None, false), &["bob"], Rejection::ContractEnded);
    assert_eq!(net.pass(ENDED_SECONDS), []);
    net.refused(post(id, bob, None, false), &["bob"], Rejection::UnknownContract);
    assert_eq!(net.ledger.contract(&id), None);
}

#[test]
fn what_is_held_counts_as_paid_on_its_day_until_it_comes_back() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (capped, bob) = (of("capped"), of("bob"));
    let set_aside = |net: &Network, amount| {
        hold(
            vec![leg(capped, bob, "EUR", amount)],
            net.after(3 * 86_400),
            &[bob],
            &[bob],
        )
    };
    let first = set_aside(&net, 250);
    let id = net.open_contract(first, &["capped"]);
    net.refused(transfer(capped, bob, "EUR", 51), &["capped"], Rejection::OverDailyLimit);
    let second = set_aside(&net, 51);
    net.refused(second, &["capped"], Rejection::OverDailyLimit);
    net.must(vec![post(id, bob, Some(100), false)], &["bob"]);
    net.must(vec![transfer(capped, bob, "EUR", 200)], &["capped"]);
    net.refused(transfer(capped, bob, "EUR", 1), &["capped"], Rejection::OverDailyLimit);
    // What comes back on another day makes no room on that day.
    net.pass(86_400);
    let third = set_aside(&net, 300);
    let id = net.open_contract(third, &["capped"]);
    net.pass(86_400);
    net.must(vec![transfer(capped, bob, "EUR", 300)], &["capped"]);
    net.must(vec![void(id, bob)], &["bob"]);
    net.refused(transfer(capped, bob, "EUR", 1), &["capped"], Rejection::OverDailyLimit);
    // The payee's cap counts when it is paid.
    let to_capped = hold(vec![leg(bob, capped, "EUR", 900)], net.after(60), &[bob], &[bob]);
    let id = net.open_contract(to_capped, &["bob"]);
    net.refused(post(id, bob, None, false), &["bob"], Rejection::OverBalanceLimit);
}

#[test]
fn an_escrow_goes_where_the_first_claim_says() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve) = (of("ann"), of("bob"), of("eve"));
    let secret = Preimage([7; 32]);
    let escrow = |net: &Network, on_expiry| {
        Action::Settle(SettlementAction::Escrow(Escrow {
            payer: ann,
            payee: bob,
            currency: code("EUR"),
            amount: Amount(100),
            release_when: Condition::Any(list(vec![
                signed_by(&["ann", "bob", "arbiter"], 2),
                Condition::All(list(vec![
                    Condition::Preimage(secret.hash()),
                    Condition::Before(net.after(100)),
                ])),
            ])),
            refund_when: Condition::After(net.after(100)),
            expires_at: net.after(200),
            on_expiry,
        }))
    };
    // Two of three keys, one of them no account's.
    let action = escrow(&net, Side::Refund);
    let id = net.open_contract(action, &["ann"]);
    net.refused(
        claim(id, bob, Side::Release, vec![]),
        &["bob"],
        Rejection::ConditionNotMet,
    );
    let wrong = Preimage([8; 32]);
    net.refused(
        claim(id, bob, Side::Release, vec![wrong]),
        &["bob"],
        Rejection::ConditionNotMet,
    );
    net.refused(
        claim(id, ann, Side::Refund, vec![]),
        &["ann"],
        Rejection::ConditionNotMet,
    );
    let unwanted = net.act(vec![claim(id, bob, Side::Release, vec![])], &["bob", "stranger"]);
    assert_eq!(unwanted, Err(Skip::UnknownSigner));
    net.must(vec![claim(id, bob, Side::Release, vec![])], &["bob", "arbiter"]);
    assert_eq!((net.held(ann, "EUR"), net.available(bob, "EUR")), (0, 1_100));
    assert_eq!(net.ended(&id), Ending::Released);

    // A preimage, brought by whoever has it.
    let action = escrow(&net, Side::Refund);
    let id = net.open_contract(action, &["ann"]);
    net.must(vec![claim(id, eve, Side::Release, vec![secret])], &["eve"]);
    assert_eq!(net.available(bob, "EUR"), 1_200);
    // Whoever reads the contract finds the secret.
    let ended = net.ledger.contract(&id).unwrap();
    let crate::settlement::Terms::Escrow(shown) = &ended.terms else {
        panic!("{ended:?}");
    };
    assert_eq!(shown.release_when.revealed(), [secret]);

    // Refunded by time, before it would expire.
    let action = escrow(&net, Side::Release);
    let id = net.open_contract(action, &["ann"]);
    net.pass(97);
    net.refused(
        claim(id, ann, Side::Refund, vec![]),
        &["ann"],
        Rejection::ConditionNotMet,
    );
    net.pass(1);
    net.refused(
        claim(id, eve, Side::Release, vec![secret]),
        &["eve"],
        Rejection::ConditionNotMet,
    );
    net.must(vec![claim(id, ann, Side::Refund, vec![])], &["ann"]);
    assert_eq!(net.ended(&id), Ending::Refunded);
    assert_eq!(net.available(ann, "EUR"), 800);

    // At its end it goes where it says, but not out of a frozen account.
    let action = escrow(&net, Side::Release);
    let id = net.open_contract(action, &["ann"]);
    assert_eq!(net.pass(199), [(id, Ending::Released)]);
    assert_eq!(net.available(bob, "EUR"), 1_300);
    let action = escrow(&net, Side::Release);
    let id = net.open_contract(action, &["ann"]);
    net.must(vec![freeze("BANK", ann, FreezeScope::Account)], &["BANK"]);
    net.refused(
        claim(id, bob, Side::Release, vec![secret]),
        &["bob"],
        Rejection::AccountNotActive,
    );
    assert_eq!(net.pass(199), [(id, Ending::Refunded)]);
    assert_eq!((net.available(ann, "EUR"), net.held(ann, "EUR")), (700, 0));
}

#[test]
fn holds_refuse_in_the_documented_order() {
    use Rejection::*;
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob, eve, capped) = (of("ann"), of("bob"), of("eve"), of("capped"));
    let nowhere = AccountId([0xee; 20]);
    let no_contract = ContractId([0xee; 20]);
    let early = UnixSeconds(0);
    let late = net.after(OPEN_SECONDS_MAX + 100);
    let one = |debtor, creditor, name, amount, expires_at| {
        hold(vec![leg(debtor, creditor, name, amount)], expires_at, &[bob], &[bob])
    };
    let unknown_party = hold(vec![leg(ann, ann, "XXX", 0)], early, &[nowhere], &[bob]);
    net.refused(unknown_party, &["ann"], UnknownAccount);
    let rows = [
        (one(ann, ann, "XXX", 0, early), "ann", UnknownCurrency),
        (one(ann, ann, "EUR", 0, early), "ann", AmountZero),
        (one(capped, capped, "EUR", 2_000, early), "capped", OverDailyLimit),
        (one(ann, ann, "EUR", 2_000, early), "ann", InsufficientFunds),
        (one(ann, ann, "EUR", 1, early), "ann", SamePayerAndPayee),
        (one(ann, bob, "EUR", 1, early), "ann", ExpiryOutOfRange),
        (one(ann, bob, "EUR", 1, late), "ann", ExpiryOutOfRange),
    ];
    for (action, signer, reason) in rows {
        net.refused(action, &[signer], reason);
    }
    let action = one(ann, bob, "EUR", 100, net.after(60));
    let id = net.open_contract(action, &["ann"]);
    net.refused(post(no_contract, eve, Some(0), false), &["eve"], UnknownContract);
    net.refused(claim(id, eve, Side::Refund, vec![]), &["eve"], UnknownContract);
    net.refused(post(id, eve, Some(0), false), &["eve"], NotPermitted);
    net.refused(void(id, ann), &["ann"], NotPermitted);
    net.must(vec![freeze("BANK", ann, FreezeScope::Account)], &["BANK"]);
    net.refused(post(id, bob, Some(0), false), &["bob"], AccountNotActive);
    net.must(vec![unfreeze("BANK", ann, FreezeScope::Account)], &["BANK"]);
    net.refused(post(id, bob, Some(0), false), &["bob"], AmountZero);
    net.refused(post(id, bob, Some(101), false), &["bob"], OverHold);
    net.must(vec![freeze("BANK", bob, FreezeScope::Account)], &["BANK"]);
    net.refused(post(id, bob, None, false), &["bob"], AccountNotActive);
    net.must(vec![void(id, bob)], &["bob"]);
}

/// What falls due together is ended in blocks of [`SWEEP_MAX`]; rights do not wait for it.
#[test]
fn many_contracts_that_end_at_once_end_over_several_blocks() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob) = (of("ann"), of("bob"));
    let wanted = SWEEP_MAX / 16 + 2;
    let expires_at = net.after(1_000);
    net.must(vec![issue("EUR", ann, 100_000)], &["ECB"]);
    let legs = vec![leg(ann, bob, "EUR", 1); 16];
    let mut ids = Vec::new();
    for _ in 0..wanted.div_ceil(64) {
        let actions = vec![hold(legs.clone(), expires_at, &[bob], &[ann]); 64];
        let tx = net.tx(actions, &["ann"]);
        ids.extend((0..64).map(|at| ContractId::derive(&tx.id(), at)));
        assert_eq!(net.run(vec![tx]), [Ok(Outcome::Applied)]);
    }
    ids.sort();
    let first = net.pass(1_000);
    assert_eq!(first.len(), SWEEP_MAX / 16);
    assert!(
        first.iter().map(|(id, _)| id).eq(&ids[..first.len()]),
        "by time, then by id"
    );
    let left = ids[first.len()];
    assert!(net.ledger.contract(&left).is_some_and(|contract| contract.is_open()));
    net.ledger = again(&net);
    let tx = net.tx(vec![post_group(*ids.last().unwrap(), bob)], &["bob"]);
    let batch = net.batch("v1", vec![tx]);
    let (_, execution) = net.block_at(TimeMs(net.time().0 + 1), &[batch]);
    assert_eq!(execution.receipts.len(), ids.len() - first.len() + 1);
    let reason = Rejection::ContractEnded;
    let last = execution.receipts.last().unwrap();
    assert_eq!(last.outcome, Outcome::Rejected { action: 0, reason });
    assert_eq!(last.index as usize, ids.len() - first.len());
    assert_eq!(net.held(ann, "EUR"), 0);
}

/// A post of what is past its time but not swept yet.
#[test]
fn an_expired_hold_that_is_not_swept_yet_cannot_be_posted() {
    let mut net = network();
    let of = |name| net.account("BANK", name);
    let (ann, bob) = (of("ann"), of("bob"));
    net.must(vec![issue("EUR", ann, 100_000)], &["ECB"]);
    let legs = vec![leg(ann, bob, "EUR", 1); 16];
    let expires_at = net.after(1_000);
    let mut ids = Vec::new();
    for _ in 0..(SWEEP_MAX / 16 + 1).div_ceil(64) {
        let actions = vec![hold(legs.clone(), expires_at, &[bob], &[ann]); 64];
        let tx = net.tx(actions, &["ann"]);
        ids.extend((0..64).map(|at| ContractId::derive(&tx.id(), at)));
        assert_eq!(net.run(vec![tx]), [Ok(Outcome::Applied)]);
    }
    ids.sort();
    let tx = net.tx(vec![post_group(*ids.last().unwrap(), bob)], &["bob"]);
    let mut tx = tx.transaction;
    tx.valid_until = UnixSeconds(expires_at.0 + 30);
    net.pass(980);
    let fates = net.run_at(TimeMs(expires_at.0 * 1000), vec![with_signers(tx, &["bob"])]);
    let reason = Rejection::ContractExpired;
    assert_eq!(fates, [Ok(Outcome::Rejected { action: 0, reason })]);
}

/// The same ledger, from what would be stored of it.
pub(super) fn again(net: &Network) -> Ledger {
    let before = &net.ledger;
    let entries = before.snapshot().into_iter();
    let after = Ledger::from_snapshot(before.genesis(), before.tip().clone(), entries, 99).unwrap();
    assert_eq!(after.snapshot(), before.snapshot());
    after
}
