//! What anyone may read.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::CACHE_CONTROL,
    web::{self, Path},
};
use causeway_contracts::{
    api::{BlockView, EvidencePage, Handovers, Nodes, Problem, ProtocolStatus, Status, ValidatorView, Validators},
    block::Height,
    committee::ValidatorId,
    governance::CurrencyRecord,
    money::Currency,
    statement::{Answer, SignedStatement},
};
use futures::try_join;
use serde::{Deserialize, Serialize};

use super::{
    context::Api,
    error::{ApiError, NotAccepting},
    routes::{self, IMMUTABLE},
};
use crate::{
    actors::{ledger::message::Tip, mempool::message::GetCapacity, network::message::Peers},
    store::{Reader, StoredBlock},
};

/// The node's status
#[utoipa::path(get, path = "/v1/status", responses((status = 200, body = Status)))]
pub(super) async fn status(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let context = &api.context;
    let (tip, committed, peers, capacity) = try_join!(
        api.read(Reader::tip),
        api.ask(&context.tip, Tip),
        api.ask(&context.peers, Peers),
        api.ask(&context.capacity, GetCapacity),
    )?;
    let behind = context
        .progress
        .borrow()
        .best_height_seen
        .0
        .saturating_sub(tip.height.0);
    let accepting = accepting(capacity.refusing, behind, &api).is_ok();
    let validator = ValidatorId::of(&context.key.public_key());
    Ok(HttpResponse::Ok().json(Status {
        network: context.genesis.name.to_string(),
        genesis: context.genesis_hash,
        address_prefix: context.genesis.address_prefix,
        validator,
        role: context.members.borrow().role(&validator),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: ProtocolStatus::new(&committed.protocol, committed.height, context.known),
        height: tip.height,
        time_ms: tip.time_ms,
        block: tip.block,
        state_hash: tip.state_hash,
        validators: count(committed.validators.len()),
        peers: count(peers.len()),
        behind,
        accepting,
        pending_transactions: capacity.pending,
    }))
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

fn accepting(
    refusing: Option<crate::actors::mempool::message::Refusal>,
    behind: u64,
    api: &Api,
) -> Result<(), NotAccepting> {
    match refusing {
        Some(refusal) => Err(NotAccepting::Refusing(refusal)),
        None if behind > api.context.limits.behind_max => Err(NotAccepting::Behind(behind)),
        None => Ok(()),
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    /// Always true; when it is not, the answer is an error that says why.
    accepting: bool,
}

/// Whether to send transactions here
///
/// For load balancers: 200 while the node takes transactions and is not far behind the others.
#[utoipa::path(
    get,
    path = "/health",
    responses(
        (status = 200, body = Health),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Not now; the detail says why."),
    ),
)]
pub(super) async fn health(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let capacity = match api.ask(&api.context.capacity, GetCapacity).await {
        Err(ApiError::NoAnswer) => return Err(ApiError::NotAccepting(NotAccepting::NoAnswer)),
        answer => answer?,
    };
    let behind = api.context.progress.borrow().behind();
    accepting(capacity.refusing, behind, &api).map_err(ApiError::NotAccepting)?;
    Ok(HttpResponse::Ok().json(Health { accepting: true }))
}

/// All currencies
#[utoipa::path(get, path = "/v1/currencies", responses((status = 200, body = Vec<CurrencyRecord>)))]
pub(super) async fn currencies(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(api.read(Reader::currencies).await?))
}

/// A currency, signed
///
/// This validator's signed statement about a currency, or that there is no such currency.
#[utoipa::path(
    get,
    path = "/v1/currencies/{code}",
    params(("code" = Currency, Path, description = "Such as EUR")),
    responses(
        (status = 200, body = SignedStatement),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not a currency code."),
    ),
)]
pub(super) async fn currency(api: web::Data<Api>, code: Path<String>) -> Result<HttpResponse, ApiError> {
    let code: Currency = code.parse().map_err(ApiError::Currency)?;
    let (tip, record) = api.read(move |reader| reader.currency(code)).await?;
    let answer = match record {
        Some(record) => Answer::Currency(record),
        None => Answer::NoCurrency(code),
    };
    Ok(HttpResponse::Ok().json(api.state(&tip, answer)))
}

