//! What follows from what came of a step.

use causeway_contracts::{block::Height, settlement::Ending};

use super::{
    super::{
        Cause, Moment, NotNow, Purpose, Remittance, Wish,
        fact::{Fact, Telling},
        outcome::retry_ms,
        state::{Change, Side, Standing, State},
    },
    fixture::{intent, reason, remittance, reserved, tx},
};

const NOW: u64 = 50_000;
const HEIGHT: Height = Height(7);

/// Introduced, and something is signed for this.
fn signed(side: Side, purpose: Purpose) -> Remittance {
    let mut copy = match purpose {
        Purpose::Reserve => remittance(side),
        _ => reserved(side),
    };
    copy.introduced = side == Side::Sender;
    if purpose == Purpose::Return {
        copy.standing = Standing::at(State::PayingOut);
    }
    copy.intent = Some(intent(purpose));
    copy.failures = 3;
    copy
}

/// The state that it comes to, the fact for the other side, and the reason that is kept, by a block.
#[track_caller]
fn check_settled(mut copy: Remittance, state: State, fact: Fact, kept: Option<&str>) {
    let purpose = copy.intent.as_ref().unwrap().purpose;
    let version = copy.version;
    assert_eq!(copy.settled(purpose, HEIGHT, NOW), Ok(()));
    assert_eq!(copy.standing, Standing::at(state));
    assert_eq!(copy.untold, [fact]);
    assert_eq!(copy.reason, kept.map(reason));
    assert_eq!((copy.intent, copy.failures, copy.version), (None, 0, version + 1));
    let moment = Moment {
        state,
        held_by: None,
        at_ms: NOW,
        by: "ledger".to_owned(),
        height: Some(HEIGHT),
        transaction: Some(tx(9)),
    };
    assert_eq!(copy.timeline.last(), Some(&moment));
}

#[test]
fn what_is_settled_is_told() {
    let transaction = tx(9);
    let reserve = signed(Side::Sender, Purpose::Reserve);
    check_settled(reserve, State::Reserved, Fact::Reserved { transaction }, None);

    for is_direct in [false, true] {
        let mut post = signed(Side::Beneficiary, Purpose::Post);
        post.is_direct = is_direct;
        let paid_out = is_direct;
        check_settled(post, State::PayingOut, Fact::Posted { transaction, paid_out }, None);
    }

    let mut recall = signed(Side::Sender, Purpose::Void);
    recall.wish = Some(Wish::Recall(reason("CUST")));
    let voided = |code| Fact::Voided {
        transaction,
        reason: reason(code),
    };
    check_settled(recall, State::Cancelled, voided("CUST"), Some("CUST"));

    let mut refusal = signed(Side::Beneficiary, Purpose::Void);
    refusal.wish = Some(Wish::Refuse(reason("AC04")));
    check_settled(refusal, State::Refunded, voided("AC04"), Some("AC04"));

    let mut back = signed(Side::Beneficiary, Purpose::Return);
    back.wish = Some(Wish::Return(reason("AC06")));
    let returned = Fact::Returned {
        transaction,
        reason: reason("AC06"),
    };
    check_settled(back, State::Returned, returned, Some("AC06"));
}

#[test]
fn what_was_not_signed_is_not_settled() {
    let mut copy = signed(Side::Sender, Purpose::Void);
    let before = copy.clone();
    let not_now = Err(NotNow { state: State::Reserved });
    assert_eq!(copy.settled(Purpose::Post, HEIGHT, NOW), not_now);
    assert_eq!(copy, before);
    copy.intent = None;
    assert_eq!(copy.settled(Purpose::Void, HEIGHT, NOW), not_now);
}

/// Who says so, what the other is told, and the reason that is kept.
#[track_caller]
fn check_taken(mut copy: Remittance, change: Change, by: &str, untold: &[Fact], kept: Option<&str>) {
    assert_eq!(copy.take(change, NOW), Ok(()));
    let last = copy.timeline.last().unwrap();
    assert_eq!((last.by.as_str(), last.height, last.at_ms), (by, None, NOW));
    assert_eq!(copy.untold, untold);
    assert_eq!(copy.reason, kept.map(reason));
    assert_eq!(copy.wish, None);
}

