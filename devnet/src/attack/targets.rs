//! Whom attackers attack, from where, and with what. All that takes time is made before.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    sync::Arc,
};

use anyhow::Context;
use causeway_contracts::{
    api::{TRANSACTION_TYPE, TRANSACTIONS_TYPE},
    codec::Text,
    keys::Signature,
    money::Amount,
    transaction::Action,
};
use causeway_wallet::payment;
use tokio::net::{TcpSocket, TcpStream};

use crate::{load::Loader, network::Network};

/// Attackers' addresses: 127.0.0.2 and those after it. Honest clients have 127.0.0.1.
const ADDRESSES: usize = 64;

/// Different payments that are wrongly signed. They expire a minute after they are made.
const FORGED: usize = 1024;

/// One fewer than an address may send before it must wait.
pub const LIST: usize = 15;

/// Loopback addresses that nobody else here has.
const NEW_ADDRESSES: Range<u32> = Ipv4Addr::new(127, 16, 0, 0).to_bits()..Ipv4Addr::new(127, 255, 0, 0).to_bits();

const CHUNK_BYTES: usize = 64 * 1024;

#[derive(Clone)]
pub struct Targets {
    apis: Arc<[SocketAddr]>,
    /// Whole requests: one payment each, and lists of them.
    singles: Arc<[Vec<u8>]>,
    lists: Arc<[Vec<u8>]>,
    /// One chunk of a chunked body; of another body, some of it.
    pub chunk: Arc<[u8]>,
}

impl Targets {
    pub fn new(network: &Network, loader: &Loader) -> anyhow::Result<Self> {
        let plan = network.plan;
        let forged: Vec<_> = (0..FORGED)
            .map(|number| forged(loader, number))
            .collect::<anyhow::Result<_>>()?;
        let singles = forged.iter().map(|body| request(TRANSACTION_TYPE, body));
        let lists = forged
            .chunks_exact(LIST)
            .map(|some| request(TRANSACTIONS_TYPE, &list(some)));
        let chunk = format!("{CHUNK_BYTES:x}\r\n{}\r\n", "x".repeat(CHUNK_BYTES));
        Ok(Self {
            apis: (0..plan.validators)
                .map(|validator| plan.base_port.api(validator))
                .collect(),
            singles: singles.collect(),
            lists: lists.collect(),
            chunk: chunk.into_bytes().into(),
        })
    }

    /// Attacker `number`'s connection: they take validators and addresses in turns.
    pub async fn connect(&self, number: usize) -> std::io::Result<TcpStream> {
        let address = Ipv4Addr::LOCALHOST.to_bits() + 1 + (number / self.apis.len() % ADDRESSES) as u32;
        self.connect_from(Ipv4Addr::from_bits(address), number).await
    }

    /// A connection from an address that has not been used before this many turns.
    pub async fn connect_anew(&self, number: usize, turn: u64) -> std::io::Result<TcpStream> {
        let address = NEW_ADDRESSES.start + (turn % u64::from(NEW_ADDRESSES.end - NEW_ADDRESSES.start)) as u32;
        self.connect_from(Ipv4Addr::from_bits(address), number).await
    }

    async fn connect_from(&self, address: Ipv4Addr, number: usize) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((address, 0).into())?;
        socket.connect(self.apis[number % self.apis.len()]).await
    }

    /// A whole request with a payment whose signature is wrong.
    pub fn forged(&self, number: usize) -> &[u8] {
        &self.singles[number % self.singles.len()]
    }

    /// The same with [`LIST`] of them.
    pub fn forged_list(&self, number: usize) -> &[u8] {
        &self.lists[number % self.lists.len()]
    }

    /// The head of a submission, up to its body.
    pub fn head(&self, body: &str) -> Vec<u8> {
        head(TRANSACTIONS_TYPE, body)
    }
}

fn head(content_type: &str, body: &str) -> Vec<u8> {
    format!("POST /v1/transactions HTTP/1.1\r\nhost: node\r\ncontent-type: {content_type}\r\n{body}\r\n\r\n")
        .into_bytes()
}

fn request(content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = head(content_type, &format!("content-length: {}", body.len()));
    request.extend(body);
    request
}

/// Each after its length, as the API takes many.
fn list(transactions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    for transaction in transactions {
        let length = u32::try_from(transaction.len()).expect("a payment is short");
        body.extend(length.to_be_bytes());
        body.extend(transaction);
    }
    body
}

/// Everything is right but the signature, so that it comes as far as it can.
fn forged(loader: &Loader, number: usize) -> anyhow::Result<Vec<u8>> {
    let payers = loader.payers();
    let payer = &payers[number % payers.len()];
    let transfer = Action::Transfer {
        from: payer.id,
        to: payers[(number + 1) % payers.len()].id,
        currency: loader.currency(),
        amount: Amount(1),
    };
    let mut signed = payment::sign(loader.client().genesis(), transfer, Text::default(), &payer.key)?;
    let mut bytes = signed.signatures[0].signature.0;
    bytes[0] ^= 1;
    let mut signatures = signed.signatures.into_vec();
    signatures[0].signature = Signature(bytes);
    signed.signatures = causeway_contracts::codec::Bounded::new(signatures).context("as many as there were")?;
    Ok(signed.to_bytes()?)
}