/// A final block
///
/// Its header, the certificate that makes it final, and the digests of its batches. Its receipts are
/// in the stream, which is not open; one by its transaction's id is.
#[utoipa::path(
    get,
    path = "/v1/blocks/{height}",
    params(("height" = u64, Path, description = "From 1", minimum = 1)),
    responses(
        (status = 200, body = BlockView),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not a height."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Not final here, or not yet."),
    ),
)]
pub(super) async fn block(api: web::Data<Api>, height: Path<String>) -> Result<HttpResponse, ApiError> {
    let height = match height.parse() {
        Ok(height) if height > 0 => Height(height),
        _ => return Err(ApiError::Height),
    };
    let ((first, tip), stored) = api
        .read(move |reader| {
            let first = reader.beginning()?.max(Height(1));
            Ok(((first, reader.tip()?.height), reader.block(height)?))
        })
        .await?;
    let StoredBlock { block, certificate } = stored.ok_or(ApiError::NoBlock { height, first, tip })?;
    let view = BlockView {
        header: block.header,
        certificate,
        batches: block.batches.into_vec(),
        checkpoint: block.checkpoint,
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, IMMUTABLE)).json(view))
}

/// The validators
///
/// Those that decide the next block.
#[utoipa::path(get, path = "/v1/validators", responses((status = 200, body = Validators)))]
pub(super) async fn validators(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let committed = api.ask(&api.context.tip, Tip).await?;
    let members = api.context.members.borrow().clone();
    let next = committed.height.next();
    let validators = committed
        .validators
        .iter()
        .map(|(id, validator)| ValidatorView {
            id: *id,
            name: members
                .nodes
                .of_validator_key(&validator.key)
                .map(|node| node.name.clone())
                .unwrap_or_default(),
            key: validator.key,
            power: validator.power,
            absent: committed.rotation.is_absent(id, next),
        })
        .collect();
    Ok(HttpResponse::Ok().json(Validators {
        height: committed.height,
        hash: committed.validators.hash(),
        validators,
    }))
}

/// The nodes
///
/// Those that connect to each other: validators, those that may become one, and observers.
#[utoipa::path(get, path = "/v1/nodes", responses((status = 200, body = Nodes)))]
pub(super) async fn nodes(api: web::Data<Api>) -> Result<HttpResponse, ApiError> {
    let (tip, nodes) = api.read(Reader::nodes).await?;
    Ok(HttpResponse::Ok().json(Nodes {
        height: tip.height,
        nodes,
    }))
}

/// Changes of validators
///
/// The last 256 of them, or with `from` the first 256 at or above that height: for each, the last block that the
/// old set decided, with its certificate, and the new set. Whoever trusts one set follows them to the one that
/// decides now, asking again from the next height on while there are 256.
#[utoipa::path(
    get,
    path = "/v1/handovers",
    params(HandoversQuery),
    responses(
        (status = 200, body = Handovers),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A bad query."),
    ),
)]
pub(super) async fn handovers(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let HandoversQuery { from } = routes::query(&request, "from")?;
    let handovers = api
        .read(move |reader| match from {
            Some(from) => reader.handovers_from(from),
            None => reader.handovers(Height(u64::MAX)),
        })
        .await?;
    Ok(HttpResponse::Ok().json(Handovers { handovers }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HandoversQuery {
    /// The first height that is of interest.
    #[param(value_type = Option<u64>, required = false)]
    from: Option<Height>,
}

/// A page has at least this many records, if there are as many, and ends with a validator's last.
const EVIDENCE_ENOUGH: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EvidenceQuery {
    after: Option<ValidatorId>,
}

/// Validators that signed twice
///
/// What the ledger has recorded: two different votes or proposals of one validator for one step. The
/// signatures prove it by themselves; the transaction's receipt proves that it was recorded.
#[utoipa::path(
    get,
    path = "/v1/evidence",
    params(("after" = Option<ValidatorId>, Query, description = "The `next` of the page before.")),
    responses(
        (status = 200, body = EvidencePage),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not a validator's id."),
    ),
)]
pub(super) async fn evidence(api: web::Data<Api>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let EvidenceQuery { after } = routes::query(&request, "after")?;
    let (tip, evidence, more) = api.read(move |reader| reader.evidence(after, EVIDENCE_ENOUGH)).await?;
    let next = evidence.last().filter(|_| more).map(|last| last.evidence.validator);
    Ok(HttpResponse::Ok().json(EvidencePage {
        height: tip.height,
        evidence,
        next,
    }))
}

/// What is here
#[utoipa::path(get, path = "/", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn index(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(api.index.clone())
}

/// This description
#[utoipa::path(get, path = "/openapi.json", responses((status = 200, content_type = "application/json", body = Object)))]
pub(super) async fn openapi(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(api.document.clone())
}
