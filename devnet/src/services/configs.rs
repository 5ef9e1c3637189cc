//! What services are run with: written anew at every start, since ports and the day may be others.

pub(super) mod text;

use std::{net::SocketAddr, path::PathBuf};

use causeway_contracts::offline::issuer::KeyRole;
use serde::Serialize;
use time::OffsetDateTime;

use self::text::{
    AcquiringText, FeeText, GatewayText, IssuerOperatorText, IssuerText, LimitsText, MakerText, OperatorText, PegText,
    RatesText, SellText, WebhooksText,
};
use super::{
    GATEWAYS, ISSUERS, MAKERS, Service,
    cards::{self, Mandates},
    issuers::{self, key_file},
    wallets::{CUSTODY_KEY, MAKER},
};
use crate::{folder, genesis::OPERATORS, network::Network};

/// What makers allow, with room for what a gateway leaves of it.
const MAKER_HOLD_SECONDS: u32 = 900;

/// For how long a quote may be used, and how long a maker that has just started does not quote.
pub const QUOTE_SECONDS: u64 = 20;

/// Rates are of the day of the start, and a devnet may run for long.
const RATES_DAYS_MAX: u16 = 3_660;

/// Units for one euro by the European Central Bank's reference rates of 13 April 2026, of the devnet's currencies that
/// have one there.
const RATES: [(&str, &str); 6] = [
    ("USD", "1.1684"),
    ("JPY", "186.75"),
    ("CNY", "7.9827"),
    ("HKD", "9.1507"),
    ("SGD", "1.4912"),
    ("THB", "37.728"),
];

/// The dirham has been bound to the dollar at this rate since 1997.
const PEG: PegText = PegText {
    currency: "AED",
    to: "USD",
    rate: "3.6725",
};

/// Of each currency that has a rate: the least and the most that is sold in one quote, what a maker takes for that, and
/// what an operator takes for a remittance.
pub const TERMS: [Terms; 8] = [
    Terms::new("AED", "1.00", "2000000.00", "2.00", "4.00"),
    Terms::new("CNY", "1.00", "4000000.00", "4.00", "8.00"),
    Terms::new("EUR", "1.00", "500000.00", "0.50", "1.00"),
    Terms::new("HKD", "1.00", "4000000.00", "4.50", "9.00"),
    Terms::new("JPY", "100", "90000000", "90", "180"),
    Terms::new("SGD", "1.00", "700000.00", "0.75", "1.50"),
    Terms::new("THB", "10.00", "19000000.00", "20.00", "40.00"),
    Terms::new("USD", "1.00", "580000.00", "0.60", "1.20"),
];

/// Of the amount, besides what is fixed.
const OPERATOR_FEE_BP: u16 = 10;

/// In major units.
pub struct Terms {
    pub currency: &'static str,
    min: &'static str,
    max: &'static str,
    maker_fee: &'static str,
    operator_fee: &'static str,
}

impl Terms {
    const fn new(
        currency: &'static str,
        min: &'static str,
        max: &'static str,
        maker_fee: &'static str,
        operator_fee: &'static str,
    ) -> Self {
        Self {
            currency,
            min,
            max,
            maker_fee,
            operator_fee,
        }
    }
}

/// In what a network's services may differ from another's.
#[derive(Debug, Clone)]
pub struct Settings {
    pub services: Vec<Service>,
    /// How long money is held for the beneficiary's operator to decide.
    pub hold_seconds: u32,
    /// Sanctions lists, by which each of them screens names.
    pub screening: Vec<ListFiles>,
    pub shared: Option<Shared>,
    pub card_route: CardRoute,
    /// What they log, as `RUST_LOG` says it; by themselves it is warnings.
    pub log: Option<&'static str>,
}

/// How the second operator's terminals ask the first one's host.
#[derive(Debug, Clone, Copy)]
pub struct CardRoute {
    /// Where they reach it, unless by its own port.
    pub relay: Option<SocketAddr>,
    /// A payment that is not answered by then is reversed.
    pub acquirer_ms: u64,
    /// No later than this the host answers, if it has a time of its own.
    pub issuer_ms: Option<u64>,
}

