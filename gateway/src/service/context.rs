//! What all parts of a running gateway share. Nothing in it is what another instance on the same database would need.

use std::{collections::BTreeMap, sync::Arc};

use causeway_contracts::{
    block::GenesisHash,
    identity::{AccountId, Address, AddressPrefix, ParticipantId},
    keys::PublicKey,
    money::Currency,
};
use causeway_wallet::{
    client::{Client, ClientError},
    clock,
    home::{Home, HomeError},
    keystore::KeystoreError,
};
use tokio::sync::{Notify, Semaphore, broadcast};

use super::{
    card_routes::CardRoutes,
    config::{Config, ConfigError, Fee, List, Operator},
    currencies,
    engine::handed::Handed,
    keys::Keys,
    limits::Limits,
    network::Network,
    tokens::Tokens,
};
use crate::{
    acquiring::hsm::{Hsm, HsmConfig, HsmConfigError},
    keys::VerifyingKey,
    money::Exponents,
    names::Name,
    oauth::{Issuer, Jwk, JwkSet, KeySet},
    screening::{OfacFault, OfacFiles, SanctionsList, Screening},
    store::{Store, StoreError, schema},
    webhooks::delivery::{ATTEMPT_TIMEOUT, Sender, SenderSettings, TrustFault, system_trust},
};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the wallet")]
    Home(#[from] HomeError),
    #[error("a key of the wallet")]
    Key(#[from] KeystoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot ask the network for its currencies")]
    Currencies(#[source] Box<ClientError>),
    #[error("{operator} is no participant of the network, or {key} is not its key")]
    NotOurKey { operator: ParticipantId, key: PublicKey },
    #[error("{section}.hsm: the security module")]
    Hsm {
        section: &'static str,
        #[source]
        source: HsmConfigError,
    },
    #[error("webhooks")]
    Trust(#[from] TrustFault),
    #[error("screening: the list {name}")]
    Screening {
        name: String,
        #[source]
        source: OfacFault,
    },
    #[error("the public key of this gateway's access tokens")]
    TokenKey(#[from] crate::oauth::KeySetFault),
}

fn screening(lists: &[List]) -> Result<Screening, OpenError> {
    let read = |list: &List| {
        let files = OfacFiles {
            parties: &list.parties,
            aliases: &list.aliases,
        };
        SanctionsList::read_ofac(list.name.clone(), &files).map_err(|source| OpenError::Screening {
            name: list.name.to_string(),
            source,
        })
    };
    let lists = lists.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Screening::new(lists))
}

type Module = Option<Arc<dyn Hsm>>;

/// Of cards and of routes, which may be one: then it is opened once.
fn modules(config: &Config) -> Result<(Module, Module), OpenError> {
    let open = |section, config: &HsmConfig| {
        let opened = config.open().map_err(|source| OpenError::Hsm { section, source });
        opened.map(Arc::<dyn Hsm>::from)
    };
    let issuing = config.issuing.as_ref().and_then(|issuing| issuing.hsm.as_ref());
    let routing = config.card_routing.hsm.as_ref();
    let cards = issuing.map(|hsm| open("issuing", hsm)).transpose()?;
    let routes = match routing {
        Some(_) if routing == issuing => cards.clone(),
        routing => routing.map(|hsm| open("acquiring", hsm)).transpose()?,
    };
    Ok((cards, routes))
}

/// An opened gateway, before it serves.
pub struct Gateway {
    pub config: Config,
    pub store: Store,
    pub ledger: Client,
    pub keys: Keys,
    pub exponents: Exponents,
    pub fees: BTreeMap<Currency, Fee>,
    pub operators: BTreeMap<ParticipantId, Operator>,
    pub issuer: Issuer,
    pub token_keys: KeySet,
    pub tokens: Tokens,
    pub jwks: JwkSet,
    pub network: Network,
    pub limits: Limits,
    pub sender: Sender,
    screening: Screening,
    /// The links to issuers, which [`super::card_routes::start`] begins.
    pub card_routes: CardRoutes,
    /// Of its cards, if it has any.
    pub hsm: Option<Arc<dyn Hsm>>,
    /// Something is due: whoever does it need not wait for its next look.
    pub wake: Arc<Notify>,
    pub wake_deliveries: Arc<Notify>,
    pub wake_bulks: Arc<Notify>,
    pub wake_paybacks: Arc<Notify>,
    pub wake_settlements: Arc<Notify>,
    pub wake_authorizations: Arc<Notify>,
    pub wake_card_advices: Arc<Notify>,
    /// Authorisations that go on as soon as they are permitted.
    pub handed: Handed,
    /// Ids of authorisations that this process has brought to their ends.
    pub authorized: broadcast::Sender<String>,
    /// For pages of people that are told of changes while they are open.
    pub streams: Arc<Semaphore>,
}

/// The keys of a configuration's wallet, and the wallet.
pub fn open_keys(config: &Config, passphrase: &str) -> Result<(Keys, Home), OpenError> {
    let home = Home::open(&config.wallet)?;
    let keystore = home.keystore();
    let operator = keystore.open(&config.operator_key, passphrase)?;
    let custody = keystore.open(&config.custody_key, passphrase)?;
    Ok((Keys::new(&operator, &custody), home))
}

impl Gateway {
    /// Opens the wallet, the keys and the database, and asks the network what currencies it has.
    pub async fn open(config: Config, passphrase: &str) -> Result<Self, OpenError> {
        let (keys, home) = open_keys(&config, passphrase)?;
        let ledger = home.client()?;
        let first = home.genesis().currencies.iter().map(|record| record.code);
        let exponents = currencies::of_network(&ledger, first).await;
        let exponents = exponents.map_err(|source| OpenError::Currencies(Box::new(source)))?;
        Self::assemble(config, keys, &home, ledger, exponents).await
    }

    async fn assemble(
        config: Config,
        keys: Keys,
        home: &Home,
        ledger: Client,
        exponents: Exponents,
    ) -> Result<Self, OpenError> {
        let participants = &home.genesis().participants;
        let known = |id: ParticipantId| participants.iter().find(|participant| participant.id == id);
        if known(config.operator).is_some_and(|participant| !participant.keys.contains(&keys.operator_id())) {
            return Err(OpenError::NotOurKey {
                operator: config.operator,
                key: keys.operator_id(),
            });
        }
        let mut operators = config.operators.clone();
        // What customers send each other goes the same way.
        operators.insert(
            config.operator,
            Operator {
                id: config.operator,
                url: config.public_url.clone(),
                bic: config.bic.clone(),
                keys: vec![keys.operator_id()],
            },
        );
        for (id, operator) in &mut operators {
            if operator.keys.is_empty() {
                let participant = known(*id).ok_or(ConfigError::NoKeys(*id))?;
                operator.keys = participant.keys.keys.iter().map(|entry| entry.key).collect();
            }
        }
        let store = Store::open(&config.database)?;
        store.read(|sql| schema::check(sql)).await?;
        let fees = config.fees(&exponents)?;
        let trust = system_trust()?;
        let (hsm, route_hsm) = modules(&config)?;
        let token_key = keys.tokens();
        let jwks = JwkSet {
            keys: vec![Jwk::of(&token_key.verifying_key())],
        };
        let published = serde_json::to_vec(&jwks).expect("a JWK set has a JSON form");
        Ok(Self {
            issuer: Issuer {
                issuer: config.public_url.clone(),
                audience: config.public_url.clone(),
                key: token_key,
            },
            token_keys: KeySet::read(&published)?,
            tokens: Tokens::default(),
            jwks,
            network: Network::new(&keys, trust.clone()),
            limits: Limits::new(config.limits),
            sender: Sender::new(SenderSettings {
                timeout: ATTEMPT_TIMEOUT,
                local: config.webhooks_allow.clone(),
                trust,
            }),
            screening: screening(&config.screening)?,
            card_routes: CardRoutes::new(&config.card_routing.routes, &store, route_hsm),
            hsm,
            wake: Arc::default(),
            wake_deliveries: Arc::default(),
            wake_bulks: Arc::default(),
            wake_paybacks: Arc::default(),
            wake_settlements: Arc::default(),
            wake_authorizations: Arc::default(),
            wake_card_advices: Arc::default(),
            handed: Handed::default(),
            authorized: broadcast::Sender::new(1_024),
            streams: Arc::new(Semaphore::new(
                config.acquiring.map_or(0, |acquiring| acquiring.streams),
            )),
            config,
            store,
            ledger,
            keys,
            exponents,
            fees,
            operators,
        })
    }

    /// Of a network that nobody can reach, with two currencies, for what needs no ledger.
    #[cfg(test)]
    pub(crate) async fn of_test(config: Config) -> Self {
        use causeway_wallet::keystore::Secret;
        use zeroize::Zeroizing;
        let secret = |byte| Secret::Seed(Zeroizing::new([byte; 32]));
        let home = Home::open(&config.wallet).expect("a wallet");
        let ledger = home.client().expect("a client");
        let code = |text| Currency::new(text).expect("a code");
        let exponents = Exponents::from_iter([(code("EUR"), 2), (code("THB"), 2)]);
        let keys = Keys::new(&secret(1), &secret(2));
        let assembled = Self::assemble(config, keys, &home, ledger, exponents).await;
        assembled.expect("a gateway")
    }

    pub fn operator(&self, id: ParticipantId) -> Option<&Operator> {
        self.operators.get(&id)
    }

    pub fn now_ms(&self) -> u64 {
        clock::now_ms().0
    }

    pub fn genesis(&self) -> &GenesisHash {
        self.ledger.genesis()
    }

    pub fn prefix(&self) -> AddressPrefix {
        self.ledger.prefix()
    }

    pub fn us(&self) -> ParticipantId {
        self.config.operator
    }

    /// A participant's own account.
    pub fn account_of(&self, participant: ParticipantId) -> AccountId {
        AccountId::of_participant(self.genesis(), participant)
    }

    pub fn address(&self, account: AccountId) -> Address {
        account.address(self.prefix())
    }

    /// Which entry of a list has a name like this, if one has. A name that cannot be compared is like all.
    pub fn screening_hit(&self, name: &str) -> Option<String> {
        match Name::parse(name) {
            Ok(name) => {
                let hit = self.screening.hit(&name)?;
                Some(format!("{} {}", hit.list, hit.entry.0))
            }
            Err(fault) => Some(fault.to_string()),
        }
    }

    /// Whose key that is, of the other operators.
    pub fn operator_of(&self, key: &VerifyingKey) -> Option<ParticipantId> {
        let key = PublicKey::Ed25519(*key.as_bytes());
        let found = self.operators.values().find(|operator| operator.keys.contains(&key));
        found.map(|operator| operator.id)
    }
}
