//! What is to be done next.

use causeway_contracts::transaction::UnixSeconds;

use super::{
    super::{
        Purpose, Remittance, Wish,
        fact::Fact,
        state::{Change, Side, Standing, State},
        step::Step,
    },
    fixture::{HOLD_SECONDS, UNTIL_MS, intent, reason, remittance, reserved, tx},
};

const NOW: u64 = 50_000;
/// Of a reserved one.
const HOLD_ENDS: u64 = 200_000;
const LOOK: u64 = HOLD_ENDS + 2_000;

/// At `NOW` if nothing else is said, where what nobody has decided is not accepted.
#[track_caller]
fn check(copy: &Remittance, expected: Step) {
    check_at(NOW, copy, expected);
}

#[track_caller]
fn check_at(now_ms: u64, copy: &Remittance, expected: Step) {
    assert_eq!(copy.next(now_ms, false), expected);
}

fn with(mut copy: Remittance, change: impl FnOnce(&mut Remittance)) -> Remittance {
    change(&mut copy);
    copy
}

/// Screened, and known to the other operator.
fn introduced() -> Remittance {
    with(remittance(Side::Sender), |copy| {
        copy.is_screened = true;
        copy.introduced = true;
    })
}

fn standing(side: Side, standing: Standing) -> Remittance {
    with(reserved(side), |copy| copy.standing = standing)
}

fn paying_out(side: Side) -> Remittance {
    standing(side, Standing::at(State::PayingOut))
}

/// All standings in which money is held.
const HELD: [Standing; 3] = [
    Standing::at(State::Reserved),
    Standing::at(State::InfoRequired),
    Standing::held(Side::Beneficiary),
];

#[test]
fn a_sender_screens_introduces_and_reserves() {
    let fresh = remittance(Side::Sender);
    check(&fresh, Step::Screen);
    let screened = with(fresh, |copy| copy.is_screened = true);
    check(&screened, Step::Introduce);
    check(&introduced(), Step::Sign(Purpose::Reserve));
    check_at(UNTIL_MS - 1, &introduced(), Step::Sign(Purpose::Reserve));
    check_at(UNTIL_MS, &introduced(), Step::Take(Change::Expired));
    let held = with(introduced(), |copy| copy.standing = Standing::held(Side::Sender));
    check(&held, Step::Wait(UNTIL_MS));
    check_at(UNTIL_MS, &held, Step::Take(Change::Expired));
}

#[test]
fn a_recall_before_anything_is_reserved_needs_no_ledger() {
    let recall = |copy: &mut Remittance| copy.wish = Some(Wish::Recall(reason("CUST")));
    for copy in [remittance(Side::Sender), introduced()] {
        let copy = with(copy, recall);
        check(&copy, Step::Take(Change::Cancelled));
        // Whoever has recalled it is not told that it expired.
        check_at(UNTIL_MS, &copy, Step::Take(Change::Cancelled));
    }
    let held = with(introduced(), |copy| copy.standing = Standing::held(Side::Sender));
    check(&with(held, recall), Step::Take(Change::Cancelled));
}

#[test]
fn what_is_signed_is_brought_to_its_end_before_all_else() {
    for purpose in [Purpose::Reserve, Purpose::Post, Purpose::Void, Purpose::Return] {
        let signed = |mut copy: Remittance| {
            copy.intent = Some(intent(purpose));
            copy.wish = Some(Wish::Recall(reason("CUST")));
            copy.untold = vec![Fact::Held];
            copy
        };
        check_at(LOOK, &signed(introduced()), Step::Settle);
        check_at(LOOK, &signed(reserved(Side::Sender)), Step::Settle);
        check_at(LOOK, &signed(reserved(Side::Beneficiary)), Step::Settle);
    }
}

#[test]
fn a_beneficiarys_operator_waits_for_the_reservation_as_long_as_there_can_be_one() {
    let fresh = remittance(Side::Beneficiary);
    let last = UNTIL_MS + u64::from(HOLD_SECONDS) * 1000;
    check(&fresh, Step::Wait(last));
    check_at(last - 1, &fresh, Step::Wait(last));
    check_at(last, &fresh, Step::Take(Change::Expired));
    let pointed = with(fresh, |copy| copy.ledger.reservation = Some(tx(1)));
    check(&pointed, Step::Confirm(Purpose::Reserve, tx(1)));
    check_at(last, &pointed, Step::Confirm(Purpose::Reserve, tx(1)));
}

