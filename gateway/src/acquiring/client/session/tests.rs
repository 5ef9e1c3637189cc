mod world;

use super::{hear::PASSING, *};
use crate::acquiring::host;

const LIMITS: Limits = Limits {
    requests_max: 8,
    outstanding_max: 12,
    answer_within_ms: 100,
    echo_after_ms: 10_000,
    keep_alive_after_ms: 5_000,
    repeat_after_ms: 200,
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
    let of_card = [(2, "4123709999000029"), (35, "4123709999000029=2512")];
    let fields = [
        (3, "000000"),
        (4, "000000001000"),
        (7, "1130011500"),
        (11, trace.as_str()),
        (12, "011500"),
        (13, "1130"),
        (32, "12345"),
        (41, "TERM0001"),
        (49, "978"),
    ];
    message("0200", &[&of_card[..], &fields].concat())
}

fn sent(effects: &[Effect]) -> Vec<&Message> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send(message) => Some(message),
        _ => None,
    });
    sent.collect()
}

fn types(effects: &[Effect]) -> Vec<u16> {
    sent(effects)
        .iter()
        .map(|message| message.message_type().number())
        .collect()
}

fn answer(to: &Message, code: &str) -> Message {
    let mut answer = Message::new(to.message_type().response());
    answer.copy_from(to, &[7, 11]).expect("short");
    answer.set(39, code.as_bytes()).expect("short");
    answer
}

fn signed_on(left: Vec<Reversal>) -> ClientSession {
    let mut session = ClientSession::new(LIMITS, left, 999_999);
    let effects = session.connected(0);
    assert_eq!(sent(&effects)[0].text(11), Some("000000"));
    session.heard(answer(sent(&effects)[0], "00"), 0);
    assert!(session.is_signed_on());
    session
}

fn start(session: &mut ClientSession, message: Message, now_ms: u64) -> RequestId {
    let (id, _) = session.take(message, now_ms).expect("taken on");
    assert_eq!(sent(&session.send(id, now_ms)).len(), 1);
    id
}

#[test]
fn a_link_signs_on_first_and_is_given_up_if_it_may_not_or_nobody_answers() {
    let mut session = ClientSession::new(LIMITS, Vec::new(), 0);
    assert!(matches!(session.take(purchase(1), 0), Err(Unanswered::NotSignedOn)));
    let effects = session.connected(0);
    assert_eq!(sent(&effects)[0].text(70), Some("001"));
    assert!(matches!(
        session.heard(answer(sent(&effects)[0], "91"), 1)[..],
        [Effect::Close]
    ));
    session.disconnected();
    let effects = session.connected(2);
    assert!(matches!(
        session.heard(answer(sent(&effects)[0], "63"), 3)[..],
        [Effect::KeyRefused, Effect::Close]
    ));
    session.disconnected();
    session.connected(10);
    assert_eq!(session.due_ms(), Some(110));
    assert!(session.tick(109).is_empty());
    assert!(matches!(session.tick(110)[..], [Effect::Close]));
}

#[test]
fn an_idle_link_asks_for_an_echo_and_keeps_the_line_alive() {
    let mut session = signed_on(Vec::new());
    assert!(session.tick(4_999).is_empty());
    assert!(matches!(session.tick(5_000)[..], [Effect::KeepAlive]));
    let effects = session.tick(10_000);
    assert_eq!(sent(&effects)[0].text(70), Some("301"));
    session.heard(answer(sent(&effects)[0], "00"), 10_050);
    assert!(session.tick(14_999).is_empty());
    session.tick(20_050);
    assert!(matches!(session.tick(20_150)[..], [Effect::Close]));
}

#[test]
fn answers_are_matched_by_type_and_numbers_and_what_comes_late_is_dropped() {
    let mut session = signed_on(Vec::new());
    let id = start(&mut session, purchase(1), 0);
    assert!(session.heard(answer(&purchase(2), "00"), 1).is_empty());
    let mut of_another_time = answer(&purchase(1), "00");
    of_another_time.set(7, b"1130011501").expect("short");
    assert!(session.heard(of_another_time, 1).is_empty());
    assert!(matches!(&session.heard(answer(&purchase(1), "51"), 1)[..], [Effect::Ended(ended, Ok(_))] if *ended == id));
    assert!(session.heard(answer(&purchase(1), "51"), 2).is_empty());
    assert_eq!(session.unmatched(), 3);
}

