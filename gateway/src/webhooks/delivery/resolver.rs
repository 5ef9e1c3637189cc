use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
};

/// How names become addresses. Tests have another one than the system's.
pub trait Resolve {
    /// All addresses of a name, in the order in which they are to be tried.
    fn resolve(&self, name: &str) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send;
}

/// As the machine is configured: its hosts file, then its name servers.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        // The port is part of the system's interface, not of the question.
        let addresses = tokio::net::lookup_host((name, 0)).await?;
        Ok(addresses.map(|address: SocketAddr| address.ip()).collect())
    }
}
