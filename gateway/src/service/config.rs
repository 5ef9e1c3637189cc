//! What a gateway is run with: a file, read once into values that cannot be wrong.

mod issuing;
mod routes;

pub use issuing::{Issuing, IssuingFault, KeyNames, Link, LinkFault, LinkKeys, LinkKeysFault, Variant};
pub use routes::{CardRoute, RouteFault};

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use causeway_contracts::{
    identity::{ParticipantId, Tier},
    keys::PublicKey,
    money::Currency,
};
use causeway_wallet::durable::{self, FileError};
use serde::Deserialize;

pub use crate::fee::Fee;
use crate::{
    acquiring::hsm::{HsmConfig, KeyName},
    http_signatures::TargetUri,
    identifiers::bic::Bic,
    iso20022::rules::RuleYear,
    maker::pricing::BasisPoints,
    money::{Exponents, Money, MoneyFault},
    remittance::order::HOLD_SECONDS_MAX,
    screening::{ListName, ListNameFault},
    store::{Location, NotALocation},
    webhooks::delivery::HostAndPort,
};

/// More is no configuration.
const CONFIG_BYTES_MAX: u64 = 256 * 1024;

/// Of an order: how long it may be paid, at least and at most.
pub const ORDER_SECONDS_MIN: u32 = 30;
pub const ORDER_SECONDS_MAX: u32 = 86_400;

/// A quarter of the connections that a gateway takes.
const STREAMS_MAX: usize = 1_024;

/// As it is written; paths are relative to the file's folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    operator: ParticipantId,
    wallet: PathBuf,
    operator_key: String,
    custody_key: String,
    listen: SocketAddr,
    public_url: String,
    #[serde(default = "beside")]
    database: String,
    #[serde(default)]
    bic: Option<String>,
    #[serde(default = "yes")]
    accepts: bool,
    #[serde(default)]
    test_mode: bool,
    #[serde(default)]
    makers: Vec<String>,
    #[serde(default = "ten_minutes")]
    hold_seconds: u32,
    #[serde(default = "one")]
    tier: u8,
    #[serde(default)]
    operators: Vec<OperatorText>,
    #[serde(default)]
    fees: BTreeMap<Currency, FeeText>,
    #[serde(default)]
    webhooks: WebhooksText,
    #[serde(default)]
    screening: Vec<ListText>,
    #[serde(default)]
    iso20022: MessagesText,
    #[serde(default)]
    tls: Option<TlsText>,
    #[serde(default)]
    acquiring: Option<AcquiringText>,
    #[serde(default)]
    issuing: Option<issuing::IssuingText>,
    #[serde(default)]
    limits: LimitsText,
    #[serde(default)]
    workers: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorText {
    id: ParticipantId,
    url: String,
    #[serde(default)]
    bic: Option<String>,
    /// Instead of those in the network's genesis.
    #[serde(default)]
    keys: Vec<PublicKey>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeeText {
    #[serde(default = "nothing")]
    fixed: String,
    #[serde(default)]
    bp: u16,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhooksText {
    /// `host:port`, to which webhooks may go by http and on this network.
    #[serde(default)]
    allow: Vec<String>,
}

/// A sanctions list in OFAC's form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListText {
    name: String,
    parties: PathBuf,
    aliases: PathBuf,
}

/// By what messages of ISO 20022 are checked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessagesText {
    /// A folder of XSD files, named after their messages.
    #[serde(default)]
    schemas: Option<PathBuf>,
    #[serde(default)]
    rules: Option<u16>,
}

/// PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsText {
    chain: PathBuf,
    key: PathBuf,
    #[serde(default)]
    client_authorities: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsText {
    requests_per_second: u32,
    burst: u32,
}

impl Default for LimitsText {
    fn default() -> Self {
        Self {
            requests_per_second: 100,
            burst: 200,
        }
    }
}

fn beside() -> String {
    "sqlite:gateway.db".to_owned()
}

fn yes() -> bool {
    true
}

fn ten_minutes() -> u32 {
    600
}

