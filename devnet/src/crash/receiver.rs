//! Takes webhooks, and remembers which events came, with what was in them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use causeway_gateway::webhooks::{Received, VerifyingSecret, verify};
use causeway_wallet::clock;

/// By the endpoint's path, the secret that verifies what comes there, and what has come.
#[derive(Default)]
struct Taken {
    secrets: BTreeMap<String, VerifyingSecret>,
    /// Event's id to body.
    events: BTreeMap<String, BTreeMap<String, String>>,
    /// Event's id to how often it came.
    arrivals: BTreeMap<String, BTreeMap<String, u32>>,
    /// Objects to when the first event about them came.
    times: BTreeMap<String, BTreeMap<String, Instant>>,
    /// Times that one came which was not signed by the gateway, or had another body before.
    wrong: Vec<String>,
}

#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Receiver {
    /// Until the process ends.
    pub fn start(address: SocketAddr) -> anyhow::Result<Self> {
        let taken = Arc::new(Mutex::new(Taken::default()));
        let shared = web::Data::new(Arc::clone(&taken));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(web::PayloadConfig::new(1024 * 1024))
                .route("/{place}", web::post().to(take))
        })
        .workers(1)
        .disable_signals()
        .bind(address)?;
        tokio::spawn(server.run());
        Ok(Self { address, taken })
    }

    pub fn url(&self, place: &str) -> String {
        format!("http://{}/{place}", self.address)
    }

    pub fn expect(&self, place: &str, secret: &str) -> anyhow::Result<()> {
        let secret = VerifyingSecret::parse(secret)?;
        self.locked().secrets.insert(place.to_owned(), secret);
        Ok(())
    }

    pub fn events(&self, place: &str) -> BTreeMap<String, String> {
        self.locked().events.get(place).cloned().unwrap_or_default()
    }

    /// By event, how often each has come.
    pub fn arrivals(&self, place: &str) -> BTreeMap<String, u32> {
        self.locked().arrivals.get(place).cloned().unwrap_or_default()
    }

    /// By the object that they were about.
    pub fn times(&self, place: &str) -> BTreeMap<String, Instant> {
        self.locked().times.get(place).cloned().unwrap_or_default()
    }

    pub fn wrong(&self) -> Vec<String> {
        self.locked().wrong.clone()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(
    taken: web::Data<Arc<Mutex<Taken>>>,
    place: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let received = Received {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: &body,
    };
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    // The gateway tries again once the secret is known here.
    let Some(secret) = taken.secrets.get(&*place).cloned() else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    let id = match verify(&received, &[secret], clock::now_ms().0 / 1000) {
        Ok(id) => id.to_string(),
        Err(refusal) => {
            taken.wrong.push(format!("a webhook: {refusal}"));
            return HttpResponse::BadRequest().finish();
        }
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    let about: Option<serde_json::Value> = serde_json::from_str(&body).ok();
    if let Some(object) = about.as_ref().and_then(|event| event["data"]["id"].as_str()) {
        let times = taken.times.entry(place.clone()).or_default();
        times.entry(object.to_owned()).or_insert_with(Instant::now);
    }
    *taken
        .arrivals
        .entry(place.clone())
        .or_default()
        .entry(id.clone())
        .or_default() += 1;
    let before = taken
        .events
        .entry(place.into_inner())
        .or_default()
        .insert(id.clone(), body.clone());
    if before.is_some_and(|before| before != body) {
        taken.wrong.push(format!("{id}: came again with another body"));
    }
    HttpResponse::NoContent().finish()
}
