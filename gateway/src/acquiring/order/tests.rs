use causeway_contracts::identity::ParticipantId;
use proptest::prelude::*;

use super::*;

pub fn code(text: &str) -> Currency {
    Currency::new(text).unwrap()
}

pub fn account(name: &str) -> AccountId {
    let genesis = causeway_contracts::block::GenesisHash([7; 32]);
    AccountId::of_participant(&genesis, ParticipantId::new(name).unwrap())
}

/// Of 10.00 EUR, from time 1,000 until 2,000.
pub fn order() -> Order {
    Order::begin(Beginning {
        id: format!("ord_{}", "0".repeat(32)),
        client: "a".to_owned(),
        merchant: "mer_1".to_owned(),
        store: None,
        terminal: None,
        reference: Some("A-1".to_owned()),
        description: None,
        pay_to: account("BANKA"),
        currency: code("EUR"),
        exponent: 2,
        amount: Amount(1_000),
        now_ms: 1_000,
        expires_ms: 2_000,
        capture: Capture::Automatic,
    })
}

pub fn payment(amount: u64, time_ms: u64) -> Payment {
    Payment {
        payer: account("BANKB"),
        currency: code("EUR"),
        amount: Amount(amount),
        transaction: TxId([3; 32]),
        height: Height(9),
        index: 3,
        part: 0,
        time_ms,
    }
}

/// The way to a state.
fn at(state: State) -> Order {
    let mut order = order();
    match state {
        State::Created => {}
        State::Authorized => order.authorize(payment(1_000, 1_100), 1_100).unwrap(),
        State::Paid => order.receive(payment(1_000, 1_100), false, 1_100).unwrap(),
        State::PartiallyRefunded | State::Refunded => {
            order = at(State::Paid);
            let amount = Amount(if state == State::Refunded { 1_000 } else { 400 });
            order.request_refund(amount, 1_200).unwrap();
            order.refund_settled(amount, Height(10), 1_200).unwrap();
        }
        State::Reversed => {
            order = at(State::Paid);
            order.reverse(Height(10), 1_200).unwrap();
        }
        State::Cancelled => order.cancel(1_100).unwrap(),
        State::Expired => order.expire(2_000).unwrap(),
        State::Voided => {
            order = at(State::Authorized);
            order.void(VoidReason::Requested, Height(10), 1_200).unwrap();
        }
    }
    assert_eq!(order.state, state);
    order
}

const EDGES: &str = "\
created -> authorized by Authorized
created -> paid by Paid
created -> cancelled by Cancelled
created -> expired by Expired
authorized -> paid by Captured
authorized -> voided by Voided
paid -> partially_refunded by RefundedInPart
paid -> refunded by RefundedWhole
paid -> reversed by Reversed
partially_refunded -> partially_refunded by RefundedInPart
partially_refunded -> refunded by RefundedWhole
partially_refunded -> reversed by Reversed
refunded -> reversed by Reversed";

#[test]
fn the_table_has_these_edges_and_no_others() {
    let mut edges = Vec::new();
    for state in State::ALL {
        for change in Change::ALL {
            if let Some(next) = state.after(change) {
                edges.push(format!("{state} -> {next} by {change:?}"));
            }
        }
        assert_eq!(
            state.is_end(),
            Change::ALL.iter().all(|change| state.after(*change).is_none()),
            "{state}"
        );
    }
    assert_eq!(edges.join("\n"), EDGES);
}

/// What is done to an order where the table has no edge for it says so, and changes nothing.
#[test]
fn nothing_happens_beside_the_table() {
    type Do = fn(&mut Order) -> Result<(), NotNow>;
    let done: [(Change, Do); 6] = [
        (Change::Reversed, |order| order.reverse(Height(10), 1_500)),
        (Change::Authorized, |order| {
            order.authorize(payment(1_000, 1_500), 1_500)
        }),
        (Change::Captured, |order| order.capture(payment(900, 1_500), 1_500)),
        (Change::Voided, |order| {
            order.void(VoidReason::Expired, Height(10), 1_500)
        }),
        (Change::Cancelled, |order| order.cancel(1_500)),
        (Change::Expired, |order| order.expire(2_500)),
    ];
    for state in State::ALL {
        for (change, act) in done {
            let before = at(state);
            let mut order = before.clone();
            match state.after(change) {
                Some(next) => {
                    act(&mut order).unwrap();
                    assert_eq!(
                        (order.state, order.version),
                        (next, before.version + 1),
                        "{state} {change:?}"
                    );
                }
                None => {
                    assert_eq!(act(&mut order), Err(NotNow { state }), "{change:?}");
                    assert_eq!(order, before);
                }
            }
        }
        let mut order = at(state);
        let refunds = order.request_refund(Amount(1), 1_500).is_ok();
        assert_eq!(refunds, state.after(Change::RefundedInPart).is_some(), "{state}");
        let another = Payment {
            index: 4,
            ..payment(1_000, 1_500)
        };
        let pays = at(state).receive(another, false, 1_500).is_ok();
        assert_eq!(pays, state == State::Created, "{state}");
    }
}