/// Where the first operator's gateway is two processes.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The URL of a PostgreSQL.
    pub database: String,
    /// By which clients and other operators name both.
    pub address: SocketAddr,
}

impl Settings {
    /// Which there are.
    pub fn all(&self) -> Vec<Service> {
        let second = self.shared.as_ref().map(|_| Service::Instance(0));
        self.services.iter().copied().chain(second).collect()
    }

    /// The first operator issues cards, unless its gateway is two processes, which would listen on one port.
    pub(super) const fn has_cards(&self, gateway: u16) -> bool {
        gateway == 0 && self.shared.is_none()
    }

    /// The second operator's terminals take them.
    pub(super) const fn takes_cards(&self, gateway: u16) -> bool {
        gateway == 1 && self.shared.is_none()
    }

    /// Whether one of the gateways that there are is such a one.
    pub(super) fn has_gateway(&self, is_it: impl Fn(&Self, u16) -> bool) -> bool {
        let mut all = self.services.iter();
        all.any(|service| matches!(service, Service::Gateway(index) if is_it(self, *index)))
    }

    fn shared(&self, gateway: u16) -> Option<&Shared> {
        self.shared.as_ref().filter(|_| gateway == 0)
    }
}

/// By which clients name a gateway.
pub fn public_url(network: &Network, gateway: u16, settings: &Settings) -> String {
    match settings.shared(gateway) {
        Some(shared) => format!("http://{}", shared.address),
        None => Service::Gateway(gateway).url(network.plan.base_port),
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            services: Service::REMITTANCE.to_vec(),
            hold_seconds: 600,
            screening: Vec::new(),
            shared: None,
            card_route: CardRoute::default(),
            log: None,
        }
    }
}

impl Default for CardRoute {
    fn default() -> Self {
        Self {
            relay: None,
            acquirer_ms: 20_000,
            issuer_ms: None,
        }
    }
}

/// A list in OFAC's form.
#[derive(Debug, Clone, Serialize)]
pub struct ListFiles {
    pub name: String,
    pub parties: PathBuf,
    pub aliases: PathBuf,
}

pub fn write(network: &Network, settings: &Settings, mandates: &Mandates) -> anyhow::Result<()> {
    folder::write(&network.folder.rates(), &rates(OffsetDateTime::now_utc()))?;
    for service in settings.all() {
        if matches!(service, Service::Gateway(index) if settings.has_cards(index)) {
            cards::make_keys(&network.folder.service(service))?;
        }
        let text = match service {
            Service::Gateway(index) => toml::to_string(&gateway(network, index, settings, mandates)?)?,
            Service::Instance(index) => toml::to_string(&GatewayText {
                listen: service.listen(network.plan.base_port),
                ..gateway(network, index, settings, mandates)?
            })?,
            Service::Maker(index) => toml::to_string(&maker(network, index))?,
            Service::Issuer(index) => toml::to_string(&issuer(network, index)?)?,
        };
        folder::write(&network.folder.service(service).config(), &text)?;
    }
    Ok(())
}

/// As the bank writes its daily file, but for the day.
fn rates(now: OffsetDateTime) -> String {
    let codes: Vec<_> = RATES.iter().map(|(code, _)| *code).collect();
    let units: Vec<_> = RATES.iter().map(|(_, units)| *units).collect();
    let day = format!("{} {} {}", now.day(), now.month(), now.year());
    format!("Date, {}\n{day}, {}\n", codes.join(", "), units.join(", "))
}

