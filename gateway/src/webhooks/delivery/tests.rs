use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::Mutex,
};

use rustls::RootCertStore;

use super::*;
use crate::{
    tls::certificates::authority,
    webhooks::{FailureKind, SigningSecret, VerifyingSecret, sign, verify},
};
use server::{Answer, Receiver, Seen};

mod server;
mod targets;

const QUICK: Duration = Duration::from_millis(300);

fn settings(timeout: Duration, local: &[String]) -> SenderSettings {
    SenderSettings {
        timeout,
        local: local.iter().map(|text| text.parse().unwrap()).collect(),
        trust: RootCertStore::empty(),
    }
}

/// One answer after another, to whatever is asked.
struct Answers(Mutex<VecDeque<Vec<std::net::IpAddr>>>);

impl Answers {
    fn new<const N: usize>(answers: [&str; N]) -> Self {
        let parse = |text: &str| {
            text.split_whitespace()
                .map(|address| address.parse().unwrap())
                .collect()
        };
        Self(Mutex::new(answers.into_iter().map(parse).collect()))
    }

    fn left(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Resolve for Answers {
    async fn resolve(&self, _: &str) -> io::Result<Vec<std::net::IpAddr>> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .pop_front()
            .expect("no more questions than answers"))
    }
}

fn message() -> Message {
    let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let body = br#"{"type":"payment.completed"}"#.to_vec();
    Message {
        headers: sign(&"msg_1".parse().unwrap(), 1_700_000_000, &body, &[secret]),
        body,
    }
}

async fn send_to(receiver: &Receiver) -> Attempt {
    let sender = Sender::new(settings(ATTEMPT_TIMEOUT, &[receiver.address.to_string()]));
    sender
        .send(&format!("http://{}/hooks?of=us", receiver.address), &message())
        .await
}

fn fault(attempt: Attempt) -> DeliveryFault {
    assert_eq!(attempt.outcome, Outcome::Failed(FailureKind::NoAnswer));
    assert_eq!(attempt.status, None);
    match attempt.detail {
        Detail::NoAnswer(fault) => fault,
        Detail::Answer(excerpt) => panic!("an answer: {excerpt:?}"),
    }
}

fn excerpt(attempt: Attempt) -> Excerpt {
    match attempt.detail {
        Detail::Answer(excerpt) => excerpt,
        Detail::NoAnswer(fault) => panic!("no answer: {fault}"),
    }
}

#[actix_rt::test]
async fn a_receiver_gets_one_signed_request() {
    let mut receiver = Receiver::http(Answer::Bytes("HTTP/1.1 204 No Content\r\n\r\n".to_owned())).await;
    let attempt = send_to(&receiver).await;
    assert_eq!((attempt.outcome, attempt.status), (Outcome::Delivered, Some(204)));
    let Seen::Request(request) = receiver.seen().await else {
        panic!("no request")
    };
    let message = message();
    let expected = format!(
        "POST /hooks?of=us HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         user-agent: causeway-gateway/{}\r\nwebhook-id: msg_1\r\nwebhook-timestamp: 1700000000\r\n\
         webhook-signature: {}\r\ncontent-length: 28\r\n\r\n{{\"type\":\"payment.completed\"}}",
        receiver.address,
        env!("CARGO_PKG_VERSION"),
        message.headers.signature,
    );
    assert_eq!(request, expected);
    assert!(receiver.is_untouched());
    let secret = VerifyingSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let received = crate::webhooks::Received {
        id: Some(&message.headers.id),
        timestamp: Some(&message.headers.timestamp),
        signature: Some(&message.headers.signature),
        body: request.split_once("\r\n\r\n").unwrap().1.as_bytes(),
    };
    assert_eq!(
        verify(&received, &[secret], 1_700_000_000).unwrap().to_string(),
        "msg_1"
    );
}

#[actix_rt::test]
async fn each_status_is_an_outcome_and_the_body_a_detail() {
    async fn check(answer: &str, outcome: Outcome, body: &str, cut: bool) {
        let receiver = Receiver::http(Answer::Bytes(answer.to_owned())).await;
        let attempt = send_to(&receiver).await;
        let status: u16 = answer[9..12].parse().unwrap();
        assert_eq!((attempt.outcome, attempt.status), (outcome, Some(status)), "{answer}");
        let bytes = body.as_bytes().to_vec();
        assert_eq!(excerpt(attempt), Excerpt { bytes, cut }, "{answer}");
    }
    let failed = Outcome::Failed(FailureKind::Status);
    let ok = "HTTP/1.1 200 OK\r\n";
    check(
        &format!("{ok}content-length: 2\r\n\r\nok"),
        Outcome::Delivered,
        "ok",
        false,
    )
    .await;
    check(
        &format!("{ok}\r\nuntil the end"),
        Outcome::Delivered,
        "until the end",
        false,
    )
    .await;
    let chunked = "transfer-encoding: chunked\r\n\r\n2\r\nin\r\n7\r\n chunks\r\n0\r\n\r\n";
    check(&format!("{ok}{chunked}"), Outcome::Delivered, "in chunks", false).await;
    check(
        &format!("{ok}content-length: 9\r\n\r\nhalf"),
        Outcome::Delivered,
        "half",
        true,
    )
    .await;
    check(
        "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
        Outcome::Gone,
        "",
        false,
    )
    .await;
    check(
        "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
        failed,
        "no",
        false,
    )
    .await;
    check("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", failed, "", false).await;
}

