//! The links to the issuers of the configuration, each with its reversals in the database.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use causeway_cards::iso8583::Spec;
use causeway_wallet::clock;
use tokio::time::sleep;

use super::{
    config::{CardRoute, Variant},
    records::card_reversals,
};
use crate::{
    acquiring::{
        client::{Client, Limits, Reversal, Reversals, Settings, StoreError as ReversalsError},
        host::line::Dialect,
    },
    store::{Store, StoreError},
};

const REQUESTS_MAX: usize = 256;
const OUTSTANDING_MAX: usize = 4_096;
const ECHO_AFTER_MS: u64 = 60_000;
const KEEP_ALIVE_AFTER_MS: u64 = 30_000;
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The reversals of one route.
pub struct StoredReversals {
    store: Store,
    route: String,
    /// As long as a request of another process may be under way.
    answer_ms: u64,
}

impl Reversals for StoredReversals {
    async fn store(&self, reversal: &Reversal) -> Result<(), ReversalsError> {
        let (route, key, message) = (self.route.clone(), reversal.key().to_owned(), reversal.to_bytes());
        let now_ms = clock::now_ms().0;
        let write = self
            .store
            .write::<_, StoreError, _>(move |sql| card_reversals::put(sql, &route, &key, &message, now_ms));
        Ok(write.await?)
    }

    async fn remove(&self, key: &str) -> Result<(), ReversalsError> {
        let (route, key) = (self.route.clone(), key.to_owned());
        let write = self
            .store
            .write::<_, StoreError, _>(move |sql| card_reversals::remove(sql, &route, &key));
        Ok(write.await?)
    }

    /// Those that were there at the beginning and still are when each of their requests was answered or given up: another process
    /// that uses this database may wait for answers, and what it is told is not undone here.
    async fn load(&self) -> Result<Vec<Reversal>, ReversalsError> {
        let since_ms = clock::now_ms().0;
        if self.stored(since_ms).await?.is_empty() {
            return Ok(Vec::new());
        }
        sleep(Duration::from_millis(self.answer_ms)).await;
        let left = self.stored(since_ms).await?.into_iter();
        let read = left.map(|(key, message)| Ok(Reversal::from_bytes(key, &message)?));
        read.collect()
    }
}

impl StoredReversals {
    async fn stored(&self, until_ms: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let route = self.route.clone();
        let read = self
            .store
            .read::<_, StoreError, _>(move |sql| card_reversals::of_route(sql, &route, until_ms));
        read.await
    }
}

type Link = Client<StoredReversals>;

struct Route {
    config: CardRoute,
    store: Store,
    link: Arc<OnceLock<Link>>,
}

/// All routes; their links end with it.
pub struct CardRoutes(Vec<Route>);

impl CardRoutes {
    /// Before any connection is made.
    pub fn new(routes: &[CardRoute], store: &Store) -> Self {
        let route = |config: &CardRoute| Route {
            config: config.clone(),
            store: store.clone(),
            link: Arc::default(),
        };
        Self(routes.iter().map(route).collect())
    }

    /// Connects all in the background, and sends what is left to be reversed.
    pub fn start(&self) {
        for route in &self.0 {
            tokio::spawn(begin(
                route.config.clone(),
                route.store.clone(),
                Arc::downgrade(&route.link),
            ));
        }
    }

    /// The one whose bin is the longest that the number begins with.
    pub fn of(&self, number: &[u8]) -> Option<&CardRoute> {
        let routes = self.0.iter().flat_map(|route| {
            let bins = route.config.bins.iter();
            bins.map(move |bin| (bin, &route.config))
        });
        let fit = routes.filter(|(bin, _)| number.starts_with(bin.as_bytes()));
        fit.max_by_key(|(bin, _)| bin.len()).map(|(_, route)| route)
    }

    /// `None` until it has begun.
    pub fn link(&self, name: &str) -> Option<Link> {
        let route = self.0.iter().find(|route| route.config.name == name)?;
        route.link.get().cloned()
    }
}

/// Until it begins, or nobody needs it any more.
async fn begin(route: CardRoute, store: Store, link: std::sync::Weak<OnceLock<Link>>) {
    loop {
        let reversals = Arc::new(StoredReversals {
            store: store.clone(),
            route: route.name.clone(),
            answer_ms: route.answer_ms,
        });
        let started = Client::start(settings(&route), dialect(route.variant), reversals).await;
        let Some(link) = link.upgrade() else { return };
        match started {
            Ok(client) => {
                // Begun once.
                let _known = link.set(client);
                return;
            }
            Err(error) => tracing::warn!(route = route.name, %error, "the reversals of a route cannot be read"),
        }
        drop(link);
        sleep(PAUSE_MAX).await;
    }
}

fn settings(route: &CardRoute) -> Settings {
    Settings {
        address: route.address.clone(),
        limits: Limits {
            requests_max: REQUESTS_MAX,
            outstanding_max: OUTSTANDING_MAX,
            answer_within_ms: route.answer_ms,
            echo_after_ms: ECHO_AFTER_MS,
            keep_alive_after_ms: KEEP_ALIVE_AFTER_MS,
            repeat_after_ms: route.answer_ms,
        },
        pause_max: PAUSE_MAX,
    }
}

pub(super) fn dialect(variant: Variant) -> Dialect {
    let spec = match variant {
        Variant::A => Spec::a(),
        Variant::B => Spec::b(),
    };
    Dialect { spec, mac_key: None }
}
