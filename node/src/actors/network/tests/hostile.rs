//! A peer written by hand: it speaks libp2p as it should, and on its substreams says what a test wants.

use std::io;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, SwarmBuilder, identity::Keypair, noise, ping, swarm::NetworkBehaviour,
    swarm::SwarmEvent, tcp, yamux,
};
use libp2p_stream::{Control, IncomingStreams, OpenStreamError};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    super::{
        exchange::FETCH_PROTOCOL,
        frame::{Assembler, HEADER_BYTES, HELLO_BYTES, Hello},
        links::LINK_PROTOCOL,
        message::Lane,
    },
    node::{HELLO, Node, within},
};

#[derive(NetworkBehaviour)]
struct Behaviour {
    ping: ping::Behaviour,
    streams: libp2p_stream::Behaviour,
}

pub struct Hostile {
    control: Control,
    links: IncomingStreams,
    fetches: IncomingStreams,
    node: PeerId,
    disconnected: Option<oneshot::Receiver<()>>,
    swarm: JoinHandle<()>,
}

impl Hostile {
    /// Connects with the network key of validator `n`, registered or not.
    pub async fn connect(n: u8, node: &Node) -> Self {
        let keypair = Keypair::ed25519_from_bytes([n; 32]).unwrap();
        let Ok(builder) = SwarmBuilder::with_existing_identity(keypair)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| Behaviour {
                ping: ping::Behaviour::default(),
                streams: libp2p_stream::Behaviour::new(),
            });
        let mut swarm = builder.build();
        let mut control = swarm.behaviour().streams.new_control();
        let links = control.accept(LINK_PROTOCOL).unwrap();
        let fetches = control.accept(FETCH_PROTOCOL).unwrap();
        let address: Multiaddr = node.address().parse().unwrap();
        swarm.dial(address).unwrap();
        let node = within(async {
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { peer_id, .. } => break peer_id,
                    SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
                    _ => {}
                }
            }
        })
        .await;
        let (tell, disconnected) = oneshot::channel();
        let swarm = tokio::spawn(async move {
            let mut tell = Some(tell);
            loop {
                if let SwarmEvent::ConnectionClosed { .. } = swarm.select_next_some().await {
                    tell.take().map(|tell| tell.send(()));
                }
            }
        });
        Self {
            control,
            links,
            fetches,
            node,
            disconnected: Some(disconnected),
            swarm,
        }
    }

    /// Waits until the node has hung up.
    pub async fn disconnected(&mut self) {
        within(self.disconnected.take().unwrap()).await.unwrap();
    }

    /// The link on which the node sends, after a hello that fits.
    pub async fn take_link(&mut self) -> Wire {
        let (_, stream) = within(self.links.next()).await.unwrap();
        let mut wire = Wire(stream);
        assert_eq!(wire.read_hello().await, HELLO);
        wire.write(&HELLO.encode()).await;
        wire
    }

    /// A question of the node's; it is still to be read.
    pub async fn take_fetch(&mut self) -> Wire {
        Wire(within(self.fetches.next()).await.unwrap().1)
    }

    pub async fn open_link(&mut self) -> Wire {
        self.try_open_link().await.unwrap()
    }

    pub async fn try_open_link(&mut self) -> Result<Wire, OpenStreamError> {
        self.open(LINK_PROTOCOL).await.map(Wire)
    }

    async fn open(&mut self, protocol: StreamProtocol) -> Result<Stream, OpenStreamError> {
        within(self.control.open_stream(self.node, protocol)).await
    }

    pub async fn fetch(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = self.open(FETCH_PROTOCOL).await.unwrap();
        within(async {
            stream.write_all(&(request.len() as u32).to_be_bytes()).await?;
            stream.write_all(request).await?;
            stream.flush().await?;
            let mut length = [0; 4];
            stream.read_exact(&mut length).await?;
            let mut answer = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        })
        .await
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.swarm.abort();
    }
}

pub struct Wire(Stream);

impl Wire {
    pub async fn write(&mut self, bytes: &[u8]) {
        within(async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        })
        .await
        .unwrap();
    }

    pub async fn close(mut self) {
        within(self.0.close()).await.unwrap();
    }

    pub async fn read_hello(&mut self) -> Hello {
        let mut bytes = [0; HELLO_BYTES];
        within(self.0.read_exact(&mut bytes)).await.unwrap();
        Hello::decode(&bytes).unwrap()
    }

    /// A frame's lane and body. Frames of one payload only are in step, so a reader of its own
    /// assembles nothing.
    pub async fn read_frame(&mut self) -> (Lane, Vec<u8>) {
        let mut header = [0; HEADER_BYTES];
        within(self.0.read_exact(&mut header)).await.unwrap();
        // What is left of a payload fits a payload, so each frame looks like a first one.
        let mut assembler = Assembler::default();
        let (lane, place) = assembler.open(&header).unwrap();
        within(self.0.read_exact(place)).await.unwrap();
        (lane, place.to_vec())
    }
}
