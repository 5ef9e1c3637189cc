use std::collections::BTreeMap;

use causeway_cards::iso8583::MessageType;
use proptest::{collection::vec, prelude::*};

use super::*;

const LINE: LineId = LineId(1);
const LIMITS: Limits = Limits {
    undecided_max: 64,
    remembered_max: 1_000,
};

fn message(number: &str, fields: &[(u8, &str)]) -> Message {
    let mut message = Message::new(number.parse().expect("digits"));
    for (field, value) in fields {
        message.set(*field, value.as_bytes()).expect("short");
    }
    message
}

fn purchase(trace: usize) -> Message {
    let trace = format!("{trace:06}");
    let fields = [
        (2, "4123709999000029"),
        (3, "000000"),
        (4, "000000001000"),
        (7, "1130011500"),
        (11, trace.as_str()),
    ];
    let place = [
        (12, "011500"),
        (13, "1130"),
        (32, "12345"),
        (35, "4123709999000029=2512"),
        (41, "TERM0001"),
        (49, "978"),
    ];
    message("0200", &[&fields[..], &place].concat())
}

/// The `trace`d reversal of the purchase.
fn reversal(of: usize, trace: usize) -> Message {
    let mut message = purchase(trace);
    message.set_message_type(MessageType::REVERSAL_ADVICE);
    let original = elements_of(&purchase(of)).to_field();
    message.set(90, original.as_bytes()).expect("short");
    message
}

fn network(code: &str) -> Message {
    message("0800", &[(7, "1130011500"), (11, "000001"), (70, code)])
}

fn signed_on() -> HostSession {
    let mut session = HostSession::new(LIMITS);
    assert_eq!(codes(&session.handle(LINE, network("001"), 0)), ["00"]);
    session
}

fn codes(effects: &[Effect]) -> Vec<String> {
    let answered = effects.iter().filter_map(|effect| match effect {
        Effect::Answer { message, .. } => message.text(39).map(str::to_owned),
        Effect::Decide { .. } => None,
    });
    answered.collect()
}

fn asked(effects: Vec<Effect>) -> Vec<(RequestId, Request)> {
    let asked = effects.into_iter().filter_map(|effect| match effect {
        Effect::Decide { id, request } => Some((id, request)),
        Effect::Answer { .. } => None,
    });
    asked.collect()
}

#[test]
fn a_line_signs_on_first() {
    let mut session = HostSession::new(LIMITS);
    assert_eq!(codes(&session.handle(LINE, purchase(1), 0)), ["91"]);
    assert_eq!(codes(&session.handle(LINE, network("301"), 0)), ["00"]);
    assert_eq!(codes(&session.handle(LINE, network("001"), 0)), ["00"]);
    assert_eq!(asked(session.handle(LINE, purchase(1), 0)).len(), 1);
    session.closed(LINE);
    assert_eq!(codes(&session.handle(LINE, purchase(2), 0)), ["91"]);
    assert_eq!(codes(&session.handle(LINE, network("777"), 0)), ["12"]);
}

#[test]
fn every_outcome_is_answered_by_its_code_and_approvals_by_theirs() {
    for outcome in Outcome::ALL {
        let mut session = signed_on();
        let (id, request) = asked(session.handle(LINE, purchase(1), 0)).remove(0);
        assert_eq!(request.operation, Operation::Purchase);
        let approval = Some(*b"A1B2C3");
        let effects = session.decided(
            id,
            Decision {
                outcome: *outcome,
                approval,
                ..Outcome::Approved.into()
            },
        );
        let [Effect::Answer { message, .. }] = &effects[..] else {
            panic!("one answer")
        };
        assert_eq!(
            (message.text(39), message.text(11)),
            (Some(outcome.code()), Some("000001"))
        );
        assert_eq!(message.has(38), outcome.is_approved());
        assert!(!message.has(35) && message.message_type().number() == 210);
    }
}

#[test]
fn a_repeat_gets_the_first_answer_and_other_contents_are_refused() {
    let mut session = signed_on();
    let (id, _) = asked(session.handle(LINE, purchase(1), 0)).remove(0);
    let mut repeat = purchase(1);
    repeat.set_message_type(MessageType::FINANCIAL.repeat());
    assert!(session.handle(LineId(1), repeat.clone(), 1).is_empty());
    assert_eq!(codes(&session.decided(id, Outcome::InsufficientFunds.into())), ["51"]);
    assert_eq!(codes(&session.handle(LINE, repeat.clone(), 2)), ["51"]);
    repeat.set(4, b"000000009999").expect("short");
    assert_eq!(codes(&session.handle(LINE, repeat.clone(), 3)), ["94"]);
    assert_eq!(
        asked(session.handle(LINE, repeat, crate::acquiring::host::REMEMBERED_MS)).len(),
        1
    );
}

#[test]
fn a_key_is_asked_about_once_and_its_repeat_gets_the_first_answer_on_its_own_line() {
    for code in ["101", "160"] {
        let mut session = signed_on();
        let again = LineId(2);
        session.handle(again, network("001"), 0);
        let mut offer = network(code);
        offer.set(48, b"one block").expect("short");
        let (id, request) = asked(session.handle(LINE, offer.clone(), 1)).remove(0);
        assert_eq!(Some(request.operation), offered(&offer));
        offer.set_message_type(MessageType::NETWORK.repeat());
        assert!(session.handle(again, offer.clone(), 2).is_empty());
        let answered = session.decided(id, Outcome::Approved.into());
        assert!(matches!(answered[..], [Effect::Answer { line, .. }] if line == again));
        assert_eq!(codes(&session.handle(again, offer.clone(), 3)), ["00"]);
        offer.set(48, b"another block").expect("short");
        assert_eq!(codes(&session.handle(again, offer, 4)), ["94"]);
    }
}

