//! The folder that a devnet lives in, and the files of its validators.
//!
//! ```text
//! DIR/.causeway-devnet         the mark without which nothing here is deleted
//! DIR/network/                 made by `up`
//!   genesis.toml devnet.toml
//!   keys/                      the seed, the keys of council, issuers and operators, and a passphrase for wallets
//!   validator-0/               node.toml, validator.key, network.key, node.log, pid.json, data/
//!   gateway-banka/             gateway.toml, gateway.db, client.json, admin.json, gateway.log, pid.json, wallet/; of cards: card-keys,
//!                              sealing-key
//!   gateway-bankb/             the same without keys of cards, and merchant.json
//!   maker-1/                   maker.toml, maker.log, pid.json, wallet/
//!   issuer-cny/                issuer.toml, account.key, certificate.key, grant.key, beacon.key, issuer.log, pid.json, state/
//!   rates.csv                  reference rates for makers
//!   mandates.json              contracts by which BANKB gives money back to BANKA's cardholders, by currency
//! DIR/demo/                    made by `demo`: the same in its own network/, and demo.json
//! DIR/crash/                 made by `crash`: the same in its own network/
//! DIR/instances/             made by `instances`: the same in its own network/
//! DIR/remit/                 made by `remit`: the same in its own network/
//! DIR/cards-bench/           made by `cards-bench`: the same in its own network/
//! DIR/offline/               made by `offline`: the same in its own network/, wallets, and offline.json
//! DIR/acquiring/             made by `acquiring`: the same in its own network/, wallets, and acquiring.json
//! DIR/chaos/                   made by `chaos`: the same in its own network/, and chaos.json
//! DIR/attack/                  made by `attack`: the same in its own network/, and attack.json
//! DIR/bench/                   made by `bench`: the same in its own network/
//! DIR/swap/, DIR/swap-other/   made by `swap`: the same, two networks
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{genesis::validator_name, services::Service};

const MARK: &str = ".causeway-devnet";
const MARK_TEXT: &str = "This folder was made by causeway-devnet; `causeway-devnet reset` deletes what it made here.\n";
const NETWORK: &str = "network";
const LOCK: &str = "lock";

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{path} is there, is not empty and was not made by causeway-devnet; choose another folder with --dir")]
    NotOurs { path: PathBuf },
    #[error("there is no devnet in {path}; `causeway-devnet up --dir {path}` makes one")]
    None { path: PathBuf },
    #[error("another causeway-devnet is at work in {path}; wait until it is done")]
    Locked { path: PathBuf },
    #[error("{attempt} {path}: {source}")]
    Io {
        attempt: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

fn io_error(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    move |source| FolderError::Io {
        attempt,
        path: path.to_owned(),
        source,
    }
}

/// A command with a network of its own, which it makes anew each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    Demo,
    Crash,
    Instances,
    Remit,
    CardsBench,
    Offline,
    Acquiring,
    Chaos,
    Attack,
    Bench,
    Swap,
    /// The second network of a swap.
    SwapOther,
}

impl Trial {
    pub const ALL: [Self; 12] = [
        Self::Demo,
        Self::Crash,
        Self::Instances,
        Self::Remit,
        Self::CardsBench,
        Self::Offline,
        Self::Acquiring,
        Self::Chaos,
        Self::Attack,
        Self::Bench,
        Self::Swap,
        Self::SwapOther,
    ];

    /// Of the command and of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Crash => "crash",
            Self::Instances => "instances",
            Self::Remit => "remit",
            Self::CardsBench => "cards-bench",
            Self::Offline => "offline",
            Self::Acquiring => "acquiring",
            Self::Chaos => "chaos",
            Self::Attack => "attack",
            Self::Bench => "bench",
            Self::Swap => "swap",
            Self::SwapOther => "swap-other",
        }
    }
}

