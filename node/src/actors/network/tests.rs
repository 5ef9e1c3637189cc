//! Real networks over loopback TCP. What a peer does wrong is done by [`hostile`] ones, written by hand.

mod hostile;
mod node;
#[path = "../../../tests/common/ports.rs"]
mod ports;

use std::{io, net::SocketAddr, sync::Arc};

use causeway_consensus::wire::FETCH_REQUEST_BYTES_MAX;
use causeway_contracts::block::GenesisHash;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use self::{
    hostile::Hostile,
    node::{GENESIS, Node, Options, address_for_later, eventually, id, registered, within},
};
use super::{
    NetworkError, exchange,
    frame::{HEADER_BYTES, Hello},
    message::{Destination, FetchError, Lane},
};
use crate::exit::ExitStatus;

/// Two connected nodes, of which the second dialed.
async fn pair() -> (Node, Node) {
    let first = Node::start(1, &[registered(2, NOWHERE)]).await;
    let second = Node::start(2, &[registered(1, &first.address())]).await;
    first.connected_to(&[2]).await;
    second.connected_to(&[1]).await;
    (first, second)
}

/// A registered peer at an address where nobody listens: it dials, or does not come.
const NOWHERE: &str = "/ip4/127.0.0.1/tcp/1";

#[actix::test]
async fn four_validators_exchange_payloads_on_all_lanes() {
    let mut nodes: Vec<Node> = Vec::new();
    for n in 1..=4 {
        let all: Vec<_> = (1..=4)
            .map(|other| match nodes.get(usize::from(other) - 1) {
                Some(node) => registered(other, &node.address()),
                None => registered(other, NOWHERE),
            })
            .collect();
        nodes.push(Node::start(n, &all).await);
    }
    for (node, n) in nodes.iter().zip(1..) {
        let others: Vec<u8> = (1..=4).filter(|other| *other != n).collect();
        node.connected_to(&others).await;
        assert_eq!(node.peers().await, others.into_iter().map(id).collect::<Vec<_>>());
    }
    for lane in Lane::ALL {
        let size = lane.payload_bytes_max();
        for (node, n) in nodes.iter().zip(1..) {
            node.send(Destination::All, lane, &vec![n; size]).await;
        }
        for (node, n) in nodes.iter_mut().zip(1..) {
            let mut froms = Vec::new();
            for _ in 0..3 {
                let received = node.receive().await;
                assert_eq!(received.lane, lane);
                let from = received.payload[0];
                assert_eq!(received.from, id(from));
                assert!(received.payload == vec![from; size]);
                froms.push(from);
            }
            froms.sort_unstable();
            assert_eq!(froms, (1..=4).filter(|other| *other != n).collect::<Vec<_>>());
        }
    }
    nodes[0].send(Destination::One(id(3)), Lane::Sync, b"only to you").await;
    assert_eq!(nodes[2].receive().await.payload, b"only to you");
    nodes[1].send(Destination::One(id(3)), Lane::Sync, b"").await;
    assert_eq!(nodes[2].receive().await.payload, b"");
    assert_eq!(nodes[0].metric("causeway_peers", ""), 3);
    assert_eq!(
        nodes[0].metric("causeway_network_bytes_total", "in consensus"),
        3 * Lane::Consensus.payload_bytes_max() as u64
    );
}

#[actix::test]
async fn validators_that_dial_each_other_at_once_end_up_connected() {
    for _ in 0..5 {
        let (here, there) = (address_for_later(), address_for_later());
        let all = [registered(1, &here), registered(2, &there)];
        let (mut first, mut second) = tokio::join!(
            Node::start_at(1, &here, &all, Options::default()),
            Node::start_at(2, &there, &all, Options::default()),
        );
        first.connected_to(&[2]).await;
        second.connected_to(&[1]).await;
        // What is on a connection that yields to the other is lost, as when any connection ends.
        first.send_until_received(&mut second, b"to the second").await;
        second.send_until_received(&mut first, b"to the first").await;
    }
}

#[actix::test]
async fn a_vote_overtakes_the_batches_that_wait_for_a_slow_peer() {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    let mut peer = Hostile::connect(2, &node).await;
    let mut link = peer.take_link().await;
    node.connected_to(&[2]).await;
    let batch: Arc<[u8]> = vec![1; Lane::Batches.payload_bytes_max()].into();
    for _ in 0..60 {
        node.send_shared(Destination::All, Lane::Batches, &batch).await;
    }
    node.send(Destination::All, Lane::Consensus, b"vote").await;
    assert_eq!(node.metric("causeway_network_dropped_total", "out batches"), 0);

    // Until the peer reads, no more than a window of the substream is out.
    let (mut before, mut total) = (0, 0);
    let mut overtaken = false;
    while total < 60 * batch.len() {
        let (lane, body) = link.read_frame().await;
        match lane {
            Lane::Consensus => {
                assert_eq!(body, b"vote");
                overtaken = true;
                before = total;
            }
            _ => total += body.len(),
        }
    }
    assert!(overtaken);
    assert!(before < 1024 * 1024, "the vote came after {before} bytes of batches");
}

