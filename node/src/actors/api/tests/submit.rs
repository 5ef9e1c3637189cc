use std::time::Duration;

use actix_web::http::StatusCode;
use causeway_contracts::{
    api::{SUBMIT_BYTES_MAX, SUBMIT_TRANSACTIONS_MAX, Submitted, TRANSACTION_TYPE, TRANSACTIONS_TYPE},
    block::{GenesisHash, Height},
    codec::{self, Text},
    keys::Signature,
    ledger::rejection::Skip,
    protocol::{NotInForce, ProtocolVersion},
    transaction::{SignedTransaction, TRANSACTION_BYTES_MAX, TransactionError, UnixSeconds},
};
use reqwest::Response;

use super::{
    chain::{ALICE, Chain, STRANGER, key, payment, unsigned},
    node::{Mempool, Node, header, problem, send},
};
use crate::actors::{
    api::ApiLimits,
    budget::{BudgetRates, OverBudget, Payer, Rate},
    mempool::message::Refusal,
    penalty::INVALID_MAX,
};

const JSON: &str = "application/json";

fn many(transactions: &[SignedTransaction]) -> Vec<u8> {
    let mut body = Vec::new();
    for transaction in transactions {
        let bytes = transaction.to_bytes().unwrap();
        body.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
        body.extend_from_slice(&bytes);
    }
    body
}

/// The codes of the refused ones, or `None` for those that were taken.
async fn results(response: Response, status: StatusCode, sent: &[SignedTransaction]) -> Vec<Option<String>> {
    let actual = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert_eq!(actual, status.as_u16(), "{text}");
    let submitted: Submitted = serde_json::from_str(&text).unwrap();
    let ids: Vec<_> = submitted.results.iter().map(|result| result.id).collect();
    assert_eq!(ids, sent.iter().map(SignedTransaction::id).collect::<Vec<_>>());
    let refused = submitted.results.into_iter().map(|result| result.refused);
    refused.map(|refused| refused.map(|refused| refused.code)).collect()
}

#[actix_web::test]
async fn takes_every_form() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let sent = [payment(&chain.hash, 1), payment(&chain.hash, 2)];
    let one = std::slice::from_ref(&sent[0]);
    let forms = [
        (TRANSACTION_TYPE, sent[0].to_bytes().unwrap(), one),
        (TRANSACTIONS_TYPE, many(&sent), &sent[..]),
        (JSON, serde_json::to_vec(&sent[0]).unwrap(), one),
        (
            "Application/JSON; charset=utf-8",
            serde_json::to_vec(&sent).unwrap(),
            &sent[..],
        ),
    ];
    for (content_type, body, sent) in forms {
        let response = node.post(content_type, body).await;
        let refused = results(response, StatusCode::ACCEPTED, sent).await;
        assert_eq!(refused, vec![None; sent.len()], "{content_type}");
    }
    node.server.stop().await;
}

#[actix_web::test]
async fn each_of_many_has_its_own_answer() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let sent = [
        payment(&GenesisHash([9; 32]), 1),
        payment(&chain.hash, 2),
        unsigned(&chain.hash, 3).sign([&key(STRANGER)]).unwrap(),
    ];
    let response = node.post(TRANSACTIONS_TYPE, many(&sent)).await;
    let refused = results(response, StatusCode::ACCEPTED, &sent).await;
    let expected = [
        Some("wrong_genesis".to_owned()),
        None,
        Some("unknown_signer".to_owned()),
    ];
    assert_eq!(refused, expected);
    node.server.stop().await;
}

