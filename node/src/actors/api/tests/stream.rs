use std::time::Duration;

use actix_web::http::StatusCode;
use causeway_contracts::{
    api::StreamedBlock,
    block::Height,
    ledger::receipt::{Outcome, Subject},
    offline::{action::OfflineAction, issuer::KeyRole},
    transaction::Action,
};
use reqwest::Response;

use super::{
    chain::{ALICE, BANK, Chain, EURO_ISSUER, OTHER_BANK, STRANGER, VALIDATORS, payment},
    node::{Mempool, Node, header, problem, send},
    purse_chain::{PurseChain, service},
    signing::Signing,
};
use crate::actors::{api::ApiLimits, penalty::INVALID_MAX};

/// Reads events off a response as they come.
struct Events {
    response: Response,
    unread: String,
}

#[derive(Debug, PartialEq)]
enum Event {
    Alive,
    Block { id: u64, view: Box<StreamedBlock> },
}

impl Events {
    async fn open(node: &Node, query: &str, last: Option<u64>) -> Self {
        let path = format!("/v1/stream{query}");
        let mut request = Signing::of(node, BANK, path.as_str()).request(node, &path);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = send(request).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(header(&response, "content-type"), Some("text/event-stream"));
        Self {
            response,
            unread: String::new(),
        }
    }

    /// `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let event = parse(event);
                self.unread = rest.to_owned();
                return Some(event);
            }
            let chunk = self.response.chunk().await.expect("a whole stream")?;
            self.unread.push_str(std::str::from_utf8(&chunk).expect("ASCII"));
        }
    }

    /// The next block, whose event must be about that block.
    async fn next_block(&mut self) -> StreamedBlock {
        loop {
            match self.next().await.expect("another event") {
                Event::Alive => {}
                Event::Block { id, view } => {
                    assert_eq!(view.header.height, Height(id));
                    assert_eq!(view.certificate.block, view.header.id());
                    return *view;
                }
            }
        }
    }

    async fn next_height(&mut self) -> u64 {
        self.next_block().await.header.height.0
    }
}

fn parse(text: &str) -> Event {
    if text == ":" {
        return Event::Alive;
    }
    let lines: Vec<_> = text.lines().collect();
    let [id, "event: block", data] = lines[..] else {
        panic!("not an event: {text}");
    };
    Event::Block {
        id: id.strip_prefix("id: ").unwrap().parse().unwrap(),
        view: serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap(),
    }
}

async fn grow(chain: &mut Chain, blocks: u64) {
    for _ in 0..blocks {
        let nonce = chain.ledger.tip().height.0;
        chain.finalize(vec![payment(&chain.hash, nonce)]).await;
    }
}

#[actix_web::test]
async fn without_a_height_it_begins_with_the_next_block() {
    let mut chain = Chain::new(8);
    let node = Node::checking(&chain);
    grow(&mut chain, 3).await;
    let mut events = Events::open(&node, "", None).await;
    assert_eq!(events.next().await, Some(Event::Alive));
    let block = chain.finalize(vec![payment(&chain.hash, 100)]).await;
    let Some(Event::Block { id: 4, view }) = events.next().await else {
        panic!("not block 4");
    };
    assert_eq!(view.header, block.block.header);
    assert_eq!(view.receipts, *block.receipts);
    node.server.stop().await;
}

#[actix_web::test]
async fn history_and_live_join_without_gap_or_duplicate() {
    let mut chain = Chain::new(2);
    let node = Node::checking(&chain);
    grow(&mut chain, 10).await;
    let mut from_start = Events::open(&node, "?from_height=1", None).await;
    let mut resumed = Events::open(&node, "?from_height=1", Some(6)).await;
    // Read while blocks come faster than they are read, so that some are missed live.
    let mut expected = 1;
    for _ in 0..10 {
        assert_eq!(from_start.next_height().await, expected);
        expected += 1;
        grow(&mut chain, 4).await;
    }
    while expected <= 50 {
        assert_eq!(from_start.next_height().await, expected);
        expected += 1;
    }
    for expected in 7..=50 {
        assert_eq!(resumed.next_height().await, expected);
    }
    node.server.stop().await;
}

