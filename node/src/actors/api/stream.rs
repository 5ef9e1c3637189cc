//! `GET /v1/stream`: every final block with its receipts, in order, as server-sent events.
//!
//! Whoever follows it sees every payment by pseudonym, so it answers only validators, registered
//! participants and the services of purses' issuers, see [`super::access`]. Who may read is asked once, when a stream is opened. With
//! `transactions=true` it sends the signed transactions too. They show it nothing new: anyone who has their
//! ids, which are in the receipts, can ask for each (`GET /v1/receipts/{id}`).
//!
//! A stream reads history from the store and follows the live blocks once it has caught up. It hands
//! out one event at a time, when the connection can take it: a slow client costs no memory, and one
//! that takes nothing is cut off. What it misses live it reads from the store, so nothing is left
//! out and nothing comes twice.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::CACHE_CONTROL,
    web::{self, Bytes},
};
use causeway_contracts::{
    api::{Problem, StreamedBlock},
    block::Height,
    keys::{PublicKey, Signature},
};
use futures::{Stream, stream};
use serde::Deserialize;
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{Receiver, error::RecvError},
    },
    time::{Instant, timeout},
};

use super::{
    access::{is_participants, may_stream, serves, signer},
    context::Api,
    error::ApiError,
    routes,
};
use crate::{
    actors::ledger::message::Finalized,
    store::{Reader, StoreError, StoredBlock},
};

/// Header by which a client that connects again says what it had last (WHATWG HTML, section 9.2.4).
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StreamQuery {
    /// The first block wanted; without it, the first that becomes final from now on.
    #[param(minimum = 1)]
    from_height: Option<u64>,
    /// Send with each block the transactions that its receipts are about, in the receipts' order.
    #[serde(default)]
    #[param(required = false)]
    transactions: bool,
}

/// A stream of final blocks
///
/// Signed by a key of a validator, of a registered participant, or of the service of an issuer of purses: it tells of
/// every payment.
/// Server-sent events: `id` is the height, `event` is `block`, `data` a StreamedBlock in JSON; one for
/// each final block, in order. A client that connects again signs again, and with `Last-Event-ID` goes
/// on after that block. Lines that begin with a colon only show that the stream is alive.
#[utoipa::path(
    get,
    path = "/v1/stream",
    params(
        StreamQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The height of the last block had; counts more than from_height"),
        ("causeway-key" = PublicKey, Header, description = "Who asks"),
        ("causeway-time" = u64, Header, description = "When, in milliseconds since 1970; within 30 s of the node's clock"),
        ("causeway-signature" = Signature, Header, description = "Over `causeway/request/1`, the genesis hash, path and query as sent, and the time"),
    ),
    responses(
        (status = 200, body = StreamedBlock, content_type = "text/event-stream"),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A bad query or Last-Event-ID."),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed, or not well."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "Not a key of a validator, a registered participant or an issuer's service."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many invalid requests came from this address.",
            headers(("Retry-After" = u64, description = "Seconds."))),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Too many streams are open.",
            headers(("Retry-After" = u64, description = "Seconds."))),
    ),
)]
pub(super) async fn stream(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let StreamQuery {
        from_height,
        transactions,
    } = routes::query(&request, "from_height and transactions")?;
    let resume = last_event_id(&request)?;
    check_access(&api, &request).await?;
    let slot = Arc::clone(&api.streams)
        .try_acquire_owned()
        .map_err(|_| ApiError::TooManyStreams)?;
    // Before the tip is read, so that no block falls between history and live.
    let live = api.context.finalized.subscribe();
    let tip = api.read(|reader| reader.tip()).await?.height;
    let next = match (resume, from_height) {
        (Some(last), _) => last.next(),
        (None, Some(height)) => Height(height.max(1)),
        (None, None) => tip.next(),
    };
    let follower = Follower {
        api: api.into_inner(),
        live,
        next,
        tip,
        with_transactions: transactions,
        greeted: false,
        handed_out: None,
        _slot: slot,
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(follower.events()))
}

async fn check_access(api: &Api, request: &HttpRequest) -> Result<(), ApiError> {
    let key = signer(api, request)?;
    let told = move |reader: &Reader| Ok(is_participants(reader, &key)? || serves(reader, &key)?.is_some());
    let known = may_stream(api, &key) || api.read(told).await?;
    if known { Ok(()) } else { Err(ApiError::NotRegistered) }
}

