//! Which loopback port each validator and service listens on, and whether those ports are free.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use serde::{Deserialize, Serialize};

use crate::{genesis::validator_name, services::Service};

/// The first port of a devnet unless told otherwise.
pub const BASE_PORT: u16 = 27_100;

/// More would take the ports of services.
pub const VALIDATORS_MAX: u16 = 90;

const API_OFFSET: u16 = 100;
const GATEWAY_OFFSET: u16 = 190;
const MAKER_OFFSET: u16 = 195;
const ISSUER_OFFSET: u16 = 197;
const WEBHOOKS_OFFSET: u16 = 199;
const METRICS_OFFSET: u16 = 200;
const CARDS_OFFSET: u16 = 290;

/// Ports that one devnet takes, whether or not it has 90 validators.
pub const RANGE: u16 = 300;

/// Validator `i` has its network on `base + i`, its API on `base + 100 + i`, and its metrics on
/// `base + 200 + i`. Gateways are on `base + 190` and the ports after it, makers on
/// `base + 195` and after, issuers' services on `base + 197` and after; acquirers reach the first gateway's cards on
/// `base + 290`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BasePort(u16);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    #[error("--base-port must be from 1024 to {}; a devnet takes the {RANGE} ports from it on", u16::MAX - RANGE)]
    OutOfRange,
    #[error(
        "port {port} on 127.0.0.1 ({purpose} of {owner}) cannot be had: {problem}. Stop what uses it, or choose other ports with --base-port, such as --base-port {other}"
    )]
    InUse {
        port: u16,
        purpose: &'static str,
        owner: String,
        problem: PortProblem,
        other: u16,
    },
    #[error("no {RANGE} free ports were found from {0} on; say where with --base-port")]
    NoneFree(u16),
}

/// The operating system's word for why it gives no port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortProblem(std::io::ErrorKind);

impl fmt::Display for PortProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl BasePort {
    pub fn new(base: u16) -> Result<Self, PortError> {
        if (1024..=u16::MAX - RANGE).contains(&base) {
            Ok(Self(base))
        } else {
            Err(PortError::OutOfRange)
        }
    }

    pub fn get(self) -> u16 {
        self.0
    }

    pub fn network(self, validator: u16) -> SocketAddr {
        self.at(validator)
    }

    pub fn api(self, validator: u16) -> SocketAddr {
        self.at(API_OFFSET + validator)
    }

    pub fn metrics(self, validator: u16) -> SocketAddr {
        self.at(METRICS_OFFSET + validator)
    }

    /// Of one of at most five.
    pub fn gateway(self, index: u16) -> SocketAddr {
        self.at(GATEWAY_OFFSET + index)
    }

    /// Of one of at most two.
    pub fn maker(self, index: u16) -> SocketAddr {
        self.at(MAKER_OFFSET + index)
    }

    /// Of one of at most two.
    pub fn issuer(self, index: u16) -> SocketAddr {
        self.at(ISSUER_OFFSET + index)
    }

    /// Where gateways may send webhooks without TLS. Nothing of the devnet's listens there.
    pub fn webhooks(self) -> SocketAddr {
        self.at(WEBHOOKS_OFFSET)
    }

    /// Where the first gateway answers the second's operator by ISO 8583.
    pub fn cards(self) -> SocketAddr {
        self.at(CARDS_OFFSET)
    }

    /// Where a validator is reached by its peers, as a libp2p multiaddress.
    pub fn multiaddress(self, validator: u16) -> String {
        format!("/ip4/127.0.0.1/tcp/{}", self.network(validator).port())
    }

    fn at(self, offset: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.0 + offset).into()
    }

    /// Names the first port among those of these validators that something else has.
    pub fn check_free(self, validators: u16) -> Result<(), PortError> {
        for validator in 0..validators {
            let uses = [
                ("network", self.network(validator)),
                ("API", self.api(validator)),
                ("metrics", self.metrics(validator)),
            ];
            for (purpose, address) in uses {
                self.check(address, purpose, || validator_name(validator))?;
            }
        }
        Ok(())
    }

    /// The same of services.
    pub fn check_free_for_services(self) -> Result<(), PortError> {
        let mut services = Service::ALL.into_iter();
        services.try_for_each(|service| self.check_free_for(service))
    }

    pub fn check_free_for(self, service: Service) -> Result<(), PortError> {
        if service == Service::Gateway(0) {
            self.check(self.cards(), "ISO 8583", || service.name())?;
        }
        self.check(service.listen(self), "API", || service.name())
    }

    fn check(
        self,
        address: SocketAddr,
        purpose: &'static str,
        owner: impl FnOnce() -> String,
    ) -> Result<(), PortError> {
        TcpListener::bind(address).map(drop).map_err(|error| PortError::InUse {
            port: address.port(),
            purpose,
            owner: owner(),
            problem: PortProblem(error.kind()),
            other: self.next().map_or(BASE_PORT, |next| next.0),
        })
    }

    /// The one asked for or, without that, the first from `default` on whose ports are free.
    pub fn chosen(asked: Option<u16>, default: u16, validators: u16) -> Result<Self, PortError> {
        match asked {
            Some(base) => Self::new(base),
            None => Self::new(default)?.first_free(validators),
        }
    }

    /// The first base from `self` on, in steps of a whole range, whose ports are free.
    pub fn first_free(self, validators: u16) -> Result<Self, PortError> {
        std::iter::successors(Some(self), |base| base.next())
            .find(|base| base.check_free(validators).is_ok() && base.check_free_for_services().is_ok())
            .ok_or(PortError::NoneFree(self.0))
    }

    fn next(self) -> Option<Self> {
        self.0.checked_add(RANGE).and_then(|base| Self::new(base).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_do_not_overlap() {
        let base = BasePort::new(BASE_PORT).unwrap();
        let mut ports: Vec<_> = (0..VALIDATORS_MAX)
            .flat_map(|i| [base.network(i), base.api(i), base.metrics(i)])
            .collect();
        ports.extend(Service::ALL.map(|service| service.listen(base)));
        ports.push(Service::Instance(0).listen(base));
        ports.extend([base.webhooks(), base.cards()]);
        let uses = ports.len();
        ports.sort();
        ports.dedup();
        assert_eq!(ports.len(), uses);
        let within = base.get()..base.get() + RANGE;
        assert!(ports.iter().all(|address| within.contains(&address.port())));
        assert_eq!(base.multiaddress(3), "/ip4/127.0.0.1/tcp/27103");
        assert_eq!(base.api(3).to_string(), "127.0.0.1:27203");
        assert_eq!(base.gateway(1).to_string(), "127.0.0.1:27291");
    }

    #[test]
    fn a_base_without_room_is_refused() {
        assert_eq!(BasePort::new(80), Err(PortError::OutOfRange));
        assert_eq!(BasePort::new(65_400), Err(PortError::OutOfRange));
        assert!(BasePort::new(u16::MAX - RANGE).is_ok());
    }

    #[test]
    fn a_taken_port_is_named_with_a_way_out() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = holder.local_addr().unwrap().port();
        // As the API port of validator 0.
        let Ok(base) = BasePort::new(port - API_OFFSET) else {
            return;
        };
        let error = base.check_free(1).unwrap_err();
        let PortError::InUse { port: named, other, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((*named, *other), (port, port - API_OFFSET + RANGE));
        let text = error.to_string();
        assert!(
            text.contains(&port.to_string()) && text.contains("--base-port"),
            "{text}"
        );
        assert_ne!(base.first_free(1).unwrap(), base);
    }
}
