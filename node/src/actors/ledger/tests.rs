use std::{env, path::Path, process::Command, sync::Arc, time::SystemTime};

use actix::{Addr, Arbiter};
use causeway_contracts::{
    block::{Block, HashedBatch, Height, TimeMs},
    ledger::{InvalidBlock, Ledger, receipt::Outcome, rejection::Skip},
    protocol::PROTOCOL_MAX,
    transaction::UnixSeconds,
};
use prometheus::Registry;
use tokio::sync::{broadcast, watch};

use super::{
    LedgerActor, LedgerMetrics, Membership, Start,
    message::{Admit, Candidate, Commit, Committed, Draft, Execute, Finalized, Tip, WrongHeight},
};
use crate::{
    exit::ExitStatus,
    store::{
        Expect, Opened, Reader, Store,
        kept::KeptSnapshots,
        trial::{Trial, wire},
    },
};

/// The actor with all that it needs.
struct Rig {
    trial: Trial,
    store: Store,
    reader: Reader,
    registry: Registry,
    finalized: broadcast::Receiver<Finalized>,
    actor: Addr<LedgerActor>,
    /// What the actor's ledger must be.
    model: Ledger,
}

impl Rig {
    fn new(path: &Path, trial: Trial) -> Self {
        let opened = Store::open(path, &trial.genesis, Expect::NewOrExisting).expect("it opens");
        let (store, Opened { ledger, .. }) = opened;
        let registry = Registry::new();
        let metrics = LedgerMetrics::register(&registry).expect("new names");
        let (sender, finalized) = broadcast::channel(16);
        let (members, _) = watch::channel(Membership::of(&ledger));
        let actor = LedgerActor::start_in(
            &Arbiter::current(),
            Start {
                ledger,
                store: store.clone(),
                finalized: sender,
                members,
                metrics,
                known: PROTOCOL_MAX,
                snapshots: KeptSnapshots::new(&path.with_file_name("snapshots"), 0),
            },
        );
        Self {
            model: Ledger::from_genesis(&trial.genesis, 1),
            reader: store.reader(),
            store,
            trial,
            registry,
            finalized,
            actor,
        }
    }

    async fn put(&self, payments: u64) -> Vec<HashedBatch> {
        let height = self.model.tip().height.0 + 1;
        let (digest, signed) = self.trial.payments(height, payments);
        self.store.put_batches(vec![(digest, wire(&signed))]).await;
        vec![HashedBatch::new(signed.batch.clone())]
    }

    async fn draft(&self, batches: &[HashedBatch]) -> Result<Block, WrongHeight> {
        self.draft_at(self.model.tip().height.next(), batches).await
    }

    async fn draft_at(&self, height: Height, batches: &[HashedBatch]) -> Result<Block, WrongHeight> {
        let draft = Draft(causeway_consensus::Draft {
            height,
            now: TimeMs(self.model.tip().time_ms.0 + 100),
            proposer: self.trial.validator(0),
            batches: batches.to_vec(),
            checkpoint: None,
        });
        self.actor.send(draft).await.expect("it runs")
    }

    async fn execute(&self, block: &Block, batches: &[HashedBatch]) -> Result<Result<(), InvalidBlock>, WrongHeight> {
        let execute = Execute {
            block: block.clone(),
            batches: batches.to_vec(),
        };
        self.actor.send(execute).await.expect("it runs")
    }

    async fn commit(&self, block: &Block, batches: &[HashedBatch]) -> Result<Committed, WrongHeight> {
        let commit = Commit {
            block: block.clone(),
            certificate: self.trial.certify(block),
            batches: batches.to_vec(),
        };
        let done = self.actor.send(commit).await.expect("it runs");
        done.map(|done| done.committed)
    }