#[test]
fn what_will_not_be_reserved_is_withdrawn() {
    let mut copy = remittance(Side::Sender);
    copy.wish = Some(Wish::Recall(reason("CUST")));
    check_taken(copy.clone(), Change::Cancelled, "BANKA", &[], Some("CUST"));
    // From then on the order may have been handed over.
    copy.is_screened = true;
    check_taken(
        copy.clone(),
        Change::Cancelled,
        "BANKA",
        &[Fact::Withdrawn],
        Some("CUST"),
    );
    check_taken(copy.clone(), Change::Failed, "BANKA", &[], None);
    let mut held = copy.clone();
    held.standing = Standing::held(Side::Sender);
    check_taken(held, Change::Cancelled, "BANKA", &[], Some("CUST"));
    copy.introduced = true;
    for (change, kept) in [
        (Change::Cancelled, Some("CUST")),
        (Change::Expired, None),
        (Change::Failed, None),
    ] {
        check_taken(copy.clone(), change, "BANKA", &[Fact::Withdrawn], kept);
    }
    copy.apply(Change::Failed, NOW, Cause::default()).unwrap();
    assert_eq!(copy.untold, [Fact::Withdrawn]);
    let waiting = remittance(Side::Beneficiary);
    check_taken(waiting, Change::Expired, "BANKB", &[], None);
}

#[test]
fn who_pays_out_says_so_once() {
    let mut copy = reserved(Side::Beneficiary);
    copy.standing = Standing::at(State::PayingOut);
    copy.ledger.posting = Some(tx(3));
    check_taken(copy.clone(), Change::PaidOut, "BANKB", &[Fact::PaidOut], None);
    copy.is_direct = true;
    check_taken(copy.clone(), Change::PaidOut, "BANKB", &[], None);
    // Where the posting could not say it.
    copy.ledger.posting = None;
    check_taken(copy, Change::PaidOut, "BANKB", &[Fact::PaidOut], None);
    let mut copy = reserved(Side::Sender);
    copy.standing = Standing::at(State::PayingOut);
    check_taken(copy, Change::PaidOut, "BANKB", &[], None);
}

#[test]
fn attempts_are_ever_further_apart() {
    let mut copy = remittance(Side::Sender);
    let mut delays = Vec::new();
    for _ in 0..9 {
        copy.failed(NOW);
        delays.push(copy.not_before_ms - NOW);
    }
    let expected = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];
    assert_eq!(delays, expected);
    assert_eq!(retry_ms(u32::MAX), 30_000);
    copy.touched();
    assert_eq!((copy.failures, copy.not_before_ms), (0, 0));
}

#[test]
fn without_effect_another_is_signed_only_later() {
    for (purpose, look) in [
        (Purpose::Reserve, false),
        (Purpose::Post, true),
        (Purpose::Void, true),
        (Purpose::Return, false),
    ] {
        let mut copy = signed(Side::Beneficiary, purpose);
        copy.unsettled(NOW);
        assert_eq!((copy.intent.as_ref(), copy.ledger.look), (None, look));
        assert_eq!((copy.failures, copy.not_before_ms), (4, NOW + 4_000));
        copy.hold_is_open(NOW);
        assert!(!copy.ledger.look);
        assert_eq!((copy.failures, copy.not_before_ms), (5, NOW + 8_000));
    }
}

#[test]
fn the_ledger_says_how_a_hold_ended() {
    for (side, how, state) in [
        (Side::Sender, Ending::Posted, State::PayingOut),
        (Side::Beneficiary, Ending::Posted, State::PayingOut),
        (Side::Sender, Ending::Voided, State::Refunded),
        (Side::Beneficiary, Ending::Voided, State::Cancelled),
        (Side::Sender, Ending::Expired, State::Expired),
        (Side::Beneficiary, Ending::Expired, State::Expired),
    ] {
        let mut copy = reserved(side);
        copy.ledger.look = true;
        assert_eq!(copy.hold_ended(how, Some(HEIGHT), NOW), Ok(()));
        assert_eq!((copy.state(), copy.ledger.look), (state, false));
        let last = copy.timeline.last().unwrap();
        assert_eq!((last.height, last.transaction), (Some(HEIGHT), None));
        let again = Err(NotNow { state });
        assert_eq!(copy.hold_ended(how, Some(HEIGHT), NOW), again);
    }
}