/// What a client gets for one transaction that can never enter a block, or not as things stand.
#[actix_web::test]
async fn refuses_what_is_wrong_with_a_transaction() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let good = || unsigned(&chain.hash, 1);
    let mut forged = payment(&chain.hash, 1);
    let mut signatures = forged.signatures.clone().into_vec();
    signatures[0].signature = Signature([1; 64]);
    forged.signatures = signatures.try_into().unwrap();
    let mut altered = payment(&chain.hash, 1);
    altered.transaction.memo = Text::new("to someone else").unwrap();
    let mut expired = good();
    expired.valid_until = UnixSeconds(1_700_000_000);
    let mut too_far = good();
    too_far.valid_until = UnixSeconds(1_900_000_000);
    let mut unknown_version = payment(&chain.hash, 1);
    unknown_version.transaction.version = 2;
    let mut unsigned_at_all = payment(&chain.hash, 1);
    unsigned_at_all.signatures = Vec::new().try_into().unwrap();
    let mut empty = payment(&chain.hash, 1);
    empty.transaction.actions = Vec::new().try_into().unwrap();
    let rows = [
        (payment(&GenesisHash([9; 32]), 1), "wrong_genesis"),
        (unknown_version, "unknown_version"),
        (empty, "no_actions"),
        (unsigned_at_all, "bad_signature_list"),
        (expired.sign([&key(ALICE)]).unwrap(), "expired"),
        (too_far.sign([&key(ALICE)]).unwrap(), "too_far_ahead"),
        (good().sign([&key(STRANGER)]).unwrap(), "unknown_signer"),
        (forged, "bad_signature"),
        (altered, "bad_signature"),
    ];
    for (transaction, code) in rows {
        let response = node.post(TRANSACTION_TYPE, transaction.to_bytes().unwrap()).await;
        let refused = results(response, StatusCode::UNPROCESSABLE_ENTITY, &[transaction]).await;
        assert_eq!(refused, [Some(code.to_owned())]);
    }
    node.server.stop().await;
}

fn over(payer: Payer, wait_ms: u64) -> Refusal {
    Refusal::OverBudget(OverBudget::Spent {
        payer,
        rate: BudgetRates::default().account,
        wait: Duration::from_millis(wait_ms),
    })
}

/// What is over goes back with its reason; the rest of the submission is taken.
#[actix_web::test]
async fn a_connection_has_a_budget() {
    let chain = Chain::new(8);
    let limits = ApiLimits {
        connection_budget: Rate::new(1, 512).unwrap(),
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::checks(&chain), limits);
    let post = async |client: &reqwest::Client, sent: &[SignedTransaction]| {
        let request = client.post(node.url("/v1/transactions")).body(many(sent));
        send(request.header("content-type", TRANSACTIONS_TYPE)).await
    };
    let sent: Vec<_> = (0..600).map(|nonce| payment(&chain.hash, nonce)).collect();
    let refused = results(post(&node.client, &sent).await, StatusCode::ACCEPTED, &sent).await;
    assert_eq!(refused.iter().filter(|refused| refused.is_none()).count(), 512);
    assert_eq!(refused[512].as_deref(), Some("connection_budget"));

    let response = post(&node.client, &sent[599..]).await;
    assert_eq!(header(&response, "retry-after"), Some("1"));
    let refused = results(response, StatusCode::TOO_MANY_REQUESTS, &sent[599..]).await;
    assert_eq!(refused, [Some("connection_budget".to_owned())]);

    let another = reqwest::Client::builder().no_proxy().build().unwrap();
    let refused = results(post(&another, &sent[599..]).await, StatusCode::ACCEPTED, &sent[599..]).await;
    assert_eq!(refused, [None]);
    node.server.stop().await;
}

#[actix_web::test]
async fn refusals_by_the_mempool_have_their_codes() {
    let bad_signature = TransactionError::BadSignature {
        key: key(ALICE).public_key(),
    };
    let later = NotInForce {
        needs: ProtocolVersion(2),
        from: Some(Height(300)),
    };
    let rows = [
        (Refusal::Invalid(bad_signature), 422, "bad_signature", false, None),
        (Refusal::Skip(Skip::Expired), 422, "expired", false, None),
        (Refusal::Skip(Skip::TooFarAhead), 422, "too_far_ahead", true, None),
        (Refusal::Skip(Skip::UnknownSigner), 422, "unknown_signer", true, None),
        (
            Refusal::Skip(Skip::ThresholdNotMet),
            422,
            "threshold_not_met",
            false,
            None,
        ),
        (Refusal::Skip(Skip::NotInForce(later)), 422, "not_in_force", true, None),
        (Refusal::Busy, 429, "busy", true, Some("1")),
        (over(Payer::Account, 1_200), 429, "account_budget", true, Some("2")),
        (over(Payer::Operator, 3), 429, "operator_budget", true, Some("1")),
        (Refusal::Penalized(16), 429, "penalized", true, Some("60")),
        (Refusal::DiskLow, 503, "disk_low", true, Some("30")),
    ];
    let chain = Chain::new(8);
    for (refusal, status, code, retry, wait) in rows {
        let detail = refusal.to_string();
        let node = Node::start(&chain, Mempool::Refuses(refusal), ApiLimits::default());
        let response = node
            .post(TRANSACTION_TYPE, payment(&chain.hash, 1).to_bytes().unwrap())
            .await;
        assert_eq!(response.status().as_u16(), status, "{code}");
        assert_eq!(header(&response, "retry-after"), wait, "{code}");
        let mut submitted: Submitted = response.json().await.unwrap();
        let refused = submitted.results.remove(0).refused.unwrap();
        assert_eq!((refused.code.as_str(), refused.retry), (code, retry));
        assert_eq!(refused.detail, detail);
        node.server.stop().await;
    }
}

