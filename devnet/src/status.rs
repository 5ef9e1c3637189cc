//! One row for each validator: whether it runs, and what it says of itself; and one for each gateway and maker.
//! Fits 80 columns.

use causeway_contracts::api::Status;

use crate::{
    fleet,
    genesis::validator_name,
    network::Network,
    observer::Observer,
    services::{self, Service},
    table::Table,
};

pub async fn table(network: &Network) -> anyhow::Result<Table> {
    let observer = Observer::new(network.plan)?;
    let statuses = observer.statuses().await;
    let running = fleet::running(&network.folder, network.plan)?;
    let mut table = Table::new([
        "validator",
        "state",
        "height",
        "state hash",
        "peers",
        "behind",
        "memory",
        // Ports on 127.0.0.1.
        "api",
        "metrics",
    ]);
    for (validator, status) in (0..).zip(&statuses) {
        let process = running.iter().find(|(index, _)| *index == validator).map(|(_, id)| id);
        let said = |field: fn(&Status) -> String| status.as_ref().map_or("-".to_owned(), field);
        let state = match (process, status) {
            (Some(_), Some(_)) => "up",
            (Some(_), None) => "no answer",
            (None, Some(_)) => "not ours",
            (None, None) => "down",
        };
        table.row([
            validator_name(validator),
            state.to_owned(),
            said(|status| status.height.to_string()),
            said(|status| short(&status.state_hash.to_string())),
            said(|status| status.peers.to_string()),
            said(|status| status.behind.to_string()),
            process
                .and_then(|id| id.resident_bytes())
                .map_or("-".to_owned(), mebibytes),
            network.plan.base_port.api(validator).port().to_string(),
            network.plan.base_port.metrics(validator).port().to_string(),
        ]);
    }
    Ok(table)
}

pub fn services(network: &Network) -> anyhow::Result<Table> {
    let running = services::running(&network.folder)?;
    let mut table = Table::new(["service", "state", "memory", "api"]);
    for service in Service::ALL {
        let process = running.iter().find(|(found, _)| *found == service).map(|(_, id)| id);
        let bytes = process.and_then(|id| id.resident_bytes());
        table.row([
            service.name(),
            if process.is_some() { "up" } else { "down" }.to_owned(),
            bytes.map_or("-".to_owned(), mebibytes),
            service.url(network.plan.base_port),
        ]);
    }
    Ok(table)
}

/// The beginning of a hash, enough to tell two apart by eye.
pub fn short(hash: &str) -> String {
    hash.chars().take(10).collect()
}

pub fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}
