//! Which programs run beside the validators.

use std::{net::SocketAddr, path::PathBuf};

use crate::{fleet::sibling, ports::BasePort};

/// An operator that has a gateway.
pub struct Operator {
    /// One of [`OPERATORS`](crate::genesis::OPERATORS).
    pub id: &'static str,
    /// ISO 9362; the 0 at its end marks one for tests.
    pub bic: &'static str,
}

/// Of a bank in Germany and of one in Thailand.
pub const GATEWAYS: [Operator; 2] = [
    Operator {
        id: "BANKA",
        bic: "BNKADEF0",
    },
    Operator {
        id: "BANKB",
        bic: "BNKBTHB0",
    },
];

pub struct Maker {
    /// At which it has its account.
    pub operator: &'static str,
    pub spread_bp: u16,
}

pub const MAKERS: [Maker; 2] = [
    Maker {
        operator: "BANKA",
        spread_bp: 25,
    },
    Maker {
        operator: "BANKB",
        spread_bp: 40,
    },
];

/// Whose service signs for purses.
pub struct Issuer {
    pub currency: &'static str,
    /// At which it and the fund that guarantees have their accounts.
    pub operator: &'static str,
}

pub const ISSUERS: [Issuer; 1] = [Issuer {
    currency: "CNY",
    operator: "BANKA",
}];

/// A program that runs beside the validators, by its place in [`GATEWAYS`], [`MAKERS`] or [`ISSUERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Gateway(u16),
    /// A second process of a gateway's operator, on the same database.
    Instance(u16),
    Maker(u16),
    Issuer(u16),
}

impl Service {
    /// By which money goes abroad.
    pub const REMITTANCE: [Self; 4] = [Self::Maker(0), Self::Maker(1), Self::Gateway(0), Self::Gateway(1)];

    /// By which purses are loaded and redeemed.
    pub const OFFLINE: [Self; 1] = [Self::Issuer(0)];

    /// Of every network that runs until it is stopped.
    pub const ALL: [Self; 5] = [
        Self::Maker(0),
        Self::Maker(1),
        Self::Gateway(0),
        Self::Gateway(1),
        Self::Issuer(0),
    ];

    /// Of it and of its folder.
    pub fn name(self) -> String {
        match self {
            Self::Gateway(index) => format!("gateway-{}", GATEWAYS[usize::from(index)].id.to_lowercase()),
            Self::Instance(index) => format!("{}-2", Self::Gateway(index).name()),
            Self::Maker(index) => format!("maker-{}", index + 1),
            Self::Issuer(index) => format!("issuer-{}", ISSUERS[usize::from(index)].currency.to_lowercase()),
        }
    }

    pub const fn kind(self) -> &'static str {
        match self {
            Self::Gateway(_) | Self::Instance(_) => "gateway",
            Self::Maker(_) => "maker",
            Self::Issuer(_) => "issuer",
        }
    }

    pub fn listen(self, ports: BasePort) -> SocketAddr {
        match self {
            Self::Gateway(index) => ports.gateway(index),
            Self::Instance(index) => ports.gateway(GATEWAYS.len() as u16 + index),
            Self::Maker(index) => ports.maker(index),
            Self::Issuer(index) => ports.issuer(index),
        }
    }

    /// The base URL of its API.
    pub fn url(self, ports: BasePort) -> String {
        format!("http://{}", self.listen(ports))
    }

    /// Words of the command line before the options.
    pub(super) const fn command(self) -> &'static [&'static str] {
        match self {
            Self::Gateway(_) | Self::Instance(_) => &["run"],
            Self::Maker(_) => &["maker"],
            Self::Issuer(_) => &["offline", "issuer"],
        }
    }

    /// Whether it signs with keys of a wallet, which a passphrase opens.
    pub(super) const fn has_wallet(self) -> bool {
        !matches!(self, Self::Issuer(_))
    }
}

/// The programs that services are.
#[derive(Debug, Clone)]
pub struct Programs {
    pub gateway: PathBuf,
    pub wallet: PathBuf,
}

impl Programs {
    /// Beside this program, unless the environment names others.
    pub fn find() -> anyhow::Result<Self> {
        Ok(Self {
            gateway: sibling("CAUSEWAY_GATEWAY", "causeway-gateway")?,
            wallet: sibling("CAUSEWAY_WALLET", "causeway")?,
        })
    }

    pub fn of(&self, service: Service) -> &PathBuf {
        match service {
            Service::Gateway(_) | Service::Instance(_) | Service::Maker(_) => &self.gateway,
            Service::Issuer(_) => &self.wallet,
        }
    }
}
