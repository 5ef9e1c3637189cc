//! Clients do not give up: whatever has no answer is sent again, the same with the same key, until it has one, or for long
//! after the last fault.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::Value;
use tokio::{sync::watch, time::sleep};

use crate::services::api::Api;

pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// After the last fault, everything comes to its end within this.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// What a request comes to.
#[derive(Debug)]
pub(super) enum Answer {
    Done(Value),
    /// A refusal that is final.
    Refused(Value),
}

impl Answer {
    pub fn done(self) -> Option<Value> {
        match self {
            Self::Done(answer) => Some(answer),
            Self::Refused(_) => None,
        }
    }
}

/// When clients give up, as they know it: not as long as things are broken.
#[derive(Clone)]
pub(super) struct End(watch::Receiver<Option<Instant>>);

/// Tells clients that nothing is broken any more.
pub(super) struct Over(watch::Sender<Option<Instant>>);

impl Over {
    pub fn new() -> (Self, End) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), End(receiver))
    }

    /// Nothing new is begun from now on. Gives the end.
    pub fn tell(&self) -> Instant {
        let end = Instant::now() + PATIENCE;
        self.0.send_replace(Some(end));
        end
    }
}

impl End {
    /// Whether nothing is broken any more.
    pub fn is_near(&self) -> bool {
        self.0.borrow().is_some()
    }

    pub fn has_come(&self) -> bool {
        self.0.borrow().is_some_and(|end| Instant::now() >= end)
    }
}

/// Sends the same request with the same key until it is answered: by a success, or by a refusal that is final.
///
/// # Errors
/// It is not by the end, or an answer makes no sense.
pub(super) async fn insist(api: &Api, path: &str, body: &Value, end: &End) -> anyhow::Result<Answer> {
    let key = key()?;
    loop {
        match attempt(api, path, body, &key).await? {
            Ok(answer) => return Ok(answer),
            Err(why) if end.has_come() => {
                bail!(
                    "POST {path} has no answer {} s after the last fault: {why}",
                    PATIENCE.as_secs()
                )
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// The same, but `None` if there is no answer and nothing is broken any more: for what need not have an end.
pub(super) async fn insist_until_near(
    api: &Api,
    path: &str,
    body: &Value,
    end: &End,
) -> anyhow::Result<Option<Answer>> {
    let key = key()?;
    loop {
        match attempt(api, path, body, &key).await? {
            Ok(answer) => return Ok(Some(answer)),
            Err(_) if end.is_near() => return Ok(None),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

fn key() -> anyhow::Result<String> {
    let mut key = [0; 16];
    getrandom::fill(&mut key)?;
    Ok(hex::encode(key))
}

/// The answer, or why there is none yet.
async fn attempt(api: &Api, path: &str, body: &Value, key: &str) -> anyhow::Result<Result<Answer, String>> {
    let (status, answer) = match api.try_post(path, body, key).await {
        Ok(answered) => answered,
        Err(error) => return Ok(Err(format!("{error:#}"))),
    };
    if status < 300 {
        return Ok(Ok(Answer::Done(answer)));
    }
    // Running, or not now: it is not known yet.
    if status >= 500 || matches!(status, 401 | 429) || answer["code"] == "3002" {
        if status == 401 {
            // If the gateway is away just now, the next attempt says so again.
            let _away = api.renew().await;
        }
        return Ok(Err(format!("{status} {answer}")));
    }
    ensure!(matches!(status, 409 | 422), "POST {path} came to {status}: {answer}");
    Ok(Ok(Answer::Refused(answer)))
}
