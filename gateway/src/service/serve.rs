//! From a request to its answer: read whole, authenticated, allowed, within its limit, well made, and then made once for
//! each key.

use std::{io, sync::Arc, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::Server,
    http::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    web,
};
use futures::StreamExt;

use super::{
    authenticate::{self, Credentials},
    call::{Body, Call, Caller, Reply},
    context::Gateway,
    id,
    lease::{renewed, running},
    problem::{Code, Problem},
    records::idempotency::{self, Begun, Ended, Scope},
    routes::{Access, BODY_BYTES_MAX, ROUTES, Route},
};
use crate::store::StoreError;

const CONNECTIONS_MAX: usize = 4096;

/// A request must have arrived whole within this time.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

const KEY_BYTES_MAX: usize = 64;

/// Serves until it is told to stop, on the actor system of the caller. `tls`: the server's, if it has one.
pub fn serve(gateway: &Arc<Gateway>, tls: Option<rustls::ServerConfig>) -> io::Result<Server> {
    let shared = Arc::clone(gateway);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&shared)))
            .configure(configure)
    })
    .workers(gateway.config.workers)
    .max_connections(CONNECTIONS_MAX / gateway.config.workers)
    .client_request_timeout(ARRIVAL_MAX)
    .shutdown_timeout(5);
    let server = match tls {
        Some(tls) => server.bind_rustls_0_23(gateway.config.listen, tls)?,
        None => server.bind(gateway.config.listen)?,
    };
    Ok(server.run())
}

pub(super) fn configure(config: &mut web::ServiceConfig) {
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let routes: Vec<&'static Route> = ROUTES.iter().filter(|route| route.path == path).collect();
        let allowed = routes.iter().map(|route| route.method).collect::<Vec<_>>().join(", ");
        let mut resource = web::resource(path);
        for route in routes {
            let method = Method::from_bytes(route.method.as_bytes()).expect("a method of the table");
            resource = resource.route(
                web::method(method).to(move |gateway, request, payload| answer(route, gateway, request, payload)),
            );
        }
        config.service(resource.default_service(web::to(move || {
            let allowed = allowed.clone();
            async move {
                let problem = Problem::new(Code::Method, format!("this path takes {allowed}"));
                let id = request_id();
                let mut response = response(Reply::problem(&problem, &id), &id);
                insert(response.headers_mut(), "allow", &allowed);
                response
            }
        })));
    }
    config.default_service(web::to(|| async {
        let problem = Problem::new(Code::NoRoute, "there is nothing at this path; /docs says what there is");
        let id = request_id();
        response(Reply::problem(&problem, &id), &id)
    }));
}

/// Names a request in the log and in its answer.
fn request_id() -> String {
    let now_ms = causeway_wallet::clock::now_ms().0;
    id::new("req", now_ms).unwrap_or_else(|_| "req".to_owned())
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn response(reply: Reply, request_id: &str) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if !reply.content_type.is_empty() {
        response.content_type(reply.content_type);
    }
    let mut response = match reply.body {
        Body::Whole(body) => response.body(body),
        Body::Chunks(chunks) => response.streaming(chunks),
    };
    let headers = response.headers_mut();
    insert(headers, "x-request-id", request_id);
    insert(headers, "x-content-type-options", "nosniff");
    insert(headers, "referrer-policy", "no-referrer");
    insert(headers, "cache-control", "no-store");
    for (name, value) in reply.headers {
        insert(headers, name, &value);
    }
    response
}

async fn answer(
    route: &'static Route,
    gateway: web::Data<Gateway>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let id = request_id();
    let gateway = gateway.into_inner();
    let mut headers = Vec::new();
    let reply = match handled(route, &gateway, &request, payload, &mut headers, &id).await {
        Ok(reply) => reply,
        Err(problem) => Reply::problem(&problem, &id),
    };
    let mut response = response(reply, &id);
    for (name, value) in headers {
        insert(response.headers_mut(), name, &value);
    }
    response
}

