//! What the other operator says, and what follows.

use causeway_contracts::block::Height;

use super::{
    super::{
        MOMENTS_MAX, NotNow, Purpose, Remittance,
        fact::{Fact, Telling},
        state::{Side, Standing, State},
    },
    fixture::{answers, intent, question, reason, remittance, reserved, tx},
};

const NOW: u64 = 50_000;

fn facts() -> [Fact; 10] {
    let (transaction, reason) = (tx(5), reason("AC04"));
    let paid_out = true;
    [
        Fact::Reserved { transaction },
        Fact::Withdrawn,
        Fact::Answered { answers: answers() },
        Fact::Posted { transaction, paid_out },
        Fact::Asked { question: question() },
        Fact::Held,
        Fact::Released,
        Fact::PaidOut,
        Fact::Returned {
            transaction,
            reason: reason.clone(),
        },
        Fact::Voided { transaction, reason },
    ]
}

fn telling(number: u32, fact: Fact) -> Telling {
    Telling { number, fact }
}

/// A copy that has come so far.
fn standing(side: Side, standing: Standing) -> Remittance {
    let was_reserved = standing.is_reserved()
        || matches!(
            standing.state,
            State::PayingOut | State::Completed | State::Returned | State::Refunded
        );
    let mut copy = if was_reserved { reserved(side) } else { remittance(side) };
    copy.standing = standing;
    copy
}

fn letters(standing: Standing) -> &'static str {
    match (standing.state, standing.held_by) {
        (State::AwaitingFunds, _) => "AF",
        (State::Reserved, _) => "Rs",
        (State::InfoRequired, _) => "In",
        (State::PayingOut, _) => "PO",
        (State::Completed, _) => "Co",
        (State::Returned, _) => "Rt",
        (State::Cancelled, _) => "Ca",
        (State::Expired, _) => "Ex",
        (State::Failed, _) => "Fa",
        (State::Refunded, _) => "Rf",
        (State::ComplianceHold, Some(Side::Sender)) => "HS",
        (State::ComplianceHold, _) => "HB",
    }
}

/// A row per fact, a column per standing: refused (`.`), heard (`=`), or what it comes to.
#[track_caller]
fn check(side: Side, expected: &str) {
    let mut rows = vec![format!("{:9}", "")];
    rows[0].extend(Standing::all().into_iter().map(|at| format!(" {}", letters(at))));
    for fact in facts() {
        let name = serde_json::to_value(&fact).unwrap();
        let name = name.as_str().map_or_else(
            || name.as_object().unwrap().keys().next().unwrap().clone(),
            str::to_owned,
        );
        let mut row = format!("{name:9}");
        for at in Standing::all() {
            let before = standing(side, at);
            let mut copy = before.clone();
            let heard = copy.hear(&telling(0, fact.clone()), NOW);
            row.push_str(&match heard {
                Err(not_now) => {
                    assert_eq!(not_now, NotNow { state: at.state });
                    assert_eq!(copy, before, "{fact:?}: what is refused changes nothing");
                    " . ".to_owned()
                }
                Ok(()) if copy.standing == at => " = ".to_owned(),
                Ok(()) => format!(" {}", letters(copy.standing)),
            });
            if heard.is_ok() {
                let after = copy.clone();
                assert_eq!(copy.hear(&telling(0, fact.clone()), NOW + 1), Ok(()));
                assert_eq!(copy, after, "{fact:?}: said again, it changes nothing");
            }
        }
        rows.push(row.trim_end().to_owned());
    }
    assert_eq!(rows.join("\n"), expected);
}

#[test]
fn what_the_other_operator_points_to_is_not_seen_before_its_receipt_is() {
    let mut copy = reserved(Side::Sender);
    assert!(copy.has_seen(&tx(1)));
    let voided = Telling {
        number: 0,
        fact: Fact::Voided {
            transaction: tx(5),
            reason: reason("AC04"),
        },
    };
    copy.hear(&voided, NOW).unwrap();
    assert!(!copy.has_seen(&tx(5)));
    copy.confirmed(Purpose::Void, Side::Beneficiary, Height(5), tx(5), NOW)
        .unwrap();
    assert!(copy.has_seen(&tx(5)));
}

