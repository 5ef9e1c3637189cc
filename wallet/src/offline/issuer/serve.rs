//! HTTP around the service.
//!
//! What takes the ledger's time runs on threads of its own, and goes on where whoever asked has gone away.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer, dev::Server, error::JsonPayloadError, http::header::CACHE_CONTROL, web,
};
use causeway_contracts::offline::{
    ids::{ListVersion, LoadCounter, PurseId},
    message::Message,
};
use futures::StreamExt as _;
use serde::Deserialize;
use tokio::{runtime::Handle, sync::Semaphore, time::timeout};

use super::{
    client::{Granted, Registered, Registration, UPLOAD_BYTES_MAX},
    problem::Problem,
    purses::Purses,
};

/// Of a registration; a good one has some 700.
const JSON_BYTES_MAX: usize = 4 * 1024;

const CONNECTIONS_MAX: usize = 256;

/// How many requests are worked on at once.
const WORKS_MAX: usize = 32;

/// A request's headers must have arrived within this time, and then its body.
const ARRIVAL_MAX: Duration = Duration::from_secs(5);

/// What is answered later than this is answered as late.
const ANSWER_MAX: Duration = Duration::from_secs(80);

/// What the handlers share.
pub struct Counter {
    purses: Arc<Purses>,
    /// The threads on which the ledger is asked.
    runtime: Handle,
    works: Arc<Semaphore>,
    syncing: Arc<Mutex<BTreeSet<PurseId>>>,
}

impl Counter {
    pub fn new(purses: Purses, runtime: Handle) -> Self {
        Self {
            purses: Arc::new(purses),
            runtime,
            works: Arc::new(Semaphore::new(WORKS_MAX)),
            syncing: Arc::default(),
        }
    }

    /// Works on a request, and waits for it for a while.
    async fn work<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = Arc::clone(&self.works).try_acquire_owned().map_err(|_| Problem::Busy)?;
        let task = self.runtime.spawn(async move {
            let _permit = permit;
            work.await
        });
        match timeout(ANSWER_MAX, task).await {
            Ok(Ok(answer)) => answer,
            // The task failed, by a bug: its purse is as the ledger has it.
            Ok(Err(_)) | Err(_) => Err(Problem::Late),
        }
    }

    /// Until it is dropped no other sync of this purse is worked on.
    fn begin(&self, purse: PurseId) -> Result<Syncing, Problem> {
        let mut syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        if !syncing.insert(purse) {
            return Err(Problem::Running);
        }
        Ok(Syncing {
            all: Arc::clone(&self.syncing),
            purse,
        })
    }
}

struct Syncing {
    all: Arc<Mutex<BTreeSet<PurseId>>>,
    purse: PurseId,
}

impl Drop for Syncing {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.purse);
    }
}

type Answer = Result<HttpResponse, Problem>;

fn messages(messages: &[Message]) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type("application/octet-stream")
        .body(Message::concatenate(messages))
}

async fn about(counter: web::Data<Counter>) -> Answer {
    Ok(HttpResponse::Ok().json(counter.purses.about()?))
}

async fn register(counter: web::Data<Counter>, body: web::Json<Registration>) -> Answer {
    let (purses, registration) = (Arc::clone(&counter.purses), body.into_inner());
    let certificate = counter
        .work(async move { purses.register(&registration).await })
        .await?;
    Ok(HttpResponse::Created().json(Registered { certificate }))
}

/// A part of the path, or why it is not one.
fn part<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| Problem::Path(format!("{name}: {error}")))
}

fn purse_of(text: &str) -> Result<PurseId, Problem> {
    part("the purse's id", text)
}

async fn grant(counter: web::Data<Counter>, path: web::Path<(String, String)>) -> Answer {
    let (purse, counter_text) = path.into_inner();
    let purse = purse_of(&purse)?;
    let of_load = LoadCounter(part("the load's counter", &counter_text)?);
    let purses = Arc::clone(&counter.purses);
    let grant = counter.work(async move { purses.grant(purse, of_load).await }).await?;
    Ok(HttpResponse::Ok().json(Granted { grant }))
}

async fn sync(counter: web::Data<Counter>, path: web::Path<String>, body: web::Payload) -> Answer {
    let purse = purse_of(&path)?;
    let bytes = timeout(ARRIVAL_MAX, read(body)).await.map_err(|_| Problem::Slow)??;
    let syncing = counter.begin(purse)?;
    let purses = Arc::clone(&counter.purses);
    let work = async move {
        let _syncing = syncing;
        purses.sync(purse, &bytes).await
    };
    Ok(messages(&counter.work(work).await?))
}

async fn read(mut body: web::Payload) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| Problem::Body(error.to_string()))?;
        if bytes.len() + chunk.len() > UPLOAD_BYTES_MAX {
            return Err(Problem::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewsQuery {
    #[serde(default)]
    list: ListVersion,
}

async fn news(counter: web::Data<Counter>, query: web::Query<NewsQuery>) -> Answer {
    let (purses, list) = (Arc::clone(&counter.purses), query.list);
    Ok(messages(&counter.work(async move { purses.news(list).await }).await?))
}

/// Serves until the process is told to stop. Gives the address that it listens on, whose port may have been chosen by
/// the system. Runs on the actor system of the caller.
pub fn serve(counter: Counter, listen: SocketAddr) -> io::Result<(Server, SocketAddr)> {
    let counter = web::Data::new(counter);
    let server = HttpServer::new(move || App::new().configure(|config| routes(config, counter.clone())))
        .workers(1)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(ARRIVAL_MAX)
        .shutdown_timeout(5)
        .bind(listen)?;
    let address = server.addrs()[0];
    Ok((server.run(), address))
}

fn routes(config: &mut web::ServiceConfig, counter: web::Data<Counter>) {
    let json = web::JsonConfig::default()
        .limit(JSON_BYTES_MAX)
        .error_handler(|error, _| json_problem(&error).into());
    let query = web::QueryConfig::default().error_handler(|error, _| Problem::Path(error.to_string()).into());
    let only = |allowed| web::to(move || async move { Err::<HttpResponse, _>(Problem::Method(allowed)) });
    let get = |path, route| web::resource(path).route(route).default_service(only("GET"));
    let post = |path, route| web::resource(path).route(route).default_service(only("POST"));
    config
        .app_data(counter)
        .app_data(json)
        .app_data(query)
        .service(get("/health", web::get().to(HttpResponse::Ok)))
        .service(get("/v1/issuer", web::get().to(about)))
        .service(get("/v1/news", web::get().to(news)))
        .service(get("/v1/purses/{id}/grants/{counter}", web::get().to(grant)))
        .service(post("/v1/purses/{id}/sync", web::post().to(sync)))
        .service(post("/v1/purses", web::post().to(register)))
        .default_service(web::to(|| async { Err::<HttpResponse, _>(Problem::NoRoute) }));
}

fn json_problem(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => Problem::TooLong,
        JsonPayloadError::ContentType => Problem::NotJson,
        other => Problem::Body(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