/// A marked folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Marks a new or empty folder, or takes one that is marked.
    pub fn open_or_create(path: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(path).map_err(io_error("cannot make folder", path))?;
        let path = fs::canonicalize(path).map_err(io_error("cannot find", path))?;
        let mark = path.join(MARK);
        if !mark.exists() {
            let mut entries = fs::read_dir(&path).map_err(io_error("cannot read folder", &path))?;
            if entries.next().is_some() {
                return Err(FolderError::NotOurs { path });
            }
            fs::write(&mark, MARK_TEXT).map_err(io_error("cannot write", &mark))?;
        }
        Ok(Self(path))
    }

    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let none = || FolderError::None { path: path.to_owned() };
        let found = fs::canonicalize(path).map_err(|_| none())?;
        if !found.join(MARK).exists() {
            return Err(none());
        }
        Ok(Self(found))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn network(&self) -> NetworkFolder {
        NetworkFolder(self.0.join(NETWORK))
    }

    pub fn of(&self, trial: Trial) -> PathBuf {
        self.0.join(trial.name())
    }

    pub fn network_of(&self, trial: Trial) -> NetworkFolder {
        NetworkFolder(self.of(trial).join(NETWORK))
    }

    /// Keeps a second causeway-devnet from starting or deleting in here until the lock is dropped.
    pub fn lock(&self) -> Result<File, FolderError> {
        let path = self.0.join(LOCK);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error("cannot open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(FolderError::Locked { path: self.0.clone() }),
            Err(TryLockError::Error(source)) => Err(io_error("cannot lock", &path)(source)),
        }
    }

    /// Deletes what causeway-devnet made in here, and the folder if nothing else is left in it. Where
    /// something is, such as a wallet, the mark stays too, so that a network can be made here again.
    pub fn reset(self) -> Result<(), FolderError> {
        remove_tree(&self.network().0)?;
        for trial in Trial::ALL {
            self.clear(trial)?;
        }
        remove_file(&self.0.join(LOCK))?;
        let entries = fs::read_dir(&self.0).map_err(io_error("cannot read folder", &self.0))?;
        if entries.flatten().any(|entry| entry.file_name() != MARK) {
            return Ok(());
        }
        remove_file(&self.0.join(MARK))?;
        fs::remove_dir(&self.0).map_err(io_error("cannot delete", &self.0))
    }

    /// Deletes what an earlier one left.
    pub fn clear(&self, trial: Trial) -> Result<(), FolderError> {
        remove_tree(&self.of(trial))
    }
}

fn remove_tree(path: &Path) -> Result<(), FolderError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(io_error("cannot delete", path)),
    }
}

fn remove_file(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(io_error("cannot delete", path)),
    }
}

/// The files of one network.
#[derive(Debug, Clone)]
pub struct NetworkFolder(PathBuf);

impl NetworkFolder {
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn genesis(&self) -> PathBuf {
        self.0.join("genesis.toml")
    }

    /// How many validators there are and where they listen.
    pub fn plan(&self) -> PathBuf {
        self.0.join("devnet.toml")
    }

    pub fn seed(&self) -> PathBuf {
        self.key("seed")
    }

    /// The key file of a council member, an issuer or an operator.
    pub fn key(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(name)
    }

    pub fn validator(&self, index: u16) -> ValidatorFolder {
        ValidatorFolder(self.0.join(validator_name(index)))
    }

    /// Of all wallets of gateways and makers, in its first line.
    pub fn passphrase(&self) -> PathBuf {
        self.key("passphrase")
    }

    /// Reference rates, in the form of the European Central Bank's daily file.
    pub fn rates(&self) -> PathBuf {
        self.0.join("rates.csv")
    }

    /// Contracts by which the second operator gives money back to the first one's cardholders, by currency.
    pub fn mandates(&self) -> PathBuf {
        self.0.join("mandates.json")
    }

    pub fn service(&self, service: Service) -> ServiceFolder {
        ServiceFolder {
            path: self.0.join(service.name()),
            kind: service.kind(),
        }
    }

    /// Whether a network was made here to the end: its plan is written last.
    pub fn is_complete(&self) -> bool {
        self.plan().exists()
    }
}

/// One validator's own folder: all that its process reads and writes but the genesis file.
#[derive(Debug, Clone)]
pub struct ValidatorFolder(PathBuf);

impl ValidatorFolder {
    pub fn config(&self) -> PathBuf {
        self.0.join("node.toml")
    }

