//! A node's API with stand-ins for its other actors, and a client for it.

use std::{
    collections::{HashMap, HashSet},
    future::pending,
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use actix::{Actor, Context, Handler, MessageResult, ResponseFuture};
use actix_web::http::StatusCode;
use causeway_contracts::{
    api::Problem,
    block::GenesisHash,
    committee::ValidatorId,
    identity::AccountId,
    ledger::{Ledger, StateKey},
    protocol::PROTOCOL_MAX,
    statement::ContractPage,
    transaction::{SignedTransaction, TxId},
};
use prometheus::Registry;
use reqwest::{Client, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::{
    chain::{Chain, key},
    signing::Signing,
};
use crate::actors::{
    api::{ApiContext, ApiLimits, ApiServer, Clock, Listen, Progress, ServeError, error::PROBLEM_URN, serve},
    ledger::{
        Membership,
        message::{Committed, ContractsOf, Tip},
        page,
    },
    mempool::message::{Capacity, GetCapacity, IsPending, Refusal, Submit},
    network::message::Peers,
};

/// What the mempool stands for.
pub enum Mempool {
    /// Checks as the ledger does at its genesis, then signatures.
    Checks(Box<Ledger>),
    /// Refuses everything.
    Refuses(Refusal),
    /// Never answers a submission, and takes no more than one message meanwhile.
    Stuck,
}

impl Mempool {
    pub fn checks(chain: &Chain) -> Self {
        Self::Checks(Box::new(Ledger::from_genesis(&chain.genesis, 1)))
    }

    fn answer(&self, signed: &SignedTransaction) -> Result<TxId, Refusal> {
        match self {
            Self::Checks(ledger) => {
                let id = signed.id();
                ledger.admit(signed, &id)?;
                signed.verify_signatures()?;
                Ok(id)
            }
            Self::Refuses(refusal) => Err(refusal.clone()),
            Self::Stuck => unreachable!("answered by never answering"),
        }
    }
}

struct MempoolActor {
    mempool: Mempool,
    pending: HashSet<TxId>,
}

impl Actor for MempoolActor {
    type Context = Context<Self>;
}

impl Handler<Submit> for MempoolActor {
    type Result = ResponseFuture<Vec<Result<TxId, Refusal>>>;

    fn handle(&mut self, submit: Submit, _: &mut Self::Context) -> Self::Result {
        if matches!(self.mempool, Mempool::Stuck) {
            return Box::pin(pending());
        }
        let answers: Vec<_> = submit
            .transactions
            .iter()
            .map(|signed| self.mempool.answer(signed))
            .collect();
        self.pending.extend(answers.iter().flatten());
        Box::pin(async { answers })
    }
}

impl Handler<IsPending> for MempoolActor {
    type Result = bool;

    fn handle(&mut self, IsPending(id): IsPending, _: &mut Self::Context) -> bool {
        self.pending.contains(&id)
    }
}

impl Handler<GetCapacity> for MempoolActor {
    type Result = MessageResult<GetCapacity>;

    fn handle(&mut self, _: GetCapacity, _: &mut Self::Context) -> Self::Result {
        MessageResult(Capacity {
            pending: self.pending.len() as u64,
            refusing: match &self.mempool {
                Mempool::Refuses(refusal) => Some(refusal.clone()),
                Mempool::Checks(_) | Mempool::Stuck => None,
            },
        })
    }
}

/// Says what the ledger and the network would.
struct Surroundings {
    committed: Committed,
    tip: causeway_contracts::ledger::Tip,
    /// First pages only.
    contracts: HashMap<AccountId, ContractPage>,
    peers: Vec<ValidatorId>,
}

impl Actor for Surroundings {
    type Context = Context<Self>;
}

impl Handler<Tip> for Surroundings {
    type Result = MessageResult<Tip>;

    fn handle(&mut self, _: Tip, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.committed.clone())
    }
}

impl Handler<ContractsOf> for Surroundings {
    type Result = MessageResult<ContractsOf>;

    fn handle(&mut self, asked: ContractsOf, _: &mut Self::Context) -> Self::Result {
        let page = self.contracts[&asked.account].clone();
        let after = asked.after;
        MessageResult((self.tip.clone(), ContractPage { after, ..page }))
    }
}

impl Handler<Peers> for Surroundings {
    type Result = MessageResult<Peers>;

    fn handle(&mut self, _: Peers, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.peers.clone())
    }
}

pub struct Node {
    pub server: ApiServer,
    pub genesis: GenesisHash,
    pub registry: Registry,
    pub progress: watch::Sender<Progress>,
    pub client: Client,
}

impl Node {
    pub fn start(chain: &Chain, mempool: Mempool, limits: ApiLimits) -> Self {
        Self::start_with_clock(chain, mempool, limits, Arc::new(Instant::now))
    }

