//! Addresses that send wrongly signed payments.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use actix_web::http::StatusCode;
use causeway_contracts::{api::TRANSACTION_TYPE, transaction::SignedTransaction};
use reqwest::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    chain::{Chain, payment},
    node::{Mempool, Node, header, problem, send},
};
use crate::actors::{
    api::ApiLimits,
    penalty::{INVALID_MAX, WAIT},
};

/// Right in everything but its signature.
fn forged(chain: &Chain, nonce: u64) -> SignedTransaction {
    let mut signed = payment(&chain.hash, nonce);
    let mut signatures = signed.signatures.into_vec();
    signatures[0].signature.0[0] ^= 1;
    signed.signatures = signatures.try_into().unwrap();
    signed
}

/// Sends one transaction and gives the answer's head, in lower case, and its body.
async fn post(connection: &mut TcpStream, signed: &SignedTransaction) -> (String, String) {
    let body = signed.to_bytes().unwrap();
    let length = body.len();
    let head = format!(
        "POST /v1/transactions HTTP/1.1\r\nhost: node\r\ncontent-type: {TRANSACTION_TYPE}\r\ncontent-length: {length}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    connection.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[actix_web::test]
async fn after_sixteen_invalid_signatures_a_connection_closes_and_its_address_waits_a_minute() {
    let chain = Chain::new(8);
    let now = Arc::new(Mutex::new(Instant::now()));
    let clock = {
        let now = now.clone();
        Arc::new(move || *now.lock().unwrap())
    };
    let node = Node::start_with_clock(&chain, Mempool::checks(&chain), ApiLimits::default(), clock);
    let mut connection = TcpStream::connect(node.address()).await.unwrap();
    for nonce in 1..=INVALID_MAX {
        let (head, body) = post(&mut connection, &forged(&chain, nonce as u64)).await;
        assert!(head.starts_with("http/1.1 422 "), "{head}");
        assert!(body.contains("bad_signature"), "{body}");
        let closes = head.contains("\r\nconnection: close\r\n");
        assert_eq!(closes, nonce == INVALID_MAX, "{head}");
    }
    assert_eq!(connection.read(&mut [0]).await.unwrap(), 0, "it is closed");

    let good = payment(&chain.hash, 100).to_bytes().unwrap();
    let mut waits = Vec::new();
    for later in [Duration::ZERO, WAIT - Duration::from_secs(1)] {
        *now.lock().unwrap() += later;
        let response = node.post(TRANSACTION_TYPE, good.clone()).await;
        waits.push(header(&response, "retry-after").unwrap().to_owned());
        problem(response, StatusCode::TOO_MANY_REQUESTS, "penalized").await;
    }
    assert_eq!(waits, ["60", "1"]);

    let neighbour = Client::builder()
        .no_proxy()
        .local_address(Some(Ipv4Addr::new(127, 0, 0, 2).into()));
    let request = neighbour.build().unwrap().post(node.url("/v1/transactions"));
    let response = send(request.header("content-type", TRANSACTION_TYPE).body(good.clone())).await;
    assert_eq!(response.status().as_u16(), 202, "another address need not wait");

    *now.lock().unwrap() += Duration::from_secs(1);
    let response = node.post(TRANSACTION_TYPE, good).await;
    assert_eq!(response.status().as_u16(), 202);
    node.server.stop().await;
}
