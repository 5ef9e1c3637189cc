use std::{net::IpAddr, str::FromStr};

use url::{Host, Position, Url};

use crate::webhooks::address::{AddressFault, check_addresses};

/// Of an endpoint's URL.
pub const URL_BYTES_MAX: usize = 2048;

/// A host as URLs have it (lower case, brackets around an IPv6 address) and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostAndPort {
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a host, a colon and a port in decimal digits, such as localhost:8080")]
pub struct HostAndPortFault;

impl FromStr for HostAndPort {
    type Err = HostAndPortFault;

    fn from_str(text: &str) -> Result<Self, HostAndPortFault> {
        if text.len() > URL_BYTES_MAX {
            return Err(HostAndPortFault);
        }
        let (host, port) = text.rsplit_once(':').ok_or(HostAndPortFault)?;
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HostAndPortFault);
        }
        Ok(Self {
            host: Host::parse(host).map_err(|_| HostAndPortFault)?,
            port: port.parse().map_err(|_| HostAndPortFault)?,
        })
    }
}

/// Why a text is no URL to send webhooks to; the first of these that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    #[error("the URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    #[error("this is not an absolute URL with a host, such as https://example.com/webhooks")]
    NotAUrl,
    #[error("the URL has a user name or password: leave these out, webhooks are signed")]
    UserInfo,
    #[error("the URL has a fragment, which would not be sent: leave out # and what follows")]
    Fragment,
    #[error("webhooks are sent over https alone: the URL has to begin with https://")]
    Scheme,
}

/// Where one message goes: an https URL, or an http URL of a local host.
#[derive(Debug)]
pub(super) struct Target {
    url: Url,
    at: HostAndPort,
    local: bool,
}

impl Target {
    /// `local`: the hosts with these ports, exactly, may be loopback and http.
    pub fn parse(text: &str, local: &[HostAndPort]) -> Result<Self, TargetFault> {
        if text.len() > URL_BYTES_MAX {
            return Err(TargetFault::TooLong);
        }
        let url = Url::parse(text).map_err(|_| TargetFault::NotAUrl)?;
        let host = url.host().ok_or(TargetFault::NotAUrl)?.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetFault::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(TargetFault::Fragment);
        }
        let port = url.port_or_known_default().ok_or(TargetFault::Scheme)?;
        let at = HostAndPort { host, port };
        let local = local.contains(&at);
        match url.scheme() {
            "https" => {}
            "http" if local => {}
            _ => return Err(TargetFault::Scheme),
        }
        Ok(Self { url, at, local })
    }

    /// The host, if it is an address rather than a name.
    pub fn address(&self) -> Option<IpAddr> {
        match self.at.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// A name, or an address without brackets.
    pub fn host(&self) -> &str {
        let host = self.url.host_str().expect("checked when parsed");
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub fn port(&self) -> u16 {
        self.at.port
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The value of `host`, RFC 9110 section 7.2: without the port if it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// What is asked for, RFC 9112 section 3.2.1.
    pub fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// Every address has to be global unicast, or loopback if the host is a local one.
    pub fn check_addresses(&self, addresses: &[IpAddr]) -> Result<(), AddressFault> {
        let judged: Vec<_> = addresses
            .iter()
            .copied()
            .filter(|address| !(self.local && address.is_loopback()))
            .collect();
        if judged.is_empty() && !addresses.is_empty() {
            return Ok(());
        }
        check_addresses(&judged)
    }
}