    /// How many blocks were executed.
    fn executed(&self) -> u64 {
        let families = self.registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == "causeway_execute_seconds");
        family.expect("registered").get_metric()[0]
            .get_histogram()
            .get_sample_count()
    }

    fn figure(&self, name: &str, label: Option<&str>) -> f64 {
        let families = self.registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == name)
            .expect("registered");
        let metric = family.get_metric().iter().find(|metric| match label {
            Some(label) => metric.get_label()[0].value() == label,
            None => true,
        });
        let metric = metric.expect("with that label");
        metric.get_counter().get_value() + metric.get_gauge().get_value()
    }

    /// The block as another validator would have made it.
    fn by_another(&self, batches: &[HashedBatch]) -> Block {
        let now = TimeMs(self.model.tip().time_ms.0 + 150);
        self.model.draft(now, self.trial.validator(1), batches, None).0
    }

    fn follow(&mut self, block: &Block, batches: &[HashedBatch]) {
        let execution = self.model.check(block, batches).expect("valid");
        self.model.commit(execution);
    }
}

#[actix::test]
async fn a_block_goes_from_draft_to_disk_and_is_executed_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rig = Rig::new(&folder.path().join("db"), Trial::new(5));
    for round in 1..=3 {
        let batches = rig.put(20).await;
        let block = rig.draft(&batches).await.expect("its height");
        assert_eq!(rig.execute(&block, &batches).await, Ok(Ok(())));
        let committed = rig.commit(&block, &batches).await.expect("its height");
        assert_eq!(rig.executed(), round);
        rig.follow(&block, &batches);

        let tip = rig.model.tip().clone();
        assert_eq!(rig.reader.tip().expect("readable"), tip);
        assert_eq!((committed.height, committed.time_ms), (tip.height, tip.time_ms));
        assert_eq!((committed.block, committed.state_hash), (tip.block, tip.state_hash));
        assert_eq!(committed.validators, *rig.model.validators());
        assert_eq!(committed.rotation, *rig.model.rotation());
        let asked = rig.actor.send(Tip).await.expect("it runs");
        assert_eq!((asked.height, asked.state_hash), (tip.height, tip.state_hash));

        let published = rig.finalized.try_recv().expect("published before the answer");
        assert_eq!(*published.block, block);
        assert_eq!(*published.certificate, rig.trial.certify(&block));
        let stored = rig.reader.receipts(tip.height).expect("readable").expect("there");
        assert_eq!(*published.receipts, stored);
        let count = |is_applied| {
            stored
                .iter()
                .filter(|it| (it.outcome == Outcome::Applied) == is_applied)
                .count()
        };
        assert!(count(true) > 0 && count(false) > 0);
        assert_eq!(rig.figure("causeway_height", None), round as f64);
        let (applied, rejected) = (count(true) as f64 * round as f64, count(false) as f64 * round as f64);
        assert_eq!(
            rig.figure("causeway_transactions_finalized_total", Some("applied")),
            applied
        );
        assert_eq!(
            rig.figure("causeway_transactions_finalized_total", Some("rejected")),
            rejected
        );
    }
}

#[actix::test]
async fn a_certified_block_is_committed_whatever_was_voted_on_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rig = Rig::new(&folder.path().join("db"), Trial::new(5));
    let batches = rig.put(20).await;
    let own = rig.draft(&batches).await.expect("its height");
    let other = rig.by_another(&batches);
    assert_ne!(own.id(), other.id());
    assert_eq!(rig.execute(&other, &batches).await, Ok(Ok(())));
    assert_eq!(rig.execute(&other, &batches).await, Ok(Ok(())));
    assert_eq!(rig.executed(), 2);
    let committed = rig.commit(&other, &batches).await.expect("its height");
    assert_eq!((committed.block, rig.executed()), (other.id(), 2));
    rig.follow(&other, &batches);

    // A block that comes with its certificate first, as in catch-up.
    let batches = rig.put(3).await;
    let unseen = rig.by_another(&batches);
    let committed = rig.commit(&unseen, &batches).await.expect("its height");
    assert_eq!((committed.block, rig.executed()), (unseen.id(), 3));
}

