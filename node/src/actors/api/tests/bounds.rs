//! Clients that send too much, too slowly or not at all.

use std::time::Duration;

use actix_web::http::StatusCode;
use causeway_contracts::api::{SUBMIT_BYTES_MAX, TRANSACTIONS_TYPE};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::{
    chain::{BANK, Chain, payment},
    node::{ANYWHERE, Mempool, Node, problem, send},
    signing::Signing,
};
use crate::actors::api::{ApiLimits, Listen};

fn impatient() -> ApiLimits {
    ApiLimits {
        arrival_max: Duration::from_millis(50),
        keep_alive: Duration::from_millis(50),
        ..ApiLimits::default()
    }
}

/// Sends `text`, then nothing more, and gives what comes until the node closes the connection.
async fn exchange(node: &Node, text: &[u8]) -> String {
    let mut connection = TcpStream::connect(node.address()).await.unwrap();
    connection.write_all(text).await.unwrap();
    let mut answer = Vec::new();
    // The node may reset a connection from which it has not read everything.
    drop(connection.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!("POST /v1/transactions HTTP/1.1\r\nhost: node\r\ncontent-type: {TRANSACTIONS_TYPE}\r\n{headers}\r\n{body}")
        .into_bytes()
}

#[actix_web::test]
async fn headers_that_do_not_arrive_are_not_waited_for() {
    let chain = Chain::new(8);
    let node = Node::start(&chain, Mempool::checks(&chain), impatient());
    let answer = exchange(&node, b"GET /v1/status HTTP/1.1\r\nhost: no").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    node.server.stop().await;
}

#[actix_web::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let chain = Chain::new(8);
    let node = Node::start(&chain, Mempool::checks(&chain), impatient());
    let answer = exchange(&node, &post("content-length: 100\r\n", "half of it")).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("urn:causeway:problem:body_too_slow"), "{answer}");
    node.server.stop().await;
}

#[actix_web::test]
async fn a_body_is_refused_by_its_announced_length_and_by_its_real_one() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let announced = format!("content-length: {}\r\n", SUBMIT_BYTES_MAX + 1);
    let answer = exchange(&node, &post(&announced, "")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024));
    let chunks = chunk.repeat(SUBMIT_BYTES_MAX / (64 * 1024) + 1) + "0\r\n\r\n";
    let answer = exchange(&node, &post("transfer-encoding: chunked\r\n", &chunks)).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("urn:causeway:problem:body_too_long"), "{answer}");
    node.server.stop().await;
}

#[actix_web::test]
async fn all_bodies_together_are_bounded() {
    let chain = Chain::new(8);
    let limits = ApiLimits {
        body_bytes_held_max: 100,
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::checks(&chain), limits);
    let response = node.post(TRANSACTIONS_TYPE, vec![0; 101]).await;
    problem(response, StatusCode::TOO_MANY_REQUESTS, "busy").await;
    // What was held is free again.
    let response = node.post(TRANSACTIONS_TYPE, vec![0; 100]).await;
    problem(response, StatusCode::BAD_REQUEST, "malformed_transaction").await;
    node.server.stop().await;
}

#[actix_web::test]
async fn long_headers_are_refused() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let request = node
        .client
        .get(node.url("/v1/status"))
        .header("x-padding", "x".repeat(9000));
    let response = send(request).await;
    problem(
        response,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers_too_long",
    )
    .await;
    node.server.stop().await;
}

#[actix_web::test]
async fn bytes_that_are_not_http_are_refused() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for garbage in [
        &b"\0\x01\x02\xff\xfe\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let answer = exchange(&node, garbage).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(node.get("/health").await.status().as_u16(), 200);
    node.server.stop().await;
}

/// A client that opens a stream and never reads is cut off, and its place is free for another.
#[actix_web::test]
async fn a_stream_that_nobody_reads_is_cut_off() {
    let mut chain = Chain::new(8);
    // More than the buffers between node and client hold, some 100 kB a block.
    for block in 0..80 {
        let transactions = (0..800).map(|n| payment(&chain.hash, block * 1000 + n)).collect();
        chain.commit(transactions).await;
    }
    let limits = ApiLimits {
        streams_max: 1,
        stalled_max: Duration::from_millis(200),
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::checks(&chain), limits);
    let path = "/v1/stream?from_height=1";
    let headers = Signing::of(&node, BANK, path).headers();
    let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let mut silent = TcpStream::connect(node.address()).await.unwrap();
    silent
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: node\r\n{headers}\r\n").as_bytes())
        .await
        .unwrap();
    silent.readable().await.unwrap();
    while node.get_signed(BANK, "/v1/stream").await.status().as_u16() != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn one_address_cannot_have_all_connections() {
    let chain = Chain::new(8);
    let limits = ApiLimits {
        address_connections_max: 2,
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::checks(&chain), limits);
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut connection = TcpStream::connect(node.address()).await.unwrap();
        connection
            .write_all(b"GET /health HTTP/1.1\r\nhost: node\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        held.push(connection);
    }
    assert_eq!(exchange(&node, b"").await, "");
    drop(held);
    while node.client.get(node.url("/health")).send().await.is_err() {}
    node.server.stop().await;
}

/// A connection from this address of the loopback network that has had one good answer.
async fn served_from(node: &Node, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    let mut connection = socket.connect(node.address()).await.unwrap();
    assert!(is_served(&mut connection).await);
    connection
}

async fn is_served(connection: &mut TcpStream) -> bool {
    let request = b"HEAD /openapi.json HTTP/1.1\r\nhost: node\r\n\r\n";
    if connection.write_all(request).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match connection.read_exact(&mut byte).await {
            Ok(_) => answer.push(byte[0]),
            Err(_) => return false,
        }
    }
    true
}

