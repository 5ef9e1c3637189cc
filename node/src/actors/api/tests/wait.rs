use actix_web::http::StatusCode;
use causeway_contracts::{
    ledger::receipt::Outcome,
    proof::{PaymentProof, TrustedSet},
    transaction::TxId,
};
use prometheus::IntGauge;
use tokio_util::sync::CancellationToken;

use super::{
    chain::{Chain, payment},
    node::{Mempool, Node, header, problem, send, until},
};
use crate::actors::api::{
    ApiLimits,
    hub::{Hub, Wake},
};

fn path(id: TxId, wait_ms: u64) -> String {
    format!("/v1/receipts/{id}?wait_ms={wait_ms}")
}

/// Asks in the background.
fn ask(node: &Node, path: &str) -> tokio::task::JoinHandle<reqwest::Response> {
    actix_web::rt::spawn(send(node.client.get(node.url(path))))
}

fn verify(chain: &Chain, proof: &PaymentProof, id: TxId) {
    let trusted = TrustedSet::of_genesis(&chain.genesis).unwrap();
    let verified = proof.verify(&trusted).expect("a good proof");
    assert_eq!((verified.id, verified.outcome), (id, Outcome::Applied));
}

#[actix_web::test]
async fn a_receipt_that_is_there_is_given_at_once() {
    let mut chain = Chain::new(8);
    let sent: Vec<_> = (0..5).map(|nonce| payment(&chain.hash, nonce)).collect();
    chain.commit(sent.clone()).await;
    let node = Node::checking(&chain);
    for transaction in sent {
        let id = transaction.id();
        let response = node.get(&format!("/v1/receipts/{id}")).await;
        assert!(header(&response, "cache-control").unwrap().contains("immutable"));
        verify(&chain, &response.json().await.unwrap(), id);
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn one_that_does_not_come_in_time_is_not_found() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for wait in ["", "?wait_ms=0", "?wait_ms=5", "?wait_ms=5&from=3"] {
        let response = node.get(&format!("/v1/receipts/{}{wait}", TxId([1; 32]))).await;
        problem(response, StatusCode::NOT_FOUND, "no_receipt").await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_bad_question_is_refused() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let id = TxId([1; 32]);
    for query in [
        "wait_ms=30001",
        "wait_ms=-1",
        "wait_ms=soon",
        "wait_ms=",
        "wait=1",
        "wait_ms=1&wait_ms=1",
        "from=-1",
        "wait_ms=1&from=now",
    ] {
        let response = node.get(&format!("/v1/receipts/{id}?{query}")).await;
        problem(response, StatusCode::BAD_REQUEST, "bad_query").await;
    }
    problem(
        node.get("/v1/receipts/1").await,
        StatusCode::BAD_REQUEST,
        "bad_transaction_id",
    )
    .await;
    node.server.stop().await;
}

#[actix_web::test]
async fn waiting_requests_wake_with_their_block() {
    let mut chain = Chain::new(8);
    let node = Node::checking(&chain);
    let sent: Vec<_> = (0..3).map(|nonce| payment(&chain.hash, nonce)).collect();
    let asked: Vec<_> = sent
        .iter()
        .chain(&sent[..1])
        .map(|sent| ask(&node, &path(sent.id(), 30_000)))
        .collect();
    until(|| node.waiters() == 4).await;
    chain.finalize(vec![payment(&chain.hash, 100)]).await;
    chain.finalize(sent.clone()).await;
    for (asked, sent) in asked.into_iter().zip(sent.iter().chain(&sent[..1])) {
        let response = asked.await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        verify(&chain, &response.json().await.unwrap(), sent.id());
    }
    assert_eq!(node.waiters(), 0);
    node.server.stop().await;
}

/// Requests arrive before, while and after their block becomes final; none may sleep through it.
#[actix_web::test]
async fn no_request_misses_its_block() {
    let mut chain = Chain::new(64);
    let node = Node::checking(&chain);
    let sent: Vec<_> = (0..40).map(|nonce| payment(&chain.hash, nonce)).collect();
    let mut asked = Vec::new();
    for pair in sent.chunks(2) {
        asked.push(ask(&node, &path(pair[0].id(), 30_000)));
        chain.finalize(pair.to_vec()).await;
        asked.push(ask(&node, &path(pair[1].id(), 30_000)));
    }
    for (asked, sent) in asked.into_iter().zip(&sent) {
        let response = asked.await.unwrap();
        verify(&chain, &response.json().await.unwrap(), sent.id());
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_hub_that_has_missed_blocks_makes_requests_look_again() {
    let mut chain = Chain::new(1);
    let node = Node::checking(&chain);
    let sent = payment(&chain.hash, 1);
    let never = TxId([1; 32]);
    let asked = ask(&node, &path(sent.id(), 30_000));
    let waiting = ask(&node, &path(never, 30_000));
    until(|| node.waiters() == 2).await;
    let mut blocks = vec![chain.commit(vec![sent.clone()]).await];
    for nonce in 10..14 {
        blocks.push(chain.commit(vec![payment(&chain.hash, nonce)]).await);
    }
    // Without a pause between them, so that the hub, on this thread, gets only the last.
    for block in &blocks {
        chain.publish(block);
    }
    let response = asked.await.unwrap();
    verify(&chain, &response.json().await.unwrap(), sent.id());
    // The other waits on, and has its place in the hub alone once the next block has come.
    chain.finalize(vec![payment(&chain.hash, 20)]).await;
    until(|| node.waiters() == 1).await;
    node.server.stop().await;
    problem(waiting.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE, "stopping").await;
}

#[actix_web::test]
async fn too_many_waiting_requests_are_refused() {
    let chain = Chain::new(8);
    let limits = ApiLimits {
        waiters_max: 1,
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::checks(&chain), limits);
    let first = ask(&node, &path(TxId([1; 32]), 30_000));
    until(|| node.waiters() == 1).await;
    let response = node.get(&path(TxId([2; 32]), 30_000)).await;
    assert_eq!(header(&response, "retry-after"), Some("1"));
    problem(response, StatusCode::TOO_MANY_REQUESTS, "busy").await;
    // A client that goes away makes room.
    first.abort();
    drop(first.await);
    loop {
        let response = node.get(&path(TxId([2; 32]), 5)).await;
        if response.status().as_u16() == 404 {
            break;
        }
    }
    node.server.stop().await;
}

/// A registration counts from when it is made, not from when the hub's task gets to it.
#[actix_web::test]
async fn a_registration_before_a_block_is_woken_by_it() {
    let mut chain = Chain::new(8);
    let stop = CancellationToken::new();
    let gauge = IntGauge::new("waiters", "waiters").unwrap();
    let (hub, task) = Hub::new(chain.finalized.subscribe(), 8, gauge, stop.clone());
    let sent: Vec<_> = (0..8).map(|nonce| payment(&chain.hash, nonce)).collect();
    let block = chain.commit(sent.clone()).await;
    let woken: Vec<_> = sent.iter().map(|sent| hub.register(sent.id()).unwrap()).collect();
    chain.publish(&block);
    let task = actix_web::rt::spawn(task);
    for woken in woken {
        assert_eq!(woken.await, Ok(Wake::Final));
    }
    let late = hub.register(sent[0].id()).unwrap();
    stop.cancel();
    task.await.unwrap();
    assert!(late.await.is_err());
    assert!(hub.register(sent[0].id()).is_err());
}