async fn handled(
    route: &'static Route,
    gateway: &Arc<Gateway>,
    request: &HttpRequest,
    payload: web::Payload,
    headers: &mut Vec<(&'static str, String)>,
    request_id: &str,
) -> Result<Reply, Problem> {
    if route.body_bytes_max > BODY_BYTES_MAX {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        authenticate::known(gateway, header("authorization"), header("signature-input").is_some()).await?;
    }
    let body = match tokio::time::timeout(ARRIVAL_MAX, read(payload, route.body_bytes_max)).await {
        Ok(body) => body?,
        Err(_) => {
            let detail = format!("the body did not arrive within {} s", ARRIVAL_MAX.as_secs());
            return Err(Problem::new(Code::Slow, detail));
        }
    };
    let fields: Vec<_> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let target = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let credentials = Credentials {
        method: route.method,
        target,
        fields: &fields,
        body: &body,
        idempotent: route.idempotent,
    };
    let caller = match route.access {
        Access::Open => Caller::Nobody,
        Access::Client(scope) => authenticate::client(gateway, &credentials, scope).await?,
        Access::Operator => authenticate::operator(gateway, &credentials).await?,
    };
    let now_ms = gateway.now_ms();
    let asker = match &caller {
        Caller::Nobody => None,
        Caller::Client(client) => Some(client.id.clone()),
        Caller::Operator(operator) => Some(format!("operator {operator}")),
    };
    if let Some(asker) = asker {
        let left = gateway.limits.take(&asker, now_ms);
        headers.push(("ratelimit-policy", gateway.limits.policy()));
        headers.push((
            "ratelimit",
            format!("\"client\";r={};t={}", left.requests, left.seconds),
        ));
        if !left.allowed {
            let detail = "the client asks too often; the header RateLimit-Policy says how often it may";
            return Err(Problem::new(Code::RateLimited, detail).later(left.seconds.max(1)));
        }
    }
    let header = |name: &str| {
        fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    };
    let mut call = Call {
        method: route.method,
        target: target.to_owned(),
        parameters: request
            .match_info()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        query: request.query_string().to_owned(),
        content_type: header("content-type").map(str::to_owned),
        accept: header("accept").map(str::to_owned),
        authorization: header("authorization").map(str::to_owned),
        body,
        caller,
        object: id::unique(now_ms)?,
        now_ms,
    };
    // No text of the databases has one.
    if call.query.contains("%00") {
        return Err(Problem::new(Code::QueryInvalid, "a text has no NUL character"));
    }
    // Ids are short, and have no strange characters.
    let is_id = |value: &str| value.len() <= 128 && value.bytes().all(|byte| byte.is_ascii_graphic());
    if !call.parameters.iter().all(|(_, value)| is_id(value)) {
        return Err(Problem::not_found("object"));
    }
    if !route.idempotent {
        (route.check)(&call)?;
        return (route.handler)(gateway, &call).await;
    }
    let key = header("idempotency-key").map(str::to_owned);
    once(route, gateway, &mut call, key, headers, request_id).await
}

async fn read(mut payload: web::Payload, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::BodyMalformed, "the body ended before its end"))?;
        if body.len() + chunk.len() > bytes_max {
            let detail = format!("a body at this path has at most {bytes_max} bytes");
            return Err(Problem::new(Code::BodyTooLarge, detail));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Once for each key: the first answer is given again.
async fn once(
    route: &'static Route,
    gateway: &Arc<Gateway>,
    call: &mut Call,
    key: Option<String>,
    headers: &mut Vec<(&'static str, String)>,
    request_id: &str,
) -> Result<Reply, Problem> {
    let key = key.ok_or_else(|| {
        let detail = "send an Idempotency-Key, such as a UUID: the same for the same request, when it is sent again";
        Problem::new(Code::KeyAbsent, detail)
    })?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let detail = format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible ASCII characters");
        return Err(Problem::new(Code::KeyInvalid, detail));
    }
    (route.check)(call)?;
    let scope = Scope {
        client: call.client().id.clone(),
        method: call.method,
        path: call.target.clone(),
        key,
    };
    let fingerprint = gateway.keys.fingerprint(&call.body);
    let begun = {
        let (scope, object, now_ms) = (scope.clone(), call.object.clone(), call.now_ms);
        gateway
            .store
            .write::<_, StoreError, _>(move |sql| idempotency::begin(sql, &scope, &fingerprint, &object, now_ms))
            .await?
    };
    let mut attempt = match begun {
        Begun::New { object, attempt } => {
            call.object = object;
            attempt
        }
        Begun::Answered { status, answer } => {
            headers.push(("idempotency-hit", "true".to_owned()));
            return opened(gateway, &scope, status, &answer);
        }
        Begun::Running => return Err(running()),
        Begun::Other => {
            let detail = "this key was used with another body; a new request takes a new key";
            return Err(Problem::new(Code::KeyOtherBody, detail));
        }
    };
    let made = renewed((route.handler)(gateway, call), async || {
        let (scope, now_ms) = (scope.clone(), gateway.now_ms());
        let renew = gateway
            .store
            .write::<_, StoreError, _>(move |sql| idempotency::renew(sql, &scope, attempt, now_ms));
        let next = renew.await?;
        attempt = next.unwrap_or(attempt);
        Ok(next.is_some())
    });
    let reply = match made.await? {
        Ok(reply) => reply,
        Err(problem) => Reply::problem(&problem, request_id),
    };
    let is_later = reply.headers.iter().any(|(name, _)| *name == "retry-after");
    let how = match reply.status {
        // It may have been done: a commit can be made without anyone hearing of it.
        500.. => Ended::Unknown,
        _ if reply.is_secret => Ended::Unknown,
        400 | 401 | 403 | 413 | 429 => Ended::Nothing,
        _ if is_later => Ended::Nothing,
        status => match &reply.body {
            Body::Whole(body) => Ended::Answered {
                status,
                answer: gateway.keys.seal(&place(&scope), &stored(&reply.content_type, body))?,
            },
            Body::Chunks(_) => Ended::Unknown,
        },
    };
    let is_answer = matches!(how, Ended::Answered { .. });
    let counts = gateway
        .store
        .write::<_, StoreError, _>(move |sql| idempotency::ended(sql, &scope, attempt, &how))
        .await?;
    // All who ask are answered alike: by whoever has taken over.
    if is_answer && !counts {
        return Err(running());
    }
    Ok(reply)
}

/// Where an answer is sealed for: it may have secrets in it.
fn place(scope: &Scope) -> String {
    format!(
        "idempotency/{}/{}/{}/{}",
        scope.client, scope.method, scope.path, scope.key
    )
}

/// The content type on the first line, then the body.
fn stored(content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = content_type.to_owned().into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(body);
    bytes
}

fn opened(gateway: &Gateway, scope: &Scope, status: u16, answer: &[u8]) -> Result<Reply, Problem> {
    let opened = gateway
        .keys
        .open(&place(scope), answer)
        .map_err(|error| Problem::internal(&error))?;
    let end = opened.iter().position(|byte| *byte == b'\n').unwrap_or(opened.len());
    let (content_type, body) = opened.split_at(end);
    Ok(Reply {
        status,
        content_type: String::from_utf8_lossy(content_type).into_owned(),
        body: Body::Whole(body.get(1..).unwrap_or_default().to_vec()),
        headers: Vec::new(),
        is_secret: false,
    })
}
