//! From a configuration to a running gateway.

use std::{io, net::SocketAddr, path::Path, sync::Arc, thread};

use super::{
    authorize::{self, Cards, HostError},
    card_routes::RouteKeyError,
    clients::{self, ClientsError, Made},
    config::{Config, ConfigError},
    context::{Gateway, OpenError, open_keys},
    engine,
    serve::serve,
};
use crate::{
    store::{Store, StoreError, schema},
    tls::{Files, TlsFault, server_config},
};

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("cannot serve on {listen}")]
    Serve {
        listen: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("tls")]
    Tls(#[from] TlsFault),
    #[error("cannot start the engine")]
    Engine(#[source] io::Error),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    RouteKey(#[from] RouteKeyError),
}

/// Makes the database of a configuration, or brings it to the version that this program knows.
pub async fn migrate(path: &Path) -> Result<Config, OpenError> {
    let config = Config::read(path)?;
    let store = Store::open(&config.database)?;
    store.write::<_, StoreError, _>(|sql| schema::migrate(sql)).await?;
    Ok(config)
}

/// The database of a configuration, of the version that this program knows.
pub async fn database(path: &Path) -> Result<Store, OpenError> {
    let config = Config::read(path).map_err(|error: ConfigError| OpenError::from(error))?;
    let store = Store::open(&config.database)?;
    store.read::<_, StoreError, _>(|sql| schema::check(sql)).await?;
    Ok(store)
}

/// A new secret by which a client signs requests.
pub async fn add_secret(path: &Path, passphrase: &str, client: String) -> Result<Made, SecretError> {
    let config = Config::read(path).map_err(OpenError::from)?;
    let (keys, _) = open_keys(&config, passphrase)?;
    let store = database(path).await?;
    Ok(clients::add_secret(&store, &keys, client).await?)
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Clients(#[from] ClientsError),
}

/// Serves until the process is told to stop. `ready` is told once it listens.
pub async fn run(path: &Path, passphrase: &str, ready: impl FnOnce(&Gateway)) -> Result<(), RunError> {
    let config = Config::read(path).map_err(OpenError::from)?;
    let listen = config.listen;
    let gateway = Arc::new(Gateway::open(config, passphrase).await?);
    let tls = gateway.config.tls.as_ref().map(|files| {
        server_config(&Files {
            chain: &files.chain,
            key: &files.key,
            client_authorities: files.client_authorities.as_deref(),
        })
    });
    let server = serve(&gateway, tls.transpose()?).map_err(|source| RunError::Serve { listen, source })?;
    gateway.card_routes.start()?;
    let hosts = authorize::start(&gateway, Cards::new).await?;
    start_engine(Arc::clone(&gateway)).map_err(RunError::Engine)?;
    ready(&gateway);
    let served = server.await;
    hosts.stop().await;
    served.map_err(|source| RunError::Serve { listen, source })
}

/// Does the jobs of an opened gateway, until it is dropped: what it was about is in the database.
pub async fn jobs(gateway: Arc<Gateway>) {
    engine::run(gateway).await;
}

/// On threads of its own, so that requests are answered while the network is waited for. It ends with the process: what
/// it was about is in the database.
fn start_engine(gateway: Arc<Gateway>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_name("engine")
        .build()?;
    let run = move || {
        let _guard = AbortOnEnd;
        runtime.block_on(engine::run(gateway));
    };
    thread::Builder::new().name("engine".to_owned()).spawn(run).map(drop)
}

/// Without its engine a gateway would take orders and do nothing about them.
struct AbortOnEnd;

impl Drop for AbortOnEnd {
    fn drop(&mut self) {
        std::process::abort();
    }
}
