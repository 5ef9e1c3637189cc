//! Asks nodes how they are, over their public API and metrics.

use std::{net::SocketAddr, time::Duration};

use causeway_contracts::api::Status;
use futures::future::join_all;
use reqwest::Client;

use crate::{metrics::Metrics, network::Plan};

/// A node that does not answer in this time counts as down.
const PATIENCE: Duration = Duration::from_secs(2);

const POLL: Duration = Duration::from_millis(50);

#[derive(Clone)]
pub struct Observer {
    http: Client,
    plan: Plan,
}

impl Observer {
    pub fn new(plan: Plan) -> Result<Self, reqwest::Error> {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { http, plan })
    }

    /// Whether a node says that it is well: 200 on `/health`.
    pub async fn is_healthy(&self, validator: u16) -> bool {
        let request = self
            .http
            .get(format!("http://{}/health", self.plan.base_port.api(validator)));
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// `None` if the node does not answer.
    pub async fn status(&self, validator: u16) -> Option<Status> {
        let address = self.plan.base_port.api(validator);
        let answer = self.http.get(format!("http://{address}/v1/status")).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    }

    pub async fn statuses(&self) -> Vec<Option<Status>> {
        join_all((0..self.plan.validators).map(|validator| self.status(validator))).await
    }

    /// Waits until all validators are at one height.
    pub async fn at_one_height(&self) -> Vec<Status> {
        loop {
            let statuses: Option<Vec<_>> = self.statuses().await.into_iter().collect();
            if let Some(statuses) = statuses
                && statuses.windows(2).all(|pair| pair[0].height == pair[1].height)
            {
                return statuses;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// `None` if the node does not answer.
    pub async fn metrics(&self, validator: u16) -> Option<Metrics> {
        let address: SocketAddr = self.plan.base_port.metrics(validator);
        let answer = self.http.get(format!("http://{address}/metrics")).send().await.ok()?;
        Some(Metrics::parse(&answer.error_for_status().ok()?.text().await.ok()?))
    }
}