#[test]
fn a_payment_counts_when_it_is_exact_in_time_and_the_first() {
    let check = |state, with: fn(&mut Payment), is_suspended, expected| {
        let mut order = at(state);
        let before = order.clone();
        let mut paid = Payment {
            index: 4,
            ..payment(1_000, 1_999)
        };
        with(&mut paid);
        assert_eq!(order.receive(paid, is_suspended, 2_100), expected, "{state}");
        assert_eq!(order == before, expected.is_err(), "a stray changes nothing");
    };
    check(State::Created, |_| {}, false, Ok(()));
    check(State::Created, |_| {}, true, Err(Stray::MerchantSuspended));
    check(State::Created, |paid| paid.time_ms = 2_000, true, Err(Stray::Late));
    check(
        State::Created,
        |paid| paid.amount.0 += 1,
        false,
        Err(Stray::WrongAmount),
    );
    check(
        State::Created,
        |paid| paid.amount.0 -= 1,
        false,
        Err(Stray::WrongAmount),
    );
    let other = |paid: &mut Payment| {
        paid.currency = code("THB");
        paid.amount.0 = 1;
    };
    check(State::Created, other, false, Err(Stray::WrongCurrency));
    for state in [State::Cancelled, State::Expired, State::Voided] {
        check(state, |_| {}, true, Err(Stray::Late));
    }
    for state in [
        State::Authorized,
        State::Paid,
        State::PartiallyRefunded,
        State::Refunded,
        State::Reversed,
    ] {
        check(state, |paid| paid.time_ms = 2_000, true, Err(Stray::Duplicate));
    }
}

#[test]
fn refunds_are_at_most_what_is_left() {
    let mut order = at(State::Paid);
    let too_much = |left| Err(RefundFault::TooMuch { left: Amount(left) });
    assert_eq!(order.request_refund(Amount(0), 1_500), too_much(1_000));
    assert_eq!(order.request_refund(Amount(1_001), 1_500), too_much(1_000));
    order.request_refund(Amount(700), 1_500).unwrap();
    assert_eq!(order.request_refund(Amount(301), 1_500), too_much(300));
    assert_eq!(order.state, State::Paid, "nothing went back yet");
    order.refund_failed(Amount(700), 1_600);
    assert_eq!(order.refundable(), Amount(1_000));
    order.request_refund(Amount(400), 1_700).unwrap();
    order.request_refund(Amount(600), 1_700).unwrap();
    order.refund_settled(Amount(600), Height(11), 1_800).unwrap();
    assert_eq!(order.state, State::PartiallyRefunded);
    order.refund_settled(Amount(400), Height(12), 1_900).unwrap();
    assert_eq!(
        (order.state, order.refunded, order.refunding),
        (State::Refunded, Amount(1_000), Amount(0))
    );
    let state = State::Refunded;
    assert_eq!(order.request_refund(Amount(1), 2_000), Err(NotNow { state }.into()));
    let told: Vec<_> = order.timeline.iter().map(|moment| moment.happened.as_str()).collect();
    assert_eq!(
        told,
        [
            "created",
            "paid",
            "refund_requested",
            "refund_failed",
            "refund_requested",
            "refund_requested",
            "partially_refunded",
            "refunded"
        ]
    );
}

#[test]
fn a_refund_under_way_ends_after_its_payment_was_reversed() {
    let mut order = at(State::Paid);
    order.request_refund(Amount(400), 1_500).unwrap();
    order.request_refund(Amount(100), 1_500).unwrap();
    order.reverse(Height(10), 1_600).unwrap();
    assert_eq!(order.refundable(), Amount(0));
    order.refund_settled(Amount(400), Height(11), 1_700).unwrap();
    order.refund_failed(Amount(100), 1_800);
    assert_eq!(
        (order.state, order.refunded, order.refunding),
        (State::Reversed, Amount(400), Amount(0))
    );
}