fn one() -> u8 {
    1
}

fn nothing() -> String {
    "0".to_owned()
}

/// Another operator of the network, and where its gateway is.
#[derive(Debug, Clone)]
pub struct Operator {
    pub id: ParticipantId,
    /// Without a slash at its end.
    pub url: String,
    pub bic: Option<Bic>,
    pub keys: Vec<PublicKey>,
}

/// A sanctions list, and where its two files are.
#[derive(Debug, Clone)]
pub struct List {
    pub name: ListName,
    pub parties: PathBuf,
    pub aliases: PathBuf,
}

/// By what messages of ISO 20022 are checked.
#[derive(Debug, Clone)]
pub struct MessageChecks {
    /// A folder of schemas; without one, messages are held against none.
    pub schemas: Option<PathBuf>,
    pub rules: RuleYear,
}

#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
    pub client_authorities: Option<PathBuf>,
}

/// As it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcquiringText {
    #[serde(default = "quarter_of_an_hour")]
    order_seconds: u32,
    #[serde(default = "many_streams")]
    streams: usize,
    #[serde(default)]
    routes: Vec<routes::RouteText>,
    /// Which has the routes' keys.
    #[serde(default)]
    hsm: Option<HsmConfig>,
}

/// That this gateway has merchants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquiring {
    /// For so long an order may be paid, unless it says otherwise.
    pub order_seconds: u32,
    /// So many checkout pages are told of changes at the same time; others ask again by themselves.
    pub streams: usize,
}

/// The issuers that a gateway asks for card payments.
#[derive(Debug, Clone, Default)]
pub struct CardRouting {
    pub routes: Vec<CardRoute>,
    /// Which has the routes' keys.
    pub hsm: Option<HsmConfig>,
}

fn acquiring(text: AcquiringText, folder: &Path) -> Result<(Acquiring, CardRouting), ConfigError> {
    let AcquiringText {
        order_seconds,
        streams,
        routes,
        hsm,
    } = text;
    if !(ORDER_SECONDS_MIN..=ORDER_SECONDS_MAX).contains(&order_seconds) {
        return Err(ConfigError::OrderSeconds(order_seconds));
    }
    if streams > STREAMS_MAX {
        return Err(ConfigError::Streams(streams));
    }
    let routes = routes::all(routes, hsm.is_some()).map_err(|(name, source)| ConfigError::Route { name, source })?;
    let hsm = hsm.map(|hsm| hsm.within(folder));
    Ok((Acquiring { order_seconds, streams }, CardRouting { routes, hsm }))
}

fn quarter_of_an_hour() -> u32 {
    900
}

fn many_streams() -> usize {
    256
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    pub per_second: u32,
    pub burst: u32,
}

