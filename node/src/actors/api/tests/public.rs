use actix_web::http::StatusCode;
use causeway_contracts::{
    api::{
        BlockView, EvidencePage, Handovers, ProtocolStatus, Role, Status, TRANSACTION_TYPE, TransactionStatus,
        TransactionView, Validators,
    },
    block::{Height, batches_root},
    committee::ValidatorId,
    governance::CurrencyRecord,
    ledger::receipt::Outcome,
    money::Currency,
    proof::{CertifiedHeader, TrustedSet},
    protocol::{PROTOCOL_MAX, PROTOCOL_MIN},
    statement::{Answer, SignedStatement},
};

use super::{
    chain::{Chain, key, payment, report},
    node::{Mempool, Node, header, problem, send},
};
use crate::actors::{
    api::{ApiLimits, Progress},
    mempool::message::Refusal,
};

#[actix_web::test]
async fn status_says_where_the_node_is() {
    let mut chain = Chain::new(8);
    let block = chain.commit(vec![payment(&chain.hash, 1)]).await;
    let node = Node::checking(&chain);
    node.progress.send_replace(Progress {
        height: Height(1),
        best_height_seen: Height(4),
    });
    node.post(TRANSACTION_TYPE, payment(&chain.hash, 2).to_bytes().unwrap())
        .await;
    let status: Status = node.get_json("/v1/status").await;
    let expected = Status {
        network: "test".to_owned(),
        genesis: chain.hash,
        address_prefix: chain.genesis.address_prefix,
        validator: ValidatorId::of(&key(0).public_key()),
        role: Role::Validator,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: ProtocolStatus {
            version: PROTOCOL_MIN,
            upcoming: None,
            implemented: PROTOCOL_MAX,
            must_upgrade: false,
        },
        height: Height(1),
        time_ms: block.block.header.time_ms,
        block: block.block.id(),
        state_hash: block.block.header.state_hash,
        validators: 4,
        peers: 2,
        behind: 3,
        accepting: true,
        pending_transactions: 1,
    };
    assert_eq!(status, expected);
    node.server.stop().await;
}

#[actix_web::test]
async fn health_says_why_not() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    assert_eq!(node.get("/health").await.status().as_u16(), 200);
    node.progress.send_replace(Progress {
        height: Height(5),
        best_height_seen: Height(500),
    });
    let why = problem(
        node.get("/health").await,
        StatusCode::SERVICE_UNAVAILABLE,
        "not_accepting",
    )
    .await;
    assert!(why.detail.contains("495 blocks"), "{}", why.detail);
    node.server.stop().await;
    for refusal in [Refusal::Busy, Refusal::DiskLow] {
        let node = Node::start(&chain, Mempool::Refuses(refusal.clone()), ApiLimits::default());
        let why = problem(
            node.get("/health").await,
            StatusCode::SERVICE_UNAVAILABLE,
            "not_accepting",
        )
        .await;
        assert!(why.detail.contains(&refusal.to_string()), "{}", why.detail);
        let status: Status = node.get_json("/v1/status").await;
        assert!(!status.accepting);
        node.server.stop().await;
    }
}

#[actix_web::test]
async fn currencies_are_listed_and_stated() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let listed: Vec<CurrencyRecord> = node.get_json("/v1/currencies").await;
    assert_eq!(listed, chain.genesis.currencies.to_vec());
    let validators = chain.ledger.validators();
    let stated: SignedStatement = node.get_json("/v1/currencies/EUR").await;
    assert_eq!(stated.verify(&chain.hash, validators), Ok(1));
    assert_eq!(stated.statement.answer, Answer::Currency(listed[0].clone()));
    let stated: SignedStatement = node.get_json("/v1/currencies/XYZ").await;
    assert_eq!(stated.verify(&chain.hash, validators), Ok(1));
    assert_eq!(
        stated.statement.answer,
        Answer::NoCurrency(Currency::new("XYZ").unwrap())
    );
    problem(
        node.get("/v1/currencies/eur").await,
        StatusCode::BAD_REQUEST,
        "bad_currency",
    )
    .await;
    node.server.stop().await;
}