#[actix::test]
async fn a_full_queue_drops_the_newest_and_counts_it() {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    let mut peer = Hostile::connect(2, &node).await;
    let _unread = peer.take_link().await;
    node.connected_to(&[2]).await;
    let batch: Arc<[u8]> = vec![1; Lane::Batches.payload_bytes_max()].into();
    for _ in 0..100 {
        node.send_shared(Destination::All, Lane::Batches, &batch).await;
    }
    let dropped = node.metric("causeway_network_dropped_total", "out batches");
    assert!((20..=36).contains(&dropped), "{dropped} of 25 MiB; 16 MiB may wait");
    assert_eq!(node.metric("causeway_network_dropped_total", "out consensus"), 0);
}

#[actix::test]
async fn a_full_mailbox_holds_up_votes_and_drops_batches() {
    let (sender, first) = (Node::start(2, &[registered(1, NOWHERE)]).await, registered(1, NOWHERE));
    let (gate, closed) = oneshot::channel();
    let options = Options {
        gate: Some(closed),
        ..Options::default()
    };
    let mut receiver = Node::start_at(
        1,
        "/ip4/127.0.0.1/tcp/0",
        &[first, registered(2, &sender.address())],
        options,
    )
    .await;
    sender.connected_to(&[1]).await;
    for n in 0..100 {
        sender.send(Destination::All, Lane::Batches, &[n]).await;
    }
    eventually(|| receiver.metric("causeway_network_dropped_total", "in batches") > 0).await;
    for n in 0..100 {
        sender.send(Destination::All, Lane::Consensus, &[n]).await;
    }
    gate.send(()).unwrap();
    for n in 0..100 {
        let received = loop {
            let received = receiver.receive().await;
            if received.lane == Lane::Consensus {
                break received;
            }
        };
        assert_eq!(received.payload, [n]);
    }
    assert_eq!(receiver.metric("causeway_network_dropped_total", "in consensus"), 0);
}

#[actix::test]
async fn an_unregistered_peer_is_refused() {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    let mut stranger = Hostile::connect(9, &node).await;
    stranger.disconnected().await;
    eventually(|| node.metric("causeway_network_refused_connections_total", "unregistered") == 1).await;
    assert_eq!(node.peers().await, []);
}

#[actix::test]
async fn a_peer_of_another_genesis_is_refused_by_both_sides() {
    let first = Node::start(1, &[registered(2, NOWHERE)]).await;
    let options = Options {
        genesis: GenesisHash([66; 32]),
        ..Options::default()
    };
    let all = [registered(1, &first.address())];
    let second = Node::start_at(2, "/ip4/127.0.0.1/tcp/0", &all, options).await;
    for node in [&first, &second] {
        eventually(|| node.metric("causeway_network_refused_connections_total", "other_genesis") > 0).await;
        assert_eq!(node.peers().await, []);
    }
}

#[actix::test]
async fn a_peer_of_another_version_is_told_and_refused() {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    let mut peer = Hostile::connect(2, &node).await;
    let hello = Hello {
        version: 2,
        genesis: GENESIS,
    };
    let mut link = peer.open_link().await;
    link.write(&hello.encode()).await;
    assert_eq!(link.read_hello().await, node::HELLO);
    link.close().await;
    peer.disconnected().await;
    eventually(|| node.metric("causeway_network_refused_connections_total", "other_version") == 1).await;
}

/// What a registered peer sends after its hello, or instead of it, and the fault it is charged with.
async fn check_violation(bytes: &[u8], says_hello: bool, fault: &str) {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    let mut peer = Hostile::connect(2, &node).await;
    let mut link = peer.open_link().await;
    if says_hello {
        link.write(&node::HELLO.encode()).await;
        assert_eq!(link.read_hello().await, node::HELLO);
    }
    link.write(bytes).await;
    peer.disconnected().await;
    eventually(|| node.metric("causeway_peer_faults_total", fault) == 1).await;
}

fn header(lane: u8, remaining: usize) -> [u8; HEADER_BYTES] {
    let mut bytes = [lane; HEADER_BYTES];
    bytes[1..].copy_from_slice(&(remaining as u32).to_be_bytes());
    bytes
}

#[actix::test]
async fn a_payload_claimed_too_long_disconnects_before_any_of_it_comes() {
    for lane in Lane::ALL {
        let claim = header(lane.index() as u8, lane.payload_bytes_max() + 1);
        check_violation(&claim, true, "payload_too_long").await;
    }
    check_violation(&header(0, u32::MAX as usize), true, "payload_too_long").await;
}