#[test]
fn a_captured_amount_is_what_can_be_refunded() {
    let mut order = at(State::Authorized);
    assert_eq!(order.refundable(), Amount(0), "what is held is voided");
    order.capture(payment(900, 1_500), 1_500).unwrap();
    assert_eq!(order.refundable(), Amount(900));
}

#[test]
fn the_payment_that_counts_is_no_stray_when_it_is_told_again() {
    let paid = payment(1_000, 1_100);
    for state in [State::Paid, State::PartiallyRefunded, State::Refunded] {
        let before = at(state);
        let mut order = before.clone();
        assert_eq!(order.receive(paid, true, 2_500), Ok(()));
        assert_eq!(order, before, "{state}");
        for other in [
            Payment {
                height: Height(10),
                ..paid
            },
            Payment { index: 4, ..paid },
            Payment { part: 1, ..paid },
        ] {
            assert_eq!(order.receive(other, false, 1_500), Err(Stray::Duplicate), "{state}");
        }
    }
}

#[test]
fn so_many_strays_are_sent_back_by_themselves_and_so_many_refunds_are_made() {
    let mut order = order();
    for at in 1..=STRAYS_RETURNED_MAX + 5 {
        assert_eq!(order.stray(), at <= STRAYS_RETURNED_MAX, "{at}");
    }
    let mut order = at(State::Paid);
    for _ in 0..REFUNDS_MAX {
        order.request_refund(Amount(1), 1_500).unwrap();
        order.refund_failed(Amount(1), 1_500);
    }
    assert_eq!(order.request_refund(Amount(1), 1_500), Err(RefundFault::TooMany));
}

#[test]
fn what_is_held_authorizes_if_it_is_exact_and_in_time() {
    let order = order();
    let check = |held: Payment, expected| assert_eq!(order.fits(&held), expected, "{held:?}");
    check(payment(1_000, 1_999), true);
    check(payment(1_000, 2_000), false);
    check(payment(999, 1_999), false);
    check(payment(1_001, 1_999), false);
    let other = Payment {
        currency: code("THB"),
        ..payment(1_000, 1_999)
    };
    check(other, false);
}

