//! Where a validator listens or is dialed.

use std::{fmt, net::SocketAddr, str::FromStr};

use libp2p::multiaddr::{self, Multiaddr, Protocol};
use serde::{Deserialize, Serialize};

/// An IP address and a TCP port as a multiaddress, such as `/ip4/127.0.0.1/tcp/27100`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TcpAddress {
    multiaddress: Multiaddr,
    socket: SocketAddr,
}

/// What is wrong with an address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    #[error("'{text}' is not a multiaddress ({source}); write it as /ip4/127.0.0.1/tcp/27100")]
    Form { text: String, source: multiaddr::Error },
    #[error("'{text}' is not an IP address and a TCP port; write it as /ip4/127.0.0.1/tcp/27100")]
    NotTcp { text: String },
}

impl TcpAddress {
    pub fn multiaddress(&self) -> &Multiaddr {
        &self.multiaddress
    }

    pub fn socket(&self) -> SocketAddr {
        self.socket
    }
}

impl FromStr for TcpAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let multiaddress: Multiaddr = text.parse().map_err(|source| AddressError::Form {
            text: text.to_owned(),
            source,
        })?;
        let parts: Vec<_> = multiaddress.iter().collect();
        let socket = match parts[..] {
            [Protocol::Ip4(ip), Protocol::Tcp(port)] => SocketAddr::from((ip, port)),
            [Protocol::Ip6(ip), Protocol::Tcp(port)] => SocketAddr::from((ip, port)),
            _ => return Err(AddressError::NotTcp { text: text.to_owned() }),
        };
        Ok(Self { multiaddress, socket })
    }
}

impl TryFrom<String> for TcpAddress {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<TcpAddress> for String {
    fn from(address: TcpAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.multiaddress.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_ip_address_and_a_tcp_port() {
        for good in ["/ip4/127.0.0.1/tcp/27100", "/ip6/::1/tcp/0"] {
            let address: TcpAddress = good.parse().unwrap();
            assert_eq!(address.to_string(), good);
        }
        let socket = "/ip4/127.0.0.1/tcp/27100".parse::<TcpAddress>().unwrap().socket();
        assert_eq!(socket, ([127, 0, 0, 1], 27_100).into());
        for bad in [
            "",
            "localhost:27100",
            "127.0.0.1:27100",
            "/ip4/127.0.0.1/udp/27100",
            "/ip4/127.0.0.1",
            "/ip4/127.0.0.1/tcp/99999",
            "/dns4/bank.example/tcp/27100",
            "/ip4/127.0.0.1/tcp/27100/ws",
        ] {
            let error = bad.parse::<TcpAddress>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("'{bad}' is not ")), "{error}");
            assert!(error.ends_with("write it as /ip4/127.0.0.1/tcp/27100"), "{error}");
        }
    }
}
