//! One host for each link of the configuration.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use super::{Desk, Keys, Permits};
use crate::{
    acquiring::{
        host::{
            Limits,
            server::{Settings, Stop, serve_until},
        },
        hsm::HsmError,
        link_key::LinkKey,
        pin_keys::PinKeys,
    },
    service::{card_routes::dialect, config::Link, context::Gateway},
};

/// Messages whose answers a link has at hand; the others are in the database.
const REMEMBERED_MAX: usize = 100_000;

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("issuing.links.{link}: cannot listen on {listen}")]
    Listen {
        link: String,
        listen: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("issuing.links.{link}: a key that the configuration names")]
    Key {
        link: String,
        #[source]
        source: HsmError,
    },
    #[error("issuing.links.{link}: account is {account}, which is of another network")]
    OtherNetwork { link: String, account: String },
}

/// What is under way when the hosts are to stop may take so long. A decision waits for finality, not longer than this by far.
const STOPS_WITHIN: Duration = Duration::from_secs(10);

/// The hosts that run, until they are stopped or dropped.
pub struct Hosts {
    tasks: JoinSet<()>,
    /// Each host stops when it is dropped.
    runs: watch::Sender<()>,
    /// Where each link listens, in the configuration's order.
    pub listen: Vec<SocketAddr>,
}

impl Hosts {
    /// Takes nothing more, answers what is under way, and closes the connections.
    pub async fn stop(self) {
        let Self { mut tasks, runs, .. } = self;
        drop(runs);
        while tasks.join_next().await.is_some() {}
    }
}

/// Listens on all links' ports. `permits` gives who is asked about cards whose PINs are under a link's keys.
pub async fn start<P: Permits>(
    gateway: &Arc<Gateway>,
    permits: impl Fn(Arc<PinKeys>) -> P,
) -> Result<Hosts, HostError> {
    let mut hosts = Hosts {
        tasks: JoinSet::new(),
        runs: watch::Sender::new(()),
        listen: Vec::new(),
    };
    let Some(issuing) = &gateway.config.issuing else {
        return Ok(hosts);
    };
    for link in &issuing.links {
        if link.account.prefix != gateway.prefix() {
            return Err(HostError::OtherNetwork {
                link: link.name.clone(),
                account: link.account.to_string(),
            });
        }
        let failed = |source| HostError::Listen {
            link: link.name.clone(),
            listen: link.listen,
            source,
        };
        let listener = TcpListener::bind(link.listen).await.map_err(failed)?;
        hosts.listen.push(listener.local_addr().map_err(failed)?);
        let no_key = |source| HostError::Key {
            link: link.name.clone(),
            source,
        };
        let keys = Keys::of(gateway, link).map_err(no_key)?;
        let mac_keys = keys.mac.as_ref().map_or(Ok(Vec::new()), LinkKey::generations);
        let (dialect, settings) = (dialect(link.variant, mac_keys.map_err(no_key)?), settings(link));
        let permits = permits(Arc::clone(&keys.pin_keys));
        let desk = Desk::new(Arc::clone(gateway), issuing, link.clone(), keys, permits);
        let mut runs = hosts.runs.subscribe();
        let stop = Stop {
            when: async move { while runs.changed().await.is_ok() {} },
            within: STOPS_WITHIN,
        };
        hosts
            .tasks
            .spawn(serve_until(listener, dialect, settings, Arc::new(desk), stop));
    }
    Ok(hosts)
}

fn settings(link: &Link) -> Settings {
    Settings {
        limits: Limits {
            undecided_max: link.undecided,
            remembered_max: REMEMBERED_MAX,
        },
        connections_max: link.connections,
        idle: Duration::from_secs(link.idle_seconds),
    }
}
