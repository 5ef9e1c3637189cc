//! What both gateways say of one remittance.

use std::time::{Duration, Instant};

use causeway_devnet::services::api::text;
use serde_json::Value;

use crate::{Town, cases::Role};

/// Any wait for a state ends after this: longer than a hold.
const PATIENCE: Duration = Duration::from_secs(90);

const POLL: Duration = Duration::from_millis(100);

/// One remittance at both gateways.
pub struct Copies<'a> {
    pub town: &'a Town,
    pub case: &'static str,
    pub id: &'a str,
    pub uetr: &'a str,
}

impl Copies<'_> {
    /// Of the role's gateway.
    pub async fn find(&self, role: Role) -> Option<Value> {
        if role.is_senders() {
            return Some(
                self.town
                    .outgoing
                    .get(&format!("/v1/remittances/{}", self.id))
                    .await
                    .unwrap(),
            );
        }
        let page = self.town.incoming.get("/v1/remittances?limit=100").await.unwrap();
        let all = page["data"].as_array().unwrap();
        all.iter().find(|remittance| remittance["uetr"] == self.uetr).cloned()
    }

    /// Until that is its state; the edges up to there.
    pub async fn wait(&self, role: Role, state: &str) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.find(role).await;
            if let Some(found) = &found
                && found["state"] == state
            {
                return edges(found);
            }
            assert!(
                Instant::now() < until,
                "{}: {role:?} does not see {state}, but {found:?}",
                self.case
            );
            tokio::time::sleep(POLL).await;
        }
    }

    pub async fn post(&self, role: Role, what: &str, body: &Value) {
        let found = self.find(role).await.unwrap();
        let path = format!("/v1/remittances/{}/{what}", text(&found, "/id").unwrap());
        let api = match role {
            Role::Sender => &self.town.outgoing,
            Role::Payee => &self.town.incoming,
            officer => &self.town.officers[&officer],
        };
        let posted = api.post(&path, body).await;
        posted.unwrap_or_else(|error| panic!("{}: {error:#}", self.case));
    }
}

/// As the table in `state.rs` has them.
fn edges(remittance: &Value) -> Vec<String> {
    let moments = remittance["timeline"].as_array().unwrap();
    let name = |moment: &Value| {
        let state = text(moment, "/state").unwrap();
        match moment["held_by"].as_str() {
            Some(side) => format!("{state} of the {side}"),
            None => state.to_owned(),
        }
    };
    moments
        .windows(2)
        .map(|pair| format!("{} -> {}", name(&pair[0]), name(&pair[1])))
        .collect()
}