#[test]
fn a_sender_waits_for_the_other_operator_or_recalls() {
    for held in HELD {
        let copy = standing(Side::Sender, held);
        check(&copy, Step::Wait(LOOK));
        assert_eq!(
            copy.next(NOW, true),
            Step::Wait(LOOK),
            "it is not the sender who accepts"
        );
        let recalled = with(copy, |copy| copy.wish = Some(Wish::Recall(reason("CUST"))));
        check(&recalled, Step::Sign(Purpose::Void));
        check_at(HOLD_ENDS - 1, &recalled, Step::Sign(Purpose::Void));
        check_at(HOLD_ENDS, &recalled, Step::Wait(LOOK));
        check_at(LOOK, &recalled, Step::LookAtHold);
    }
}

#[test]
fn a_beneficiarys_operator_accepts_what_is_screened_and_neither_asked_nor_held() {
    let fresh = reserved(Side::Beneficiary);
    check(&fresh, Step::Screen);
    let screened = with(fresh, |copy| copy.is_screened = true);
    check(&screened, Step::Wait(LOOK));
    assert_eq!(screened.next(NOW, true), Step::Sign(Purpose::Post));
    let accepted = with(screened.clone(), |copy| copy.wish = Some(Wish::Accept));
    check(&accepted, Step::Sign(Purpose::Post));
    check_at(HOLD_ENDS - 1, &accepted, Step::Sign(Purpose::Post));
    check_at(HOLD_ENDS, &accepted, Step::Wait(LOOK));
    check_at(LOOK, &accepted, Step::LookAtHold);
    for aside in [HELD[1], HELD[2]] {
        let aside = with(accepted.clone(), |copy| copy.standing = aside);
        assert_eq!(aside.next(NOW, true), Step::Wait(LOOK));
    }
}

#[test]
fn a_beneficiarys_operator_refuses_at_any_time() {
    for held in HELD {
        let refuse = |copy: &mut Remittance| copy.wish = Some(Wish::Refuse(reason("AC04")));
        let refused = with(standing(Side::Beneficiary, held), refuse);
        assert_eq!(refused.next(NOW, true), Step::Sign(Purpose::Void));
        check_at(HOLD_ENDS, &refused, Step::Wait(LOOK));
    }
}

#[test]
fn what_the_other_operator_points_to_is_looked_up() {
    for held in HELD {
        for side in [Side::Sender, Side::Beneficiary] {
            let voided = with(standing(side, held), |copy| copy.ledger.voiding = Some(tx(2)));
            check(&voided, Step::Confirm(Purpose::Void, tx(2)));
            let posted = with(voided, |copy| copy.ledger.posting = Some(tx(3)));
            check(&posted, Step::Confirm(Purpose::Post, tx(3)));
            check_at(LOOK, &posted, Step::Confirm(Purpose::Post, tx(3)));
        }
    }
}

#[test]
fn a_transaction_that_nobody_finds_keeps_nothing_open() {
    let pointed = with(reserved(Side::Sender), |copy| {
        copy.ledger.posting = Some(tx(3));
        copy.failed(NOW);
    });
    check(&pointed, Step::Wait(NOW + 500));
    check_at(NOW + 500, &pointed, Step::Confirm(Purpose::Post, tx(3)));
    check_at(LOOK, &pointed, Step::LookAtHold);
    let recalled = with(pointed, |copy| copy.wish = Some(Wish::Recall(reason("CUST"))));
    check_at(NOW + 500, &recalled, Step::Sign(Purpose::Void));
}

#[test]
fn after_a_transaction_without_effect_the_hold_is_looked_at() {
    for side in [Side::Sender, Side::Beneficiary] {
        check(&with(reserved(side), |copy| copy.ledger.look = true), Step::LookAtHold);
    }
}

