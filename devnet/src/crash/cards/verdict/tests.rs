//! What is lost, doubled or differing, order by order.

use causeway_gateway::acquiring::order::Capture;
use serde_json::json;

use super::*;
use crate::crash::cards::till::sale::{Decision, Refund, Told};

fn entry(direction: &str, cents: u64, memo: &str) -> Value {
    let value = format!("{}.{:02}", cents / 100, cents % 100);
    json!({ "direction": direction, "amount": { "value": value, "currency": "EUR" }, "memo": memo })
}

fn order(state: &str, refunded: &str, outcome: &str) -> Value {
    json!({
        "state": state,
        "memo": "order A",
        "amount": { "value": "10.00", "currency": "EUR" },
        "payment": { "amount": { "value": "10.00", "currency": "EUR" } },
        "refunded": { "value": refunded, "currency": "EUR" },
        "attempts": [{ "id": "att_1", "outcome": outcome }],
        "strays": [],
    })
}

/// How many are lost, doubled and differing.
#[track_caller]
fn check(order: &Value, entries: &[Value], expected: [usize; 3]) {
    let mut known = Entries::default();
    for entry in entries {
        known.add(entry).unwrap();
    }
    let mut verdict = Verdict::default();
    verdict.order("ord_1", order, known.of(order)).unwrap();
    let found = [&verdict.lost, &verdict.doubled, &verdict.differing].map(Vec::len);
    assert_eq!(found, expected, "{verdict:?}");
}

#[test]
fn an_order_is_paid_once_or_nothing_of_it_stands() {
    let paid = entry("debit", 1_000, "order A");
    let reversed = entry("credit", 1_000, "reversal A");
    let returned = entry("credit", 400, "return A");
    let other = entry("debit", 1_000, "order B");
    check(&order("paid", "0.00", "approved"), &[paid.clone(), other], [0; 3]);
    check(&order("paid", "0.00", "approved"), &[], [1, 0, 0]);
    check(
        &order("paid", "0.00", "approved"),
        &[paid.clone(), paid.clone()],
        [0, 1, 0],
    );
    let again = [paid.clone(), reversed.clone(), paid.clone()];
    check(&order("paid", "0.00", "approved"), &again, [0; 3]);
    check(
        &order("reversed", "0.00", "unknown"),
        &[paid.clone(), reversed.clone()],
        [0; 3],
    );
    check(
        &order("reversed", "0.00", "unknown"),
        std::slice::from_ref(&paid),
        [0, 1, 0],
    );
    check(
        &order("reversed", "0.00", "approved"),
        &[paid.clone(), reversed.clone()],
        [0, 0, 1],
    );
    check(&order("created", "0.00", "declined"), &[reversed], [1, 0, 0]);
    let partly = [paid.clone(), returned];
    check(&order("partially_refunded", "4.00", "approved"), &partly, [0; 3]);
    check(&order("partially_refunded", "5.00", "approved"), &partly, [0, 0, 1]);
    check(
        &order("paid", "0.00", "approved"),
        &[entry("debit", 999, "order A")],
        [0, 0, 1],
    );
}

/// A refund of 3.00 that the till was told of, and what the order has.
#[track_caller]
fn check_refunds(refunded: &str, refunds: &Value, expected: [usize; 3]) {
    let mut sale = Sale::new("ord_1".to_owned(), 1_000, Capture::Automatic);
    sale.refunds.push(Refund {
        id: "ref_1".to_owned(),
        cents: 300,
    });
    let mut order = order("partially_refunded", refunded, "approved");
    order["refunds"] = refunds.clone();
    let mut verdict = Verdict::default();
    verdict.sale(Some(&order), &sale).unwrap();
    let found = [&verdict.lost, &verdict.doubled, &verdict.differing].map(Vec::len);
    assert_eq!(found, expected, "{verdict:?}");
}

#[test]
fn a_refund_that_a_till_was_told_of_is_made_once() {
    let refund = |id: &str, state: &str| json!({ "id": id, "state": state });
    let made = refund("ref_1", "settled");
    check_refunds("3.00", &json!([made]), [0; 3]);
    check_refunds("0.00", &json!([]), [1, 0, 1]);
    check_refunds("6.00", &json!([made, refund("ref_2", "settled")]), [0, 1, 1]);
    check_refunds("0.00", &json!([refund("ref_1", "failed")]), [0, 0, 1]);
    check_refunds("2.00", &json!([made]), [0, 0, 1]);
    check_refunds(
        "3.00",
        &json!([refund("ref_1", "failed"), refund("ref_2", "settled")]),
        [0, 1, 2],
    );
}