fn gateway<'a>(
    network: &Network,
    index: u16,
    settings: &'a Settings,
    mandates: &'a Mandates,
) -> anyhow::Result<GatewayText<'a>> {
    let ports = network.plan.base_port;
    let own = &GATEWAYS[usize::from(index)];
    let fee = |terms: &'static Terms| {
        let fee = FeeText {
            fixed: terms.operator_fee,
            bp: OPERATOR_FEE_BP,
        };
        (terms.currency, fee)
    };
    let others = (0..).zip(&GATEWAYS).filter(|(other, _)| *other != index);
    Ok(GatewayText {
        operator: own.id,
        wallet: "wallet",
        operator_key: own.id,
        custody_key: CUSTODY_KEY,
        listen: ports.gateway(index),
        public_url: public_url(network, index, settings),
        database: settings
            .shared(index)
            .map_or("sqlite:gateway.db", |shared| &shared.database),
        bic: own.bic,
        test_mode: true,
        makers: (0..)
            .zip(&MAKERS)
            .map(|(maker, _)| Service::Maker(maker).url(ports))
            .collect(),
        hold_seconds: settings.hold_seconds,
        operators: others
            .map(|(other, operator)| OperatorText {
                id: operator.id,
                url: public_url(network, other, settings),
                bic: operator.bic,
            })
            .collect(),
        fees: TERMS.iter().map(fee).collect(),
        webhooks: WebhooksText {
            allow: vec![ports.webhooks()],
        },
        screening: &settings.screening,
        acquiring: AcquiringText {
            routes: settings
                .takes_cards(index)
                .then(|| cards::route(network, settings))
                .into_iter()
                .collect(),
        },
        issuing: settings
            .has_cards(index)
            .then(|| cards::section(network, settings, mandates))
            .transpose()?,
        // Those of trials and of load, not of an operator's.
        limits: LimitsText {
            requests_per_second: 10_000,
            burst: 20_000,
        },
    })
}

fn maker(network: &Network, index: u16) -> MakerText<'static> {
    let sell = |terms: &'static Terms| {
        let Terms {
            currency,
            min,
            max,
            maker_fee,
            ..
        } = *terms;
        let sell = SellText {
            min,
            max,
            fee: maker_fee,
        };
        (currency, sell)
    };
    MakerText {
        wallet: "wallet",
        account: MAKER,
        listen: network.plan.base_port.maker(index),
        spread_bp: MAKERS[usize::from(index)].spread_bp,
        valid_seconds: QUOTE_SECONDS,
        hold_seconds_max: MAKER_HOLD_SECONDS,
        rates: RatesText {
            files: ["../rates.csv"],
            days_max: RATES_DAYS_MAX,
            pegs: [PEG],
        },
        sell: TERMS.iter().map(sell).collect(),
    }
}