#[test]
fn a_void_says_why_and_what_was_not_captured_needs_no_hold() {
    for state in State::ALL {
        let expected = !matches!(state, State::Created | State::Authorized);
        assert_eq!(at(state).needs_no_hold(), expected, "{state}");
    }
    let mut captured = at(State::Authorized);
    captured.capture_failed(Amount(5), 1_150);
    captured.capture(payment(900, 1_200), 1_200).unwrap();
    assert!(!captured.needs_no_hold());
    let text = serde_json::to_string(&at(State::Voided)).unwrap();
    assert!(text.contains(r#""happened":"voided","at_ms":1200,"height":10,"amount":null,"reason":"requested"}"#));
    let manual = Order {
        capture: Capture::Manual,
        ..at(State::Voided)
    };
    let text = serde_json::to_string(&manual).unwrap();
    assert!(
        text.contains(r#""expires_ms":2000,"capture":"manual","state""#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), manual);
}

/// As it is stored.
#[test]
fn the_form_of_a_stored_order() {
    let text = serde_json::to_string(&at(State::Paid)).unwrap();
    let (payer, pay_to) = (account("BANKB"), account("BANKA"));
    let expected = format!(
        r#"{{"id":"ord_{id}","client":"a","merchant":"mer_1","store":null,"terminal":null,"reference":"A-1","description":null,"pay_to":"{pay_to}","currency":"EUR","exponent":2,"amount":"1000","created_ms":1000,"expires_ms":2000,"state":"paid","version":2,"payment":{{"payer":"{payer}","currency":"EUR","amount":"1000","transaction":"{transaction}","height":9,"index":3,"part":0,"time_ms":1100}},"refunding":"0","refunded":"0","strays":0,"timeline":[{{"happened":"created","at_ms":1000,"height":null,"amount":null}},{{"happened":"paid","at_ms":1100,"height":9,"amount":null}}]}}"#,
        id = "0".repeat(32),
        transaction = TxId([3; 32]),
    );
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), at(State::Paid));
}

/// What may come, in any order.
#[derive(Debug, Clone)]
enum Act {
    Pays {
        amount: u64,
        time_ms: u64,
        is_euro: bool,
        is_suspended: bool,
    },
    /// The payment that counts is booked again.
    IsToldAgain,
    Cancels,
    Expires,
    AsksBack(u64),
    /// The payback at this place among those under way.
    Settles(usize),
    Fails(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let pays = (
        998_u64..1_003,
        1_000_u64..2_200,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.1),
    );
    let pays = pays.prop_map(|(amount, time_ms, is_euro, is_suspended)| Act::Pays {
        amount,
        time_ms,
        is_euro,
        is_suspended,
    });
    let exact = (1_000_u64..2_200).prop_map(|time_ms| Act::Pays {
        amount: 1_000,
        time_ms,
        is_euro: true,
        is_suspended: false,
    });
    let act = prop_oneof![
        2 => pays,
        2 => exact,
        1 => Just(Act::IsToldAgain),
        1 => Just(Act::Cancels),
        1 => Just(Act::Expires),
        4 => (0_u64..1_100).prop_map(Act::AsksBack),
        4 => (0_usize..8).prop_map(Act::Settles),
        1 => (0_usize..8).prop_map(Act::Fails),
    ];
    prop::collection::vec(act, 0..40)
}

/// Money on its way back: of a stray payment, or of the one that counts.
struct Payback {
    is_refund: bool,
    amount: u64,
}

proptest! {
    /// Never does more go back than came, and never more of a payment than was paid by it; once all that is under way has
    /// come to its end, what the merchant has decides the state, whatever came before what.
    #[test]
    fn invariant_never_more_goes_back_than_came(acts in acts()) {
        let mut order = order();
        let (mut came, mut back) = (0, 0);
        let mut under_way: Vec<Payback> = Vec::new();
        let settle = |order: &mut Order, payback: Payback, back: &mut u64| {
            if payback.is_refund {
                order.refund_settled(Amount(payback.amount), Height(1), 1).unwrap();
            }
            *back += payback.amount;
        };
        for (at, act) in acts.into_iter().enumerate() {
            match act {
                Act::Pays { amount, time_ms, is_euro, is_suspended } => {
                    came += amount;
                    let currency = code(if is_euro { "EUR" } else { "THB" });
                    let paid = Payment { currency, index: at as u32, ..payment(amount, time_ms) };
                    if order.receive(paid, is_suspended, time_ms).is_err() {
                        under_way.push(Payback { is_refund: false, amount });
                    }
                }
                Act::IsToldAgain => {
                    if let Some(payment) = order.payment {
                        prop_assert_eq!(order.receive(payment, true, 2_500), Ok(()));
                    }
                }
                Act::Cancels => drop(order.cancel(1)),
                Act::Expires => drop(order.expire(1)),
                Act::AsksBack(amount) => {
                    if order.request_refund(Amount(amount), 1).is_ok() {
                        under_way.push(Payback { is_refund: true, amount });
                    }
                }
                Act::Settles(at) if at < under_way.len() => settle(&mut order, under_way.remove(at), &mut back),
                Act::Fails(at) if under_way.get(at).is_some_and(|payback| payback.is_refund) => {
                    order.refund_failed(Amount(under_way.remove(at).amount), 1);
                }
                Act::Settles(_) | Act::Fails(_) => {}
            }
            let paid = order.payment.map_or(0, |payment| payment.amount.0);
            let sent: u64 = under_way.iter().map(|payback| payback.amount).sum();
            prop_assert!(order.refunded.0 + order.refunding.0 <= paid);
            prop_assert!(back + sent <= came);
            prop_assert_eq!(came - back - sent, paid - order.refunded.0 - order.refunding.0);
        }
        for payback in under_way {
            settle(&mut order, payback, &mut back);
        }
        let paid = order.payment.map_or(0, |payment| payment.amount.0);
        prop_assert_eq!(came - back, paid - order.refunded.0, "all strays went back");
        let expected = match (paid, order.refunded.0) {
            (0, _) => order.state == State::Created || matches!(order.state, State::Cancelled | State::Expired),
            (1_000, 0) => order.state == State::Paid,
            (1_000, 1_000) => order.state == State::Refunded,
            (1_000, _) => order.state == State::PartiallyRefunded,
            _ => false,
        };
        prop_assert!(expected, "{:?}", order);
    }
}
