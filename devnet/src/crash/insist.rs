//! Clients do not give up: whatever has no answer is sent again, the same with the same key.

use std::time::Duration;

use serde_json::Value;
use tokio::{sync::watch, time::sleep};

use crate::services::api::Api;

pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// What a request comes to.
#[derive(Debug)]
pub(super) enum Answer {
    Done(Value),
    /// A refusal that is final.
    Refused(Value),
    /// It is not known: it was time to stop.
    Stopped,
}

impl Answer {
    pub fn done(self) -> Option<Value> {
        match self {
            Self::Done(answer) => Some(answer),
            Self::Refused(_) | Self::Stopped => None,
        }
    }
}

/// For requests that are brought to their end also when it is time to stop: they may have had an effect.
pub(super) fn never() -> watch::Receiver<bool> {
    watch::channel(false).1
}

/// Sends the same request with the same key until it is answered: by a success, or by a refusal that is final.
pub(super) async fn insist(
    api: &Api,
    path: &str,
    body: &Value,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<Answer> {
    let mut key = [0; 16];
    getrandom::fill(&mut key)?;
    let key = hex::encode(key);
    loop {
        if let Ok((status, answer)) = api.try_post(path, body, &key).await {
            let code = answer["code"].as_str().unwrap_or_default();
            // Running, or not now: it is not known yet.
            let passes = status >= 500 || status == 429 || status == 401 || code == "3002";
            if status < 300 {
                return Ok(Answer::Done(answer));
            }
            if !passes {
                let known = matches!(status, 409 | 422);
                anyhow::ensure!(known, "POST {path} came to {status}: {answer}");
                return Ok(Answer::Refused(answer));
            }
            if status == 401 {
                // If the gateway is away just now, the next attempt says so again.
                let _away = api.renew().await;
            }
        }
        if *stopped.borrow() {
            return Ok(Answer::Stopped);
        }
        sleep(PAUSE).await;
    }
}