#[actix::test]
async fn broken_frames_and_hellos_disconnect() {
    check_violation(&header(7, 1), true, "unknown_lane").await;
    check_violation(&[header(2, 0), header(9, 0)].concat(), true, "unknown_lane").await;
    check_violation(&[0x55; 38], false, "not_a_hello").await;
    let mut out_of_step = header(1, 100_000).to_vec();
    out_of_step.resize(64 * 1024, 0);
    out_of_step.extend(header(1, 100_000));
    check_violation(&out_of_step, true, "frame_out_of_step").await;
}

#[actix::test]
async fn a_second_link_disconnects() {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    let mut peer = Hostile::connect(2, &node).await;
    let mut first = peer.open_link().await;
    first.write(&node::HELLO.encode()).await;
    assert_eq!(first.read_hello().await, node::HELLO);
    // It may be hung up on before it hears that the substream is open.
    let _second = peer.try_open_link().await;
    peer.disconnected().await;
    eventually(|| node.metric("causeway_peer_faults_total", "second_link") == 1).await;
}

#[actix::test]
async fn violations_add_up_to_a_wait() {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    for count in 1..=3 {
        let mut peer = Hostile::connect(2, &node).await;
        let mut link = peer.open_link().await;
        link.write(&[0x55; 38]).await;
        peer.disconnected().await;
        eventually(|| node.metric("causeway_peer_faults_total", "not_a_hello") == count).await;
    }
    let mut peer = Hostile::connect(2, &node).await;
    peer.disconnected().await;
    eventually(|| node.metric("causeway_network_refused_connections_total", "waiting") == 1).await;
}

#[actix::test]
async fn a_peer_with_many_faults_is_disconnected_and_waits() {
    let (first, second) = pair().await;
    for _ in 0..11 {
        first.fault(2, "bad_vote_signature").await;
    }
    first.connected_to(&[]).await;
    second.connected_to(&[]).await;
    assert_eq!(first.metric("causeway_peer_faults_total", "bad_vote_signature"), 11);
    // It dials again, and is refused.
    eventually(|| first.metric("causeway_network_refused_connections_total", "waiting") > 0).await;
    assert_eq!(first.peers().await, []);
}

#[actix::test]
async fn garbage_on_the_port_does_no_harm() {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0xff; 100_000],
        &b"\x13/multistream/1.0.0\n\x07/noise\n"[..],
        &b"\x13/multistream/1.0.0\n\x07/noise\n\xff\xff\xff\xff"[..],
    ] {
        let mut stream = TcpStream::connect(node.socket()).await.unwrap();
        stream.write_all(garbage).await.ok();
        stream.shutdown().await.ok();
        // Until it hangs up. It answers the well-formed beginnings first.
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
    }
    eventually(|| node.metric("causeway_network_refused_connections_total", "handshake") == 4).await;
    let mut second = Node::start(2, &[registered(1, &node.address())]).await;
    node.connected_to(&[2]).await;
    node.send(Destination::All, Lane::Sync, b"still here").await;
    assert_eq!(second.receive().await.payload, b"still here");
}

#[actix::test]
async fn a_restarted_validator_is_back() {
    let address = address_for_later();
    let mut first = Node::start(1, &[registered(2, &address)]).await;
    let all = [registered(1, &first.address()), registered(2, &address)];
    for round in 0..3 {
        let mut second = Node::start_at(2, &address, &all, Options::default()).await;
        first.connected_to(&[2]).await;
        second.connected_to(&[1]).await;
        first.send_until_received(&mut second, &[round]).await;
        second.send_until_received(&mut first, &[round]).await;
        second.stop().await;
        first.connected_to(&[]).await;
        assert_eq!(first.metric("causeway_peers", ""), 0);
    }
}

/// Carries one connection to an address until told to stop, and then keeps it open and silent.
async fn proxy(target: SocketAddr, silence: oneshot::Receiver<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut here, _) = listener.accept().await.unwrap();
        let mut there = TcpStream::connect(target).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut here, &mut there) => {}
            _ = silence => std::future::pending().await,
        }
    });
    format!("/ip4/127.0.0.1/tcp/{port}")
}

#[actix::test]
async fn a_connection_that_falls_silent_is_noticed_by_both_sides() {
    let first = Node::start(1, &[registered(2, NOWHERE)]).await;
    let (silence, silent) = oneshot::channel();
    let address = proxy(first.socket(), silent).await;
    let second = Node::start(2, &[registered(1, &address)]).await;
    first.connected_to(&[2]).await;
    second.connected_to(&[1]).await;
    silence.send(()).unwrap();
    first.connected_to(&[]).await;
    second.connected_to(&[]).await;
}