#[test]
fn a_request_without_an_answer_is_reversed_until_that_is_answered() {
    let mut session = signed_on(Vec::new());
    start(&mut session, purchase(1), 0);
    assert!(session.tick(99).is_empty());
    let effects = session.tick(100);
    let ended = |effect: &Effect| matches!(effect, Effect::Ended(_, Err(Unanswered::TimedOut { reversed: true })));
    assert!(effects.iter().any(ended));
    let reversal = sent(&effects)[0].clone();
    let original = reversal.original_elements().expect("digits").expect("present");
    assert_eq!(
        (reversal.message_type().number(), original),
        (420, host::elements_of(&purchase(1)))
    );
    assert!(!reversal.has(2) && !reversal.has(35));
    assert!(session.heard(answer(&purchase(1), "00"), 101).is_empty(), "late");
    assert!(matches!(session.take(purchase(1), 101), Err(Unanswered::NumbersInUse)));
    assert_eq!(types(&session.tick(300)), [421]);
    for passing in PASSING {
        assert!(session.heard(answer(&reversal, passing), 301).is_empty());
    }
    assert_eq!(types(&session.tick(500)), [421]);
    let effects = session.heard(answer(&reversal, "00"), 501);
    let key = Reversal::of(&purchase(1)).expect("asks for money").key().to_owned();
    assert!(matches!(&effects[..], [Effect::Reversed { key: removed, .. }] if *removed == key));
    assert_eq!((session.reversals(), session.unmatched()), (0, 1));
}

#[test]
fn an_answer_that_does_not_say_what_was_done_is_given_and_undone() {
    for passing in PASSING {
        let mut session = signed_on(Vec::new());
        start(&mut session, purchase(1), 0);
        let effects = session.heard(answer(&purchase(1), passing), 1);
        assert!(matches!(effects[0], Effect::Ended(_, Ok(_))));
        assert_eq!(types(&effects), [420]);
    }
}

#[test]
fn what_was_left_by_a_kill_is_sent_after_sign_on_and_stored_as_it_is() {
    let reversal = Reversal::of(&purchase(7)).expect("asks for money");
    let read = Reversal::from_bytes(reversal.key().to_owned(), &reversal.to_bytes()).expect("its own bytes");
    assert_eq!(read, reversal);
    let mut session = ClientSession::new(LIMITS, vec![read], 0);
    let effects = session.connected(0);
    assert_eq!(types(&effects), [800]);
    assert_eq!(types(&session.heard(answer(sent(&effects)[0], "00"), 0)), [421]);
}

#[test]
fn a_new_connection_repeats_what_is_under_way() {
    let mut session = signed_on(Vec::new());
    start(&mut session, purchase(1), 0);
    session.disconnected();
    assert!(matches!(session.take(purchase(2), 1), Err(Unanswered::NotSignedOn)));
    let effects = session.connected(10);
    let effects = session.heard(answer(sent(&effects)[0], "00"), 20);
    assert_eq!(types(&effects), [201]);
    assert!(matches!(
        session.heard(answer(&purchase(1), "00"), 30)[..],
        [Effect::Ended(_, Ok(_))]
    ));
}

#[test]
fn what_is_outstanding_is_bounded() {
    let mut session = signed_on(Vec::new());
    for trace in 0..LIMITS.requests_max {
        start(&mut session, purchase(trace), 0);
    }
    assert!(matches!(session.take(purchase(99), 0), Err(Unanswered::Busy)));
    session.tick(100);
    for trace in 50..54 {
        start(&mut session, purchase(trace), 100);
    }
    assert!(
        matches!(session.take(purchase(99), 100), Err(Unanswered::Busy)),
        "reversals count"
    );
}

#[test]
fn nothing_undoes_a_balance_an_advice_or_management_and_a_reversal_is_its_own() {
    let of = |number: &str, code: &str| {
        let mut message = purchase(1);
        message.set_message_type(number.parse().expect("digits"));
        message.set(3, code.as_bytes()).expect("short");
        Reversal::of(&message)
    };
    assert_eq!(of("0100", "310000"), None);
    assert_eq!(of("0220", "000000"), None);
    assert_eq!(Reversal::of(&message("0800", &[(70, "301")])), None);
    assert!(of("0100", "000000").is_some() && of("0200", "200000").is_some());
    let mut reversal = Reversal::of(&purchase(1)).expect("asks for money").message;
    reversal.set(11, b"000002").expect("short");
    let advice = Reversal::of(&reversal).expect("undoes");
    assert_eq!(advice.message, reversal);
}