fn issuer(network: &Network, index: u16) -> anyhow::Result<IssuerText> {
    let service = Service::Issuer(index);
    Ok(IssuerText {
        listen: service.listen(network.plan.base_port),
        genesis: "../genesis.toml",
        nodes: network.api_urls(),
        currency: ISSUERS[usize::from(index)].currency,
        account: issuers::account(network, index)?
            .id
            .address(network.genesis.address_prefix)
            .to_string(),
        account_key: issuers::ACCOUNT_KEY,
        certificate_key: key_file(KeyRole::Certificate),
        grant_key: key_file(KeyRole::Grant),
        beacon_key: key_file(KeyRole::Beacon),
        state: "state",
        operators: OPERATORS
            .map(|(id, _)| IssuerOperatorText {
                id,
                key: format!("../keys/{id}.key"),
            })
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{money::Currency, settlement::ContractId};
    use causeway_gateway::{maker::config::MakerFile, service::config::Config};

    use super::*;
    use crate::{
        folder::Folder,
        genesis::CURRENCIES,
        network::Plan,
        ports::{BASE_PORT, BasePort},
    };

    #[test]
    fn configurations_are_the_programs_own() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open_or_create(dir.path()).unwrap().network();
        let plan = Plan {
            validators: 1,
            base_port: BasePort::new(BASE_PORT).unwrap(),
        };
        let network = Network::create(folder.clone(), plan).unwrap();
        let settings = Settings {
            hold_seconds: 31,
            ..Settings::default()
        };
        write(&network, &settings, &Mandates::new()).unwrap();

        let config = Config::read(&folder.service(Service::Gateway(1)).config()).unwrap();
        assert_eq!((config.operator.as_str(), config.hold_seconds), ("BANKB", 31));
        assert_eq!(config.public_url, "http://127.0.0.1:27291");
        let other = config.operators.values().next().unwrap();
        assert_eq!(
            (other.id.as_str(), other.url.as_str()),
            ("BANKA", "http://127.0.0.1:27290")
        );
        assert_eq!(config.makers, ["http://127.0.0.1:27295", "http://127.0.0.1:27296"]);

        let exponent = |code: Currency| CURRENCIES.iter().find(|it| code.as_str() == it.0).map(|it| it.1);
        let spreads = [0, 1].map(|index| {
            let file = MakerFile::read(&folder.service(Service::Maker(index)).config()).unwrap();
            let (rates, terms) = (file.rates.load().unwrap(), file.terms(exponent).unwrap());
            let code = |code| Currency::new(code).unwrap();
            // By way of the dollar: 1.1684 times 3.6725.
            assert_eq!(rates.mid(code("EUR"), code("AED")), Some("4.290949".parse().unwrap()));
            assert!(
                terms
                    .sell
                    .keys()
                    .all(|code| rates.currencies().any(|known| known == *code))
            );
            terms.spread.get()
        });
        assert_eq!(spreads, [25, 40]);
    }

    #[test]
    fn the_second_operators_terminals_ask_where_the_first_one_answers() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open_or_create(dir.path()).unwrap().network();
        let plan = Plan {
            validators: 1,
            base_port: BasePort::new(BASE_PORT).unwrap(),
        };
        let network = Network::create(folder.clone(), plan).unwrap();
        let mandates = Mandates::from([(Currency::new("EUR").unwrap(), ContractId([7; 20]))]);
        let written = |card_route| {
            let settings = Settings {
                card_route,
                ..Settings::default()
            };
            write(&network, &settings, &mandates).unwrap();
            [0, 1].map(|index| Config::read(&folder.service(Service::Gateway(index)).config()).unwrap())
        };
        let [issuer, acquirer] = written(CardRoute {
            acquirer_ms: 3_000,
            ..CardRoute::default()
        });
        assert!(issuer.card_routing.routes.is_empty() && acquirer.issuing.is_none());
        let (issuing, route) = (issuer.issuing.unwrap(), &acquirer.card_routing.routes[0]);
        let link = &issuing.links[0];
        assert_eq!((link.acquirer.as_str(), &link.mandates), ("BANKB", &mandates));
        assert_eq!(route.address, link.listen.to_string());
        assert_eq!((route.variant, route.answer_ms), (link.variant, 3_000));
        assert_eq!(route.bins, [issuing.bin, issuing.token_bin]);

        let relay = plan.base_port.webhooks();
        let [issuer, acquirer] = written(CardRoute {
            relay: Some(relay),
            acquirer_ms: 3_000,
            issuer_ms: Some(2_000),
        });
        assert_eq!(issuer.issuing.unwrap().answer_ms, 2_000);
        assert_eq!(acquirer.card_routing.routes[0].address, relay.to_string());
    }

    #[test]
    fn two_instances_differ_in_where_they_listen_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open_or_create(dir.path()).unwrap().network();
        let plan = Plan {
            validators: 1,
            base_port: BasePort::new(BASE_PORT).unwrap(),
        };
        let network = Network::create(folder.clone(), plan).unwrap();
        let settings = Settings {
            shared: Some(Shared {
                database: "postgres://user@127.0.0.1/name".to_owned(),
                address: plan.base_port.gateway(3),
            }),
            ..Settings::default()
        };
        write(&network, &settings, &Mandates::new()).unwrap();
        let instances = [Service::Gateway(0), Service::Instance(0)];
        let texts = instances.map(|service| {
            let path = folder.service(service).config();
            let config = Config::read(&path).unwrap();
            assert_eq!(config.listen, service.listen(plan.base_port));
            assert_eq!(config.public_url, "http://127.0.0.1:27293");
            folder::read(&path)
                .unwrap()
                .replace(&format!("\"{}\"", config.listen), "")
        });
        assert_eq!(texts[0], texts[1]);
        let other = Config::read(&folder.service(Service::Gateway(1)).config()).unwrap();
        assert!(other.operators.values().any(|one| one.url == "http://127.0.0.1:27293"));
    }

    #[test]
    fn rates_have_the_form_of_the_banks_file() {
        let day = time::Date::from_calendar_date(2026, time::Month::April, 13).unwrap();
        let expected = "Date, USD, JPY, CNY, HKD, SGD, THB\n\
                        13 April 2026, 1.1684, 186.75, 7.9827, 9.1507, 1.4912, 37.728\n";
        assert_eq!(rates(day.midnight().assume_utc()), expected);
    }
}