#[test]
fn a_final_transaction_is_what_its_signer_did() {
    let waiting = || remittance(Side::Beneficiary);
    let mut paying_out = reserved(Side::Sender);
    paying_out.standing = Standing::at(State::PayingOut);
    for (mut copy, purpose, by, state) in [
        (waiting(), Purpose::Reserve, Side::Sender, State::Reserved),
        (
            reserved(Side::Sender),
            Purpose::Post,
            Side::Beneficiary,
            State::PayingOut,
        ),
        (
            reserved(Side::Sender),
            Purpose::Void,
            Side::Beneficiary,
            State::Refunded,
        ),
        (
            reserved(Side::Beneficiary),
            Purpose::Void,
            Side::Sender,
            State::Cancelled,
        ),
        (paying_out.clone(), Purpose::Return, Side::Beneficiary, State::Returned),
        // The ledger had said before that it was posted.
        (paying_out, Purpose::Post, Side::Beneficiary, State::PayingOut),
    ] {
        let version = copy.version;
        assert_eq!(copy.confirmed(purpose, by, HEIGHT, tx(5), NOW), Ok(()));
        assert_eq!((copy.state(), copy.version), (state, version + 1));
        assert_eq!(copy.ledger.posting_seen, purpose == Purpose::Post);
    }
    let mut copy = waiting();
    let before = copy.clone();
    let not_now = Err(NotNow {
        state: State::AwaitingFunds,
    });
    assert_eq!(
        copy.confirmed(Purpose::Post, Side::Beneficiary, HEIGHT, tx(5), NOW),
        not_now
    );
    assert_eq!(copy, before);
}

/// Which changes are refused for what is signed, though they would be possible.
#[track_caller]
fn check_signed(side: Side, purpose: Purpose, refused: &[Change]) {
    let copy = signed(side, purpose);
    let mut unsigned = copy.clone();
    unsigned.intent = None;
    let found: Vec<_> = Change::ALL
        .into_iter()
        .filter(|change| unsigned.allows(*change) && !copy.allows(*change))
        .collect();
    assert_eq!(found, refused);
    for change in found {
        let mut copy = copy.clone();
        let not_now = NotNow { state: copy.state() };
        assert_eq!(copy.apply(change, NOW, Cause::default()), Err(not_now));
        assert_eq!(copy, signed(side, purpose));
    }
}

#[test]
fn what_is_signed_is_not_overtaken() {
    use Change::{Cancelled, Expired, Failed, Held, InfoAsked, PaidOut};
    let before_reserving = [Held(Side::Sender), Failed, Cancelled, Expired];
    check_signed(Side::Sender, Purpose::Reserve, &before_reserving);
    check_signed(Side::Sender, Purpose::Void, &[]);
    let aside = [Held(Side::Beneficiary), InfoAsked];
    check_signed(Side::Beneficiary, Purpose::Post, &aside);
    check_signed(Side::Beneficiary, Purpose::Void, &aside);
    check_signed(Side::Beneficiary, Purpose::Return, &[PaidOut]);
}

#[test]
fn facts_are_told_one_after_another_by_number() {
    let mut copy = remittance(Side::Sender);
    copy.untold = vec![Fact::Withdrawn, Fact::PaidOut];
    let first = Telling {
        number: 0,
        fact: Fact::Withdrawn,
    };
    assert_eq!(copy.telling(), Some(first.clone()));
    copy.not_told(NOW);
    copy.not_told(NOW);
    assert_eq!((copy.telling_failures, copy.tell_not_before_ms), (2, NOW + 1_000));
    assert_eq!((copy.failures, copy.not_before_ms), (0, 0));
    assert_eq!(copy.telling(), Some(first));
    copy.told();
    assert_eq!((copy.telling_failures, copy.tell_not_before_ms), (0, 0));
    let second = Telling {
        number: 1,
        fact: Fact::PaidOut,
    };
    assert_eq!(copy.telling(), Some(second));
    copy.told();
    assert_eq!((copy.telling(), copy.told), (None, 2));
}
