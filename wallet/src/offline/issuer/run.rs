//! From a configuration to a running service.

use std::{
    fs::{DirBuilder, File},
    io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    panic,
    path::{Path, PathBuf},
    sync::Arc,
};

use causeway_contracts::committee::ValidatorSetError;
use tokio::{runtime::Runtime, sync::watch};

use super::{
    config::{Config, ConfigError},
    desk::Desk,
    follow::{Stop, Work},
    journal::{JournalError, JournalFile},
    purses::Purses,
    rules::Rules,
    serve::{Counter, serve},
};
use crate::{
    client::{Client, ClientError},
    clock,
    durable::{self, FileError},
    trust::{self, TrustError},
};

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("another service uses the folder {}; give this one a state folder of its own", folder.display())]
    InUse { folder: PathBuf },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the state folder: {0}")]
    Trust(#[from] TrustError),
    #[error("the genesis file's validators: {0}")]
    Validators(#[from] ValidatorSetError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("cannot start threads: {0}")]
    Threads(#[source] io::Error),
    #[error("cannot serve on {listen}: {source}")]
    Serve {
        listen: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("the service has stopped: {0}")]
    Stopped(#[from] Stop),
}

/// Serves until the process is told to stop, or cannot go on. `ready` is told where it listens once it does.
pub async fn run(path: &Path, ready: impl FnOnce(&Config, SocketAddr)) -> Result<(), RunError> {
    let config = Config::read(path)?;
    let _lock = lock(&config.state)?;
    let file = JournalFile::in_folder(&config.state, config.genesis.hash(), config.currency);
    let journal = file.load()?.unwrap_or_default();
    let desk = Desk {
        client: Arc::new(client(&config, &file)?),
        currency: config.currency,
        reader: config.keys.grant.clone(),
    };
    let threads = Threads::start()?;
    let (rules, told) = watch::channel(None);
    let work = work(&config, &desk, file, rules);
    let purses = Purses {
        desk,
        keys: config.keys.clone(),
        account: config.account,
        account_key: config.account_key.clone(),
        operators: config.operators.clone(),
        rules: told,
    };
    let listen = config.listen;
    let wrong = |source| RunError::Serve { listen, source };
    let (server, address) = serve(Counter::new(purses, threads.runtime().handle().clone()), listen).map_err(wrong)?;
    ready(&config, address);
    let handle = server.handle();
    let working = threads.runtime().spawn(work.run(journal));
    tokio::select! {
        served = server => served.map_err(wrong),
        stopped = working => {
            handle.stop(false).await;
            match stopped {
                Ok(stop) => Err(stop.into()),
                Err(bug) => panic::resume_unwind(bug.into_panic()),
            }
        }
    }
}

/// Held while the service runs: two that sign from one folder would overwrite each other's cursor.
fn lock(folder: &Path) -> Result<File, RunError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(FileError::new("make the folder", folder))?;
    let lock = durable::open_locked(&folder.join("lock"), || false)?;
    lock.ok_or_else(|| RunError::InUse {
        folder: folder.to_owned(),
    })
}

/// Trusts whom it trusted last; at first the genesis file's validators.
fn client(config: &Config, file: &JournalFile) -> Result<Client, RunError> {
    let trusted = match trust::load(&file.trust_path(), config.genesis.hash()) {
        Err(TrustError::File(error)) if error.is_not_found() => trust::vouched(&config.genesis, clock::now_ms())?,
        other => other?,
    };
    let prefix = config.genesis.address_prefix;
    Ok(Client::with_trust(trusted, prefix, config.nodes.clone())?.with_short_proofs())
}

fn work(config: &Config, desk: &Desk, journal: JournalFile, rules: watch::Sender<Option<Arc<Rules>>>) -> Work {
    Work {
        desk: desk.clone(),
        keys: config.keys.clone(),
        account: config.account,
        account_key: config.account_key.clone(),
        stream_key: config.operators[0].key.clone(),
        limits: config.limits.clone(),
        beacon_hours: config.beacon_hours,
        lot_proof_hours: config.lot_proof_hours,
        from_height: config.from_height,
        journal,
        rules,
    }
}

/// On which the ledger is asked.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    /// What runs there is left where it is: the ledger and the journal say how to go on.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Threads {
    fn start() -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .thread_name("issuer")
            .build();
        runtime.map(|runtime| Self(Some(runtime))).map_err(RunError::Threads)
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("there until it is dropped")
    }
}
