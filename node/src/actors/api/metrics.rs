//! What the API measures of itself, what the process is, and `GET /metrics`.

use std::{fs, time::Instant};

use actix_web::{
    HttpResponse, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderMap,
    middleware::Next,
    web,
};
use prometheus::{
    Encoder, Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::{context::Api, error::ApiError};

/// Requests by route, never by path: labels that clients can choose would grow without end.
pub(super) struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
    pub waiters: IntGauge,
    pub over_budget: IntCounter,
    pub connections: ConnectionMetrics,
}

/// Connections of the API that are open, and those that it closed of itself, by why.
#[derive(Clone)]
pub(super) struct ConnectionMetrics {
    open: IntGauge,
    closed: IntCounterVec,
}

impl ConnectionMetrics {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let open = IntGauge::new("causeway_http_connections", "Connections that are open.")?;
        let closed = IntCounterVec::new(
            Opts::new(
                "causeway_http_connections_closed_total",
                "Connections closed by the node: address_full, full, lost, made_room, quiet.",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(open.clone()))?;
        registry.register(Box::new(closed.clone()))?;
        Ok(Self { open, closed })
    }

    pub fn closed(&self, reason: &str) {
        self.closed.with_label_values(&[reason]).inc();
    }

    pub fn set_open(&self, count: usize) {
        self.open.set(count as i64);
    }
}

impl HttpMetrics {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new(
                "causeway_http_requests_total",
                "Requests answered, by route and status.",
            ),
            &["route", "status"],
        )?;
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "causeway_http_request_seconds",
                "From a request's headers to its answer's, waiting for a receipt included.",
            )
            .buckets(buckets),
            &["route"],
        )?;
        let waiters = IntGauge::new("causeway_http_receipt_waiters", "Requests that wait for a receipt.")?;
        let over_budget = IntCounter::new(
            "causeway_http_over_budget_total",
            "Transactions refused since their connection had spent its budget.",
        )?;
        registry.register(Box::new(over_budget.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(waiters.clone()))?;
        Ok(Self {
            requests,
            seconds,
            waiters,
            over_budget,
            connections: ConnectionMetrics::register(registry)?,
        })
    }
}

/// Bounds a request's headers, and counts and times its answer.
pub(super) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let start = Instant::now();
    let api = request
        .app_data::<web::Data<Api>>()
        .expect("given to every App of this server")
        .clone();
    let max = api.context.limits.header_bytes_max;
    let actual = header_bytes(request.headers());
    let response = if actual > max {
        let refusal = ApiError::HeadersTooLong { actual, max }.error_response();
        request.into_response(refusal).map_into_right_body()
    } else {
        next.call(request).await?.map_into_left_body()
    };
    let route = response.request().match_pattern();
    let route = route.as_deref().unwrap_or("none");
    let metrics = &api.metrics;
    metrics
        .requests
        .with_label_values(&[route, response.status().as_str()])
        .inc();
    metrics
        .seconds
        .with_label_values(&[route])
        .observe(start.elapsed().as_secs_f64());
    Ok(response)
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

/// Metrics
///
/// In Prometheus' text format, on the metrics address.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn metrics(registry: web::Data<Registry>) -> Result<HttpResponse, ApiError> {
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    encoder.encode(&registry.gather(), &mut text).map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        ApiError::Internal
    })?;
    Ok(HttpResponse::Ok().content_type(encoder.format_type()).body(text))
}

/// Memory, processor time and open files of this process, read when they are asked for. Named as
/// Prometheus' own libraries name them. On systems without `/proc` there are none.
pub(super) struct ProcessMetrics {
    resident_bytes: IntGauge,
    cpu_seconds: Gauge,
    open_fds: IntGauge,
}

impl ProcessMetrics {
    pub fn new() -> Result<Self, prometheus::Error> {
        Ok(Self {
            resident_bytes: IntGauge::new("process_resident_memory_bytes", "Resident memory, in bytes.")?,
            cpu_seconds: Gauge::new("process_cpu_seconds_total", "User and system time, in seconds.")?,
            open_fds: IntGauge::new("process_open_fds", "Open file descriptors.")?,
        })
    }
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [
            self.resident_bytes.desc(),
            self.cpu_seconds.desc(),
            self.open_fds.desc(),
        ]
        .concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = Vec::new();
        if let Some(bytes) = resident_bytes() {
            self.resident_bytes.set(bytes);
            families.extend(self.resident_bytes.collect());
        }
        if let Some(seconds) = cpu_seconds() {
            self.cpu_seconds.set(seconds);
            families.extend(self.cpu_seconds.collect());
        }
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            self.open_fds.set(i64::try_from(entries.count()).unwrap_or(i64::MAX));
            families.extend(self.open_fds.collect());
        }
        families
    }
}

/// `VmRSS:     1234 kB` (proc_pid_status(5)).
fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

/// Fields 14 and 15 of proc_pid_stat(5), in ticks, of which Linux counts 100 a second towards
/// programs on every architecture that nodes run on.
fn cpu_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}
