mod keys;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use causeway_cards::iso8583::{MessageType, Spec};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Notify,
    task::JoinHandle,
    time::sleep,
};

use super::*;
use crate::acquiring::{
    host::{
        self, Decision, Operation, Outcome,
        key::take,
        server::{Authorizer, serve},
    },
    link_key::{
        LinkKey,
        tests::{link_key, module},
    },
};

/// A store in memory, which can be full.
#[derive(Default)]
struct Shelf {
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    is_full: AtomicBool,
}

impl Shelf {
    fn len(&self) -> usize {
        self.kept.lock().expect("no panic").len()
    }
}

impl Reversals for Shelf {
    async fn store(&self, reversal: &Reversal) -> Result<(), StoreError> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err("full".into());
        }
        let mut kept = self.kept.lock().expect("no panic");
        kept.insert(reversal.key().to_owned(), reversal.to_bytes());
        Ok(())
    }

    async fn answered(&self, key: &str, _: &Message) -> Result<(), StoreError> {
        self.remove(key).await
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.kept.lock().expect("no panic").remove(key);
        Ok(())
    }

    async fn load(&self) -> Result<Vec<Reversal>, StoreError> {
        let kept = self.kept.lock().expect("no panic");
        let read = |(key, bytes): (&String, &Vec<u8>)| Ok(Reversal::from_bytes(key.clone(), bytes)?);
        kept.iter().map(read).collect()
    }
}

/// Approves, but does not come to an end with the purchase of this amount.
struct Issuer {
    reversed: AtomicUsize,
    key: LinkKey,
    /// Whether the answer to a new key waits until it may come.
    waits: AtomicBool,
    may_answer: Notify,
    _folder: TempDir,
}

impl Issuer {
    fn new() -> Arc<Self> {
        let (key, _folder) = keys();
        Arc::new(Self {
            reversed: AtomicUsize::default(),
            key,
            waits: AtomicBool::default(),
            may_answer: Notify::new(),
            _folder,
        })
    }
}

/// A module of one side, with the key that both sides have.
fn keys() -> (LinkKey, TempDir) {
    let (hsm, folder) = module();
    (link_key(&hsm, "mac", [1; 16]), folder)
}

const HANGS: &str = "000000000999";

impl Authorizer for Issuer {
    async fn decide(&self, request: host::Request) -> Decision {
        if request.operation == Operation::Reversal {
            self.reversed.fetch_add(1, Ordering::SeqCst);
        } else if request.message.text(4) == Some(HANGS) {
            sleep(Duration::from_millis(400)).await;
        }
        Outcome::Approved.into()
    }

    async fn mac_key(&self, request: host::Request, known: Vec<ModuleKey>) -> Result<ModuleKey, Outcome> {
        let taken = take(&request.message, &self.key, known).await;
        if self.waits.load(Ordering::SeqCst) {
            self.may_answer.notified().await;
        }
        taken
    }
}

fn dialect(spec: &'static Spec, key: &LinkKey) -> Dialect {
    let mac_keys = key.generations().expect("a key");
    Dialect { spec, mac_keys }
}

fn host(listener: TcpListener, spec: &'static Spec, issuer: &Arc<Issuer>) -> JoinHandle<()> {
    let limits = host::Limits {
        undecided_max: 64,
        remembered_max: 64,
    };
    let settings = host::server::Settings {
        limits,
        connections_max: 8,
        idle: Duration::from_secs(60),
    };
    tokio::spawn(serve(listener, dialect(spec, &issuer.key), settings, issuer.clone()))
}

const LIMITS: Limits = Limits {
    requests_max: 64,
    outstanding_max: 128,
    answer_within_ms: 200,
    echo_after_ms: 50,
    keep_alive_after_ms: 20,
    repeat_after_ms: 50,
};

async fn client(address: &str, spec: &'static Spec, key: &LinkKey, shelf: &Arc<Shelf>) -> Client<Shelf> {
    client_with(LIMITS, address, spec, key, shelf).await
}

async fn client_with(
    limits: Limits,
    address: &str,
    spec: &'static Spec,
    key: &LinkKey,
    shelf: &Arc<Shelf>,
) -> Client<Shelf> {
    let settings = Settings {
        address: address.to_owned(),
        limits,
        pause_max: Duration::from_millis(200),
    };
    Client::start(settings, dialect(spec, key), shelf.clone())
        .await
        .expect("a store")
}