#[actix_web::test]
async fn idle_connections_do_not_keep_others_out() {
    let chain = Chain::new(8);
    let limits = ApiLimits {
        connections_max: 8,
        address_connections_max: 6,
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::checks(&chain), limits);
    let mut idle = Vec::new();
    for last in [2, 2, 2, 2, 3, 3, 3, 3] {
        idle.push(served_from(&node, last).await);
    }
    // All are taken, and the first of each has spoken again.
    assert!(is_served(&mut idle[0]).await);
    assert!(is_served(&mut idle[4]).await);
    let mut honest = Vec::new();
    for _ in 0..2 {
        honest.push(served_from(&node, 1).await);
    }
    // They have two, three and three now: for a third, one would be taken from those that have no more.
    assert_eq!(exchange(&node, b"").await, "");
    let mut left = Vec::new();
    for connection in &mut idle {
        left.push(is_served(connection).await);
    }
    assert_eq!(left, [true, false, true, true, true, false, true, true]);
    for connection in &mut honest {
        assert!(is_served(connection).await);
    }
    node.server.stop().await;
}

/// The second request of a connection is waited for no longer than its first.
#[actix_web::test]
async fn headers_a_byte_at_a_time_are_not_waited_for() {
    let chain = Chain::new(8);
    let node = Node::start(&chain, Mempool::checks(&chain), impatient());
    for earlier in 0..2 {
        let mut connection = TcpStream::connect(node.address()).await.unwrap();
        for _ in 0..earlier {
            assert!(is_served(&mut connection).await);
        }
        let (mut reader, mut writer) = connection.into_split();
        let dripping = async {
            for byte in b"GET /v1/status HTTP/1.1\r\nx-padding: "
                .iter()
                .chain(std::iter::repeat(&b'x'))
            {
                if writer.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let mut answer = Vec::new();
        let ended = async { drop(reader.read_to_end(&mut answer).await) };
        tokio::select! {
            () = dripping => {}
            () = ended => {}
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_body_a_byte_at_a_time_is_not_waited_for() {
    let chain = Chain::new(8);
    let node = Node::start(&chain, Mempool::checks(&chain), impatient());
    for headers in ["content-length: 100000\r\n", "transfer-encoding: chunked\r\n"] {
        let connection = TcpStream::connect(node.address()).await.unwrap();
        let (mut reader, mut writer) = connection.into_split();
        writer.write_all(&post(headers, "")).await.unwrap();
        let dripping = async {
            while writer.write_all(b"1\r\nx\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let mut answer = Vec::new();
        let ended = async { drop(reader.read_to_end(&mut answer).await) };
        tokio::join!(dripping, ended);
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    node.server.stop().await;
}

/// On a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where no body is wanted, one without end is not read to its end.
#[actix_web::test]
async fn a_body_that_nobody_wants_is_not_read() {
    let chain = Chain::new(8);
    let node = Node::start(&chain, Mempool::checks(&chain), impatient());
    let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, "x".repeat(64 * 1024));
    let big = format!("content-length: {}\r\n", u64::MAX / 4);
    let requests = [
        ("GET /v1/status", "transfer-encoding: chunked\r\n"),
        ("GET /nowhere", "transfer-encoding: chunked\r\n"),
        ("GET /v1/status", big.as_str()),
        ("POST /v1/transactions", big.as_str()),
        ("POST /v1/transactions", "transfer-encoding: chunked\r\n"),
    ];
    for (request, headers) in requests {
        let connection = TcpStream::connect(node.address()).await.unwrap();
        let (mut reader, mut writer) = connection.into_split();
        let head = format!("{request} HTTP/1.1\r\nhost: node\r\ncontent-type: {TRANSACTIONS_TYPE}\r\n{headers}\r\n");
        writer.write_all(head.as_bytes()).await.unwrap();
        let flooding = async { while writer.write_all(chunk.as_bytes()).await.is_ok() {} };
        let mut answer = Vec::new();
        let ended = async { drop(reader.read_to_end(&mut answer).await) };
        // Either shows that it is closed; the system may hold the last write back for a minute more.
        let closing = async {
            tokio::select! {
                () = flooding => {}
                () = ended => {}
            }
        };
        let closed = tokio::time::timeout(PATIENCE, closing).await;
        assert!(closed.is_ok(), "{request} with {headers:?} is read without end");
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_port_in_use_is_reported_at_the_start() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let taken = node.server.addresses();
    for listen in [
        Listen {
            api: taken.api,
            ..ANYWHERE
        },
        Listen {
            metrics: taken.metrics,
            ..ANYWHERE
        },
    ] {
        let error = Node::serve_at(&chain, listen).err().expect("the port is taken");
        let address = if listen.api == taken.api {
            taken.api
        } else {
            taken.metrics
        };
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
    node.server.stop().await;
}