#[actix_web::test]
async fn blocks_carry_what_makes_them_final() {
    let mut chain = Chain::new(8);
    let sent = payment(&chain.hash, 1);
    let id = sent.id();
    let finalized = chain.commit(vec![sent]).await;
    let node = Node::checking(&chain);
    let response = node.get("/v1/blocks/1").await;
    assert!(header(&response, "cache-control").unwrap().contains("immutable"));
    let text = response.text().await.unwrap();
    assert!(
        !text.contains(&id.to_string()),
        "whoever has an id can read the payment"
    );
    let BlockView {
        header,
        certificate,
        batches,
        checkpoint,
    } = serde_json::from_str(&text).unwrap();
    assert_eq!(batches, finalized.block.batches.to_vec());
    assert_eq!(batches_root(&batches, checkpoint.as_ref()), header.batches_root);
    let certified = CertifiedHeader { header, certificate };
    let trusted = TrustedSet::of_genesis(&chain.genesis).unwrap();
    assert_eq!(trusted.check(&certified), Ok(certified.header.id()));
    let missing = problem(node.get("/v1/blocks/2").await, StatusCode::NOT_FOUND, "no_block").await;
    assert!(missing.detail.contains("those from 1 to 1"), "{}", missing.detail);
    for height in ["0", "-1", "one", "18446744073709551616", "%ff"] {
        let response = node.get(&format!("/v1/blocks/{height}")).await;
        problem(response, StatusCode::BAD_REQUEST, "bad_height").await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn validators_are_named() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let view: Validators = node.get_json("/v1/validators").await;
    assert_eq!(view.hash, chain.ledger.validators().hash());
    let mut names: Vec<_> = view.validators.iter().map(|entry| entry.name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["validator 0", "validator 1", "validator 2", "validator 3"]);
    for entry in &view.validators {
        assert_eq!(entry.id, ValidatorId::of(&entry.key));
        assert!(entry.power == 1 && !entry.absent);
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn a_transaction_is_unknown_then_pending_then_final() {
    let mut chain = Chain::new(8);
    let node = Node::checking(&chain);
    let sent = payment(&chain.hash, 1);
    let id = sent.id();
    let path = format!("/v1/transactions/{id}");
    let no_receipt = |view: &TransactionView, height: u64| {
        let stated = view.statement.as_ref().expect("a statement");
        assert_eq!(stated.verify(&chain.hash, chain.ledger.validators()), Ok(1));
        assert_eq!(stated.statement.answer, Answer::NoReceipt(id));
        assert_eq!(stated.statement.height, Height(height));
    };
    let view: TransactionView = node.get_json(&path).await;
    assert_eq!(view.status, TransactionStatus::Unknown);
    no_receipt(&view, 0);
    node.post(TRANSACTION_TYPE, sent.to_bytes().unwrap()).await;
    let view: TransactionView = node.get_json(&path).await;
    assert_eq!(view.status, TransactionStatus::Pending);
    no_receipt(&view, 0);
    chain.finalize(vec![payment(&chain.hash, 2), sent]).await;
    let view: TransactionView = node.get_json(&path).await;
    let expected = TransactionView {
        id,
        status: TransactionStatus::Final,
        height: Some(Height(1)),
        outcome: Some(Outcome::Applied),
        statement: None,
    };
    assert_eq!(view, expected);
    for id in ["abc", &"g".repeat(64), &"a".repeat(63)] {
        let response = node.get(&format!("/v1/transactions/{id}")).await;
        problem(response, StatusCode::BAD_REQUEST, "bad_transaction_id").await;
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn what_is_not_there_is_a_problem_too() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for path in ["/v1", "/v1/nothing", "/v1/blocks", "/v1/blocks/1/2", "//", "/metrics"] {
        problem(node.get(path).await, StatusCode::NOT_FOUND, "no_such_path").await;
    }
    let response = node.get("/v1/transactions").await;
    assert_eq!(header(&response, "allow"), Some("POST"));
    problem(response, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    let response = send(node.client.delete(node.url("/v1/status"))).await;
    assert_eq!(header(&response, "allow"), Some("GET, HEAD"));
    problem(response, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    let response = send(node.client.head(node.url("/v1/status"))).await;
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.text().await.unwrap(), "");
    node.server.stop().await;
}

#[actix_web::test]
async fn evidence_is_listed_by_validator() {
    let mut chain = Chain::new(8);
    let node = Node::checking(&chain);
    let page: EvidencePage = node.get_json("/v1/evidence").await;
    let none = EvidencePage {
        height: Height(0),
        evidence: Vec::new(),
        next: None,
    };
    assert_eq!(page, none);
    for _ in 0..3 {
        chain.commit(Vec::new()).await;
    }
    let reports = [(1, 2), (0, 1), (1, 3)].map(|(accused, height)| report(&chain.hash, 2, accused, height));
    chain.commit(reports.to_vec()).await;
    let [one, other] = [0, 1].map(|accused| ValidatorId::of(&key(accused).public_key()));
    let of = |validator| chain.ledger.evidence_against(validator).cloned().collect::<Vec<_>>();
    assert_eq!((of(one).len(), of(other).len()), (1, 2));
    let [first, last] = if one < other { [one, other] } else { [other, one] };
    let page: EvidencePage = node.get_json("/v1/evidence").await;
    assert_eq!(page.evidence, [of(first), of(last)].concat());
    assert_eq!((page.height, page.next), (Height(4), None));
    assert_eq!(
        page.evidence[0].evidence.verify(&chain.hash, chain.ledger.validators()),
        Ok(())
    );
    let receipt: TransactionView = node
        .get_json(&format!("/v1/transactions/{}", page.evidence[0].transaction))
        .await;
    assert_eq!(receipt.outcome, Some(Outcome::Applied));
    let rest: EvidencePage = node.get_json(&format!("/v1/evidence?after={first}")).await;
    assert_eq!((rest.evidence, rest.next), (of(last), None));
    let nothing: EvidencePage = node.get_json(&format!("/v1/evidence?after={last}")).await;
    assert_eq!(nothing.evidence, []);
    problem(
        node.get("/v1/evidence?after=me").await,
        StatusCode::BAD_REQUEST,
        "bad_query",
    )
    .await;
    // A page ends with all of a validator's records.
    let reader = chain.store.reader();
    let (_, records, more) = reader.evidence(None, 1).unwrap();
    assert_eq!((records, more), (of(first), true));
    let (_, records, more) = reader.evidence(Some(first), 1).unwrap();
    assert_eq!((records, more), (of(last), false));
    node.server.stop().await;
}

/// A node of before knew no `from`, and its clients give none.
#[actix_web::test]
async fn changes_of_validators_may_be_asked_for_from_a_height_on() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for query in ["", "?from=0", "?from=18446744073709551615"] {
        let shown: Handovers = node.get_json(&format!("/v1/handovers{query}")).await;
        assert!(shown.handovers.is_empty(), "{query}");
    }
    for query in ["from=", "from=-1", "since=1"] {
        let response = node.get(&format!("/v1/handovers?{query}")).await;
        problem(response, StatusCode::BAD_REQUEST, "bad_query").await;
    }
    node.server.stop().await;
}