fn purchase(trace: usize, amount: &str) -> Message {
    let mut message = Message::new(MessageType::FINANCIAL);
    let trace = format!("{trace:06}");
    let fields = [
        (2, "4123709999000029"),
        (3, "000000"),
        (4, amount),
        (7, "1130011500"),
        (11, trace.as_str()),
        (12, "011500"),
        (13, "1130"),
        (41, "TERM0001"),
        (49, "978"),
    ];
    for (field, value) in fields {
        message.set(field, value.as_bytes()).expect("short");
    }
    message
}

/// Of what another task does soon.
async fn eventually(mut holds: impl FnMut() -> bool) {
    while !holds() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// A host and a client of it, which has signed on.
struct Pair {
    issuer: Arc<Issuer>,
    shelf: Arc<Shelf>,
    key: LinkKey,
    address: String,
    host: JoinHandle<()>,
    client: Client<Shelf>,
    _folder: TempDir,
}

async fn pair(spec: &'static Spec) -> Pair {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let (issuer, shelf) = (Issuer::new(), Arc::new(Shelf::default()));
    let (key, _folder) = keys();
    let host = host(listener, spec, &issuer);
    let client = client(&address, spec, &key, &shelf).await;
    client.signed_on().await.expect("it runs");
    Pair {
        issuer,
        shelf,
        key,
        address,
        host,
        client,
        _folder,
    }
}

async fn approved(client: &Client<Shelf>, trace: usize) {
    let answer = client
        .request(purchase(trace, "000000001000"))
        .await
        .expect("an answer");
    assert_eq!((answer.message_type().number(), answer.text(39)), (210, Some("00")));
}

#[tokio::test]
async fn purchases_are_answered_and_one_that_is_not_in_time_is_reversed_in_both_variants() {
    for spec in [Spec::a(), Spec::b()] {
        let pair = pair(spec).await;
        approved(&pair.client, 1).await;
        assert_eq!(pair.shelf.len(), 0);
        let late = pair.client.request(purchase(2, HANGS)).await;
        assert!(matches!(late, Err(Unanswered::TimedOut { reversed: true })), "{late:?}");
        assert_eq!(pair.shelf.len(), 1);
        eventually(|| pair.shelf.len() == 0).await;
        assert_eq!(pair.issuer.reversed.load(Ordering::SeqCst), 1);
        // And that of each 0421 that crossed the answer to its 0420.
        assert!(pair.client.status().unmatched >= 1, "the late answer");
        pair.host.abort();
    }
}

#[tokio::test]
async fn a_client_reconnects_and_sends_the_reversals_that_a_killed_one_left() {
    let free = TcpSocket::new_v4().expect("a socket");
    free.set_reuseaddr(true).expect("a socket");
    free.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = free.local_addr().expect("bound");
    drop(free);
    let (issuer, shelf) = (Issuer::new(), Arc::new(Shelf::default()));
    let (key, _folder) = keys();
    let left = Reversal::of(&purchase(7, HANGS)).expect("asks for money");
    shelf.store(&left).await.expect("room");
    let client = client(&address.to_string(), Spec::a(), &key, &shelf).await;
    let refused = client.request(purchase(1, "000000001000")).await;
    assert!(matches!(refused, Err(Unanswered::NotSignedOn)));
    let listener = TcpListener::bind(address).await.expect("the port");
    let running = host(listener, Spec::a(), &issuer);
    client.signed_on().await.expect("it runs");
    eventually(|| shelf.len() == 0).await;
    running.abort();
    drop(running.await);
    eventually(|| !client.status().is_signed_on).await;
    let again = host(TcpListener::bind(address).await.expect("the port"), Spec::a(), &issuer);
    client.signed_on().await.expect("it runs");
    approved(&client, 2).await;
    again.abort();
}

#[tokio::test]
async fn nothing_is_sent_without_its_reversal_stored_or_that_cannot_be_written() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let (issuer, shelf) = (Issuer::new(), Arc::new(Shelf::default()));
    let (key, _folder) = keys();
    let host = host(listener, Spec::a(), &issuer);
    let client = client(&address, Spec::a(), &key, &shelf).await;
    client.signed_on().await.expect("it runs");
    shelf.is_full.store(true, Ordering::SeqCst);
    let unstored = client.request(purchase(1, "000000001000")).await;
    assert!(matches!(unstored, Err(Unanswered::Unstored(_))));
    shelf.is_full.store(false, Ordering::SeqCst);
    approved(&client, 1).await;
    let unwritable = client.request(purchase(2, "1")).await;
    assert!(matches!(unwritable, Err(Unanswered::Unwritable(_))));
    host.abort();
}
