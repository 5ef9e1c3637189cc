//! One host for each link of the configuration.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinSet};

use super::{Desk, Permits};
use crate::{
    acquiring::host::{
        Limits,
        server::{Settings, serve},
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
    #[error("issuing.links.{link}: account is {account}, which is of another network")]
    OtherNetwork { link: String, account: String },
}

/// The hosts that run, until they are dropped.
pub struct Hosts {
    tasks: JoinSet<()>,
    /// Where each link listens, in the configuration's order.
    pub listen: Vec<SocketAddr>,
}

/// Listens on all links' ports. `permits` is asked about cards.
pub async fn start<P: Permits>(gateway: &Arc<Gateway>, permits: impl Fn() -> P) -> Result<Hosts, HostError> {
    let mut hosts = Hosts {
        tasks: JoinSet::new(),
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
        let desk = Desk::new(Arc::clone(gateway), issuing, link.clone(), permits());
        let (dialect, settings) = (dialect(link.variant), settings(link));
        hosts.tasks.spawn(serve(listener, dialect, settings, Arc::new(desk)));
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
