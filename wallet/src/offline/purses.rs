//! The wallet's purses: a folder for each, named by its purse.
//!
//! | file | content |
//! | --- | --- |
//! | `purse.toml` | what anyone may read of it: its id, account, currency, issuer. There as soon as there is a purse |
//! | `element` | its secure element in software ([`memory::file`](super::memory::file)); a copy of it is a clone |
//! | `news` | the issuer's newest BEACON, and the RL deltas that it has heard ([`news`]) |
//! | `collecting.json` | the request that a reader has begun to collect ([`super::till`]) |
//! | `lock` | held by the process that uses the purse |
//! | `seed.key.json` | the key of a purse that is being made |

pub mod news;

use std::{
    fs::{self, File},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use causeway_contracts::{
    identity::Address,
    money::Currency,
    offline::{
        ids::PurseId,
        messages::Certificate,
        purse::{PurseState, StateError},
        signed::Signed,
    },
};
use serde::{Deserialize, Serialize};

use self::news::{News, NewsError};
use super::{
    element::{Element, ElementError, new_memory},
    memory::{
        TooLong,
        file::{FileMemory, PurseFileError},
        store::OpenError,
    },
};
use crate::durable::{self, FileError};

const INFO_BYTES_MAX: u64 = 16 * 1024;
const NAME_BYTES_MAX: usize = 64;

/// `purse.toml`. Nothing in it is secret, and nothing of it is believed about money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurseInfo {
    pub purse: PurseId,
    /// Whose money is in it.
    pub account: Address,
    pub currency: Currency,
    /// The currency's digits after the point.
    pub exponent: u8,
    /// The address of its issuer's service.
    pub issuer: String,
    /// What the purse is about to be rebased to, or is by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<PurseId>,
}