#[test]
fn a_sender_hears() {
    check(
        Side::Sender,
        "\
\x20         AF Rs In PO Co Rt Ca Ex Fa Rf HS HB
reserved  .  .  .  .  .  .  .  .  .  .  .  .
withdrawn .  .  .  .  .  .  .  .  .  .  .  .
answered  .  .  .  .  .  .  .  .  .  .  .  .
posted    =  =  =  =  =  =  =  =  =  =  =  =
asked     .  In .  .  .  .  .  .  .  .  .  .
held      .  HB .  .  .  .  .  .  .  .  .  .
released  .  .  .  .  .  .  .  .  .  .  .  Rs
paid_out  .  =  =  =  =  .  .  .  .  .  .  =
returned  =  =  =  =  =  =  =  =  =  =  =  =
voided    =  =  =  =  =  =  =  =  =  =  =  =",
    );
}

#[test]
fn a_beneficiary_hears() {
    check(
        Side::Beneficiary,
        "\
\x20         AF Rs In PO Co Rt Ca Ex Fa Rf HS HB
reserved  =  =  =  =  =  =  =  =  =  =  =  =
withdrawn Ca .  .  .  .  .  =  =  .  .  Ca .
answered  .  .  Rs .  .  .  .  .  .  .  .  .
posted    .  .  .  .  .  .  .  .  .  .  .  .
asked     .  .  .  .  .  .  .  .  .  .  .  .
held      .  .  .  .  .  .  .  .  .  .  .  .
released  .  .  .  .  .  .  .  .  .  .  .  .
paid_out  .  .  .  .  .  .  .  .  .  .  .  .
returned  .  .  .  .  .  .  .  .  .  .  .  .
voided    =  =  =  =  =  =  =  =  =  =  =  =",
    );
}

#[test]
fn what_comes_late_is_not_taken_for_new() {
    let mut copy = reserved(Side::Sender);
    assert_eq!(copy.hear(&telling(0, Fact::Held), NOW), Ok(()));
    assert_eq!(copy.hear(&telling(1, Fact::Released), NOW), Ok(()));
    assert_eq!(copy.hear(&telling(0, Fact::Held), NOW), Ok(()));
    assert_eq!(copy.standing, Standing::at(State::Reserved));
    assert_eq!(copy.heard, 2);

    let mut copy = reserved(Side::Beneficiary);
    copy.standing = Standing::at(State::InfoRequired);
    let first = telling(3, Fact::Answered { answers: answers() });
    assert_eq!(copy.hear(&first, NOW), Ok(()));
    // A second question is not answered by the first answer.
    copy.standing = Standing::at(State::InfoRequired);
    assert_eq!(copy.hear(&first, NOW), Ok(()));
    assert_eq!(copy.standing, Standing::at(State::InfoRequired));
}

/// The last number leaves none after it.
#[test]
fn numbers_have_an_end() {
    let mut copy = reserved(Side::Sender);
    assert_eq!(copy.hear(&telling(u32::MAX, Fact::Held), NOW), Ok(()));
    assert_eq!(copy.hear(&telling(u32::MAX - 1, Fact::Released), NOW), Ok(()));
    assert_eq!(copy.standing, Standing::held(Side::Beneficiary));
}

#[test]
fn the_last_pointer_counts_until_it_is_seen() {
    let posted = |byte, paid_out| Fact::Posted {
        transaction: tx(byte),
        paid_out,
    };
    let mut copy = reserved(Side::Sender);
    assert_eq!(copy.hear(&telling(0, posted(5, true)), NOW), Ok(()));
    assert_eq!((copy.ledger.posting, copy.ledger.pointed_ms), (Some(tx(5)), NOW));
    assert_eq!(copy.hear(&telling(1, posted(6, false)), NOW + 1), Ok(()));
    assert_eq!((copy.ledger.posting, copy.ledger.pointed_ms), (Some(tx(6)), NOW + 1));
    assert!(copy.ledger.posting_pays);
    copy.not_so(Purpose::Post);
    assert_eq!((copy.ledger.posting, copy.failures), (None, 1));
    assert_eq!(copy.hear(&telling(2, posted(7, false)), NOW + 2), Ok(()));
    assert_eq!((copy.ledger.posting, copy.failures), (Some(tx(7)), 1));
    copy.confirmed(Purpose::Post, Side::Beneficiary, Height(7), tx(7), NOW)
        .unwrap();
    assert_eq!(copy.hear(&telling(3, posted(8, false)), NOW + 3), Ok(()));
    assert_eq!(copy.ledger.posting, Some(tx(7)));
}