#[test]
fn a_late_original_is_declined_also_after_one_that_the_issuer_was_unavailable_for() {
    let mut session = signed_on();
    let (id, _) = asked(session.handle(LINE, reversal(1, 90), 0)).remove(0);
    assert_eq!(codes(&session.decided(id, Outcome::NoSuchOriginal.into())), ["25"]);
    assert_eq!(codes(&session.handle(LINE, purchase(1), 1)), ["12"]);
    let (id, _) = asked(session.handle(LINE, purchase(2), 2)).remove(0);
    assert!(session.handle(LINE, reversal(2, 91), 3).is_empty());
    assert_eq!(asked(session.decided(id, Outcome::IssuerUnavailable.into())).len(), 1);
    assert_eq!(codes(&session.handle(LINE, purchase(2), 4)), ["12"]);
}

#[test]
fn what_is_missing_or_too_much_is_refused() {
    let mut session = signed_on();
    let mut bare = purchase(1);
    bare.remove(49);
    assert_eq!(codes(&session.handle(LINE, bare, 0)), ["30"]);
    assert_eq!(
        codes(&session.handle(LINE, message("0420", &[(11, "000001")]), 0)),
        ["30"]
    );
    for trace in 0..LIMITS.undecided_max {
        assert_eq!(asked(session.handle(LINE, purchase(trace), 0)).len(), 1);
    }
    assert_eq!(codes(&session.handle(LINE, purchase(999), 0)), ["91"]);
    assert_eq!(session.undecided(), LIMITS.undecided_max);
}

/// What an acquirer sends, or the issuer decides, of three purchases.
#[derive(Debug, Clone)]
enum Step {
    Purchase(usize),
    Reversal(usize, usize),
    Decide(usize, bool),
}

#[test]
fn what_stands_after_a_reversal_in_part_is_reversed_by_the_next() {
    let mut session = signed_on();
    let [(id, _)] = &asked(session.handle(LINE, purchase(1), 0))[..] else {
        panic!("asked");
    };
    session.decided(*id, Outcome::Approved.into());
    let mut in_part = reversal(1, 2);
    let amounts = format!("{:012}{:030}", 600, 0);
    in_part.set(95, amounts.as_bytes()).expect("42 characters");
    for (reversal, is_last) in [(in_part, false), (reversal(1, 3), true)] {
        let [(id, _)] = &asked(session.handle(LINE, reversal, 0))[..] else {
            panic!("asked, last {is_last}");
        };
        assert_eq!(codes(&session.decided(*id, Outcome::Approved.into())), ["00"]);
    }
    assert_eq!(
        codes(&session.handle(LINE, reversal(1, 4), 0)),
        ["00"],
        "nothing is left"
    );
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_usize..3).prop_map(Step::Purchase),
        (0_usize..3, 0_usize..2).prop_map(|(of, which)| Step::Reversal(of, which)),
        (any::<usize>(), any::<bool>()).prop_map(|(which, approves)| Step::Decide(which, approves)),
    ];
    vec(step, 0..40)
}

/// The issuer's books: what was paid and undone, by trace number of the purchase.
#[derive(Default)]
struct Books {
    waiting: Vec<(RequestId, Request)>,
    paid: BTreeMap<usize, i32>,
    undone: BTreeMap<usize, i32>,
}

impl Books {
    fn decide(&mut self, which: usize, approves: bool) -> (RequestId, Decision) {
        let (id, request) = self.waiting.swap_remove(which % self.waiting.len());
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).expect("digits");
        let outcome = if request.operation == Operation::Purchase {
            let trace = number(request.message.text(11));
            *self.paid.entry(trace).or_default() += i32::from(approves);
            if approves {
                Outcome::Approved
            } else {
                Outcome::DoNotHonour
            }
        } else if request.original.is_none() {
            Outcome::NoSuchOriginal
        } else {
            let trace = number(request.message.text(90).map(|text| &text[4..10]));
            *self.undone.entry(trace).or_default() += 1;
            Outcome::Approved
        };
        (id, outcome.into())
    }
}

proptest! {
    #[test]
    fn invariant_duplicates_and_late_reversals_in_any_order_have_one_effect(steps in steps()) {
        let mut session = signed_on();
        let mut books = Books::default();
        let mut reversed = [false; 3];
        let mut steps: Vec<Step> = steps;
        steps.extend((0..40).map(|_| Step::Decide(0, true)));
        for (at, step) in steps.into_iter().enumerate() {
            let effects = match step {
                Step::Purchase(of) => session.handle(LINE, purchase(of), at as u64),
                Step::Reversal(of, which) => {
                    reversed[of] = true;
                    session.handle(LINE, reversal(of, 10 + of * 2 + which), at as u64)
                }
                Step::Decide(..) if books.waiting.is_empty() => continue,
                Step::Decide(which, approves) => {
                    let (id, decision) = books.decide(which, approves);
                    session.decided(id, decision)
                }
            };
            books.waiting.extend(asked(effects));
        }
        prop_assert_eq!(session.undecided(), 0);
        for (of, reversed) in reversed.into_iter().enumerate() {
            let count = |book: &BTreeMap<usize, i32>| book.get(&of).copied().unwrap_or_default();
            let (paid, undone) = (count(&books.paid), count(&books.undone));
            prop_assert!(paid <= 1);
            prop_assert_eq!(undone, if reversed { paid } else { 0 });
        }
    }
}