#[actix_web::test]
async fn sent_again_it_is_as_good_as_taken() {
    let mut chain = Chain::new(8);
    let sent = [payment(&chain.hash, 1)];
    let known = Mempool::Refuses(Refusal::Skip(Skip::AlreadyKnown));
    let forgotten = Mempool::Refuses(Refusal::Skip(Skip::Expired));
    chain.commit(sent.to_vec()).await;
    for mempool in [known, forgotten] {
        let node = Node::start(&chain, mempool, ApiLimits::default());
        let response = node.post(TRANSACTION_TYPE, sent[0].to_bytes().unwrap()).await;
        assert_eq!(results(response, StatusCode::ACCEPTED, &sent).await, [None]);
        node.server.stop().await;
    }
}

#[actix_web::test]
async fn says_where_a_body_is_malformed() {
    let chain = Chain::new(8);
    let good = payment(&chain.hash, 1);
    let bytes = good.to_bytes().unwrap();
    let json = serde_json::to_string(&good).unwrap();
    let trailing = [&bytes[..], &[0]].concat();
    let two = many(&[good.clone(), good.clone()]);
    let huge_claim = [&u32::MAX.to_be_bytes()[..], &bytes].concat();
    let zeros = vec![0; TRANSACTION_BYTES_MAX + 1];
    let other_field = json.replacen("\"version\"", "\"verzion\"", 1);
    let rows: [(&str, Vec<u8>, &str, &str); 13] = [
        (TRANSACTION_TYPE, vec![], "no_transactions", "at least one"),
        (JSON, b"[]".to_vec(), "no_transactions", "at least one"),
        (
            TRANSACTION_TYPE,
            b"garbage".to_vec(),
            "malformed_transaction",
            "transaction 0",
        ),
        (
            TRANSACTION_TYPE,
            bytes[..bytes.len() - 1].to_vec(),
            "malformed_transaction",
            "end before",
        ),
        (TRANSACTION_TYPE, trailing, "malformed_transaction", "1 bytes left over"),
        (TRANSACTION_TYPE, zeros, "malformed_transaction", "16385 bytes"),
        (
            TRANSACTIONS_TYPE,
            two[..two.len() - 1].to_vec(),
            "malformed_transaction",
            "transaction 1",
        ),
        (
            TRANSACTIONS_TYPE,
            vec![0, 0, 1],
            "malformed_transaction",
            "3 bytes are left",
        ),
        (
            TRANSACTIONS_TYPE,
            huge_claim,
            "malformed_transaction",
            "says 4294967295 bytes",
        ),
        (
            JSON,
            b"{\n  \"transaction\": nothing".to_vec(),
            "bad_json",
            "line 2 column",
        ),
        (JSON, json[..json.len() - 1].into(), "bad_json", "EOF"),
        (JSON, other_field.into(), "bad_json", "unknown field `verzion`"),
        (JSON, [0xff, 0xfe].into(), "bad_json", "line 1"),
    ];
    let node = Node::checking(&chain);
    for (content_type, body, code, detail) in rows {
        let response = node.post(content_type, body).await;
        let problem = problem(response, StatusCode::BAD_REQUEST, code).await;
        assert!(problem.detail.contains(detail), "{}", problem.detail);
    }
    node.server.stop().await;
}