    pub fn validator_key(&self) -> PathBuf {
        self.0.join("validator.key")
    }

    pub fn network_key(&self) -> PathBuf {
        self.0.join("network.key")
    }

    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub fn database(&self) -> PathBuf {
        self.data().join("db")
    }

    /// Of the only key that it has; where it would be, in a folder in which it has not run.
    pub fn sign_record(&self) -> PathBuf {
        let folder = self.data().join("consensus");
        let own = fs::read_dir(&folder).ok().and_then(|mut entries| entries.next()?.ok());
        own.map_or(folder, |entry| entry.path()).join("sign.record")
    }

    pub fn log(&self) -> PathBuf {
        self.0.join("node.log")
    }

    pub fn process(&self) -> PathBuf {
        self.0.join("pid.json")
    }
}

/// Names of files in it, as configurations have them.
pub const CARD_KEYS: &str = "card-keys";

pub const SEALING_KEY: &str = "sealing-key";

/// A service's own folder.
#[derive(Debug, Clone)]
pub struct ServiceFolder {
    path: PathBuf,
    kind: &'static str,
}

impl ServiceFolder {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn config(&self) -> PathBuf {
        self.path.join(format!("{}.toml", self.kind))
    }

    pub fn wallet(&self) -> PathBuf {
        self.path.join("wallet")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join(format!("{}.log", self.kind))
    }

    pub fn process(&self) -> PathBuf {
        self.path.join("pid.json")
    }

    /// Of a gateway that issues cards: its software security module's keys.
    pub fn card_keys(&self) -> PathBuf {
        self.path.join(CARD_KEYS)
    }

    /// Which seals them.
    pub fn sealing_key(&self) -> PathBuf {
        self.path.join(SEALING_KEY)
    }

    /// Of a gateway: the id and the secret of a client that may do all that clients may.
    pub fn client(&self) -> PathBuf {
        self.path.join("client.json")
    }

    /// Of a gateway: the same, of an officer of the operator's.
    pub fn admin(&self) -> PathBuf {
        self.path.join("admin.json")
    }

    /// Of a gateway that takes cards: a merchant of that client's, with its store and terminal.
    pub fn merchant(&self) -> PathBuf {
        self.path.join("merchant.json")
    }
}

/// Writes a file and the folder it is in.
pub fn write(path: &Path, content: &str) -> Result<(), FolderError> {
    create_parent(path)?;
    fs::write(path, content).map_err(io_error("cannot write", path))
}

/// Writes a file that only its owner may read.
pub fn write_secret(path: &Path, content: &str) -> Result<(), FolderError> {
    create_parent(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).map_err(io_error("cannot write", path))?;
    file.write_all(content.as_bytes())
        .map_err(io_error("cannot write", path))
}

pub fn read(path: &Path) -> Result<String, FolderError> {
    fs::read_to_string(path).map_err(io_error("cannot read", path))
}

fn create_parent(path: &Path) -> Result<(), FolderError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io_error("cannot make folder", parent))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_foreign_folder_is_neither_taken_nor_deleted() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
        assert!(matches!(
            Folder::open_or_create(dir.path()),
            Err(FolderError::NotOurs { .. })
        ));
        assert!(matches!(Folder::open(dir.path()), Err(FolderError::None { .. })));
    }

    #[test]
    fn reset_deletes_what_was_made_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net");
        let folder = Folder::open_or_create(&path).unwrap();
        write(&folder.network().genesis(), "x").unwrap();
        for trial in Trial::ALL {
            write(&folder.of(trial).join("report.json"), "{}").unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        folder.reset().unwrap();
        let mut left: Vec<_> = fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, [MARK, "notes.txt"]);

        fs::remove_file(path.join("notes.txt")).unwrap();
        Folder::open_or_create(&path).unwrap().reset().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn one_works_in_a_folder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open_or_create(dir.path()).unwrap();
        let held = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(FolderError::Locked { .. })));
        drop(held);
        folder.lock().unwrap();
    }

    #[test]
    fn key_files_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys").join("a");
        write_secret(&path, "00").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
