//! Listens, and stops cleanly.

use std::{
    io,
    net::{Shutdown, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    middleware::from_fn,
    rt::{net::TcpStream, task::JoinHandle},
    web,
};
use socket2::SockRef;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{
    context::{Api, ApiContext},
    hub::Hub,
    metrics::{HttpMetrics, ProcessMetrics, observe},
    routes,
    shares::{Share, Shares, SharesMax},
    underway::hold,
};
use crate::actors::budget::{Budget, OverBudget, Rate};

/// Threads that serve the API. Handlers do not block; reads of the store run on threads of their own.
const WORKERS: usize = 2;

/// Threads for reads of the store, for each worker.
const BLOCKING_THREADS_MAX: usize = 4;

/// How often quiet connections are looked for, at least.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Requests under way have this long to end when the server stops.
const SHUTDOWN_SECONDS: u64 = 3;

/// Connections of a worker beyond those that are served: turned away, and not closed yet.
const CLOSING_MAX: usize = 64;

const METRICS_CONNECTIONS_MAX: usize = 16;

/// Where to listen. Port 0 takes a free one.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    pub api: SocketAddr,
    pub metrics: SocketAddr,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address} for {what}")]
    Listen {
        what: &'static str,
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("a metric of the API is registered already, or misnamed")]
    Metrics(#[from] prometheus::Error),
}

/// What a connection holds while it is open.
pub(super) struct Connection {
    budget: Mutex<Budget>,
    pub share: Share,
}

impl Connection {
    fn new(share: Share, rate: Rate) -> Self {
        Self {
            budget: Mutex::new(Budget::new(rate, Instant::now())),
            share,
        }
    }

    pub fn spend(&self, work: u32, now: Instant) -> Result<(), OverBudget> {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.spend(work, now)
    }
}

/// A running API. Dropped, it goes on; [`ApiServer::stop`] ends it.
pub struct ApiServer {
    api: (ServerHandle, JoinHandle<io::Result<()>>),
    metrics: (ServerHandle, JoinHandle<io::Result<()>>),
    addresses: Listen,
    stopping: CancellationToken,
}

/// Starts the API and the metrics on threads of their own. What cannot be listened on is reported
/// here, before anything is served. Must be called within an actix system.
pub fn serve(context: ApiContext, listen: Listen) -> Result<ApiServer, ServeError> {
    let stopping = CancellationToken::new();
    let http_metrics = HttpMetrics::register(&context.registry)?;
    context.registry.register(Box::new(ProcessMetrics::new()?))?;
    let limits = context.limits.clone();
    let registry = web::Data::new(context.registry.clone());
    let (hub, hub_task) = Hub::new(
        context.finalized.subscribe(),
        limits.waiters_max,
        http_metrics.waiters.clone(),
        stopping.clone(),
    );
    let shares_max = SharesMax {
        connections: limits.connections_max,
        of_address: limits.address_connections_max,
    };
    let shares = Shares::new(shares_max, http_metrics.connections.clone());
    let quiet_max = limits.keep_alive + limits.arrival_max;
    let closing = close_quiet(shares.clone(), quiet_max, stopping.clone());
    let api = web::Data::new(Api::new(context, hub, http_metrics, stopping.clone()));

    let stalled_max = limits.stalled_max;
    let connection_budget = limits.connection_budget;
    let api_server = HttpServer::new(move || {
        App::new()
            .app_data(api.clone())
            .wrap(from_fn(observe))
            .wrap(from_fn(hold))
            .configure(|config| routes::configure(routes::API, config))
    })
    .workers(WORKERS)
    .worker_max_blocking_threads(BLOCKING_THREADS_MAX)
    .max_connections(limits.connections_max.div_ceil(WORKERS) + CLOSING_MAX)
    .client_request_timeout(limits.arrival_max)
    .keep_alive(limits.keep_alive)
    // A client that has gone is not waited for.
    .h1_allow_half_closed(false)
    .on_connect(move |connection, data| {
        if let Some(stream) = connection.downcast_ref::<TcpStream>() {
            cut_off_when_stalled(stream, stalled_max);
            match shares.take(stream) {
                Ok(share) => drop(data.insert(Connection::new(share, connection_budget))),
                Err(_) => close(stream),
            }
        }
    })
    .disable_signals()
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .bind(listen.api)
    .map_err(|source| ServeError::Listen {
        what: "the API",
        address: listen.api,
        source,
    })?;

    let metrics_server = HttpServer::new(move || {
        App::new()
            .app_data(registry.clone())
            .configure(|config| routes::configure(routes::METRICS, config))
    })
    .workers(1)
    .max_connections(METRICS_CONNECTIONS_MAX)
    .client_request_timeout(limits.arrival_max)
    .keep_alive(limits.keep_alive)
    .disable_signals()
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .bind(listen.metrics)
    .map_err(|source| ServeError::Listen {
        what: "metrics",
        address: listen.metrics,
        source,
    })?;

    let bound = |addresses: Vec<SocketAddr>, asked| addresses.first().copied().unwrap_or(asked);
    let addresses = Listen {
        api: bound(api_server.addrs(), listen.api),
        metrics: bound(metrics_server.addrs(), listen.metrics),
    };
    let start = |server: actix_web::dev::Server| (server.handle(), actix_web::rt::spawn(server));
    actix_web::rt::spawn(hub_task);
    actix_web::rt::spawn(closing);
    tracing::info!(api = %addresses.api, metrics = %addresses.metrics, "listening");
    Ok(ApiServer {
        api: start(api_server.run()),
        metrics: start(metrics_server.run()),
        addresses,
        stopping,
    })
}

/// actix-http waits for the headers of a connection's later requests for as long as some of them come.
async fn close_quiet(shares: Shares, quiet_max: Duration, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK_EVERY.min(quiet_max));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        shares.close_quiet(quiet_max);
    }
}

/// Nothing else ends a connection whose peer acknowledges our probes but never reads (tcp(7),
/// TCP_USER_TIMEOUT).
fn cut_off_when_stalled(stream: &TcpStream, stalled_max: Duration) {
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(stalled_max)) {
        tracing::debug!(%error, "a connection without a time limit on its peer");
    }
}

fn close(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).shutdown(Shutdown::Both) {
        tracing::debug!(%error, "a connection was closed already");
    }
}

impl ApiServer {
    /// The addresses that are listened on.
    pub fn addresses(&self) -> Listen {
        self.addresses
    }

    /// Takes no more connections, ends streams and waiting requests, and gives others a moment to
    /// finish.
    pub async fn stop(self) {
        self.stopping.cancel();
        for (handle, task) in [self.api, self.metrics] {
            handle.stop(true).await;
            match task.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a listener failed"),
                Err(error) => tracing::error!(%error, "a listener's task failed"),
            }
        }
    }
}