/// All of it, but for what the network says of its currencies.
#[derive(Clone)]
pub struct Config {
    pub operator: ParticipantId,
    pub wallet: PathBuf,
    /// Names of keys in the wallet.
    pub operator_key: String,
    pub custody_key: String,
    pub listen: SocketAddr,
    /// By which clients name this gateway, without a slash at its end.
    pub public_url: String,
    pub database: Location,
    pub bic: Option<Bic>,
    /// Whether remittances that nobody has to decide are accepted.
    pub accepts: bool,
    pub test_mode: bool,
    pub makers: Vec<String>,
    pub hold_seconds: u32,
    pub tier: Tier,
    pub operators: BTreeMap<ParticipantId, Operator>,
    fees: BTreeMap<Currency, FeeText>,
    /// Where webhooks may go by http and on this network.
    pub webhooks_allow: Vec<HostAndPort>,
    pub screening: Vec<List>,
    pub messages: MessageChecks,
    pub tls: Option<TlsFiles>,
    /// `None`: it has no merchants.
    pub acquiring: Option<Acquiring>,
    /// The issuers that its merchants' card payments are asked of.
    pub card_routing: CardRouting,
    /// `None`: it has no cards.
    pub issuing: Option<Issuing>,
    pub limits: RequestLimits,
    pub workers: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Read(#[from] FileError),
    #[error("{} is not a gateway's configuration", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("database")]
    Database(#[from] NotALocation),
    #[error("{key} is '{text}', and is written like http://127.0.0.1:27600")]
    Url { key: &'static str, text: String },
    #[error("{key} is '{text}', which is no BIC")]
    Bic { key: String, text: String },
    #[error("operators: {0} is there twice, or is this gateway's own")]
    OperatorTwice(ParticipantId),
    #[error("operators.{0}: it has no keys here, and the network's genesis does not know it")]
    NoKeys(ParticipantId),
    #[error("hold_seconds is {0}, and must be 30 to 86,400")]
    Hold(u32),
    #[error("webhooks.allow: '{0}' is written like 127.0.0.1:9000")]
    Allow(String),
    #[error("screening: '{name}'")]
    List {
        name: String,
        #[source]
        source: ListNameFault,
    },
    #[error("iso20022.rules is {0}, and must be 2025 or 2026")]
    Rules(u16),
    #[error("iso20022.schemas: {} is no folder", .0.display())]
    Schemas(PathBuf),
    #[error("acquiring.order_seconds is {0}, and must be 30 to 86,400")]
    OrderSeconds(u32),
    #[error(
        "acquiring.streams is {0}, and must be at most 1,024: a quarter of the connections that a gateway takes, so that \
         others find one"
    )]
    Streams(usize),
    #[error("acquiring.routes.{name}")]
    Route {
        name: String,
        #[source]
        source: RouteFault,
    },
    #[error(transparent)]
    Issuing(#[from] IssuingFault),
    #[error("the key '{0}' is of a link and of a route; each needs its own")]
    KeyTwice(KeyName),
    #[error("limits: both numbers are above zero")]
    Limits,
    #[error("fees.{currency}")]
    Fee {
        currency: Currency,
        #[source]
        source: MoneyFault,
    },
    #[error("fees.{currency}.bp is {bp}, and must be 0 to 9,999")]
    Share { currency: Currency, bp: u16 },
}

/// In one module, no route has a key of a link or of cards.
fn own_keys(issuing: &Issuing, routing: &CardRouting) -> Result<(), ConfigError> {
    let of_links = issuing.links.iter().flat_map(|link| [&link.keys.mac, &link.keys.pin]);
    let of_cards = issuing.keys.all().map(|(name, _)| name);
    let taken: BTreeSet<_> = of_links.flatten().chain(of_cards).collect();
    let mut routes = routing.routes.iter().filter_map(|route| route.keys.mac.as_ref());
    let twice = routes.find(|name| taken.contains(name));
    twice.map_or(Ok(()), |name| Err(ConfigError::KeyTwice(name.clone())))
}

fn allowed(texts: &[String]) -> Result<Vec<HostAndPort>, ConfigError> {
    let parsed = texts
        .iter()
        .map(|text| text.parse().map_err(|_| ConfigError::Allow(text.clone())));
    parsed.collect()
}

fn checks(folder: &Path, text: MessagesText) -> Result<MessageChecks, ConfigError> {
    let schemas = text.schemas.map(|path| folder.join(path));
    if let Some(path) = schemas.as_ref().filter(|path| !path.is_dir()) {
        return Err(ConfigError::Schemas(path.clone()));
    }
    let rules = match text.rules {
        None | Some(2025) => RuleYear::Y2025,
        Some(2026) => RuleYear::Y2026,
        Some(other) => return Err(ConfigError::Rules(other)),
    };
    Ok(MessageChecks { schemas, rules })
}

fn url(key: &'static str, text: &str) -> Result<String, ConfigError> {
    let wrong = || ConfigError::Url {
        key,
        text: text.chars().take(100).collect(),
    };
    let uri = TargetUri::parse(text).map_err(|_| wrong())?;
    let text = uri.to_string();
    if uri.path() != "/" || uri.query().is_some() {
        return Err(wrong());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn bic(key: impl FnOnce() -> String, text: &str) -> Result<Bic, ConfigError> {
    text.parse().map_err(|_| ConfigError::Bic {
        key: key(),
        text: text.chars().take(20).collect(),
    })
}

impl Config {
    /// Relative paths become those of the files that are meant.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = durable::read_text(path, CONFIG_BYTES_MAX)?;
        let file: File = toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut operators = BTreeMap::new();
        for text in file.operators {
            let id = text.id;
            let operator = Operator {
                id,
                url: url("operators.url", &text.url)?,
                bic: text
                    .bic
                    .map(|text| bic(|| format!("operators.{id}.bic"), &text))
                    .transpose()?,
                keys: text.keys,
            };
            if id == file.operator || operators.insert(id, operator).is_some() {
                return Err(ConfigError::OperatorTwice(id));
            }
        }
        if !(30..=HOLD_SECONDS_MAX).contains(&file.hold_seconds) {
            return Err(ConfigError::Hold(file.hold_seconds));
        }
        let acquiring = file.acquiring.map(|text| acquiring(text, folder));
        let (acquiring, card_routing) = acquiring.transpose()?.unzip();
        let issuing = file
            .issuing
            .map(|text| Issuing::try_from(text).map(|issuing| issuing.within(folder)));
        let (issuing, card_routing) = (issuing.transpose()?, card_routing.unwrap_or_default());
        if let Some(issuing) = issuing.as_ref().filter(|issuing| issuing.hsm == card_routing.hsm) {
            own_keys(issuing, &card_routing)?;
        }
        let limits = RequestLimits {
            per_second: file.limits.requests_per_second,
            burst: file.limits.burst,
        };
        if limits.per_second == 0 || limits.burst == 0 {
            return Err(ConfigError::Limits);
        }
        let database = match file.database.parse()? {
            Location::Sqlite(path) => Location::Sqlite(folder.join(path)),
            other => other,
        };
        for maker in &file.makers {
            url("makers", maker)?;
        }
        Ok(Self {
            operator: file.operator,
            wallet: folder.join(file.wallet),
            operator_key: file.operator_key,
            custody_key: file.custody_key,
            listen: file.listen,
            public_url: url("public_url", &file.public_url)?,
            database,
            bic: file.bic.map(|text| bic(|| "bic".to_owned(), &text)).transpose()?,
            accepts: file.accepts,
            test_mode: file.test_mode,
            makers: file.makers,
            hold_seconds: file.hold_seconds,
            tier: Tier(file.tier),
            operators,
            fees: file.fees,
            webhooks_allow: allowed(&file.webhooks.allow)?,
            screening: file
                .screening
                .into_iter()
                .map(|list| {
                    let name = list.name.parse();
                    Ok(List {
                        name: name.map_err(|fault| ConfigError::List {
                            name: list.name,
                            source: fault,
                        })?,
                        parties: folder.join(list.parties),
                        aliases: folder.join(list.aliases),
                    })
                })
                .collect::<Result<_, ConfigError>>()?,
            messages: checks(folder, file.iso20022)?,
            tls: file.tls.map(|tls| TlsFiles {
                chain: folder.join(tls.chain),
                key: folder.join(tls.key),
                client_authorities: tls.client_authorities.map(|path| folder.join(path)),
            }),
            acquiring,
            card_routing,
            issuing,
            limits,
            workers: file.workers.unwrap_or(2).clamp(1, 64),
        })
    }

    /// By the exponents of the network's currencies.
    pub fn fees(&self, exponents: &Exponents) -> Result<BTreeMap<Currency, Fee>, ConfigError> {
        let fee = |(&currency, text): (&Currency, &FeeText)| {
            let fixed = Money {
                value: text.fixed.clone(),
                currency,
            };
            let fixed = exponents
                .read(&fixed)
                .map_err(|source| ConfigError::Fee { currency, source })?;
            let bp = text.bp;
            let share = BasisPoints::new(bp).map_err(|_| ConfigError::Share { currency, bp })?;
            Ok((currency, Fee { fixed, share }))
        };
        self.fees.iter().map(fee).collect()
    }
}