#[derive(Debug, thiserror::Error)]
pub enum PursesError {
    #[error("a purse's name has 1 to {NAME_BYTES_MAX} characters of a-z, A-Z, 0-9, - and _")]
    Name,
    #[error("no purse '{name}' in this wallet; `causeway offline status` shows those there are")]
    Unknown { name: String },
    #[error("there is a purse '{name}' already; choose another name")]
    Exists { name: String },
    #[error("purse '{name}' is in use by another process; wait until that has ended")]
    InUse { name: String },
    #[error("{}: {source}", path.display())]
    Info {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    #[error("the element of purse '{name}' is of {found}, and its purse.toml says {told}")]
    OtherPurse {
        name: String,
        told: PurseId,
        found: PurseId,
    },
    #[error("purse '{name}': {source}")]
    Element {
        name: String,
        #[source]
        source: PurseFileError,
    },
    #[error("purse '{name}': {source}")]
    Open {
        name: String,
        #[source]
        source: OpenError<StateError>,
    },
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error(transparent)]
    News(#[from] NewsError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a purse is not known to go on as its successor.
#[derive(Debug, thiserror::Error)]
pub enum RebaseError {
    #[error(transparent)]
    Element(#[from] ElementError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// The folder of purses.
#[derive(Debug, Clone)]
pub struct Purses {
    folder: PathBuf,
}

/// The place of one purse, which is this process's alone until it is dropped.
pub struct Place {
    pub name: String,
    folder: PathBuf,
    _lock: File,
}

/// An open purse.
pub struct Purse {
    pub place: Place,
    pub info: PurseInfo,
    pub element: Element<FileMemory>,
    pub news: News,
}

impl PurseInfo {
    /// After a rebase to this purse.
    fn of(self, purse: PurseId) -> Self {
        Self {
            purse,
            successor: None,
            ..self
        }
    }
}

impl Purse {
    /// Has the purse go on as its successor, which has this certificate. `purse.toml` names both before the element
    /// is another, so that whoever opens it after a crash finds it.
    ///
    /// # Errors
    /// As of [`PurseState::finish_rebase`]; then the purse is what it was.
    pub fn rebase(&mut self, certificate: &Signed<Certificate>) -> Result<(), RebaseError> {
        let successor = certificate.body.purse;
        self.info.successor = Some(successor);
        self.place.write(&self.info)?;
        self.element.run(|state| state.finish_rebase(certificate))?;
        self.info = self.info.clone().of(successor);
        self.place.write(&self.info)?;
        Ok(())
    }
}

impl Purses {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// All purses, by name.
    pub fn list(&self) -> Result<Vec<(String, PurseInfo)>, PursesError> {
        let is_purse = |name: &String| is_name(name) && self.folder.join(name).join(INFO).exists();
        let names = durable::names(&self.folder)?.into_iter().filter(is_purse);
        names.map(|name| self.info(&name).map(|info| (name, info))).collect()
    }

    /// What is known of a purse without its passphrase.
    pub fn info(&self, name: &str) -> Result<PurseInfo, PursesError> {
        let path = self.path(name)?.join(INFO);
        let text = durable::read_text(&path, INFO_BYTES_MAX).map_err(|error| {
            if error.is_not_found() {
                PursesError::Unknown { name: name.to_owned() }
            } else {
                error.into()
            }
        })?;
        toml::from_str(&text).map_err(|source| PursesError::Info {
            path,
            source: Box::new(source),
        })
    }

    /// Takes the place for a purse that is not there, or was not made to its end.
    pub fn begin(&self, name: &str) -> Result<Place, PursesError> {
        let folder = self.path(name)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(FileError::new("make the folder", &folder))?;
        let place = self.lock(name, folder)?;
        if place.path(INFO).exists() {
            return Err(PursesError::Exists { name: name.to_owned() });
        }
        Ok(place)
    }

    /// Takes the place of a purse that is there.
    pub fn take(&self, name: &str) -> Result<(Place, PurseInfo), PursesError> {
        let info = self.info(name)?;
        let place = self.lock(name, self.path(name)?)?;
        Ok((place, info))
    }

    pub fn open(&self, name: &str, passphrase: &str) -> Result<Purse, PursesError> {
        let (place, info) = self.take(name)?;
        place.open(info, passphrase)
    }

    fn path(&self, name: &str) -> Result<PathBuf, PursesError> {
        is_name(name).then(|| self.folder.join(name)).ok_or(PursesError::Name)
    }

    fn lock(&self, name: &str, folder: PathBuf) -> Result<Place, PursesError> {
        let lock = durable::open_locked(&folder.join("lock"), || false)?;
        let lock = lock.ok_or_else(|| PursesError::InUse { name: name.to_owned() })?;
        Ok(Place {
            name: name.to_owned(),
            folder,
            _lock: lock,
        })
    }
}

impl Place {
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Makes the purse.
    pub fn create(self, info: PurseInfo, first: &PurseState, passphrase: &str) -> Result<Purse, PursesError> {
        let (content, element) = (new_memory(first)?, self.path(ELEMENT));
        // That of a run that was stopped here: without its purse.toml no command has ever used it.
        match fs::remove_file(&element) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::new("remove", &element)(error).into());
            }
            _ => {}
        }
        let created = FileMemory::create(&element, passphrase, &content);
        created.map_err(|source| self.element_error(source))?;
        self.write(&info)?;
        self.open(info, passphrase)
    }

    fn write(&self, info: &PurseInfo) -> Result<(), FileError> {
        let text = toml::to_string_pretty(info).expect("a purse's info has a TOML form");
        durable::replace(&self.path(INFO), text.as_bytes())
    }

    pub fn open(self, mut info: PurseInfo, passphrase: &str) -> Result<Purse, PursesError> {
        let memory = FileMemory::open(&self.path(ELEMENT), passphrase);
        let memory = memory.map_err(|source| self.element_error(source))?;
        let element = Element::open(memory).map_err(|source| PursesError::Open {
            name: self.name.clone(),
            source,
        })?;
        let found = element.state().id();
        if info.successor == Some(found) {
            info = info.of(found);
            self.write(&info)?;
        }
        if found != info.purse {
            return Err(PursesError::OtherPurse {
                name: self.name,
                told: info.purse,
                found,
            });
        }
        let news = News::load(self.path(NEWS))?;
        Ok(Purse {
            place: self,
            info,
            element,
            news,
        })
    }

    fn element_error(&self, source: PurseFileError) -> PursesError {
        PursesError::Element {
            name: self.name.clone(),
            source,
        }
    }
}

const INFO: &str = "purse.toml";
const ELEMENT: &str = "element";
const NEWS: &str = "news";

fn is_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_good)
}
