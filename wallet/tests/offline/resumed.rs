//! Commands that are run again, and payments that go wrong half-way: nothing is paid twice, and nothing is lost.

use crate::{issuer::Person, *};

#[test]
fn a_command_that_is_run_again_does_nothing_twice() {
    let (payer, payee, media) = payer_and_payee();
    let [request, payment, receipt] = ["request", "payment", "receipt"].map(|name| media.place(name));
    payee.does("request", &["12.50", "--out", &request]);
    let pays = || payer.json("pay", &["--in", &request, "--out", &payment, "--yes"]);
    assert_eq!(pays()["resumed"], false);
    let first = read(&media.path("payment"));
    let again = pays();
    assert_eq!((&again["resumed"], &again["status"]), (&true.into(), &"pending".into()));
    assert_eq!(read(&media.path("payment")), first);
    assert_eq!(payer.balance(), 8_750);
    let receives = || payee.json("receive", &["--in", &payment, "--out", &receipt]);
    assert_eq!(receives()["resumed"], false);
    let first = read(&media.path("receipt"));
    let again = receives();
    assert_eq!((&again["resumed"], &again["received"]), (&true.into(), &true.into()));
    assert_eq!(read(&media.path("receipt")), first);
    assert_eq!(payee.balance(), 1_250);
    for _ in 0..2 {
        assert_eq!(payer.json("settle", &["--in", &receipt])["status"], "paid");
    }
    assert_eq!(pays()["status"], "paid");
    assert_eq!((payer.balance(), payee.balance()), (8_750, 1_250));
}

#[test]
fn a_request_that_is_taken_back_gives_the_payer_his_money() {
    let (payer, payee, media) = payer_and_payee();
    let [request, payment, void] = ["request", "payment", "void"].map(|name| media.place(name));
    let asked = payee.json("request", &["12.50", "--out", &request]);
    let id = asked["request"].as_str().expect("an id");
    payer.does("pay", &["--in", &request, "--out", &payment, "--yes"]);
    payee.does("cancel", &[&id[..8], "--out", &void]);
    let error = payee.fails(3, "receive", &["--in", &payment]);
    assert!(error.contains("was voided"), "{error}");
    let settled = payer.json("settle", &["--in", &void]);
    assert_eq!(
        (&settled["status"], &settled["returned"]),
        (&"voided".into(), &"1250".into())
    );
    assert_eq!((payer.balance(), payee.balance()), (10_000, 0));
    // Again, and after it: the same void, and no more money.
    let first = read(&media.path("void"));
    payee.does("cancel", &[id, "--out", &void]);
    assert_eq!(read(&media.path("void")), first);
    assert_eq!(payer.json("settle", &["--in", &void])["returned"], "0");
    let again = payer.json("pay", &["--in", &request, "--out", &payment, "--yes"]);
    assert_eq!(again["status"], "voided");
    assert_eq!((payer.balance(), payee.balance()), (10_000, 0));
}

#[test]
fn a_request_that_was_paid_stays_so() {
    let (payer, payee, media) = payer_and_payee();
    let [request, payment, receipt] = ["request", "payment", "receipt"].map(|name| media.place(name));
    let asked = payee.json("request", &["12.50", "--out", &request]);
    payer.does("pay", &["--in", &request, "--out", &payment, "--yes"]);
    payee.does("receive", &["--in", &payment, "--out", &receipt]);
    let cancelled = payee.json("cancel", &[asked["request"].as_str().expect("an id")]);
    assert_eq!(cancelled["answer"], "receipt");
    let receipt = String::from_utf8(read(&media.path("receipt"))).expect("digits");
    assert_eq!(cancelled["receipt"], receipt.trim());
    let error = payee.fails(6, "cancel", &["0123456789"]);
    assert!(error.contains("no request '0123456789'"), "{error}");
    assert_eq!(payee.balance(), 1_250);
}

/// One request shown to two payers: the second one's money is his again.
#[test]
fn attack_48_a_second_payer_of_one_request_is_not_paid_for() {
    let (payer, payee, media) = payer_and_payee();
    let second = Person::new("bela", 3, 10_000);
    let place = |name: &str| media.place(name);
    payee.does("request", &["12.50", "--out", &place("request")]);
    for (person, payment) in [(&payer, "first"), (&second, "second")] {
        person.does("pay", &["--in", &place("request"), "--out", &place(payment), "--yes"]);
    }
    payee.does("receive", &["--in", &place("first"), "--out", &place("receipt")]);
    let error = payee.fails(3, "receive", &["--in", &place("second"), "--out", &place("other")]);
    assert!(error.contains("paid by another transfer"), "{error}");
    assert_eq!(payer.json("settle", &["--in", &place("receipt")])["status"], "paid");
    let settled = second.json("settle", &["--in", &place("other")]);
    assert_eq!(
        (&settled["status"], &settled["returned"]),
        (&"voided".into(), &"1250".into())
    );
    assert_eq!(
        (payer.balance(), second.balance(), payee.balance()),
        (8_750, 10_000, 1_250)
    );
}

#[test]
fn two_processes_never_use_one_purse_at_once() {
    let (payer, _, media) = payer_and_payee();
    let held = payer.purse();
    let error = payer.fails(1, "status", &[]);
    assert!(error.contains("in use by another process"), "{error}");
    drop(held);
    payer.does("request", &["1.00", "--out", &media.place("request")]);
}
