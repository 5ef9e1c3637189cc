//! The real `causeway-node` as its operator meets it: what it says and how it exits when something
//! is wrong, and what is still there after it was killed. A network of one validator is enough.

#[path = "common/ports.rs"]
mod ports;

mod process {
    pub mod folder;
    pub mod payments;
}

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, time::Duration};

use causeway_contracts::{ledger::receipt::Outcome, money::Amount};
use causeway_node::actors::budget::{BudgetRates, Rate};
use process::{folder::NodeFolder, payments::Client};

#[test]
fn an_unknown_key_in_the_configuration_is_named() {
    let node = NodeFolder::new();
    let config = fs::read_to_string(node.config()).unwrap();
    fs::write(node.config(), format!("colour = \"blue\"\n{config}")).unwrap();
    let exit = node.run_to_exit();
    assert_eq!(exit.code, 10);
    assert!(exit.stderr.contains("colour"), "{}", exit.stderr);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let node = NodeFolder::new();
    fs::set_permissions(node.path().join("validator.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let exit = node.run_to_exit();
    assert_eq!(exit.code, 10);
    assert!(exit.stderr.contains("chmod 600"), "{}", exit.stderr);
}

/// It may be one that the council is about to put into the set.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_key_is_in_no_set_follows_and_says_so() {
    let node = NodeFolder::new();
    let path = node.path().join("validator.key");
    fs::write(&path, "11".repeat(32)).unwrap();
    let running = node.start_unready().await;
    let refused = Client::new(&node).submit_one().await.expect_err("nothing is taken");
    assert_eq!((refused.code.as_str(), refused.retry), ("not_a_validator", true));
    let log = running.log();
    assert!(
        log.contains("is not in the validator set: it follows the chain"),
        "{log}"
    );
    assert_eq!(running.stop().await, 0);
}

#[test]
fn a_network_key_that_is_not_the_validators_is_refused() {
    let node = NodeFolder::new();
    let path = node.path().join("network.key");
    fs::write(&path, "11".repeat(32)).unwrap();
    let exit = node.run_to_exit();
    assert_eq!(exit.code, 10);
    assert!(
        exit.stderr.contains("not the network key of validator"),
        "{}",
        exit.stderr
    );
}

#[test]
fn a_validator_is_made_once() {
    let node = NodeFolder::new();
    let again = node.run_init();
    assert_eq!(again.code, 10);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    fs::remove_dir_all(node.path().join("data")).unwrap();
    let first = node.run_init();
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_without_its_sign_record_observes_and_says_what_to_do() {
    let node = NodeFolder::new();
    fs::remove_dir_all(node.path().join("data")).unwrap();
    let running = node.start_unready().await;
    assert!(running.log().contains("causeway-node init"), "{}", running.log());
    assert_eq!(running.stop().await, 0);
    let mut folders = fs::read_dir(node.path().join("data/consensus")).unwrap();
    assert!(folders.all(|folder| !folder.unwrap().path().join("sign.record").exists()));
    // Nor is it a new validator for having been run.
    assert_eq!(node.run_init().code, 10);
}

/// A supervisor starts it again whatever it ended with.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_halted_starts_again_on_a_new_database_only() {
    let node = NodeFolder::new();
    assert_eq!(node.start().await.stop().await, 0);
    fs::write(node.path().join("data/halted"), "the state after block 7 is another\n").unwrap();
    for _ in 0..2 {
        let exit = node.run_to_exit();
        assert_eq!(exit.code, 15, "{}", exit.stderr);
        for said in ["the state after block 7 is another", "db renew", "data/halted"] {
            assert!(exit.stderr.contains(said), "{}", exit.stderr);
        }
    }
    let renewed = node.run_db(&["renew"]);
    assert_eq!(renewed.code, 0, "{}", renewed.stderr);
    assert!(!node.path().join("data/halted").exists());
}

#[test]
fn a_genesis_that_cannot_be_used_is_refused_and_says_why() {
    let node = NodeFolder::new();
    let path = node.path().join("genesis.toml");
    let genesis = fs::read_to_string(&path).unwrap();
    fs::write(&path, genesis.replace("version = 1", "version = 9")).unwrap();
    let exit = node.run_to_exit();
    assert_eq!(exit.code, 11);
    assert!(exit.stderr.contains("version 9"), "{}", exit.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_network_is_refused() {
    let node = NodeFolder::new();
    let running = node.start().await;
    assert_eq!(running.stop().await, 0);
    let path = node.path().join("genesis.toml");
    let genesis = fs::read_to_string(&path).unwrap();
    fs::write(&path, genesis.replace("name = \"process test\"", "name = \"another\"")).unwrap();
    let exit = node.run_to_exit();
    assert_eq!(exit.code, 11);
    assert!(exit.stderr.contains("another network"), "{}", exit.stderr);
}

#[test]
fn a_port_in_use_is_named_whichever_it_is() {
    for key in ["network", "api", "metrics"] {
        let node = NodeFolder::new();
        let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        node.set_port(key, port);
        let exit = node.run_to_exit();
        assert_eq!(exit.code, 12, "{key}: {}", exit.stderr);
        assert!(exit.stderr.contains(&port.to_string()), "{key}: {}", exit.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_has_gone_missing_is_not_made_again() {
    let node = NodeFolder::new();
    let running = node.start().await;
    running.kill().await;
    fs::remove_dir_all(node.database()).unwrap();
    let exit = node.run_to_exit();
    assert_eq!(exit.code, 13, "{}", exit.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_database_stops_the_node_with_an_explanation() {
    let node = NodeFolder::new();
    let running = node.start().await;
    assert_eq!(running.stop().await, 0);
    for entry in fs::read_dir(node.database()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("MANIFEST") {
            fs::write(&path, b"this is no manifest").unwrap();
        }
    }
    let exit = node.run_to_exit();
    assert_eq!(exit.code, 13, "{}", exit.stderr);
    assert!(!exit.stderr.contains("panicked"), "{}", exit.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_goes_on_where_it_was() {
    let node = NodeFolder::new();
    let running = node.start().await;
    let client = Client::new(&node);
    let paid = client.pay(Amount(100)).await;
    let height = paid.height;
    assert_eq!(running.stop().await, 0);
    let running = node.start().await;
    assert!(client.status().await.height >= height);
    assert_eq!(client.prove(paid.id).await.outcome, Outcome::Applied);
    client.pay(Amount(1)).await;
    assert_eq!(running.stop().await, 0);
}

/// Killed in the middle of payments, again and again: whatever was proved final once still is.
#[tokio::test(flavor = "multi_thread")]
async fn invariant_no_finalized_payment_is_lost_by_sigkill() {
    let node = NodeFolder::new();
    let client = Client::new(&node);
    let mut proved = Vec::new();
    for round in 0..5 {
        let running = node.start().await;
        for id in &proved {
            assert_eq!(client.prove(*id).await.outcome, Outcome::Applied, "round {round}");
        }
        for _ in 0..4 {
            proved.push(client.pay(Amount(1)).await.id);
        }
        // Left under way when the node dies; they may be final after it or not.
        client.submit_without_waiting(20).await;
        running.kill().await;
    }
    let running = node.start().await;
    for id in &proved {
        client.prove(*id).await;
    }
    assert_eq!(running.stop().await, 0);
    let check = node.check_database();
    assert_eq!(check.code, 0, "{}", check.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_made_beside_a_running_node_and_put_back_once_it_stopped() {
    let node = NodeFolder::new();
    let client = Client::new(&node);
    let path = |name: &str| node.path().join(name).to_str().unwrap().to_owned();
    let running = node.start().await;
    client.pay(Amount(100)).await;
    let made = node.run_db(&["backup", "--out", &path("while-it-runs")]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let again = node.run_db(&["backup", "--out", &path("while-it-runs")]);
    assert_eq!(again.code, 13);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    let put_back = node.run_db(&["restore", "--from", &path("while-it-runs")]);
    assert_eq!(put_back.code, 13);
    assert!(put_back.stderr.contains("stop it first"), "{}", put_back.stderr);
    let paid = client.pay(Amount(100)).await;
    assert_eq!(running.stop().await, 0);

    // The only validator of its network has nobody to fetch later blocks from.
    let made = node.run_db(&["backup", "--out", &path("after-it-stopped")]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let record = fs::read(node.sign_record()).unwrap();
    let put_back = node.run_db(&["restore", "--from", &path("after-it-stopped")]);
    assert_eq!(put_back.code, 0, "{}", put_back.stderr);
    assert_eq!(fs::read(node.sign_record()).unwrap(), record);
    let check = node.check_database();
    assert_eq!(check.code, 0, "{}", check.stderr);
    let running = node.start().await;
    assert_eq!(client.prove(paid.id).await.outcome, Outcome::Applied);
    client.pay(Amount(1)).await;
    assert_eq!(running.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_from_a_snapshot_and_says_what_it_does_not_know() {
    let node = NodeFolder::new();
    let client = Client::new(&node);
    let path = |name: &str| node.path().join(name).to_str().unwrap().to_owned();
    let running = node.start().await;
    let paid = client.pay(Amount(100)).await;
    let made = node.run_db(&["export", "--out", &path("while-it-runs")]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(running.stop().await, 0);
    let made = node.run_db(&["export", "--out", &path("state")]);
    assert_eq!(made.code, 0, "{}", made.stderr);

    let other = node.run_db(&["import", "--from", &path("state"), "--root", &"5a".repeat(32)]);
    assert_eq!(other.code, 13);
    assert!(
        other.stderr.contains("another snapshot, or a forged one"),
        "{}",
        other.stderr
    );
    let whole = fs::read(path("state")).unwrap();
    fs::write(path("half"), &whole[..whole.len() / 2]).unwrap();
    let half = node.run_db(&["import", "--from", &path("half")]);
    assert_eq!(half.code, 13);
    assert!(half.stderr.contains("no whole snapshot"), "{}", half.stderr);
    let taken = node.run_db(&["import", "--from", &path("state")]);
    assert_eq!(taken.code, 0, "{}", taken.stderr);
    let check = node.check_database();
    assert_eq!(check.code, 0, "{}", check.stderr);

    let running = node.start().await;
    let (status, problem) = client.ask(&format!("/v1/receipts/{}", paid.id)).await;
    assert_eq!(status, 404);
    assert!(
        problem["detail"].as_str().unwrap().contains("history begins"),
        "{problem}"
    );
    let (status, view) = client.ask(&format!("/v1/transactions/{}", paid.id)).await;
    assert_eq!(status, 200);
    assert!(view["statement"].is_null(), "it states what it cannot know: {view}");
    let (status, problem) = client.ask("/v1/blocks/1").await;
    assert_eq!(status, 404);
    assert!(
        problem["detail"].as_str().unwrap().contains("this node has those from"),
        "{problem}"
    );
    let later = client.pay(Amount(1)).await;
    assert_eq!(client.prove(later.id).await.outcome, Outcome::Applied);
    assert_eq!(running.stop().await, 0);
    let check = node.check_database();
    assert_eq!(check.code, 0, "{}", check.stderr);
}

/// Needs the right to mount a small file system; without it, says so and checks nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_node_and_loses_nothing() {
    let node = NodeFolder::new();
    let Some(disk) = node.mount_small_data(48) else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    node.set_disk_free_min(0);
    let mut running = node.start().await;
    let client = Client::new(&node);
    let paid = client.pay(Amount(100)).await;
    disk.fill();
    let exit = loop {
        client.submit_without_waiting(50).await;
        if let Some(exit) = running.exited_within(Duration::from_millis(500)).await {
            break exit;
        }
    };
    assert_eq!(exit.code, 14, "{}", exit.stderr);
    assert!(exit.stderr.contains("disk"), "{}", exit.stderr);
    disk.empty();
    let running = node.start().await;
    assert_eq!(client.prove(paid.id).await.outcome, Outcome::Applied);
    client.pay(Amount(1)).await;
    assert_eq!(running.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nearly_full_disk_takes_no_transactions() {
    let node = NodeFolder::new();
    node.set_disk_free_min(u64::MAX / 2);
    let running = node.start_unready().await;
    let client = Client::new(&node);
    let refused = client.submit_one().await.expect_err("nothing is taken");
    assert!(refused.detail.contains("disk"), "{}", refused.detail);
    assert!(refused.retry);
    assert_eq!(running.stop().await, 0);
}

/// What strangers submit in an account's name does not spend its budget.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_pays_as_much_as_its_budget_and_is_told_when_it_is_spent() {
    let node = NodeFolder::new();
    node.set_budgets(BudgetRates {
        account: Rate::new(1, 512).unwrap(),
        ..BudgetRates::default()
    });
    let running = node.start().await;
    let client = Client::new(&node);
    for _ in 0..12 {
        assert_eq!(client.submit_forged().await.code, "bad_signature");
    }
    let answers = client.submit_many(600).await;
    let taken = answers.iter().filter(|refused| refused.is_none()).count();
    assert!((512..600).contains(&taken), "{taken}");
    let refused = answers.into_iter().flatten().next().unwrap();
    assert_eq!((refused.code.as_str(), refused.retry), ("account_budget", true));
    assert!(
        refused.detail.contains("512 units of work at once"),
        "{}",
        refused.detail
    );
    assert_eq!(running.stop().await, 0);
}

/// What `run` would refuse, `check-config` refuses with the same words.
#[test]
fn a_value_that_cannot_be_used_is_refused_by_check_config_as_by_run() {
    let rows: [(_, _, _, _, &[&str]); 4] = [
        (
            "node.toml",
            "listen = \"/ip4/127.0.0.1/tcp/",
            "listen = \"/ip4/127.0.0.1/udp/",
            10,
            &["node.toml", "write it as /ip4/127.0.0.1/tcp/27100"],
        ),
        (
            "node.toml",
            "[network.dial]",
            "[network.dial]\nvalidator-1 = \"bank.example:1\"",
            10,
            &["node.toml", "'bank.example:1' is not a multiaddress"],
        ),
        (
            "node.toml",
            "log = \"info\"",
            "log = \"info,=,=\"",
            10,
            &["node.toml", "is not a filter for the log"],
        ),
        (
            "genesis.toml",
            "address = \"/ip4/127.0.0.1",
            "address = \"/dns4/bank.example",
            11,
            &["genesis.toml", "the address of validator validator-1"],
        ),
    ];
    for (file, from, to, code, expected) in rows {
        let node = NodeFolder::new();
        assert_eq!(node.run_check_config().code, 0);
        let path = node.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(text, changed, "{from} is in {file}:\n{text}");
        fs::write(&path, changed).unwrap();
        let check = node.run_check_config();
        assert_eq!(check.code, code, "{}", check.stderr);
        for part in expected {
            assert!(check.stderr.contains(part), "{}", check.stderr);
        }
        assert_eq!(node.run_to_exit().stderr, check.stderr);
    }
}
