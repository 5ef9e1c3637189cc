//! The links to the issuers of the configuration, each with its reversals in the database.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use causeway_cards::iso8583::{Message, Spec};
use causeway_wallet::clock;
use tokio::{sync::Mutex, task::spawn_blocking, time::sleep};

use super::{
    config::{CardRoute, Variant},
    records::{card_attempts, card_reversals},
};
use crate::{
    acquiring::{
        client::{Client, Limits, Offered, Reversal, Reversals, Settings, StoreError as ReversalsError, Unanswered},
        host::line::Dialect,
        hsm::{Hsm, HsmError, Purpose},
        link_key::{LinkKey, ModuleKey},
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

    /// A process that dies after this knows the answer, and one that dies before has the request reversed.
    async fn answered(&self, key: &str, answer: &Message) -> Result<(), ReversalsError> {
        let (route, key, answer) = (self.route.clone(), key.to_owned(), answer.clone());
        let write = self.store.write::<_, StoreError, _>(move |sql| {
            card_reversals::remove(sql, &route, &key)?;
            card_attempts::answered(sql, &route, &key, &answer)
        });
        Ok(write.await?)
    }

    async fn remove(&self, key: &str) -> Result<(), ReversalsError> {
        let (route, key, now_ms) = (self.route.clone(), key.to_owned(), clock::now_ms().0);
        let write = self.store.write::<_, StoreError, _>(move |sql| {
            card_reversals::remove(sql, &route, &key)?;
            card_attempts::undone(sql, &route, &key, now_ms)
        });
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
    /// Of authentication codes.
    key: Option<LinkKey>,
    link: Arc<OnceLock<Link>>,
    /// Held while the key is changed.
    changing: Arc<Mutex<()>>,
}

#[derive(Debug, thiserror::Error)]
#[error("acquiring.routes.{route}: a key that the configuration names")]
pub struct RouteKeyError {
    route: String,
    source: HsmError,
}

/// Why a route's key is still the one before.
#[derive(Debug, thiserror::Error)]
pub enum KeyUnchanged {
    #[error("there is no such route")]
    NoRoute,
    #[error("the route has no mac_key, or no wrapping_key under which another could go")]
    NoKey,
    #[error("the key is being changed already")]
    UnderWay,
    #[error("the security module")]
    Module(#[from] HsmError),
    #[error("the issuer did not answer")]
    Unanswered(#[from] Unanswered),
    #[error("the issuer declined it with {0}")]
    Declined(String),
    #[error("the issuer has taken it, and this side has it no more; ask for another")]
    Lost,
    #[error("the thread that asked the security module has failed")]
    Failed,
}

/// All routes; their links end with it.
pub struct CardRoutes(Vec<Route>);

impl CardRoutes {
    /// Before any connection is made.
    pub fn new(routes: &[CardRoute], store: &Store, hsm: Option<Arc<dyn Hsm>>) -> Self {
        let route = |config: &CardRoute| Route {
            config: config.clone(),
            store: store.clone(),
            key: hsm.as_ref().and_then(|hsm| mac_key(hsm, config)),
            link: Arc::default(),
            changing: Arc::default(),
        };
        Self(routes.iter().map(route).collect())
    }

    /// Connects all in the background, and sends what is left to be reversed.
    ///
    /// # Errors
    /// A key is not there, or for something else.
    pub fn start(&self) -> Result<(), RouteKeyError> {
        for route in &self.0 {
            let failed = |source| RouteKeyError {
                route: route.config.name.clone(),
                source,
            };
            generations(route.key.as_ref()).map_err(failed)?;
            tokio::spawn(begin(
                route.config.clone(),
                route.store.clone(),
                route.key.clone(),
                Arc::downgrade(&route.link),
            ));
        }
        Ok(())
    }

    /// Makes a route a new key for authentication codes, and offers it to the issuer: the new key's check value, when both write with it. It
    /// goes on if the caller goes away.
    pub async fn change_mac_key(&self, name: &str) -> Result<[u8; 3], KeyUnchanged> {
        let route = self.0.iter().find(|route| route.config.name == name);
        let route = route.ok_or(KeyUnchanged::NoRoute)?;
        let key = route.key.clone().filter(|key| key.wrapping.is_some());
        let key = key.ok_or(KeyUnchanged::NoKey)?;
        let link = route.link.get().cloned().ok_or(Unanswered::NotSignedOn)?;
        let changing = Arc::clone(&route.changing).try_lock_owned();
        let changing = changing.map_err(|_| KeyUnchanged::UnderWay)?;
        let changed = tokio::spawn(async move {
            let _changing = changing;
            change(key, link).await
        });
        changed.await.map_err(|_| KeyUnchanged::Failed)?
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

fn mac_key(hsm: &Arc<dyn Hsm>, route: &CardRoute) -> Option<LinkKey> {
    route.keys.mac.as_ref().map(|name| LinkKey {
        hsm: Arc::clone(hsm),
        name: name.clone(),
        purpose: Purpose::Mac,
        wrapping: route.keys.wrapping.clone(),
    })
}

fn generations(key: Option<&LinkKey>) -> Result<Vec<ModuleKey>, HsmError> {
    key.map_or(Ok(Vec::new()), LinkKey::generations)
}

async fn change(key: LinkKey, link: Link) -> Result<[u8; 3], KeyUnchanged> {
    // Before a key is made that could not be offered.
    if !link.status().is_signed_on {
        return Err(Unanswered::NotSignedOn.into());
    }
    let made = spawn_blocking(move || {
        let (made, block) = key.share()?;
        let check_value = key.hsm.check_value(made.name())?;
        Ok::<_, HsmError>((made, block, check_value))
    });
    let (made, block, check_value) = made.await.map_err(|_| KeyUnchanged::Failed)??;
    match link.change_mac_key(made, &block).await? {
        Offered::Taken => Ok(check_value),
        Offered::Declined(code) => Err(KeyUnchanged::Declined(code)),
        Offered::Lost => Err(KeyUnchanged::Lost),
    }
}

/// Until it begins, or nobody needs it any more.
async fn begin(route: CardRoute, store: Store, key: Option<LinkKey>, link: std::sync::Weak<OnceLock<Link>>) {
    loop {
        let reversals = Arc::new(StoredReversals {
            store: store.clone(),
            route: route.name.clone(),
            answer_ms: route.answer_ms,
        });
        let started = match generations(key.as_ref()) {
            Ok(keys) => Client::start(settings(&route), dialect(route.variant, keys), reversals).await,
            Err(error) => Err(error.into()),
        };
        let Some(link) = link.upgrade() else { return };
        match started {
            Ok(client) => {
                // Begun once.
                let _known = link.set(client);
                return;
            }
            Err(error) => tracing::warn!(route = route.name, %error, "a route's reversals or keys cannot be read"),
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

pub(super) fn dialect(variant: Variant, mac_keys: Vec<ModuleKey>) -> Dialect {
    let spec = match variant {
        Variant::A => Spec::a(),
        Variant::B => Spec::b(),
    };
    Dialect { spec, mac_keys }
}

#[cfg(test)]
mod tests {
    use causeway_cards::iso8583::MessageType;

    use super::*;
    use crate::{
        service::records::card_attempts::{Attempt, AttemptOutcome, tests::tried},
        store::tests::database,
    };

    fn purchase(trace: &str) -> Message {
        let mut message = Message::new(MessageType::FINANCIAL);
        for (field, value) in [(3, "000000"), (7, "1130011500"), (11, trace)] {
            message.set(field, value.as_bytes()).expect("short");
        }
        message
    }

    fn attempt(reversal: &Reversal) -> Attempt {
        tried(&format!("att_{}", reversal.key()), reversal.key())
    }

    /// A gateway may die after either, and knows then what became of the payment.
    #[tokio::test]
    async fn an_answer_is_stored_with_the_end_of_its_reversal() {
        let (store, _folder) = database().await;
        let reversals = StoredReversals {
            store: store.clone(),
            route: "one".to_owned(),
            answer_ms: 0,
        };
        let [paid, undone] = ["000001", "000002"].map(|trace| Reversal::of(&purchase(trace)).expect("asks for money"));
        for reversal in [&paid, &undone] {
            let attempt = attempt(reversal);
            let added = store.write::<_, StoreError, _>(move |sql| card_attempts::add(sql, &attempt));
            added.await.expect("added");
            reversals.store(reversal).await.expect("stored");
        }
        let mut answer = Message::new(MessageType::FINANCIAL.response());
        answer.set(38, b"A1B2C3").expect("short");
        answer.set(39, b"00").expect("short");
        reversals.answered(paid.key(), &answer).await.expect("removed");
        let left = reversals.load().await.expect("loaded");
        assert_eq!(left, std::slice::from_ref(&undone));
        reversals.remove(undone.key()).await.expect("removed");
        let find = |reversal: &Reversal| {
            let id = attempt(reversal).id;
            store.read::<_, StoreError, _>(move |sql| card_attempts::any(sql, &id))
        };
        let paid = find(&paid).await.expect("read").expect("it is there");
        let approval = paid.body.approval.as_deref();
        assert_eq!(
            (paid.outcome, approval),
            (Some(AttemptOutcome::Approved), Some("A1B2C3"))
        );
        let undone = find(&undone).await.expect("read").expect("it is there");
        assert!(undone.outcome.is_none() && undone.undone_ms.is_some());
    }
}
