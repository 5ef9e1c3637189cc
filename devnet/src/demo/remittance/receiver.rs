//! Takes webhooks on loopback, as a client's own server would.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

/// One has some tens of kilobytes: a remittance, and the proof of its payment.
const WEBHOOK_BYTES_MAX: usize = 1024 * 1024;

/// Of head and body together.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

/// More than a demo has; then no more are taken until some are looked at.
const WEBHOOKS_MAX: usize = 256;

/// One as it came: its headers by their names in small letters, and its body before any decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Webhook {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Listens until it is dropped.
pub struct Receiver {
    task: JoinHandle<()>,
    arrived: mpsc::Receiver<Webhook>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen for webhooks on {address}"))?;
        let (sender, arrived) = mpsc::channel(WEBHOOKS_MAX);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever sends is answered by what the gateway makes of it: that it may send again.
                let taken = timeout(ARRIVAL_MAX, take(stream)).await;
                if let Ok(Some(webhook)) = taken
                    && sender.send(webhook).await.is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { task, arrived })
    }

    /// The next that has come.
    pub async fn next(&mut self) -> anyhow::Result<Webhook> {
        self.arrived
            .recv()
            .await
            .context("webhooks are not listened for any more")
    }
}

/// Reads one request, and answers that it is taken. `None` if there was none, or it is too long.
async fn take(mut stream: TcpStream) -> Option<Webhook> {
    let mut bytes = Vec::new();
    loop {
        if let Some(webhook) = parse(&bytes) {
            let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.ok()?;
            return Some(webhook);
        }
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 && bytes.len() + count <= WEBHOOK_BYTES_MAX => {
                bytes.extend_from_slice(&buffer[..count]);
            }
            _ => return None,
        }
    }
}

/// `None` until all of it is there: its length is what its head says.
fn parse(bytes: &[u8]) -> Option<Webhook> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let (line, fields) = head.split_once("\r\n")?;
    if !line.starts_with("POST ") {
        return None;
    }
    let fields = fields.lines().filter_map(|line| line.split_once(':'));
    let headers: BTreeMap<_, _> = fields
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let body = bytes[end..].get(..length)?.to_vec();
    Some(Webhook { headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_there_when_all_of_it_is() {
        let request = b"POST /hook HTTP/1.1\r\nWebhook-Id: evt_1\r\ncontent-length: 4\r\n\r\n{ }\n";
        let expected = Webhook {
            headers: [("content-length", "4"), ("webhook-id", "evt_1")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: b"{ }\n".to_vec(),
        };
        for cut in 0..request.len() {
            assert_eq!(parse(&request[..cut]), None, "{cut}");
        }
        assert_eq!(parse(request), Some(expected));
        assert_eq!(parse(b"GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n"), None);
    }

    #[tokio::test]
    async fn what_is_posted_arrives() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let mut receiver = Receiver::open(address).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        for body in ["one".to_owned(), "x".repeat(100_000)] {
            let request = http
                .post(format!("http://{address}/hook"))
                .header("webhook-id", "evt_1");
            assert_eq!(request.body(body.clone()).send().await.unwrap().status(), 204);
            let webhook = receiver.next().await.unwrap();
            assert_eq!(webhook.header("webhook-id"), Some("evt_1"));
            assert_eq!(webhook.body, body.into_bytes());
        }
    }
}
