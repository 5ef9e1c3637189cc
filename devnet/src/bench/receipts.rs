//! Follows one validator's stream of final blocks and believes none of it: each block's certificate is
//! checked once, and all its receipts by the root over them that the certified header carries.

use std::time::Instant;

use anyhow::{Context, ensure};
use causeway_contracts::{
    api::{KEY_HEADER, ReadRequest, SIGNATURE_HEADER, StreamedBlock, TIME_HEADER},
    block::Height,
    codec::Text,
    ledger::receipt::{Receipt, receipts_root},
    proof::{CertifiedHeader, TrustedSet},
};
use causeway_wallet::clock;
use reqwest::{Client, Response};
use tokio::sync::mpsc;

use crate::network::Network;

const PATH: &str = "/v1/stream";

/// Blocks that wait to be counted. When they are full the stream waits, and latencies tell.
const BLOCKS_MAX: usize = 256;

/// A final block whose receipts are proved.
#[derive(Debug)]
pub struct Verified {
    pub at: Instant,
    pub receipts: Vec<Receipt>,
}

pub struct Receipts {
    response: Response,
    trusted: TrustedSet,
    events: Events,
    last: Option<Height>,
}

impl Receipts {
    /// From the next block on.
    pub async fn open(network: &Network, validator: u16) -> anyhow::Result<Self> {
        let genesis = &network.genesis;
        let reader = &genesis.participants.first().context("a devnet has participants")?.id;
        let key = network.seed.key(reader.as_str());
        let request = ReadRequest {
            genesis: genesis.hash(),
            path: Text::new(PATH)?,
            time_ms: clock::now_ms(),
        };
        let http = Client::builder().no_proxy().build()?;
        let response = http
            .get(format!("{}{PATH}", network.api_url(validator)))
            .header(KEY_HEADER, key.public_key().to_string())
            .header(TIME_HEADER, request.time_ms.0.to_string())
            .header(SIGNATURE_HEADER, request.sign(&key).to_string())
            .send()
            .await?
            .error_for_status()?;
        Ok(Self {
            response,
            trusted: TrustedSet::of_genesis(genesis)?,
            events: Events::default(),
            last: None,
        })
    }

    /// Until the receiver is gone.
    ///
    /// # Errors
    /// If the stream ends, or says what cannot be.
    pub async fn follow(mut self, blocks: mpsc::Sender<Verified>) -> anyhow::Result<()> {
        while !blocks.is_closed() {
            let chunk = self.response.chunk().await?.context("the stream of blocks ended")?;
            self.events.add(&chunk);
            while let Some(data) = self.events.next() {
                let block = serde_json::from_slice(&data).context("not a block of the stream")?;
                if blocks.send(self.verify(block)?).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn verify(&mut self, block: StreamedBlock) -> anyhow::Result<Verified> {
        let StreamedBlock {
            header,
            certificate,
            receipts,
            transactions: _,
        } = block;
        let (height, root) = (header.height, header.receipts_root);
        ensure!(
            self.last.is_none_or(|last| last.next() == height),
            "block {height} comes after another than the one before it"
        );
        self.last = Some(height);
        self.trusted.check(&CertifiedHeader { header, certificate })?;
        ensure!(
            receipts_root(&receipts) == root,
            "the receipts of block {height} are not those of its header"
        );
        Ok(Verified {
            at: Instant::now(),
            receipts,
        })
    }
}

/// A queue for verified blocks.
pub fn queue() -> (mpsc::Sender<Verified>, mpsc::Receiver<Verified>) {
    mpsc::channel(BLOCKS_MAX)
}

/// Takes server-sent events apart (WHATWG HTML, section 9.2), as far as nodes send them: one line of data.
#[derive(Debug, Default)]
struct Events {
    bytes: Vec<u8>,
    /// No event ends before this.
    searched: usize,
}

impl Events {
    fn add(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
    }

    /// The data of the next event that is there whole; those without any are passed over.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let end = self.bytes[self.searched..].windows(2).position(|two| two == b"\n\n");
            let Some(end) = end else {
                self.searched = self.bytes.len().saturating_sub(1);
                return None;
            };
            let rest = self.bytes.split_off(self.searched + end + 2);
            let event = std::mem::replace(&mut self.bytes, rest);
            self.searched = 0;
            let mut lines = event.split(|byte| *byte == b'\n');
            if let Some(data) = lines.find_map(|line| line.strip_prefix(b"data: ")) {
                return Some(data.to_vec());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_they_are_cut() {
        let stream = b":\n\nid: 1\nevent: block\ndata: {\"a\":1}\n\n:\n\nid: 2\nevent: block\ndata: {}\n\nid: 3";
        for size in 1..stream.len() {
            let mut events = Events::default();
            let mut found = Vec::new();
            for chunk in stream.chunks(size) {
                events.add(chunk);
                found.extend(std::iter::from_fn(|| events.next()));
            }
            assert_eq!(found, [b"{\"a\":1}".to_vec(), b"{}".to_vec()], "in pieces of {size}");
        }
    }
}
