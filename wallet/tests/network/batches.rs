//! Batches, driven through the library.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};

use causeway_contracts::{
    codec::Text,
    identity::AccountId,
    ledger::rejection::Rejection,
    money::{Amount, Currency},
    proof::PaymentProof,
};
use causeway_wallet::{
    batch::{
        journal::{Binding, Journal, Record, Remembered, path_for},
        lines::Line,
        plan::{Fact, State},
        run::{Event, Options, Run, Summary, WINDOW},
    },
    client::{Client, ClientError},
    payment::Payment,
};

use crate::mock::{Behaviour, Network, REFUSED_AMOUNT};

struct Batch {
    network: Network,
    folder: tempfile::TempDir,
    lines: Vec<Line>,
}

impl Batch {
    async fn new(behaviours: [Behaviour; 4], lines: u64) -> Self {
        let network = Network::start(behaviours).await;
        let line = |number: u64| Line {
            number,
            payment: Payment {
                from: network.payer,
                to: AccountId([2; 20]),
                currency: Currency::new("EUR").expect("a code"),
                amount: Amount(1),
                memo: Text::new(number.to_string()).expect("short"),
            },
        };
        Self {
            lines: (2..2 + lines).map(line).collect(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            network,
        }
    }

    fn client(&self) -> Arc<Client> {
        Arc::new(Client::new(self.network.genesis.clone(), self.network.nodes.clone()).expect("a client"))
    }

    fn journal(&self) -> (Journal, Remembered) {
        let binding = Binding {
            network: self.network.genesis.hash(),
            from: self.network.payer.address(self.network.genesis.address_prefix),
            csv: String::new(),
        };
        Journal::open(&self.path(), &binding, &self.lines).expect("a journal")
    }

    fn path(&self) -> PathBuf {
        path_for(&self.folder.path().join("pay.csv"))
    }

    async fn run(&self, options: Options, mut tell: impl FnMut(Event)) -> Summary {
        let key = Network::key();
        Run::new(self.client(), &key, &self.lines, self.journal(), options)
            .run(&mut tell)
            .await
            .expect("a run")
    }

    fn once_each(&self) -> BTreeMap<String, usize> {
        self.lines
            .iter()
            .map(|line| (line.payment.memo.to_string(), 1))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_paid_once_and_again_by_no_second_run() {
    let lines = WINDOW as u64 + 100;
    let mut batch = Batch::new([Behaviour::Honest; 4], lines).await;
    batch.lines[5].payment.amount = REFUSED_AMOUNT;
    let receipts = batch.folder.path().join("receipts");
    fs::create_dir(&receipts).expect("made");
    let options = Options {
        rate: None,
        receipts: Some(receipts.clone()),
    };
    let mut told = 0;
    let summary = batch.run(options.clone(), |_| told += 1).await;
    assert_eq!(told, lines);
    assert_eq!((summary.applied as u64, summary.unfinished), (lines - 1, 0));
    assert_eq!(summary.rejected, [(Rejection::InsufficientFunds, 1)].into());
    assert_eq!(summary.latencies.len() as u64, lines);
    let mut once_each = batch.once_each();
    once_each.remove(&batch.lines[5].payment.memo.to_string());
    assert_eq!(batch.network.applied(), once_each);
    let trusted = batch.client().trusted();
    let mut kept = Vec::new();
    for file in fs::read_dir(&receipts).expect("a folder") {
        let path = file.expect("a file").path();
        let proof: PaymentProof = serde_json::from_slice(&fs::read(&path).expect("read")).expect("a proof");
        let verified = proof.verify(&trusted).expect("verifies");
        assert_eq!(
            path.file_stem().and_then(|stem| stem.to_str()),
            Some(verified.id.to_string().as_str())
        );
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else reads whom the account pays");
        kept.push(path);
    }
    assert_eq!(kept.len() as u64, lines);
    // A receipt that was lost is fetched again; nothing is paid again.
    fs::remove_file(&kept[0]).expect("removed");
    fs::write(&kept[1], b"").expect("emptied");
    let again = batch.run(options, |_| {}).await;
    assert_eq!((again.applied as u64, again.latencies.len()), (lines - 1, 0));
    assert_eq!(batch.network.applied(), once_each);
    for path in &kept {
        serde_json::from_slice::<PaymentProof>(&fs::read(path).expect("read")).expect("a proof");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_lose_payments_and_nodes_that_are_silent_delay_a_batch_only() {
    let batch = Batch::new(
        [
            Behaviour::Forgetful,
            Behaviour::Silent,
            Behaviour::ForgedReceipt,
            Behaviour::Honest,
        ],
        40,
    )
    .await;
    let options = Options {
        rate: std::num::NonZeroU32::new(400),
        receipts: None,
    };
    let summary = batch.run(options, |_| {}).await;
    assert_eq!((summary.applied, summary.unfinished), (40, 0));
    assert_eq!(batch.network.applied(), batch.once_each());
}

/// A journalled transaction that has expired is signed again only once it is proved dead, and both are
/// in the journal; one that was applied meanwhile is not.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_proved_dead_is_signed_again() {
    let batch = Batch::new([Behaviour::Honest; 4], 2).await;
    let hash = batch.network.genesis.hash();
    let expired: Vec<_> = batch
        .lines
        .iter()
        .map(|line| {
            let mut body = line.payment.sign(&hash, &Network::key()).expect("signed").transaction;
            body.valid_until = causeway_wallet::clock::seconds_from_now(0);
            body.sign([&Network::key()]).expect("signed")
        })
        .collect();
    let (mut journal, _) = batch.journal();
    let records: Vec<_> = batch
        .lines
        .iter()
        .zip(&expired)
        .map(|(line, tx)| Record::signed(line.number, tx).expect("short"))
        .collect();
    journal.append(&records).expect("written");
    drop(journal);
    // The first of them was sent and applied before its run was killed.
    batch.network.order(&expired[..1]);
    let summary = batch.run(Options::default(), |_| {}).await;
    assert_eq!((summary.applied, summary.unfinished), (2, 0));
    assert_eq!(batch.network.applied(), batch.once_each());
    let (_, remembered) = batch.journal();
    let state = |line: &Line| match remembered.plan.state(line.number) {
        Some(State::Final { id, .. }) => id,
        other => panic!("{other:?}"),
    };
    assert_eq!(state(&batch.lines[0]), expired[0].id());
    assert_ne!(state(&batch.lines[1]), expired[1].id());
    let text = fs::read_to_string(batch.path()).expect("text");
    let dead: Vec<_> = text.lines().filter(|line| line.starts_with("{\"dead\"")).collect();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].contains(&expired[1].id().to_string()));
    assert!(Record::of(2, Fact::Signed(expired[0].id())).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_everyone_refuses_stops_and_can_go_on() {
    let batch = Batch::new([Behaviour::Refusing; 4], WINDOW as u64 * 2).await;
    let summary = batch.run(Options::default(), |_| {}).await;
    assert!(matches!(summary.failure, Some(ClientError::Refused { .. })));
    assert_eq!(summary.unfinished, batch.lines.len());
    let (_, remembered) = batch.journal();
    assert!(
        remembered.signed.len() <= WINDOW,
        "no line is begun after the first failure"
    );
}

/// What never left this machine does not stay in the way; what may have left does.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_reached_nobody_is_signed_anew() {
    let batch = Batch::new([Behaviour::Vanishing; 4], 3).await;
    let run = async |batch: &Batch, nodes: &[String]| {
        let client = Client::new(batch.network.genesis.clone(), nodes.to_vec()).expect("a client");
        let key = Network::key();
        let run = Run::new(
            Arc::new(client),
            &key,
            &batch.lines,
            batch.journal(),
            Options::default(),
        );
        run.run(|_| {}).await.expect("a run")
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    for _ in 0..2 {
        let summary = run(&batch, std::slice::from_ref(&nobody)).await;
        assert!(matches!(summary.failure, Some(ClientError::Unreachable { .. })));
        assert_eq!((summary.unfinished, summary.sent), (3, false));
        let (_, remembered) = batch.journal();
        assert!(!remembered.sent);
        assert!(
            batch
                .lines
                .iter()
                .all(|line| remembered.plan.state(line.number) == Some(State::Open))
        );
    }
    let honest = Network::start([Behaviour::Honest; 4]).await;
    let summary = run(&batch, &honest.nodes).await;
    assert_eq!((summary.applied, summary.sent), (3, true));
    assert_eq!(honest.applied(), batch.once_each());
}
