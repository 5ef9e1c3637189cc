//! Databases are lost, and the nodes come back: by the others' last certified snapshot, or by all blocks.

use std::{fs, sync::Arc, time::Instant};

use causeway_contracts::{block::TimeMs, ledger::receipt::Outcome, money::Amount};
use causeway_node::config::{SyncConfig, SyncFrom};
use serde_json::Value;

use super::{
    client::{Client, now_ms},
    load::Load,
    network::{Member, Network, PATIENCE},
};

/// What `db check` finds in the database of a node that does not run.
fn beginning(member: &Member) -> u64 {
    let summary: Value = serde_json::from_str(&member.must(&["db", "check", "--json"])).unwrap();
    assert_eq!(summary["problem_count"], 0, "{summary}");
    summary["beginning"].as_u64().unwrap()
}

async fn wait_for_checkpoint(members: &[Member]) {
    let begun = Instant::now();
    for member in members {
        while member.metric("causeway_checkpoint_height").await < 1.0 {
            assert!(begun.elapsed() < PATIENCE, "no checkpoint is certified");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_database_comes_back_by_a_snapshot_and_an_archive_by_blocks() {
    // Its first block begins a period of checkpoints.
    let network = Network::with(|genesis| {
        genesis.time_ms = TimeMs(now_ms() - 3_600_000);
        genesis.parameters.checkpoint_period_seconds = 60;
    });
    let members = &network.members;
    let client = Arc::new(Client::new(&network.genesis));
    let mut running = Vec::new();
    // Nobody has a snapshot yet, and all hear that.
    for member in members {
        running.push(member.spawn(&[]));
    }
    for (member, running) in members.iter().zip(&mut running) {
        member.wait(running).await;
    }
    let load = Load::start(&client, &members[..2]);
    client.wait_for_height(&members[0], 20).await;
    wait_for_checkpoint(members).await;

    // One loses its database, which only an operator decides what to do about.
    running.pop().unwrap().kill();
    fs::remove_dir_all(members[3].database()).unwrap();
    let output = members[3].command(&["run"]);
    assert_eq!(output.status.code(), Some(13));
    members[3].must(&["db", "renew"]);
    let back = members[3].start(&[]).await;
    let log = back.log();
    assert!(log.contains("the database begins with a certified snapshot"), "{log}");
    let height = client.status(&members[0]).await.height.0;
    client.wait_for_height(&members[3], height + 10).await;
    let paid = client.carry_out(&members[3], &client.payment(Amount(1))).await;
    assert_eq!(paid.outcome, Outcome::Applied);
    assert!(!members[3].path.join("data/snapshot-sync").exists());

    // Another is to have the whole history.
    running.pop().unwrap().kill();
    members[2].must(&["db", "renew"]);
    members[2].configure_with(&network.genesis_file(), |config| {
        config.sync = SyncConfig { from: SyncFrom::Blocks };
    });
    running.push(members[2].start(&[]).await);
    client.wait_for_height(&members[2], height + 10).await;

    let acknowledged = load.stop().await;
    assert!(!acknowledged.is_empty());
    for proof in &acknowledged {
        client.prove(&members[2], proof.transaction.id()).await;
    }
    running.push(back);
    for running in running {
        assert_eq!(running.stop().await, 0);
    }
    assert_eq!(
        [0, 1, 2].map(|at| beginning(&members[at])),
        [0; 3],
        "they have all from the genesis on"
    );
    assert!(beginning(&members[3]) > 0);
}