    pub fn start_with_clock(chain: &Chain, mempool: Mempool, limits: ApiLimits, clock: Clock) -> Self {
        let (context, progress) = context(chain, mempool, limits, clock);
        let registry = context.registry.clone();
        Self {
            server: serve(context, ANYWHERE).expect("free ports"),
            genesis: chain.hash,
            registry,
            progress,
            client: Client::builder().no_proxy().build().expect("a client"),
        }
    }

    pub fn serve_at(chain: &Chain, listen: Listen) -> Result<ApiServer, ServeError> {
        let (context, _) = context(
            chain,
            Mempool::checks(chain),
            ApiLimits::default(),
            Arc::new(Instant::now),
        );
        serve(context, listen)
    }

    /// A node whose mempool checks what it gets.
    pub fn checking(chain: &Chain) -> Self {
        Self::start(chain, Mempool::checks(chain), ApiLimits::default())
    }

    pub fn address(&self) -> SocketAddr {
        self.server.addresses().api
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub async fn get(&self, path: &str) -> Response {
        send(self.client.get(self.url(path))).await
    }

    /// Reads with a key what is not open.
    pub async fn get_signed(&self, seed: u8, path: &str) -> Response {
        send(Signing::of(self, seed, path).request(self, path)).await
    }

    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK.as_u16(), "{path}");
        response.json().await.expect("the promised type")
    }

    pub async fn post(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.client.post(self.url("/v1/transactions"));
        send(request.header("content-type", content_type).body(body)).await
    }

    pub fn waiters(&self) -> i64 {
        let families = self.registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == "causeway_http_receipt_waiters")
            .expect("registered");
        family.get_metric()[0].get_gauge().get_value() as i64
    }
}

fn context(chain: &Chain, mempool: Mempool, limits: ApiLimits, clock: Clock) -> (ApiContext, watch::Sender<Progress>) {
    let mempool = MempoolActor {
        mempool,
        pending: HashSet::new(),
    }
    .start();
    let ledger = &chain.ledger;
    let accounts = ledger.entries().filter_map(|(key, _)| match key {
        StateKey::Account(account) => Some(account),
        _ => None,
    });
    let first = |account| page(ledger, &ContractsOf { account, after: None }).1;
    let surroundings = Surroundings {
        committed: Committed {
            height: ledger.tip().height,
            time_ms: ledger.tip().time_ms,
            block: ledger.tip().block,
            state_hash: ledger.tip().state_hash,
            checkpoint_root: ledger.tip().checkpoint_root,
            checkpoints: *ledger.checkpoints(),
            validators: ledger.validators().clone(),
            next_validators: ledger.next_validators().clone(),
            rotation: ledger.rotation().clone(),
            protocol: *ledger.protocol(),
        },
        contracts: accounts.map(|account| (account, first(account))).collect(),
        tip: ledger.tip().clone(),
        peers: vec![
            ValidatorId::of(&key(1).public_key()),
            ValidatorId::of(&key(2).public_key()),
        ],
    }
    .start();
    let (progress, watched) = watch::channel(Progress::default());
    let context = ApiContext {
        genesis: chain.genesis.clone(),
        genesis_hash: chain.hash,
        key: key(0),
        reader: chain.store.reader(),
        submit: mempool.clone().recipient(),
        is_pending: mempool.clone().recipient(),
        capacity: mempool.recipient(),
        peers: surroundings.clone().recipient(),
        tip: surroundings.clone().recipient(),
        contracts: surroundings.recipient(),
        members: watch::channel(Membership::of(ledger)).1,
        finalized: chain.finalized.clone(),
        progress: watched,
        registry: Registry::new(),
        limits,
        clock,
        known: PROTOCOL_MAX,
    };
    (context, progress)
}

pub const ANYWHERE: Listen = Listen {
    api: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0),
    metrics: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0),
};

pub async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

/// Asserts that an answer is this problem, in the form of all problems.
pub async fn problem(response: Response, status: StatusCode, code: &str) -> Problem {
    let actual = response.status().as_u16();
    let content_type = response.headers().get("content-type").cloned();
    let text = response.text().await.expect("a body");
    assert_eq!(actual, status.as_u16(), "{text}");
    assert_eq!(
        content_type.as_ref().map(|value| value.as_bytes()),
        Some(&b"application/problem+json"[..])
    );
    let problem: Problem = serde_json::from_str(&text).expect("a problem");
    assert_eq!(problem.kind, format!("{PROBLEM_URN}{code}"));
    assert_eq!(problem.status, status.as_u16());
    assert!(!problem.title.is_empty());
    problem
}

/// Waits until `done`, which other threads bring about, without saying when.
pub async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("text"))
}
