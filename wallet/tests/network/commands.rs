//! The program `causeway` itself, as its users run it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio};

use causeway_contracts::{
    codec::Text,
    identity::AccountId,
    money::{Amount, Currency},
    proof::{PaymentProof, TRUST_MS},
    transaction::SignedTransaction,
};
use causeway_wallet::{clock, history::History, payment::Payment};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    mock::{Behaviour, Network},
    user::User,
};

const HEADING: &str = "beneficiary,amount,currency,reference\n";

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_by_hand_with_its_proof_and_its_history() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let bob = user.payee(2);
    user.good(&["contacts", "add", "bob", &bob]).await;
    let paid = user
        .good(&["pay", "bob", "12.50", "EUR", "--memo", "thanks", "--json"])
        .await;
    let paid: Value = serde_json::from_str(&paid).expect("JSON");
    assert_eq!(paid["outcome"], "applied");
    let id = paid["id"].as_str().expect("an id");
    let proof = user.path("proof.json");
    let proof = proof.to_str().expect("UTF-8");
    user.good(&["receipt", id, "--out", proof]).await;
    let told = user.good(&["verify", proof]).await;
    assert!(
        told.contains("12.50 EUR") && told.contains(&bob) && told.contains("thanks"),
        "{told}"
    );
    let history = user.good(&["history"]).await;
    assert!(history.contains(id) && history.contains("applied"), "{history}");
    let accounts = user.good(&["account", "show", "main", "--json"]).await;
    let account: Value = serde_json::from_str(&accounts).expect("JSON");
    assert_eq!(account["account"]["operator"], "BANKA");
    // 6.66 EUR is what this network's ledger refuses.
    let refused = user.fails(3, &["pay", "bob", "6.66", "EUR"]).await;
    assert!(refused.contains("not enough available"), "{refused}");
    // A proof that it was refused is a good proof, and no proof of a payment.
    let history = json_lines(&user.good(&["history", "--json"]).await);
    let id = history[1]["id"].as_str().expect("an id");
    user.good(&["receipt", id, "--out", proof]).await;
    let output = user.run(&["verify", proof, "--json"]).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = &json_lines(&String::from_utf8(output.stdout).expect("UTF-8"))[0];
    assert_eq!((&told["outcome"], &told["memo"]), (&"rejected".into(), &"".into()));
    assert_eq!(told["actions"].as_array().map(Vec::len), Some(1));
    assert_eq!(user.network.applied(), [("thanks".to_owned(), 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_error_has_its_status() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let bob = user.payee(2);
    user.fails(2, &["pay", &bob]).await;
    user.fails(2, &["nonsense"]).await;
    let digits = user.fails(6, &["pay", &bob, "1.005", "EUR"]).await;
    assert!(digits.contains("3 digits after the point"), "{digits}");
    user.fails(6, &["pay", "nobody", "1", "EUR"]).await;
    user.fails(6, &["address", "check", "cwdev1nonsense"]).await;
    user.good(&["address", "check", &bob]).await;
    let wrong = user.write("wrong", "sesame close\n");
    user.fails(8, &["pay", &bob, "1", "EUR", "--passphrase-file", &wrong])
        .await;
    let words = user
        .fails(1, &["keys", "export", "payer", "--words", "--confirm", "yes"])
        .await;
    assert!(words.contains("show my words"), "{words}");
    // Nobody listens on a port that was just given back.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let genesis = user.path("genesis.toml");
    let genesis = genesis.to_str().expect("UTF-8");
    user.good(&["init", "--genesis", genesis, "--node", &nobody]).await;
    let output = user.run(&["init", "--genesis", genesis, "--node", &nobody]).await;
    let warned = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(warned.contains("Only 1 of at least 2 nodes"), "{warned}");
    user.fails(4, &["pay", &bob, "1", "EUR"]).await;
    assert!(user.network.applied().is_empty());
    let tls = user
        .fails(1, &["init", "--genesis", genesis, "--node", "https://127.0.0.1:1"])
        .await;
    assert!(tls.contains("TLS tunnel"), "{tls}");
    // It never left, so that one node is enough to pay at last.
    let node = &user.network.nodes[0];
    user.good(&["init", "--genesis", genesis, "--node", node]).await;
    user.good(&["pay", &bob, "1", "EUR"]).await;
    assert_eq!(user.network.applied(), [(String::new(), 1)].into());
    let history = user.good(&["history"]).await;
    let ends: Vec<_> = history.lines().filter_map(|line| line.rsplit("  ").next()).collect();
    assert_eq!(ends, ["never sent", "applied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_get_wrong_is_told_in_their_words() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let bob = user.payee(2);
    let check = async |status, args: &[&str], expected: &str| {
        let told = user.fails(status, args).await;
        assert!(told.contains(expected), "{args:?}: {told}");
    };
    let long = "x".repeat(200);
    check(
        6,
        &["pay", &bob, "1", "EUR", "--memo", &long],
        "the memo is 200 bytes long, and at most 140 are allowed",
    )
    .await;
    check(
        6,
        &["pay", &bob[..bob.len() - 1], "1", "EUR"],
        "it is 1 character too short",
    )
    .await;
    check(
        6,
        &["pay", "nobody", "1", "EUR"],
        "an address begins with cw1 or cwdev1",
    )
    .await;
    check(1, &["keys", "import", "more"], "--words-file").await;
    user.good(&["keys", "new", "first"]).await;
    let export = [
        "keys",
        "export",
        "first",
        "--words",
        "--confirm",
        "show my words",
        "--json",
    ];
    let told = &json_lines(&user.good(&export).await)[0];
    assert_eq!(told["name"], "first");
    assert_eq!(told["words"].as_str().map(|words| words.split(' ').count()), Some(24));
    // A contact that is removed leaves a line that was signed and cannot be read any more.
    user.good(&["contacts", "add", "bob", &bob]).await;
    let file = user.write("pay.csv", &format!("{HEADING}bob,1,EUR,a\n{bob},1,EUR,b\n"));
    user.good(&["pay", "--batch", &file]).await;
    fs::write(user.path("home/contacts.json"), "{}").expect("written");
    check(
        6,
        &["pay", "--batch", &file, "--skip-bad"],
        "was a contact removed since?",
    )
    .await;
}

/// A full disk or a closed pipe behind the output is no reason to pay again.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_result_cannot_be_printed_is_made_and_succeeds() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let bob = user.payee(2);
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").expect("there"));
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Stdio::from(writer)
    };
    let run = async |args: &[&str], stdout, stderr| {
        let mut command = user.command(args);
        let child = command.stdout(stdout).stderr(stderr).spawn().expect("it runs");
        child.wait_with_output().await.expect("it ends")
    };
    let file = user.write("pay.csv", &format!("{HEADING}{bob},1,EUR,a\n{bob},1,EUR,b\n"));
    let payments: [&[&str]; 3] = [
        &["pay", &bob, "1", "EUR", "--memo", "one"],
        &["pay", &bob, "1", "EUR", "--memo", "two", "--json"],
        &["pay", "--batch", &file, "--json"],
    ];
    for args in payments {
        let output = run(args, full(), Stdio::piped()).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let warned = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(warned.contains("could not be printed"), "{warned}");
    }
    let output = run(&["pay", &bob, "1", "EUR", "--memo", "three"], closed(), closed()).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let memos = ["one", "two", "three", "a", "b"];
    assert_eq!(user.network.applied(), memos.map(|memo| (memo.to_owned(), 1)).into());
    // Where nothing is paid, a result that is lost is a failure, unless nobody wanted more of it.
    let output = run(&["history"], full(), Stdio::piped()).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let output = run(&["history"], closed(), Stdio::piped()).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_payment_succeeds_though_the_trust_cannot_be_kept() {
    let user = User::new([Behaviour::Slow; 4]).await;
    let mut steps = user.network.steps();
    steps.mark_unchanged();
    let mut command = user.command(&["pay", &user.payee(2), "1", "EUR"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // It has read its trust by the time that it asks a node, and the node takes its time.
    steps.changed().await.expect("a request");
    fs::remove_file(user.path("home/trust.json")).expect("removed");
    let output = child.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let warned = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(warned.contains("the renewed trust is not kept"), "{warned}");
}

/// Puts a payment into the history that an earlier run signed and whose time is over.
fn forgotten(user: &User, amount: Amount) -> SignedTransaction {
    let payment = Payment {
        from: user.network.payer,
        to: AccountId([2; 20]),
        currency: Currency::new("EUR").expect("a code"),
        amount,
        memo: Text::new("rent").expect("short"),
    };
    let mut body = payment
        .sign(&user.network.genesis.hash(), &Network::key())
        .expect("signed")
        .transaction;
    body.valid_until = clock::seconds_from_now(0);
    let tx = body.sign([&Network::key()]).expect("signed");
    let mut history = History::open(&user.path("home/history"), || panic!("it is free")).expect("a history");
    history.sent(&tx).expect("written");
    tx
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_payment_of_unknown_outcome_is_not_taken_for_todays() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let bob = user.payee(2);
    let pay = ["pay", &bob, "1", "EUR", "--memo", "rent"];
    let old = forgotten(&user, Amount(100));
    user.network.order(std::slice::from_ref(&old));
    let told = user.good(&pay).await;
    assert!(
        told.contains("Paid by an earlier run") && told.contains("Nothing was sent now") && told.contains(" UTC"),
        "{told}"
    );
    assert_eq!(user.network.applied(), [("rent".to_owned(), 1)].into());
    let told = user.good(&pay).await;
    assert!(told.starts_with("Paid 1.00 EUR"), "{told}");
    assert_eq!(user.network.applied(), [("rent".to_owned(), 2)].into());
    let old = forgotten(&user, Amount(100));
    user.network.order(std::slice::from_ref(&old));
    let told = &json_lines(&user.good(&[&pay[..], &["--json"]].concat()).await)[0];
    assert_eq!(
        (&told["resumed"], &told["id"]),
        (&true.into(), &old.id().to_string().into())
    );
    // One that is proved to have had no effect is made anew.
    forgotten(&user, Amount(100));
    let told = &json_lines(&user.good(&[&pay[..], &["--json"]].concat()).await)[0];
    assert_eq!(told.get("resumed"), None);
    assert_eq!(user.network.applied(), [("rent".to_owned(), 4)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_could_not_be_added_is_found_again() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let seed = user.write("other", &hex::encode([5; 32]));
    user.good(&["keys", "import", "holder", "--seed-file", &seed]).await;
    let open = async |more: &[&str]| {
        let args = [
            "account",
            "open",
            "--operator",
            "BANKA",
            "--operator-key",
            "payer",
            "--key",
            "holder",
            "--json",
        ];
        let told = json_lines(&user.good(&[&args[..], more].concat()).await);
        told.last().expect("an entry")["address"]
            .as_str()
            .expect("an address")
            .to_owned()
    };
    let accounts = user.path("home/accounts.json");
    let before = fs::read(&accounts).expect("there");
    let first = open(&["--label", "one"]).await;
    let opened = || user.network.applied().get("").copied();
    assert_eq!(opened(), Some(1));
    fs::write(&accounts, &before).expect("as if it had not been added");
    // Another holder's account is not taken for this one.
    let other = open(&["--label", "other", "--identity", &"ab".repeat(32)]).await;
    assert_eq!(opened(), Some(2));
    assert_ne!(other, first);
    assert_eq!(open(&["--label", "again"]).await, first);
    assert_eq!(opened(), Some(2));
    assert_ne!(open(&["--label", "third"]).await, first);
    assert_eq!(opened(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_lines_are_told_by_number() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let bob = user.payee(2);
    let file = user.write("pay.csv", &format!("{HEADING}{bob},1,EUR,a\n{bob},6.66,EUR,b\n"));
    let receipts = user.path("proofs");
    let folder = receipts.to_str().expect("UTF-8");
    let told = user.fails(3, &["pay", "--batch", &file, "--receipts", folder]).await;
    assert!(
        told.contains("line 3: refused: ") && told.contains("in a new file"),
        "{told}"
    );
    assert!(!told.contains("line 2"), "{told}");
    let mode = fs::metadata(&receipts).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_read_at_once_and_a_payment_says_that_it_waits_for_it() {
    let user = User::new([Behaviour::Honest; 4]).await;
    user.good(&["pay", &user.payee(2), "1", "EUR"]).await;
    let held = History::open(&user.path("home/history"), || panic!("it is free")).expect("a history");
    let told = user.good(&["history"]).await;
    assert!(told.contains("applied"), "{told}");
    let mut command = user.command(&["pay", &user.payee(3), "1", "EUR"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let first = lines.next_line().await.expect("read").unwrap_or_default();
    assert!(first.contains("Waiting for another payment"), "{first}");
    drop(held);
    assert!(child.wait().await.expect("it ends").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn words_come_back_and_make_the_same_keys() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let made = user.good(&["keys", "new", "first", "--words", "12", "--json"]).await;
    let second = user
        .good(&["keys", "new", "second", "--same-words-as", "first", "--json"])
        .await;
    let words = user
        .good(&["keys", "export", "first", "--words", "--confirm", "show my words"])
        .await;
    assert_eq!(words.split_whitespace().count(), 12);
    assert!(!made.contains(words.trim()), "words are shown only if asked for");
    let file = user.write("words", &words);
    let again = user
        .good(&["keys", "import", "again", "--words-file", &file, "--json"])
        .await;
    let other = user
        .good(&[
            "keys",
            "import",
            "other",
            "--words-file",
            &file,
            "--index",
            "1",
            "--json",
        ])
        .await;
    let key = |text: &str| json_lines(text)[0]["public_key"].clone();
    assert_eq!(key(&made), key(&again));
    assert_eq!(key(&second), key(&other));
    assert_ne!(key(&made), key(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_needs_no_network_and_believes_no_forgery() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let bob = user.payee(2);
    let paid = user.good(&["pay", &bob, "1", "EUR", "--json"]).await;
    let id = json_lines(&paid)[0]["id"].as_str().expect("an id").to_owned();
    let mut proof: PaymentProof = user.network.proof(&id.parse().expect("an id"));
    let file = user.write("proof.json", &serde_json::to_string(&proof).expect("JSON"));
    let genesis = user.path("genesis.toml");
    let genesis = genesis.to_str().expect("UTF-8").to_owned();
    // No wallet, and no nodes in it: only two files.
    let elsewhere = user.path("elsewhere");
    let bare = [
        "verify",
        &file,
        "--genesis",
        &genesis,
        "--home",
        elsewhere.to_str().expect("UTF-8"),
    ];
    user.good(&bare).await;
    proof.receipt.outcome = causeway_contracts::ledger::receipt::Outcome::Rejected {
        action: 0,
        reason: causeway_contracts::ledger::rejection::Rejection::InsufficientFunds,
    };
    let forged = user.write("forged.json", &serde_json::to_string(&proof).expect("JSON"));
    user.fails(7, &["verify", &forged]).await;
    let nonsense = user.write("nonsense.json", "{}");
    user.fails(6, &["verify", &nonsense]).await;
    // Validators that were pinned too long ago may have left since, and sign what they like.
    user.good(&["verify", &file]).await;
    let trust = user.path("home/trust.json");
    let mut pinned: Value = serde_json::from_slice(&fs::read(&trust).expect("there")).expect("JSON");
    pinned["as_of"] = (clock::now_ms().0 - TRUST_MS - 1000).into();
    fs::write(&trust, pinned.to_string()).expect("written");
    let lapsed = user.fails(7, &["verify", &file]).await;
    assert!(
        lapsed.contains("causeway init") && lapsed.contains("--genesis"),
        "{lapsed}"
    );
    user.good(&bare).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_stop_a_batch_unless_they_are_to_be_skipped() {
    let user = User::new([Behaviour::Honest; 4]).await;
    let bob = user.payee(2);
    let text = format!("{HEADING}{bob},1,EUR,a\nnobody,1,EUR,b\n{bob},1.005,EUR,c\n{bob},3,JPY,d\n");
    let file = user.write("pay.csv", &text);
    let told = user.fails(6, &["pay", "--batch", &file]).await;
    assert!(told.contains("line 3: ") && told.contains("line 4: "), "{told}");
    assert!(user.network.applied().is_empty());
    let done = user.good(&["pay", "--batch", &file, "--skip-bad", "--json"]).await;
    let last = json_lines(&done).pop().expect("a summary");
    assert_eq!(last["summary"]["applied"], 2);
    assert_eq!(
        user.network.applied(),
        [("a".to_owned(), 1), ("d".to_owned(), 1)].into()
    );
    // Another content under the same name is another batch.
    fs::write(user.path("pay.csv"), text.replace(",d\n", ",e\n")).expect("written");
    let refused = user.fails(6, &["pay", "--batch", &file, "--skip-bad"]).await;
    assert!(refused.contains("belongs to another file content"), "{refused}");
}

/// When to kill a run.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// After so many steps of requests at the nodes.
    Step(u64),
    /// When the journal is this long.
    Journal(u64),
}

async fn kill_at(user: &User, args: &[&str], journal: &Path, point: Point) {
    let mut steps = user.network.steps();
    let before = *steps.borrow_and_update();
    let mut child = user
        .command(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let reached = async {
        match point {
            Point::Step(count) => {
                while *steps.borrow_and_update() < before + count {
                    if steps.changed().await.is_err() {
                        break;
                    }
                }
            }
            Point::Journal(length) => {
                while fs::metadata(journal).map_or(0, |file| file.len()) < length {
                    tokio::task::yield_now().await;
                }
            }
        }
    };
    // A run that ends before the point is as good a case.
    tokio::select! {
        () = reached => {}
        _ = child.wait() => return,
    }
    child.start_kill().expect("SIGKILL");
    child.wait().await.expect("it is dead");
}

/// The batch is killed with SIGKILL at 50 points and run again: each line is paid exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn invariant_a_killed_batch_pays_each_line_exactly_once() {
    const POINTS: u64 = 50;
    const LINES: u64 = 60;
    let user = User::new([
        Behaviour::Forgetful,
        Behaviour::Honest,
        Behaviour::ForgedReceipt,
        Behaviour::Honest,
    ])
    .await;
    let mut expected = std::collections::BTreeMap::new();
    for number in 0..POINTS {
        let name = format!("pay-{number}.csv");
        let mut text = HEADING.to_owned();
        for line in 0..LINES {
            let memo = format!("{number}/{line}");
            text.push_str(&format!("{},1,EUR,{memo}\n", user.payee(2)));
            expected.insert(memo, 1);
        }
        let file = user.write(&name, &text);
        let journal = user.path(&format!("{name}.journal"));
        let mut args = vec!["pay", "--batch", &file, "--json"];
        // With a rate, lines go one by one or few together; without, in the largest groups.
        if number % 2 == 0 {
            args.extend(["--rate", "400"]);
        }
        let point = match number {
            0..40 => Point::Step(1 + number * 3),
            _ => Point::Journal(1 + (number - 40) * 2_500),
        };
        kill_at(&user, &args, &journal, point).await;
        let done = user.good(&args).await;
        let last = json_lines(&done).pop().expect("a summary");
        assert_eq!(last["summary"]["applied"], LINES, "{point:?}");
        assert_eq!(last["summary"]["unfinished"], 0, "{point:?}");
    }
    assert_eq!(user.network.applied(), expected);
}