/// A length may be written in more bytes than it needs; that is another wire form of the same value.
#[actix_web::test]
async fn refuses_what_is_not_canonical() {
    let chain = Chain::new(8);
    let good = payment(&chain.hash, 1);
    let bytes = good.to_bytes().unwrap();
    // The version, 1, as a 16-bit integer after the marker 251.
    let padded = [&[251, 1, 0][..], &bytes[1..]].concat();
    assert!(codec::decode::<SignedTransaction>(&bytes, TRANSACTION_BYTES_MAX).is_ok());
    let node = Node::checking(&chain);
    let response = node.post(TRANSACTION_TYPE, padded).await;
    let problem = problem(response, StatusCode::BAD_REQUEST, "malformed_transaction").await;
    assert!(
        problem.detail.contains("not the canonical encoding"),
        "{}",
        problem.detail
    );
    node.server.stop().await;
}

#[actix_web::test]
async fn refuses_too_much() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let too_many = vec![payment(&chain.hash, 1); SUBMIT_TRANSACTIONS_MAX + 1];
    let response = node.post(TRANSACTIONS_TYPE, many(&too_many)).await;
    problem(response, StatusCode::PAYLOAD_TOO_LARGE, "too_many_transactions").await;

    let full = vec![payment(&chain.hash, 1); SUBMIT_TRANSACTIONS_MAX];
    let response = node.post(TRANSACTIONS_TYPE, many(&full)).await;
    assert_eq!(
        results(response, StatusCode::ACCEPTED, &full).await,
        vec![None; full.len()]
    );

    let announced = vec![0; SUBMIT_BYTES_MAX + 1];
    let response = node.post(TRANSACTIONS_TYPE, announced).await;
    problem(response, StatusCode::PAYLOAD_TOO_LARGE, "body_too_long").await;
    node.server.stop().await;
}

#[actix_web::test]
async fn refuses_other_content_types() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let bytes = payment(&chain.hash, 1).to_bytes().unwrap();
    for content_type in ["text/plain", "application/xml", "", "multipart/form-data; boundary=x"] {
        let response = node.post(content_type, bytes.clone()).await;
        let problem = problem(response, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type").await;
        assert!(problem.detail.contains(TRANSACTION_TYPE), "{}", problem.detail);
    }
    let request = node.client.post(node.url("/v1/transactions")).body(bytes.clone());
    let response = super::node::send(request).await;
    problem(response, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type").await;
    let packed = node.client.post(node.url("/v1/transactions")).body(bytes);
    let packed = packed
        .header("content-type", TRANSACTION_TYPE)
        .header("content-encoding", "gzip");
    let response = super::node::send(packed).await;
    problem(response, StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type").await;
    node.server.stop().await;
}

#[actix_web::test]
async fn an_address_waits_after_sixteen_invalid_submissions() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    for _ in 0..INVALID_MAX {
        let response = node.post(TRANSACTION_TYPE, "garbage").await;
        problem(response, StatusCode::BAD_REQUEST, "malformed_transaction").await;
    }
    let good = payment(&chain.hash, 1).to_bytes().unwrap();
    let response = node.post(TRANSACTION_TYPE, good).await;
    let wait: u64 = header(&response, "retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(header(&response, "connection"), Some("close"));
    problem(response, StatusCode::TOO_MANY_REQUESTS, "penalized").await;
    // What is open stays so.
    assert_eq!(node.get("/v1/status").await.status().as_u16(), 200);
    node.server.stop().await;
}

#[actix_web::test]
async fn an_invalid_one_of_many_counts_as_one() {
    let chain = Chain::new(8);
    let node = Node::checking(&chain);
    let wrong = vec![payment(&GenesisHash([9; 32]), 1); INVALID_MAX];
    let response = node.post(TRANSACTIONS_TYPE, many(&wrong)).await;
    results(response, StatusCode::UNPROCESSABLE_ENTITY, &wrong).await;
    let response = node.post(TRANSACTIONS_TYPE, many(&wrong)).await;
    problem(response, StatusCode::TOO_MANY_REQUESTS, "penalized").await;
    node.server.stop().await;
}

#[actix_web::test]
async fn a_mempool_that_does_not_get_to_it_is_busy() {
    let chain = Chain::new(8);
    let limits = ApiLimits {
        answer_max: std::time::Duration::from_millis(20),
        ..ApiLimits::default()
    };
    let node = Node::start(&chain, Mempool::Stuck, limits);
    let response = node
        .post(TRANSACTION_TYPE, payment(&chain.hash, 1).to_bytes().unwrap())
        .await;
    assert_eq!(header(&response, "retry-after"), Some("1"));
    problem(response, StatusCode::TOO_MANY_REQUESTS, "busy").await;
    node.server.stop().await;
}