fn last_event_id(request: &HttpRequest) -> Result<Option<Height>, ApiError> {
    let Some(value) = request.headers().get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let height = value.to_str().ok().and_then(|text| text.parse().ok());
    match height {
        Some(height) if height < u64::MAX => Ok(Some(Height(height))),
        _ => Err(ApiError::LastEventId),
    }
}

struct Follower {
    api: Arc<Api>,
    live: Receiver<Finalized>,
    /// The block to hand out next.
    next: Height,
    /// Blocks up to this are in the store.
    tip: Height,
    with_transactions: bool,
    greeted: bool,
    /// When the last event was handed out; it is asked for another when the client has taken most of it.
    handed_out: Option<Instant>,
    _slot: OwnedSemaphorePermit,
}

impl Follower {
    fn events(self) -> impl Stream<Item = Result<Bytes, ApiError>> {
        stream::try_unfold(self, |mut follower| async move {
            let stopping = follower.api.stopping.clone();
            let event = match stopping.run_until_cancelled(follower.next_event()).await {
                Some(event) => event?,
                None => None,
            };
            follower.handed_out = Some(Instant::now());
            Ok(event.map(|event| (event, follower)))
        })
    }

    /// `None` ends the stream.
    async fn next_event(&mut self) -> Result<Option<Bytes>, ApiError> {
        let limits = &self.api.context.limits;
        if self.handed_out.is_some_and(|at| at.elapsed() > limits.stalled_max) {
            return Ok(None);
        }
        if !self.greeted {
            // Sends the response's head at once, before there is a block.
            self.greeted = true;
            return Ok(Some(Bytes::from_static(COMMENT)));
        }
        let quiet_max = limits.stream_quiet_max;
        loop {
            if self.next <= self.tip {
                return self.stored().await.map(Some);
            }
            match timeout(quiet_max, self.live.recv()).await {
                Err(_) => return Ok(Some(Bytes::from_static(COMMENT))),
                Ok(Ok(block)) => {
                    let height = block.block.header.height;
                    if height == self.next && !self.with_transactions {
                        self.next = height.next();
                        return render(&view(&block)).map(Some);
                    }
                    // A block is in the store before it is published, and its transactions are only there.
                    self.tip = self.tip.max(height);
                }
                Ok(Err(RecvError::Lagged(_))) => self.tip = self.api.read(|reader| reader.tip()).await?.height,
                Ok(Err(RecvError::Closed)) => return Ok(None),
            }
        }
    }

    async fn stored(&mut self) -> Result<Bytes, ApiError> {
        let height = self.next;
        let with_transactions = self.with_transactions;
        let read = move |reader: &Reader| read_block(reader, height, with_transactions);
        let view = self.api.read(read).await?;
        let Some(view) = view else {
            tracing::error!(height = height.0, tip = self.tip.0, "a final block is not in the store");
            return Err(ApiError::Internal);
        };
        self.next = height.next();
        render(&view)
    }
}

const COMMENT: &[u8] = b":\n\n";

/// A block with its receipts, and if wanted with their transactions, if it is on disk.
fn read_block(reader: &Reader, height: Height, with_transactions: bool) -> Result<Option<StreamedBlock>, StoreError> {
    let Some(StoredBlock { block, certificate }) = reader.block(height)? else {
        return Ok(None);
    };
    let Some(receipts) = reader.receipts(height)? else {
        return Ok(None);
    };
    let transactions = match with_transactions {
        true => reader.transactions(&block, &receipts)?,
        false => Vec::new(),
    };
    Ok(Some(StreamedBlock {
        header: block.header,
        certificate,
        receipts,
        transactions,
    }))
}

fn view(block: &Finalized) -> StreamedBlock {
    StreamedBlock {
        header: block.block.header.clone(),
        certificate: (*block.certificate).clone(),
        receipts: block.receipts.to_vec(),
        transactions: Vec::new(),
    }
}

fn render(view: &StreamedBlock) -> Result<Bytes, ApiError> {
    let mut event = format!("id: {}\nevent: block\ndata: ", view.header.height).into_bytes();
    // One line: serde_json writes none unless asked to.
    serde_json::to_writer(&mut event, view).map_err(|_| ApiError::Internal)?;
    event.extend_from_slice(b"\n\n");
    Ok(event.into())
}
