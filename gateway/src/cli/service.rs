//! `causeway-gateway init`, `run`, `migrate`, `reconcile` and `clients`.

use std::{
    io,
    path::{Path, PathBuf},
};

use causeway_gateway::{
    oauth::{Scope, ScopeFault, Scopes},
    service::{
        clients::{self, ClientsError},
        config::{Config, ConfigError},
        context::{Gateway, OpenError},
        reconcile::{self, ReconcileError},
        run::{self, RunError, SecretError},
    },
};
use causeway_wallet::{
    clock,
    durable::{self, FileError},
};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::{
    args::Clients,
    passphrase::{PassphraseError, passphrase},
};

/// Of a JWK set.
const JWKS_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("{} is there already; remove it, or give another --config", path.display())]
    ConfigThere { path: PathBuf },
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Clients(#[from] ClientsError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot compare with the ledger")]
    Reconcile(#[from] ReconcileError),
    #[error("the scopes")]
    Scopes(#[from] ScopeFault),
    #[error("cannot start")]
    Start(#[source] io::Error),
    #[error("cannot print")]
    Print(#[source] io::Error),
}

/// What a new configuration has; the rest is by default.
#[derive(Debug, Serialize)]
pub struct Settings {
    pub operator: String,
    pub wallet: PathBuf,
    pub operator_key: String,
    pub custody_key: String,
    pub listen: String,
    pub public_url: String,
    pub database: String,
}

pub fn init(path: &Path, settings: &Settings) -> Result<(), ServiceError> {
    let text = toml::to_string(settings).expect("texts have a TOML form");
    durable::create(path, text.as_bytes()).map_err(|error| {
        if error.is_already_there() {
            ServiceError::ConfigThere { path: path.to_owned() }
        } else {
            error.into()
        }
    })?;
    migrate(path)
}

pub fn migrate(path: &Path) -> Result<(), ServiceError> {
    block_on(async { Ok(run::migrate(path).await.map(drop)?) })
}

pub fn run(path: &Path, passphrase_file: Option<&Path>) -> Result<(), ServiceError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    let passphrase = passphrase(passphrase_file)?;
    let served = run::run(path, &passphrase, |gateway| {
        println!("the API of {} is at {}/docs", gateway.us(), gateway.config.public_url);
    });
    Ok(actix_rt::System::new().block_on(served)?)
}

/// Whether nothing differs.
pub fn reconcile(path: &Path, passphrase_file: Option<&Path>) -> Result<bool, ServiceError> {
    let config = Config::read(path)?;
    let passphrase = passphrase(passphrase_file)?;
    block_on(async {
        let gateway = Gateway::open(config, &passphrase).await?;
        let report = reconcile::reconcile(&gateway).await?;
        for difference in &report.differences {
            print(difference)?;
        }
        print(&report.counts)?;
        Ok(report.differences.is_empty())
    })
}

fn block_on<T>(work: impl Future<Output = Result<T, ServiceError>>) -> Result<T, ServiceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ServiceError::Start)?.block_on(work)
}

/// A line of `clients list`.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    name: &'a str,
    scopes: &'a str,
    disabled: bool,
}

fn print(value: &impl Serialize) -> Result<(), ServiceError> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value).map_err(|error| ServiceError::Print(error.into()))?;
    io::Write::write_all(&mut out, b"\n").map_err(ServiceError::Print)
}

pub fn clients(what: Clients) -> Result<(), ServiceError> {
    block_on(async {
        match what {
            Clients::Add {
                config,
                name,
                scopes,
                jwks,
                bic,
            } => {
                let store = run::database(&config.config).await?;
                let scopes: Scopes = match scopes.as_str() {
                    "all" => Scope::ALL.into_iter().filter(|scope| *scope != Scope::Admin).collect(),
                    scopes => scopes.parse()?,
                };
                let jwks = jwks.map(|path| durable::read(&path, JWKS_BYTES_MAX)).transpose()?;
                let made =
                    clients::add(&store, name, &scopes, jwks.as_deref(), bic.as_ref(), clock::now_ms().0).await?;
                print(&serde_json::json!({ "client_id": made.id, "client_secret": *made.secret }))
            }
            Clients::List { config } => {
                let store = run::database(&config.config).await?;
                for client in clients::list(&store).await? {
                    print(&Line {
                        id: &client.id,
                        name: &client.body.name,
                        scopes: &client.body.scopes,
                        disabled: client.disabled,
                    })?;
                }
                Ok(())
            }
            Clients::Disable { config, id } => {
                Ok(clients::set_disabled(&run::database(&config.config).await?, id, true).await?)
            }
            Clients::Enable { config, id } => {
                Ok(clients::set_disabled(&run::database(&config.config).await?, id, false).await?)
            }
            Clients::Secret { config, passphrase, id } => {
                let passphrase = super::passphrase::passphrase(passphrase.passphrase_file.as_deref())?;
                let made = run::add_secret(&config.config, &passphrase, id).await?;
                print(&serde_json::json!({ "key_id": made.id, "secret": *made.secret }))
            }
            Clients::Key { config, id, key } => {
                let key_id = clients::add_key(&run::database(&config.config).await?, id, &key).await?;
                print(&serde_json::json!({ "key_id": key_id }))
            }
        }
    })
}
