//! What a person has to agree to, limits, and what `status` shows of them.

use causeway_contracts::offline::ids::Epoch;

use crate::{issuer::Person, *};

fn asked(payee: &Person, media: &Media, amount: &str) -> String {
    let place = media.place(&format!("request-{amount}"));
    payee.does("request", &[amount, "--memo", "a red\u{202e}coat", "--out", &place]);
    place
}

#[test]
fn nothing_is_paid_without_consent() {
    let (payer, payee, media) = payer_and_payee();
    let (request, payment) = (asked(&payee, &media, "12.50"), media.place("payment"));
    let error = payer.fails(1, "pay", &["--in", &request, "--out", &payment]);
    assert!(error.contains("--yes"), "{error}");
    assert_eq!(payer.balance(), 10_000);
    let said = payer.does("pay", &["--in", &request, "--out", &payment, "--yes"]);
    assert!(
        said.contains("12.50 EUR to purse 0202020202020202 for \"a redcoat\""),
        "{said}"
    );
}

#[test]
fn more_than_a_little_takes_the_pin() {
    let (payer, payee, media) = payer_and_payee();
    let (request, payment) = (asked(&payee, &media, "50.01"), media.place("payment"));
    let paying = ["--in", &request, "--out", &payment, "--yes"];
    let error = payer.fails(1, "pay", &paying);
    assert!(error.contains("--pin-file"), "{error}");
    let with = |pin: &str| {
        [
            paying.map(str::to_owned).to_vec(),
            vec!["--pin-file".into(), payer.write("pin", pin)],
        ]
        .concat()
    };
    let args = with("4712");
    let error = payer.fails(8, "pay", &args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(error.contains("wrong PIN; 2 tries are left"), "{error}");
    assert_eq!(payer.json("status", &[])["pin_tries_left"], 2);
    assert_eq!(payer.balance(), 10_000);
    let args = with("4711\n");
    payer.does("pay", &args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(payer.json("status", &[])["pin_tries_left"], 3);
    assert_eq!(payer.balance(), 4_999);
    payee.does("receive", &["--in", &payment]);
    // What is paid with the PIN does not count among what is paid without.
    let request = asked(&payee, &media, "49.99");
    let small = media.place("small");
    payer.does("pay", &["--in", &request, "--out", &small, "--yes"]);
}

#[test]
fn the_third_wrong_pin_blocks_it() {
    let (payer, payee, media) = payer_and_payee();
    let (request, payment) = (asked(&payee, &media, "60.00"), media.place("payment"));
    let pay = |status: i32, pin: &str| {
        let pin = payer.write("pin", pin);
        payer.fails(
            status,
            "pay",
            &["--in", &request, "--out", &payment, "--yes", "--pin-file", &pin],
        )
    };
    for pin in ["0000", "", "no digits"] {
        pay(8, pin);
    }
    assert!(pay(8, "4711").contains("the PIN is blocked"));
    assert_eq!(payer.balance(), 10_000);
}

#[test]
fn limits_are_told_in_the_currency() {
    let (payer, payee, media) = payer_and_payee();
    let error = payee.fails(3, "request", &["500.01", "--out", &media.place("request")]);
    assert!(
        error.contains("500.01 EUR would be paid at once, and at most 500.00 EUR may"),
        "{error}"
    );
    let error = payee.fails(6, "request", &["1.234", "--out", &media.place("request")]);
    assert!(error.contains("3 digits after the point"), "{error}");
    let error = payee.fails(
        6,
        "request",
        &["1.00", "--memo", &"x".repeat(41), "--out", &media.place("request")],
    );
    assert!(error.contains("41 bytes long, and at most 40"), "{error}");
    let request = asked(&payee, &media, "100.01");
    let pin = payer.write("pin", "4711");
    let paying = [
        "--in",
        &request,
        "--out",
        &media.place("payment"),
        "--yes",
        "--pin-file",
        &pin,
    ];
    let error = payer.fails(3, "pay", &paying);
    assert!(
        error.contains("the purse has 100.00 EUR, and 100.01 EUR is wanted"),
        "{error}"
    );
}

#[test]
fn status_tells_what_is_there_and_what_is_left() {
    let (payer, payee, media) = payer_and_payee();
    let request = asked(&payee, &media, "12.50");
    payer.does("pay", &["--in", &request, "--out", &media.place("payment"), "--yes"]);
    let status = payer.json("status", &[]);
    let check = |path: &[&str], expected: u64| {
        let part = path.iter().fold(&status, |part, name| &part[name]);
        // Amounts are text, counts are numbers.
        let shown = part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        assert_eq!(shown, expected.to_string(), "{path:?} of {status}");
    };
    check(&["balance"], 8_750);
    check(&["largest_payment"], 8_750);
    check(&["pending"], 1);
    check(&["pending_amount"], 1_250);
    check(&["left", "to_pay"], 198_750);
    check(&["left", "payments"], 49);
    check(&["left", "to_hold"], 191_250);
    check(&["left", "without_pin"], 13_750);
    check(&["left", "payments_without_pin"], 4);
    check(&["counters", "seq"], 1);
    assert_eq!(status["lots"][0]["hop"], 0);
    assert_eq!(status["log"][0]["status"], "pending");
    let said = payer.does("status", &[]);
    for says in [
        "87.50 EUR",
        "pending: 12.50 EUR",
        "1987.50 EUR in 49 payments",
        "3 PIN tries left",
    ] {
        assert!(said.contains(says), "{says} in {said}");
    }
    let open = payee.json("status", &[]);
    assert_eq!(open["open_requests"][0]["amount"], "1250");
}

#[test]
fn the_devices_clock_warns_and_refuses_nothing() {
    let long_ago = Epoch(issuer::now().0 - 10 * 24);
    let payer = Person::at("anna", 1, 10_000, long_ago);
    let payee = Person::at("shop", 2, 0, long_ago);
    let media = Media::new();
    let request = asked(&payee, &media, "12.50");
    let output = payer.run("pay", &["--in", &request, "--out", &media.place("payment"), "--yes"]);
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        output.status.success() && error.contains("no revocations for 10 days"),
        "{error}"
    );
}

#[test]
fn a_wrong_passphrase_and_a_purse_that_is_not_there_have_their_status() {
    let (payer, _, _) = payer_and_payee();
    let mut command = payer.command("status", &[]);
    let output = command.env("CAUSEWAY_PASSPHRASE", "another").output().expect("it runs");
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    let nobody = Person {
        name: "nobody",
        ..payer
    };
    let error = nobody.fails(1, "status", &[]);
    assert!(error.contains("no purse 'nobody' in this wallet"), "{error}");
}
