//! A network under test, with actors that collect what it receives and answer what it is asked.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, ResponseFuture, WrapFuture,
};
use causeway_consensus::wire::FETCH_RESPONSE_BYTES_MAX;
use causeway_contracts::{block::GenesisHash, committee::ValidatorId, keys::SecretKey};
use futures::FutureExt;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};

use super::super::{
    Network, NetworkError, Receivers, RegisteredNode, Running, Setup, TcpAddress,
    driver::Links,
    frame::{Hello, WIRE_VERSION},
    message::{Destination, Fetch, FetchError, Lane, PeerFault, Peers, Received, Send, Serve},
    start,
};

pub const GENESIS: GenesisHash = GenesisHash([1; 32]);

pub const HELLO: Hello = Hello {
    version: WIRE_VERSION,
    genesis: GENESIS,
};

/// Long enough for a busy machine; only a test that fails takes it.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Node {
    running: Option<Running>,
    network: actix::Addr<Network>,
    address: String,
    received: mpsc::Receiver<Received>,
    asked: mpsc::Receiver<Vec<u8>>,
    metrics: prometheus::Registry,
}

pub struct Options {
    pub genesis: GenesisHash,
    /// Until it is opened, nothing is taken from the mailbox that receives.
    pub gate: Option<oneshot::Receiver<()>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            genesis: GENESIS,
            gate: None,
        }
    }
}

pub fn id(n: u8) -> ValidatorId {
    ValidatorId([n; 20])
}

pub fn registered(n: u8, address: &str) -> RegisteredNode {
    RegisteredNode {
        id: id(n),
        name: format!("validator-{n}"),
        network_key: SecretKey::from_seed(&[n; 32]).public_key(),
        address: Some(address.parse().unwrap()),
    }
}

/// An address that was free a moment ago.
pub fn address_for_later() -> String {
    format!("/ip4/127.0.0.1/tcp/{}", super::ports::free_port())
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it comes at last")
}

