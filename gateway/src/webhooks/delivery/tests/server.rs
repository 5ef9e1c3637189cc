//! Receivers on this machine, which answer every connection with the same bytes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use crate::tls::{certificates::Issued, provider};

pub enum Answer {
    Bytes(String),
    /// What was asked is read; nothing is said.
    Silence,
    /// As long as the other side is there.
    Endless(&'static str),
}

/// Of a connection that is over.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    Request(String),
    /// The other side left while it was being answered.
    LeftDuringAnswer,
    NoTls,
}

pub struct Receiver {
    pub address: SocketAddr,
    seen: mpsc::Receiver<Seen>,
}

impl Receiver {
    pub async fn http(answer: Answer) -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), answer, None).await
    }

    pub async fn https(answer: Answer, certificate: &Issued) -> Self {
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificate.chain(), certificate.key())
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(config));
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), answer, Some(tls)).await
    }

    pub async fn at(address: SocketAddr, answer: Answer, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (said, seen) = mpsc::channel(16);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = match &tls {
                    None => converse(stream, &answer).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => converse(stream, &answer).await,
                        Err(_) => Seen::NoTls,
                    },
                };
                said.try_send(seen).expect("a test sends a few messages");
            }
        });
        Self { address, seen }
    }

    /// What became of the next connection. Waits for it.
    pub async fn seen(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }

    /// Whether no connection has come and gone that was not asked about.
    pub fn is_untouched(&self) -> bool {
        self.seen.is_empty()
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &Answer) -> Seen {
    let request = request(&mut stream).await;
    match answer {
        Answer::Bytes(text) => {
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            Seen::Request(request)
        }
        Answer::Silence => match stream.read(&mut [0]).await {
            Ok(0) | Err(_) => Seen::LeftDuringAnswer,
            Ok(_) => panic!("more than a request"),
        },
        Answer::Endless(head) => {
            stream.write_all(head.as_bytes()).await.unwrap();
            while stream.write_all(&[b'a'; 65_536]).await.is_ok() {}
            Seen::LeftDuringAnswer
        }
    }
}

/// Head and a body of as many bytes as `content-length` says.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return text;
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "half a request");
    }
}