/// A transaction that comes again has no second receipt, and is not sent a second time.
#[actix_web::test]
async fn with_transactions_each_receipt_has_its_own() {
    let mut chain = Chain::new(8);
    let node = Node::checking(&chain);
    let pay = |nonce| payment(&chain.hash, nonce);
    let (one, two, three, four) = (pay(1), pay(2), pay(3), pay(4));
    chain.finalize(vec![two.clone(), one.clone(), two.clone()]).await;
    chain.finalize(vec![]).await;
    let mut with = Events::open(&node, "?from_height=1&transactions=true", None).await;
    let mut without = Events::open(&node, "?from_height=1", None).await;
    // One has a receipt already, and gets no other.
    chain.finalize(vec![three.clone(), one.clone(), four.clone()]).await;
    let sent = [vec![two, one], vec![], vec![three, four]];
    for (height, sent) in (1..).zip(sent) {
        let view = with.next_block().await;
        assert_eq!(view.header.height, Height(height));
        let ids = view
            .transactions
            .iter()
            .map(|it| Subject::Transaction(it.transaction.id()));
        assert_eq!(
            ids.collect::<Vec<_>>(),
            view.receipts.iter().map(|it| it.subject).collect::<Vec<_>>()
        );
        assert_eq!(view.transactions, sent);
        let bare = without.next_block().await;
        assert_eq!(
            bare,
            StreamedBlock {
                transactions: vec![],
                ..view
            }
        );
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_live_block_comes_with_its_transactions() {
    let mut chain = Chain::new(8);
    let node = Node::checking(&chain);
    let mut events = Events::open(&node, "?transactions=true", None).await;
    assert_eq!(events.next().await, Some(Event::Alive));
    for nonce in 1..4 {
        let sent = payment(&chain.hash, nonce);
        chain.finalize(vec![sent.clone()]).await;
        assert_eq!(events.next_block().await.transactions, [sent]);
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_height_to_come_is_waited_for() {
    let mut chain = Chain::new(8);
    let node = Node::checking(&chain);
    let mut events = Events::open(&node, "?from_height=3", None).await;
    assert_eq!(events.next().await, Some(Event::Alive));
    grow(&mut chain, 4).await;
    assert_eq!(events.next_height().await, 3);
    assert_eq!(events.next_height().await, 4);
    node.server.stop().await;
}

#[actix_web::test]
async fn a_quiet_stream_says_that_it_is_alive_and_ends_with_the_node() {
    let chain = Chain::new(8);
    let limits = ApiLimits {
        stream_quiet_max: Duration::from_millis(5),
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::checks(&chain), limits);
    let mut events = Events::open(&node, "", None).await;
    for _ in 0..3 {
        assert_eq!(events.next().await, Some(Event::Alive));
    }
    node.server.stop().await;
    while let Some(event) = events.next().await {
        assert_eq!(event, Event::Alive);
    }
}

#[actix_web::test]
async fn streams_are_bounded_and_come_free() {
    let chain = Chain::new(8);
    let limits = ApiLimits {
        streams_max: 1,
        stream_quiet_max: Duration::from_millis(5),
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::checks(&chain), limits);
    let first = Events::open(&node, "", None).await;
    let refused = node.get_signed(BANK, "/v1/stream").await;
    assert_eq!(header(&refused, "retry-after"), Some("5"));
    problem(refused, StatusCode::SERVICE_UNAVAILABLE, "busy").await;
    drop(first);
    while node.get_signed(BANK, "/v1/stream").await.status().as_u16() != 200 {}
    node.server.stop().await;
}

#[actix_web::test]
async fn a_bad_place_to_begin_is_refused() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for query in [
        "from_height=x",
        "from_height=-1",
        "height=1",
        "transactions=1",
        "transactions",
    ] {
        let response = node.get(&format!("/v1/stream?{query}")).await;
        problem(response, StatusCode::BAD_REQUEST, "bad_query").await;
    }
    for last in ["x", "-1", "18446744073709551615", ""] {
        let request = node.client.get(node.url("/v1/stream")).header("Last-Event-ID", last);
        problem(send(request).await, StatusCode::BAD_REQUEST, "bad_last_event_id").await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn validators_and_participants_follow_it() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for seed in (0..VALIDATORS).chain([BANK, OTHER_BANK, EURO_ISSUER]) {
        let response = node.get_signed(seed, "/v1/stream?from_height=1").await;
        assert_eq!(response.status().as_u16(), 200, "key {seed}");
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn an_issuers_service_follows_what_is_done_about_purses() {
    let mut net = PurseChain::new().await;
    net.withdraw_key(service(KeyRole::Certificate)).await;
    let load = net.load(ALICE, 1, 1_000).await;
    let tip = net.chain.ledger.tip().height;
    let node = Node::checking(&net.chain);
    let path = format!("/v1/stream?from_height={tip}&transactions=true");
    let response = node.get_signed(service(KeyRole::Grant), &path).await;
    assert_eq!(response.status().as_u16(), 200);
    let unread = String::new();
    let block = Events { response, unread }.next_block().await;
    assert_eq!(block.receipts[0].outcome, Outcome::Applied);
    let [Action::Offline(action)] = &block.transactions[0].transaction.actions[..] else {
        panic!("not an action about purses");
    };
    let OfflineAction::Load { request, .. } = &**action else {
        panic!("not a load: {action:?}");
    };
    assert_eq!((request.body.purse, request.body.amount), (load.purse, load.amount));
    let response = node.get_signed(service(KeyRole::Certificate), &path).await;
    problem(response, StatusCode::FORBIDDEN, "not_permitted").await;
    node.server.stop().await;
}

#[actix_web::test]
async fn nobody_else_does() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let response = node.get("/v1/stream").await;
    assert!(header(&response, "www-authenticate").is_some());
    problem(response, StatusCode::UNAUTHORIZED, "unsigned").await;
    // A customer's key is no participant's, whatever it may read of its own account.
    for seed in [ALICE, STRANGER] {
        let response = node.get_signed(seed, "/v1/stream").await;
        problem(response, StatusCode::FORBIDDEN, "not_permitted").await;
    }
    let other_query = Signing::of(&node, BANK, "/v1/stream");
    for _ in 0..INVALID_MAX {
        let response = send(other_query.request(&node, "/v1/stream?from_height=1")).await;
        problem(response, StatusCode::UNAUTHORIZED, "bad_signature").await;
    }
    let response = node.get_signed(BANK, "/v1/stream").await;
    problem(response, StatusCode::TOO_MANY_REQUESTS, "penalized").await;
    node.server.stop().await;
}