#[actix::test]
async fn fetches_are_answered_refused_or_time_out() {
    let (first, second) = pair().await;
    assert_eq!(first.fetch(2, b"echo me").await, Ok(b"echo me".to_vec()));
    assert_eq!(second.fetch(1, b"echo me too").await, Ok(b"echo me too".to_vec()));
    let long = [&b"echo"[..], &[7; FETCH_REQUEST_BYTES_MAX - 4]].concat();
    assert_eq!(first.fetch(2, &long).await, Ok(long.clone()));
    assert_eq!(
        first.fetch(2, &[7; FETCH_REQUEST_BYTES_MAX + 1]).await,
        Err(FetchError::NoAnswer(id(2)))
    );
    assert_eq!(
        first.fetch(2, b"largest").await.map(|answer| answer.len()),
        Ok(8 * 1024 * 1024)
    );
    assert_eq!(first.fetch(2, b"larger").await, Err(FetchError::NoAnswer(id(2))));
    assert_eq!(first.fetch(2, b"refuse").await, Err(FetchError::NoAnswer(id(2))));
    assert_eq!(first.fetch(3, b"echo").await, Err(FetchError::NotConnected(id(3))));
    // Before a hang, so that it is known to be under way.
    assert_eq!(first.fetch(2, b"hang").await, Err(FetchError::NoAnswer(id(2))));
    assert_eq!(first.metric("causeway_network_fetches_total", "answered"), 3);
}

#[actix::test]
async fn a_fetch_ends_when_its_peer_is_gone() {
    let (first, mut second) = pair().await;
    let fetch = first.fetch(2, b"hang");
    let gone = async {
        second.asked().await;
        second.stop().await;
    };
    let (answer, ()) = tokio::join!(fetch, gone);
    assert_eq!(answer, Err(FetchError::NoAnswer(id(2))));
    first.connected_to(&[]).await;
    assert_eq!(first.fetch(2, b"echo").await, Err(FetchError::NotConnected(id(2))));
}

#[actix::test]
async fn fetches_under_way_are_bounded_at_both_ends() {
    let (first, mut second) = pair().await;
    let fetches = (0..exchange::FETCHES_PER_PEER_MAX + 2).map(|_| first.fetch(2, b"hang"));
    let answers = futures::future::join_all(fetches).await;
    let busy = answers
        .iter()
        .filter(|answer| **answer == Err(FetchError::Busy))
        .count();
    assert_eq!(busy, 2);
    let mut served = 0;
    while second.try_asked() {
        served += 1;
    }
    assert_eq!(served, exchange::SERVES_PER_PEER_MAX);
    // The other side gives the hanging ones up a little later than this one.
    within(async { while first.fetch(2, b"echo").await != Ok(b"echo".to_vec()) {} }).await;
}

#[actix::test]
async fn an_answer_claimed_too_long_is_a_fault() {
    let node = Node::start(1, &[registered(2, NOWHERE)]).await;
    let mut peer = Hostile::connect(2, &node).await;
    let _link = peer.take_link().await;
    node.connected_to(&[2]).await;
    let lie = async {
        let mut question = peer.take_fetch().await;
        question.write(&(8 * 1024 * 1024 + 1u32).to_be_bytes()).await;
        question
    };
    let (answer, _question) = tokio::join!(node.fetch(2, b"anything"), lie);
    assert_eq!(answer, Err(FetchError::NoAnswer(id(2))));
    assert_eq!(node.metric("causeway_peer_faults_total", "response_too_long"), 1);
}

#[actix::test]
async fn only_an_admitted_peer_is_served() {
    let mut node = Node::start(1, &[registered(2, NOWHERE)]).await;
    let mut peer = Hostile::connect(2, &node).await;
    assert_eq!(
        peer.fetch(b"echo").await.map_err(|error| error.kind()),
        Err(io::ErrorKind::UnexpectedEof)
    );
    assert!(!node.try_asked());
    let mut link = peer.open_link().await;
    link.write(&node::HELLO.encode()).await;
    assert_eq!(link.read_hello().await, node::HELLO);
    assert_eq!(peer.fetch(b"echo").await.unwrap(), b"echo");
}

#[actix::test]
async fn addresses_that_cannot_be_used_say_what_to_do() {
    let first = Node::start(1, &[]).await;
    let check = async |listen: &str, expected: &[&str]| {
        let error: NetworkError = Node::try_start(5, listen, &[], Options::default()).await.err().unwrap();
        let text = error.to_string();
        for part in expected {
            assert!(text.contains(part), "{text:?} does not say {part:?}");
        }
        assert_eq!(error.exit_status(), ExitStatus::Listen);
    };
    let taken = first.address();
    check(&taken, &[&taken, "another process", "network.listen"]).await;
    let abroad = "/ip4/192.0.2.1/tcp/27100";
    check(abroad, &[abroad, "of this machine"]).await;
}