#[actix::test]
async fn a_block_with_a_wrong_result_is_invalid_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let rig = Rig::new(&folder.path().join("db"), Trial::new(5));
    let batches = rig.put(20).await;
    let mut block = rig.by_another(&batches);
    block.header.receipts_root.0[0] ^= 1;
    for _ in 0..2 {
        match rig.execute(&block, &batches).await.expect("its height") {
            Err(why) => assert!(why.to_string().contains("receipts root"), "{why}"),
            Ok(()) => panic!("its header lies"),
        }
    }
    assert_eq!(rig.executed(), 1);
}

#[actix::test]
async fn only_the_next_height_is_worked_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let rig = Rig::new(&folder.path().join("db"), Trial::new(5));
    let batches = rig.put(20).await;
    let first = rig.draft(&batches).await.expect("its height");
    rig.commit(&first, &batches).await.expect("its height");
    let wrong = |asked| WrongHeight {
        asked: Height(asked),
        next: Height(2),
    };
    assert_eq!(rig.draft_at(Height(1), &[]).await, Err(wrong(1)));
    assert_eq!(rig.draft_at(Height(3), &[]).await, Err(wrong(3)));
    assert_eq!(rig.execute(&first, &batches).await, Err(wrong(1)));
    assert_eq!(rig.commit(&first, &batches).await.expect_err("it is past"), wrong(1));
    assert_eq!(rig.reader.tip().expect("readable").height, Height(1));
}

#[actix::test]
async fn transactions_are_admitted_by_state_and_clock() {
    let folder = tempfile::tempdir().expect("a folder");
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    let now = TimeMs(since_1970.as_millis() as u64);
    let rig = Rig::new(&folder.path().join("db"), Trial::at(5, now));
    let in_seconds = |seconds: u64| UnixSeconds(now.0 / 1000 + seconds);
    let other_network = Trial::at(6, now);
    let cases = [
        (rig.trial.pay(0, 1, 1, in_seconds(60)), Ok(())),
        (rig.trial.pay(0, 1, 2, UnixSeconds(now.0 / 1000)), Err(Skip::Expired)),
        (rig.trial.pay(0, 1, 3, in_seconds(3600)), Err(Skip::TooFarAhead)),
        (other_network.pay(5, 1, 4, in_seconds(60)), Err(Skip::UnknownSigner)),
    ];
    let candidates = cases.iter().map(|(signed, _)| Candidate {
        id: signed.id(),
        transaction: Arc::new(signed.clone()),
    });
    let answers = rig.actor.send(Admit(candidates.collect())).await.expect("it runs");
    let expected: Vec<_> = cases.iter().map(|(_, expected)| *expected).collect();
    let admitted: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().map(drop).map_err(|skip| *skip))
        .collect();
    assert_eq!(admitted, expected);
    let spenders = answers[0].as_ref().expect("admitted");
    assert_eq!((spenders.accounts.len(), spenders.operators.len()), (1, 1));
}

const DATABASE: &str = "CAUSEWAY_TEST_DIVERGED";

/// Not a test of its own: a quorum vouches for what this node computes differently.
#[actix::test]
#[ignore = "is run as a child of another test"]
async fn diverger() {
    let path = env::var_os(DATABASE).expect("set by the parent");
    let rig = Rig::new(Path::new(&path), Trial::new(5));
    let batches = rig.put(20).await;
    let mut block = rig.by_another(&batches);
    block.header.state_hash.0[0] ^= 1;
    rig.commit(&block, &batches).await.expect("it does not get here");
}

#[test]
fn invariant_a_certified_block_with_another_result_stops_the_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let output = Command::new(env::current_exe().expect("its own path"))
        .args(["--ignored", "--exact", "actors::ledger::tests::diverger", "--nocapture"])
        .env(DATABASE, &path)
        .output()
        .expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(ExitStatus::Divergence.code()), "{stderr}");
    assert!(stderr.contains("its state hash is"), "it says why: {stderr}");
    let trial = Trial::new(5);
    let (store, _) = Store::open(&path, &trial.genesis, Expect::Existing).expect("it opens");
    assert_eq!(
        store.reader().tip().expect("readable").height,
        Height(0),
        "nothing was written"
    );
}
