//! Answers what peers ask for, from the store.

use std::collections::BTreeSet;

use actix::{Actor, Context, Handler, ResponseFuture};
use causeway_consensus::wire::{BLOCKS_MAX, CertifiedBlock, FetchRequest, FetchResponse};
use causeway_contracts::block::Height;

use crate::{
    actors::network::message::Serve,
    store::{Reader, StoreError},
};

/// Reads run on threads of their own; the network bounds how many are under way.
pub struct FetchServer {
    reader: Reader,
}

impl FetchServer {
    pub fn new(reader: Reader) -> Self {
        Self { reader }
    }
}

impl Actor for FetchServer {
    type Context = Context<Self>;
}

impl Handler<Serve> for FetchServer {
    type Result = ResponseFuture<Option<Vec<u8>>>;

    fn handle(&mut self, Serve { from, request }: Serve, _: &mut Context<Self>) -> Self::Result {
        let reader = self.reader.clone();
        Box::pin(async move {
            let request = FetchRequest::decode(&request).ok()?;
            let answer = tokio::task::spawn_blocking(move || answer(&reader, &request))
                .await
                .ok()?;
            match answer {
                Ok(answer) => Some(answer.encode()),
                Err(error) => {
                    error.stop_if_damaged();
                    tracing::error!(%error, %from, "cannot read what a validator asks for");
                    None
                }
            }
        })
    }
}

fn answer(reader: &Reader, request: &FetchRequest) -> Result<FetchResponse, StoreError> {
    match request {
        FetchRequest::Blocks { from, count } => blocks(reader, *from, usize::from(*count).min(BLOCKS_MAX)),
        FetchRequest::Batches { digests } => {
            // Each once, however often it is asked for, and none read that the answer has no room for.
            let asked: BTreeSet<_> = digests.iter().collect();
            let mut failed = None;
            let found = asked.into_iter().map_while(|digest| match reader.batch(digest) {
                Ok(batch) => Some(batch),
                Err(error) => {
                    failed = Some(error);
                    None
                }
            });
            let answer = FetchResponse::batches(found.flatten());
            failed.map_or(Ok(answer), Err)
        }
    }
}

fn blocks(reader: &Reader, from: Height, count: usize) -> Result<FetchResponse, StoreError> {
    let mut blocks = Vec::new();
    let mut height = from;
    while blocks.len() < count {
        let Some(stored) = reader.block(height)? else { break };
        blocks.push(CertifiedBlock {
            block: stored.block,
            certificate: stored.certificate,
        });
        height = height.next();
    }
    Ok(FetchResponse::blocks(blocks))
}
