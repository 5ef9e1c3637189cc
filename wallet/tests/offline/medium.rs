//! Each medium carries a whole payment, and tells what it was given instead of it.

use causeway_wallet::offline::purses::Purse;

use crate::{issuer::Person, *};

fn is_settled(purse: &Purse) -> bool {
    purse.element.state().log().iter().all(|entry| !entry.is_pending())
}

#[test]
fn a_payment_crosses_by_files_of_digits() {
    let (payer, payee, media) = payer_and_payee();
    pay(&payer, &payee, &media, "12.50", ["request", "payment", "receipt"]);
    assert_eq!((payer.balance(), payee.balance()), (8_750, 1_250));
    assert!(is_settled(&payer.purse()));
}

#[test]
fn a_payment_crosses_by_pictures() {
    let (payer, payee, media) = payer_and_payee();
    pay(
        &payer,
        &payee,
        &media,
        "12.50",
        ["request.png", "payment/", "receipt.png"],
    );
    assert_eq!((payer.balance(), payee.balance()), (8_750, 1_250));
    assert!(is_settled(&payer.purse()));
}

/// What was received is spent on, until a bundle is longer than one code.
#[test]
fn money_that_went_through_hands_crosses_as_a_moving_picture() {
    let media = Media::new();
    let people: Vec<_> = ["anna", "bela", "carl", "dora"]
        .into_iter()
        .zip(1..)
        .map(|(name, number)| Person::new(name, number, if number == 1 { 10_000 } else { 0 }))
        .collect();
    for (hop, pair) in people.windows(2).enumerate() {
        let places = [format!("{hop}.png"), format!("{hop}/"), format!("{hop}.hex")];
        pay(
            &pair[0],
            &pair[1],
            &media,
            "20.00",
            [0, 1, 2].map(|at| places[at].as_str()),
        );
    }
    let frames = std::fs::read_dir(media.path("2")).expect("a folder").count();
    assert!(frames > 1, "{frames} frames");
    let balances: Vec<_> = people.iter().map(Person::balance).collect();
    assert_eq!(balances, [8_000, 0, 0, 2_000]);
    // A picture takes one code, and what was signed is not lost by that.
    let [request, picture, folder] = ["last", "last.png", "frames/"].map(|name| media.place(name));
    people[0].does("request", &["5.00", "--out", &request]);
    let error = people[3].fails(6, "pay", &["--in", &request, "--out", &picture, "--yes"]);
    assert!(
        error.contains("too many for one code") && error.contains("run the same command again"),
        "{error}"
    );
    let paid = people[3].json("pay", &["--in", &request, "--out", &folder, "--yes"]);
    assert_eq!(paid["resumed"], true);
    assert_eq!(people[3].balance(), 1_500);
    people[0].does("receive", &["--in", &folder]);
    assert_eq!(people[0].balance(), 8_500);
}

#[test]
fn a_payment_crosses_by_sound() {
    let (payer, payee, media) = payer_and_payee();
    pay(
        &payer,
        &payee,
        &media,
        "12.50",
        ["request.wav", "payment.wav", "receipt.wav"],
    );
    assert_eq!((payer.balance(), payee.balance()), (8_750, 1_250));
    assert!(is_settled(&payer.purse()));
}

#[test]
fn each_command_says_what_it_was_given_instead() {
    let (payer, payee, media) = payer_and_payee();
    pay(&payer, &payee, &media, "12.50", ["request", "payment", "receipt"]);
    let place = |name: &str| media.place(name);
    let check = |person: &Person, command: &str, given: &str, says: &[&str]| {
        let mut args = vec!["--in", given];
        if command == "pay" {
            args.extend(["--out", "unused", "--yes"]);
        }
        let error = person.fails(6, command, &args);
        says.iter()
            .for_each(|says| assert!(error.contains(says), "{command}: {error}"));
    };
    check(
        &payer,
        "pay",
        &place("receipt"),
        &["a receipt or a void", "`causeway offline settle`"],
    );
    check(
        &payer,
        "pay",
        &place("payment"),
        &["a payment, which `causeway offline receive`"],
    );
    check(
        &payee,
        "receive",
        &place("request"),
        &["a request for payment, which `causeway offline pay`"],
    );
    check(
        &payer,
        "settle",
        &place("payment"),
        &["a payment, which", "a receipt or a void"],
    );
    check(&payer, "settle", &place("nothing"), &["cannot read"]);
    let junk = |text: &str| payer.write("junk", text);
    check(&payer, "pay", &junk("not digits"), &["not hexadecimal"]);
    check(&payer, "pay", &junk("ff00"), &["no message of a purse", "255"]);
    check(&payer, "pay", &junk(""), &["no message of a purse"]);
    check(&payer, "pay", &junk(&"03".repeat(2_049)), &["2049 bytes", "2048"]);
    check(&payer, "pay", &junk("0a01"), &["between a purse and its issuer"]);
    check(&payer, "pay", &junk("0301"), &["damaged"]);
    assert_eq!((payer.balance(), payee.balance()), (8_750, 1_250));
}

/// A bit is flipped: the purse finds that, not the medium.
#[test]
fn what_is_damaged_is_refused_and_changes_nothing() {
    let (payer, payee, media) = payer_and_payee();
    let [request, payment] = ["request", "payment"].map(|name| media.place(name));
    payee.does("request", &["12.50", "--out", &request]);
    let damage = |name: &str, at: usize| {
        let mut digits = read(&media.path(name));
        digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
        payer.write("damaged", std::str::from_utf8(&digits).expect("digits"))
    };
    let damaged = damage("request", 100);
    let error = payer.fails(3, "pay", &["--in", &damaged, "--out", &payment, "--yes"]);
    assert!(error.contains("signature"), "{error}");
    payer.does("pay", &["--in", &request, "--out", &payment, "--yes"]);
    let damaged = damage("payment", 700);
    let error = payee.fails(3, "receive", &["--in", &damaged]);
    assert!(error.contains("signature"), "{error}");
    assert_eq!((payer.balance(), payee.balance()), (8_750, 0));
    payee.does("receive", &["--in", &payment]);
    assert_eq!(payee.balance(), 1_250);
}

/// The other side may still be busy.
#[test]
fn a_command_waits_for_what_is_not_there_yet() {
    let (payer, payee, media) = payer_and_payee();
    let places = [
        media.place("request/"),
        media.place("payment"),
        media.place("receipt.png"),
    ];
    let [request, payment, receipt] = places.each_ref().map(String::as_str);
    std::fs::create_dir(media.path("request")).expect("made");
    let waits = |person: &Person, command: &str, args: &[&str]| {
        let mut process = person.command(command, args);
        process.spawn().expect("it runs")
    };
    let mut pays = waits(
        &payer,
        "pay",
        &["--in", request, "--wait", "60", "--out", payment, "--yes"],
    );
    let mut receives = waits(&payee, "receive", &["--in", payment, "--wait", "60", "--out", receipt]);
    payee_asks(&payee, request);
    for process in [&mut pays, &mut receives] {
        assert!(process.wait().expect("it ends").success());
    }
    payer.does("settle", &["--in", receipt]);
    assert_eq!((payer.balance(), payee.balance()), (8_750, 1_250));
}

fn payee_asks(payee: &Person, request: &str) {
    payee.does("request", &["12.50", "--out", request]);
}