/// For what no event tells, such as counters.
pub async fn eventually(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

impl Node {
    pub async fn start(n: u8, validators: &[RegisteredNode]) -> Self {
        Self::start_at(n, "/ip4/127.0.0.1/tcp/0", validators, Options::default()).await
    }

    pub async fn start_at(n: u8, listen: &str, validators: &[RegisteredNode], options: Options) -> Self {
        Self::try_start(n, listen, validators, options).await.unwrap()
    }

    pub async fn try_start(
        n: u8,
        listen: &str,
        validators: &[RegisteredNode],
        options: Options,
    ) -> Result<Self, NetworkError> {
        let (collected, received) = mpsc::channel(4096);
        let (noted, asked) = mpsc::channel(64);
        let collector = Collector {
            collected,
            gate: options.gate,
        }
        .start();
        let metrics = prometheus::Registry::new();
        let running = start(Setup {
            seed: [n; 32],
            listen: listen.parse().unwrap(),
            nodes: watch::channel(validators.to_vec()).1,
            genesis: options.genesis,
            receivers: Receivers {
                consensus: collector.clone().recipient(),
                batches: collector.clone().recipient(),
                sync: collector.recipient(),
            },
            serve: Server { noted }.start().recipient(),
            metrics: metrics.clone(),
        })
        .await?;
        Ok(Self {
            network: running.network.clone(),
            address: running.listening.to_string(),
            running: Some(running),
            received,
            asked,
            metrics,
        })
    }

    pub fn address(&self) -> String {
        self.address.clone()
    }

    pub fn socket(&self) -> SocketAddr {
        self.address.parse::<TcpAddress>().unwrap().socket()
    }

    /// Ends it with all its threads, as when its process ends.
    pub async fn stop(mut self) {
        let running = self.running.take().unwrap();
        running.arbiter.stop();
        tokio::task::spawn_blocking(|| running.arbiter.join().unwrap())
            .await
            .unwrap();
    }

    /// Waits until it is connected to these and no others.
    pub async fn connected_to(&self, peers: &[u8]) {
        let expected: Vec<_> = peers.iter().map(|n| id(*n)).collect();
        let mut links = self.network.send(WatchLinks).await.unwrap();
        within(links.wait_for(|links| links.keys().copied().eq(expected.iter().copied())))
            .await
            .unwrap();
    }

    pub async fn peers(&self) -> Vec<ValidatorId> {
        self.network.send(Peers).await.unwrap()
    }

    pub async fn send(&self, to: Destination, lane: Lane, payload: &[u8]) {
        self.send_shared(to, lane, &payload.into()).await;
    }

    pub async fn send_shared(&self, to: Destination, lane: Lane, payload: &Arc<[u8]>) {
        let payload = Arc::clone(payload);
        self.network.send(Send { to, lane, payload }).await.unwrap();
    }

    pub async fn receive(&mut self) -> Received {
        within(self.received.recv()).await.unwrap()
    }

    /// Sends again and again, as consensus does, until the other has it.
    pub async fn send_until_received(&self, other: &mut Node, payload: &[u8]) {
        within(async {
            loop {
                self.send(Destination::All, Lane::Consensus, payload).await;
                match timeout(Duration::from_millis(100), other.received.recv()).await {
                    Ok(Some(received)) if received.payload == payload => return,
                    Ok(None) => panic!("its collector is gone"),
                    Ok(Some(_)) | Err(_) => {}
                }
            }
        })
        .await;
    }

    pub async fn fetch(&self, from: u8, request: &[u8]) -> Result<Vec<u8>, FetchError> {
        let fetch = Fetch {
            from: id(from),
            request: request.to_vec(),
        };
        within(self.network.send(fetch)).await.unwrap()
    }

    pub async fn asked(&mut self) -> Vec<u8> {
        within(self.asked.recv()).await.unwrap()
    }

    pub fn try_asked(&mut self) -> bool {
        self.asked.try_recv().is_ok()
    }

    pub async fn fault(&self, peer: u8, fault: &'static str) {
        let peer = id(peer);
        self.network.send(PeerFault { peer, fault }).await.unwrap();
    }

    /// A counter or gauge whose labels have these values.
    pub fn metric(&self, name: &str, labels: &str) -> u64 {
        let families = self.metrics.gather();
        let metrics = families
            .iter()
            .filter(|family| family.name() == name)
            .flat_map(|family| family.get_metric());
        let values = metrics.filter_map(|metric| {
            let found: Vec<_> = metric.get_label().iter().map(|pair| pair.value()).collect();
            let value = metric.get_counter().get_value() + metric.get_gauge().get_value();
            (found.join(" ") == labels).then_some(value as u64)
        });
        values.sum()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.arbiter.stop();
        }
    }
}

#[derive(Message)]
#[rtype(result = "watch::Receiver<Links>")]
struct WatchLinks;

impl Handler<WatchLinks> for Network {
    type Result = MessageResult<WatchLinks>;

    fn handle(&mut self, _: WatchLinks, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.links.clone())
    }
}

struct Collector {
    collected: mpsc::Sender<Received>,
    gate: Option<oneshot::Receiver<()>>,
}

impl Actor for Collector {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if let Some(gate) = self.gate.take() {
            context.wait(gate.into_actor(self).map(|_, _, _| ()));
        }
    }
}

impl Handler<Received> for Collector {
    type Result = ();

    fn handle(&mut self, received: Received, _: &mut Self::Context) {
        self.collected.try_send(received).expect("tests send less than that");
    }
}

/// Echoes what begins with `echo`, refuses `refuse`, and never answers `hang`.
struct Server {
    noted: mpsc::Sender<Vec<u8>>,
}

impl Actor for Server {
    type Context = Context<Self>;
}

impl Handler<Serve> for Server {
    type Result = ResponseFuture<Option<Vec<u8>>>;

    fn handle(&mut self, serve: Serve, _: &mut Self::Context) -> Self::Result {
        let request = serve.request;
        self.noted.try_send(request.clone()).expect("tests ask less than that");
        match request.as_slice() {
            b"refuse" => futures::future::ready(None).boxed(),
            b"largest" => futures::future::ready(Some(vec![3; FETCH_RESPONSE_BYTES_MAX])).boxed(),
            b"larger" => futures::future::ready(Some(vec![3; FETCH_RESPONSE_BYTES_MAX + 1])).boxed(),
            b"hang" => futures::future::pending().boxed(),
            _ => futures::future::ready(Some(request)).boxed(),
        }
    }
}