#[test]
fn why_it_was_voided_may_be_heard_afterwards() {
    let voided = |code| Fact::Voided {
        transaction: tx(5),
        reason: reason(code),
    };
    let mut copy = standing(Side::Sender, Standing::at(State::Refunded));
    assert_eq!(copy.hear(&telling(0, voided("AC04")), NOW), Ok(()));
    assert_eq!(copy.hear(&telling(1, voided("AC06")), NOW), Ok(()));
    assert_eq!((copy.reason, copy.ledger.voiding), (Some(reason("AC04")), Some(tx(5))));
    let mut copy = standing(Side::Sender, Standing::at(State::Completed));
    assert_eq!(copy.hear(&telling(0, voided("AC04")), NOW), Ok(()));
    assert_eq!((copy.reason, copy.ledger.voiding), (None, None));
}

#[test]
fn a_void_that_is_not_so_leaves_no_reason() {
    let (transaction, reason) = (tx(5), reason("FRAD"));
    for fact in [
        Fact::Voided {
            transaction,
            reason: reason.clone(),
        },
        Fact::Returned {
            transaction,
            reason: reason.clone(),
        },
    ] {
        let mut copy = reserved(Side::Sender);
        assert_eq!(copy.hear(&telling(0, fact.clone()), NOW), Ok(()));
        assert_eq!(copy.reason, Some(reason.clone()));
        let purpose = match fact {
            Fact::Voided { .. } => Purpose::Void,
            _ => Purpose::Return,
        };
        copy.not_so(purpose);
        assert_eq!(
            (copy.reason, copy.ledger.voiding, copy.ledger.returning),
            (None, None, None)
        );
    }
}

#[test]
fn questions_and_answers_are_kept() {
    let mut copy = reserved(Side::Sender);
    assert_eq!(
        copy.hear(&telling(0, Fact::Asked { question: question() }), NOW),
        Ok(())
    );
    assert_eq!(copy.question, Some(question()));
    let last = copy.timeline.last().unwrap();
    assert_eq!(
        (last.state, last.by.as_str(), last.at_ms),
        (State::InfoRequired, "BANKB", NOW)
    );

    let mut copy = reserved(Side::Beneficiary);
    copy.standing = Standing::at(State::InfoRequired);
    assert_eq!(
        copy.hear(&telling(0, Fact::Answered { answers: answers() }), NOW),
        Ok(())
    );
    assert_eq!(copy.answers, answers());
    let last = copy.timeline.last().unwrap();
    assert_eq!(
        (last.state, last.by.as_str(), last.at_ms),
        (State::Reserved, "BANKA", NOW)
    );
}

#[test]
fn it_is_paid_out_before_its_posting_is_seen() {
    let mut copy = reserved(Side::Sender);
    assert_eq!(copy.hear(&telling(0, Fact::PaidOut), NOW), Ok(()));
    assert_eq!(copy.standing, Standing::at(State::Reserved));
    assert!(copy.ledger.posting_pays);
}

#[test]
fn what_the_other_says_is_heard_though_a_void_is_signed() {
    let mut copy = reserved(Side::Sender);
    copy.intent = Some(intent(Purpose::Void));
    assert_eq!(copy.hear(&telling(0, Fact::Held), NOW), Ok(()));
    assert_eq!(copy.standing, Standing::held(Side::Beneficiary));
    assert_eq!(copy.intent, Some(intent(Purpose::Void)));
}

/// The other operator could hold and release for ever.
#[test]
fn a_timeline_is_bounded() {
    let mut copy = reserved(Side::Sender);
    let refused = (0..u32::MAX).find(|number| {
        let fact = if number % 2 == 0 { Fact::Held } else { Fact::Released };
        copy.hear(&telling(*number, fact), NOW).is_err()
    });
    assert_eq!((refused, copy.timeline.len()), (Some(98), MOMENTS_MAX));
    let asked = Fact::Asked { question: question() };
    assert_eq!(
        copy.hear(&telling(98, asked), NOW),
        Err(NotNow { state: State::Reserved })
    );
}