#[test]
fn a_sender_has_it_paid_out_once_it_has_seen_the_posting() {
    let later = Step::Wait(NOW + 30_000);
    let copy = paying_out(Side::Sender);
    check(&copy, later.clone());
    let posted = with(copy, |copy| copy.ledger.posting = Some(tx(3)));
    check(&posted, Step::Confirm(Purpose::Post, tx(3)));
    let paid = with(posted.clone(), |copy| copy.ledger.posting_pays = true);
    check(&paid, Step::Confirm(Purpose::Post, tx(3)));
    let seen = |copy: &mut Remittance| copy.ledger.posting_seen = true;
    check(&with(posted.clone(), seen), later);
    check(&with(paid, seen), Step::Take(Change::PaidOut));
    let returned = with(posted, |copy| copy.ledger.returning = Some(tx(4)));
    check(&returned, Step::Confirm(Purpose::Return, tx(4)));
}

#[test]
fn a_beneficiarys_operator_pays_out_or_sends_back() {
    let copy = paying_out(Side::Beneficiary);
    check(&copy, Step::Wait(NOW + 30_000));
    let returned = with(copy.clone(), |copy| copy.wish = Some(Wish::Return(reason("AC04"))));
    check(&returned, Step::Sign(Purpose::Return));
    // What went to the beneficiary's own account is not the operator's to send back.
    for copy in [copy, returned] {
        check(&with(copy, |copy| copy.is_direct = true), Step::Take(Change::PaidOut));
    }
}

#[test]
fn an_end_is_told_and_then_nothing_is_done() {
    for end in State::ALL.into_iter().filter(|state| state.is_end()) {
        for side in [Side::Sender, Side::Beneficiary] {
            let copy = with(standing(side, Standing::at(end)), |copy| {
                copy.ledger.look = true;
                copy.ledger.posting = Some(tx(3));
            });
            check_at(LOOK, &copy, Step::Done);
            let untold = with(copy, |copy| copy.untold = vec![Fact::Withdrawn]);
            check(&untold, Step::Tell);
        }
    }
}

#[test]
fn nobody_is_told_of_what_is_withdrawn_when_no_hold_can_be_left() {
    let ended = with(standing(Side::Sender, Standing::at(State::Cancelled)), |copy| {
        copy.untold = vec![Fact::Withdrawn];
    });
    let over = UNTIL_MS + u64::from(HOLD_SECONDS) * 1000;
    check_at(over - 1, &ended, Step::Tell);
    check_at(over, &ended, Step::Done);
}

#[test]
fn the_other_operator_is_told_while_nothing_else_is_to_be_done() {
    let untold = |copy: &mut Remittance| copy.untold = vec![Fact::Held];
    check(&with(reserved(Side::Sender), untold), Step::Tell);
    check(&with(reserved(Side::Beneficiary), untold), Step::Screen);
    let cut_off = with(reserved(Side::Sender), |copy| {
        untold(copy);
        copy.not_told(NOW);
    });
    check(&cut_off, Step::Wait(NOW + 500));
    check_at(NOW + 500, &cut_off, Step::Tell);
    // It is not kept from its own by one who does not answer.
    check_at(
        LOOK - 1,
        &with(cut_off.clone(), |copy| copy.not_told(LOOK - 1)),
        Step::Wait(LOOK),
    );
    check_at(LOOK, &cut_off, Step::LookAtHold);
    let recalled = with(cut_off, |copy| copy.wish = Some(Wish::Recall(reason("CUST"))));
    check(&recalled, Step::Sign(Purpose::Void));
    // Nor does a step that fails keep the other uninformed.
    let failing = with(recalled, |copy| copy.failed(NOW + 500));
    check_at(NOW + 500, &failing, Step::Tell);
}

#[test]
fn a_step_that_failed_is_put_off_and_a_change_is_not() {
    let failing = with(introduced(), |copy| copy.failed(NOW));
    check(&failing, Step::Wait(NOW + 500));
    check_at(NOW + 499, &failing, Step::Wait(NOW + 500));
    check_at(NOW + 500, &failing, Step::Sign(Purpose::Reserve));
    check_at(
        UNTIL_MS,
        &with(failing, |copy| copy.failed(UNTIL_MS)),
        Step::Take(Change::Expired),
    );
}

#[test]
fn a_hold_is_within_the_quotes_though_the_block_is_behind() {
    let copy = remittance(Side::Sender);
    assert_eq!(copy.hold_until(NOW + 999), UnixSeconds(50 + 95));
    let short = with(copy, |copy| copy.order.hold_seconds = 3);
    assert_eq!(short.hold_until(NOW), UnixSeconds(50));
}