#[actix_rt::test]
async fn a_redirect_is_a_failure_and_its_target_is_never_connected_to() {
    for status in [301, 302, 303, 307, 308] {
        let target = Receiver::http(Answer::Bytes("HTTP/1.1 200 OK\r\n\r\n".to_owned())).await;
        let location = format!("location: http://{}/\r\ncontent-length: 0\r\n", target.address);
        let receiver = Receiver::http(Answer::Bytes(format!("HTTP/1.1 {status} There\r\n{location}\r\n"))).await;
        // Even where it would be allowed.
        let local = [receiver.address.to_string(), target.address.to_string()];
        let sender = Sender::new(settings(ATTEMPT_TIMEOUT, &local));
        let attempt = sender.send(&format!("http://{}/", receiver.address), &message()).await;
        assert_eq!(attempt.outcome, Outcome::Failed(FailureKind::Redirect));
        assert_eq!(attempt.status, Some(status));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(target.is_untouched());
    }
}

#[actix_rt::test]
async fn an_answer_that_does_not_come_in_time_is_none() {
    let mut receiver = Receiver::http(Answer::Silence).await;
    let sender = Sender::new(settings(QUICK, &[receiver.address.to_string()]));
    let attempt = sender.send(&format!("http://{}/", receiver.address), &message()).await;
    assert_eq!(fault(attempt).to_string(), "no answer within 300 ms");
    assert_eq!(receiver.seen().await, Seen::LeftDuringAnswer);
}

/// A resolver that never answers counts against the same time.
#[actix_rt::test]
async fn a_name_that_is_not_resolved_in_time_is_no_answer() {
    struct Never;
    impl Resolve for Never {
        async fn resolve(&self, _: &str) -> io::Result<Vec<std::net::IpAddr>> {
            std::future::pending().await
        }
    }
    let sender = Sender::with_resolver(settings(QUICK, &[]), Never);
    let attempt = sender.send("https://hooks.test/", &message()).await;
    assert_eq!(fault(attempt).to_string(), "no answer within 300 ms");
}

#[actix_rt::test]
async fn of_a_huge_answer_the_beginning_is_read_and_the_connection_dropped() {
    let mut receiver = Receiver::http(Answer::Endless("HTTP/1.1 200 OK\r\n\r\n")).await;
    let attempt = send_to(&receiver).await;
    assert_eq!((attempt.outcome, attempt.status), (Outcome::Delivered, Some(200)));
    let bytes = vec![b'a'; 4096];
    assert_eq!(excerpt(attempt), Excerpt { bytes, cut: true });
    assert_eq!(receiver.seen().await, Seen::LeftDuringAnswer);
}

#[actix_rt::test]
async fn an_answer_of_just_what_is_read_is_whole() {
    let body = "a".repeat(ANSWER_BYTES_MAX);
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n{body}");
    let receiver = Receiver::http(Answer::Bytes(answer)).await;
    let bytes = body.into_bytes();
    assert_eq!(excerpt(send_to(&receiver).await), Excerpt { bytes, cut: false });
}

#[actix_rt::test]
async fn an_endless_head_is_no_answer() {
    let mut receiver = Receiver::http(Answer::Endless("HTTP/1.1 200 OK\r\nx: ")).await;
    let told = fault(send_to(&receiver).await).to_string();
    assert_eq!(
        told,
        "the host does not answer as HTTP/1.1 has it: message head is too large"
    );
    assert_eq!(receiver.seen().await, Seen::LeftDuringAnswer);
}

#[actix_rt::test]
async fn a_name_is_resolved_once_and_the_first_answer_is_used() {
    let answer = || Answer::Bytes("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let mut first = Receiver::http(answer()).await;
    let port = first.address.port();
    let second = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port));
    let second = Receiver::at(second, answer(), None).await;
    let resolver = Answers::new(["127.0.0.1", "127.0.0.2"]);
    let sender = Sender::with_resolver(settings(ATTEMPT_TIMEOUT, &[format!("hooks.test:{port}")]), resolver);
    let attempt = sender.send(&format!("http://hooks.test:{port}/"), &message()).await;
    assert_eq!(attempt.outcome, Outcome::Delivered);
    assert!(matches!(first.seen().await, Seen::Request(_)));
    assert!(second.is_untouched());
    assert_eq!(sender.resolver.left(), 1);
}

#[actix_rt::test]
async fn https_needs_a_certificate_of_a_trusted_authority_for_that_name() {
    let (known, unknown) = (authority("known"), authority("unknown"));
    let (good, bad) = (known.issue("hooks.test"), unknown.issue("hooks.test"));
    let misnamed = known.issue("other.test");
    let attempt = async |certificate| {
        let answer = Answer::Bytes("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
        let mut receiver = Receiver::https(answer, certificate).await;
        let port = receiver.address.port();
        let mut settings = settings(ATTEMPT_TIMEOUT, &[format!("hooks.test:{port}")]);
        settings.trust = known.trust();
        let sender = Sender::with_resolver(settings, Answers::new(["127.0.0.1"]));
        let attempt = sender.send(&format!("https://hooks.test:{port}/"), &message()).await;
        (attempt, receiver.seen().await)
    };

    let (delivered, seen) = attempt(&good).await;
    assert_eq!(delivered.outcome, Outcome::Delivered);
    assert!(matches!(seen, Seen::Request(_)));

    let (refused, seen) = attempt(&bad).await;
    let told = fault(refused).to_string();
    assert_eq!(told, "no TLS with the host: invalid peer certificate: UnknownIssuer");
    assert_eq!(seen, Seen::NoTls);

    let (refused, seen) = attempt(&misnamed).await;
    let told = fault(refused).to_string();
    assert!(
        told.starts_with("no TLS with the host: invalid peer certificate: certificate not valid for name"),
        "{told}"
    );
    assert_eq!(seen, Seen::NoTls);
}