#[test]
fn a_gateway_whose_books_are_not_the_ledgers_is_part_of_the_verdict() {
    use std::os::unix::process::ExitStatusExt;
    let said = |status| Output {
        status: std::process::ExitStatus::from_raw(status << 8),
        stdout: b"acc_1 has 5 and should have 6\n".to_vec(),
        stderr: Vec::new(),
    };
    let mut verdict = Verdict {
        orders: 1,
        cards: 1,
        ..Verdict::default()
    };
    verdict.reconciled(Service::Gateway(0), &said(0));
    assert!(verdict.holds());
    verdict.reconciled(Service::Gateway(1), &said(1));
    assert!(!verdict.holds());
    let text = verdict.to_string();
    assert!(
        text.contains("gateway-bankb and the ledger differ: acc_1 has 5"),
        "{text}"
    );
    assert!(text.ends_with("books wrong 1"), "{text}");
}

/// An order of 10.00 whose card was approved, of which the till has captured so much or voided all, as the acquirer and the
/// cardholder's account have it.
#[track_caller]
fn check_held(captured: Option<u64>, order: &Value, entries: &[Value], expected: [usize; 3]) {
    let mut sale = Sale::new("ord_1".to_owned(), 1_000, Capture::Manual);
    sale.told.push(Told {
        attempt: "att_1".to_owned(),
        outcome: "approved".to_owned(),
        code: "00".to_owned(),
    });
    sale.decision = Some(Decision {
        advice: "adv_1".to_owned(),
        captured,
    });
    let mut known = Entries::default();
    for entry in entries {
        known.add(entry).unwrap();
    }
    let mut verdict = Verdict::default();
    verdict.sale(Some(order), &sale).unwrap();
    verdict.order("ord_1", order, known.of(order)).unwrap();
    let found = [&verdict.lost, &verdict.doubled, &verdict.differing].map(Vec::len);
    assert_eq!(found, expected, "{verdict:?}");
}

#[test]
fn what_is_held_is_captured_or_voided_once() {
    let advice = |kind: &str, state: &str| json!({ "id": "adv_1", "kind": kind, "state": state });
    let held = |state: &str, paid: Option<&str>, advices: Value| {
        let mut order = order(state, "0.00", "approved");
        let amount = paid.map(|value| json!({ "amount": { "value": value, "currency": "EUR" } }));
        match amount {
            Some(amount) => order["payment"] = amount,
            None => drop(order.as_object_mut().unwrap().remove("payment")),
        }
        order["advices"] = advices;
        order
    };
    let (captured, voided) = (advice("capture", "approved"), advice("void", "approved"));
    let part = entry("debit", 400, "order A");
    let once = std::slice::from_ref(&part);
    let right = held("paid", Some("4.00"), json!([captured]));
    check_held(Some(400), &right, once, [0; 3]);
    check_held(None, &held("voided", None, json!([voided])), &[], [0; 3]);
    // On the ledger it is not, or twice, or another amount.
    check_held(Some(400), &right, &[], [1, 0, 0]);
    check_held(Some(400), &right, &[part.clone(), part.clone()], [0, 1, 0]);
    check_held(Some(400), &right, &[entry("debit", 1_000, "order A")], [0, 0, 1]);
    check_held(None, &held("voided", None, json!([voided])), once, [0, 1, 1]);
    // The acquirer has done something else than it was told.
    let whole = held("paid", Some("10.00"), json!([captured]));
    check_held(Some(400), &whole, &[entry("debit", 1_000, "order A")], [0, 0, 1]);
    check_held(Some(400), &held("voided", None, json!([captured])), &[], [1, 0, 1]);
    check_held(None, &held("paid", Some("4.00"), json!([voided])), once, [0, 0, 1]);
    check_held(Some(400), &held("paid", Some("4.00"), json!([])), once, [1, 0, 0]);
    let declined = held("paid", Some("4.00"), json!([advice("capture", "declined")]));
    check_held(Some(400), &declined, once, [0, 0, 1]);
    let other = json!({ "id": "adv_2", "kind": "capture", "state": "approved" });
    check_held(
        Some(400),
        &held("paid", Some("4.00"), json!([captured, other])),
        once,
        [0, 1, 0],
    );
}

#[test]
fn limits_that_were_not_looked_at_are_not_wrong() {
    let verdict = |limits| {
        let mut verdict = Verdict {
            orders: 1,
            ..Verdict::default()
        };
        verdict.limits(limits);
        verdict
    };
    let looked_at = |right, wrong: &[&str]| Limits::LookedAt {
        right,
        wrong: wrong.iter().map(|&wrong| wrong.to_owned()).collect(),
    };
    assert!(verdict(looked_at(4, &[])).holds());
    assert!(!verdict(looked_at(3, &["customer 3's card"])).holds());
    assert!(!verdict(looked_at(0, &[])).holds());
    let new_day = verdict(Limits::NewDay);
    assert!(new_day.holds());
    assert!(new_day.to_string().contains("limits were not looked at"), "{new_day}");
}
