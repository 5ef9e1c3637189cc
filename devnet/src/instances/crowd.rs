//! A hundred clients with the same requests under the same keys. Each asks one process, tries the other when it has no
//! answer, goes on until it has one, and then asks the other way round: all of them are to be answered alike.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::{
    sync::Barrier,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::services::api::Api;

pub const CLIENTS: usize = 100;

const PAUSE: Duration = Duration::from_millis(50);

/// Nothing that a client waits for takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The name of a customer that all clients ask for.
pub fn customer(number: u64) -> String {
    format!("Crowd {number}")
}

#[derive(Debug, Clone)]
pub struct Request {
    pub path: &'static str,
    pub body: Value,
    pub key: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

/// All of them are one client to the gateway.
pub struct Crowd {
    pub instances: [Arc<Api>; 2],
}

impl Crowd {
    pub fn new(instances: [Arc<Api>; 2]) -> Self {
        Self { instances }
    }

    /// All clients send it at the same moment, half of them to each process, and then to the other. The answer that all
    /// have got is that it is made; another with the same key is refused by both.
    pub async fn once(&self, request: &Request, another: &Request) -> anyhow::Result<Value> {
        let at_once = Arc::new(Barrier::new(CLIENTS));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (instances, request, at_once) = (self.instances.clone(), request.clone(), Arc::clone(&at_once));
            clients.spawn(async move {
                at_once.wait().await;
                let first = insist(&instances, client, &request).await?;
                anyhow::Ok([first, insist(&instances, client + 1, &request).await?])
            });
        }
        let mut answers = Vec::new();
        while let Some(answer) = clients.join_next().await {
            answers.extend(answer??);
        }
        let answer = the_only(request, answers)?;
        ensure!(
            answer.status == 201,
            "{}: {} {}",
            request.key,
            answer.status,
            answer.text
        );
        for instance in &self.instances {
            let (status, told) = instance.try_post(another.path, &another.body, &another.key).await?;
            ensure!(
                status == 422 && told["code"] == "3001",
                "{}: {status} {told}",
                another.key
            );
        }
        Ok(serde_json::from_str(&answer.text)?)
    }

    /// All clients send all of these, each begins with another, and asks process `first` before the other. What each
    /// request has come to, for all of them.
    pub fn rush(
        &self,
        first: usize,
        requests: Vec<Request>,
    ) -> impl Future<Output = anyhow::Result<Vec<Answer>>> + use<> {
        let requests = Arc::new(requests);
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (instances, requests) = (self.instances.clone(), Arc::clone(&requests));
            clients.spawn(async move {
                let mut answers = Vec::new();
                for place in 0..requests.len() {
                    let place = (client + place) % requests.len();
                    answers.push((place, insist(&instances, first, &requests[place]).await?));
                }
                anyhow::Ok(answers)
            });
        }
        async move {
            let mut answers = vec![Vec::new(); requests.len()];
            while let Some(client) = clients.join_next().await {
                for (place, answer) in client?? {
                    answers[place].push(answer);
                }
            }
            let of_each = requests.iter().zip(answers);
            of_each.map(|(request, answers)| the_only(request, answers)).collect()
        }
    }
}

/// What all were answered.
fn the_only(request: &Request, mut answers: Vec<Answer>) -> anyhow::Result<Answer> {
    let answer = answers.pop().context("nobody was answered")?;
    let other = answers.iter().find(|other| **other != answer);
    if let Some(other) = other {
        anyhow::bail!("{} was answered in two ways: {answer:?} and {other:?}", request.key);
    }
    Ok(answer)
}

/// Sends it until it is answered for good, to one process and the other in turn.
async fn insist(instances: &[Arc<Api>; 2], first: usize, request: &Request) -> anyhow::Result<Answer> {
    let until = Instant::now() + PATIENCE;
    let mut last = String::new();
    for attempt in 0.. {
        let instance = &instances[(first + attempt) % 2];
        match instance.try_post_text(request.path, &request.body, &request.key).await {
            Ok((401, _)) => {
                // One that is away just now says so again.
                let _away = instance.renew().await;
            }
            Ok((status, text)) if is_passing(status, &text) => last = text,
            Ok((status, text)) => return Ok(Answer { status, text }),
            Err(error) => last = error.to_string(),
        }
        ensure!(Instant::now() < until, "{} has no answer yet: {last}", request.key);
        sleep(PAUSE).await;
    }
    unreachable!("attempts have no end")
}

/// Running at another's, or not now.
fn is_passing(status: u16, text: &str) -> bool {
    let code = |text| {
        serde_json::from_str::<Value>(text).ok()?["code"]
            .as_str()
            .map(str::to_owned)
    };
    status >= 500 || status == 429 || code(text).as_deref() == Some("3002")
}
