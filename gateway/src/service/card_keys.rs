//! Keys that a configuration names, in its security modules: which are there, and how the others get there. A running gateway sees
//! what is changed so when it is started anew.

mod components;
mod named;
mod row;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use causeway_cards::crypto::key::AesKey;
use causeway_wallet::durable::{self, FileError};
use zeroize::Zeroizing;

use self::named::{Named, of_cards, of_link};
pub use self::row::{KeyRow, Section, State};
use super::config::Config;
use crate::acquiring::{
    hsm::{Algorithm, Hsm, HsmConfig, HsmConfigError, HsmError, KeyInfo, KeyName, KeySpec, Purpose},
    link_key::check_algorithm,
};

/// More than a key block or a component has.
const TEXT_BYTES_MAX: u64 = 16 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum CardKeysError {
    #[error("the configuration names no security module: neither issuing.hsm nor acquiring.hsm")]
    NoModule,
    #[error("the configuration has no {0}.hsm")]
    NoSection(Section),
    #[error("issuing.hsm and acquiring.hsm are two modules; say by --section in which the key `{0}` is meant to be")]
    TwoModules(KeyName),
    #[error("{section}.hsm: the security module")]
    Module {
        section: Section,
        #[source]
        source: HsmConfigError,
    },
    #[error("the configuration names no key `{0}`, so that it is not known what it is for")]
    NotNamed(KeyName),
    #[error("the key `{0}` has no wrapping_key in the configuration; name one by --under")]
    NoWrapping(KeyName),
    #[error("{} must be a component: 32 or 64 hexadecimal digits, and all of a key as many", path.display())]
    Component { path: PathBuf },
    #[error("{} is a component of a key that was not made, and must be removed: {kept}", path.display())]
    ComponentLeft {
        path: PathBuf,
        kept: io::Error,
        #[source]
        source: Box<Self>,
    },
    #[error("the key `{0}` has another check value; `card-keys list` shows it")]
    CheckValue(KeyName),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Hsm(#[from] HsmError),
}

/// One security module, and the keys that it is to have.
pub struct CardKeys {
    sections: Vec<Section>,
    hsm: Box<dyn Hsm>,
    named: Vec<Named>,
}

/// A TDES key that is there then: the issuer's own, whose value nobody has to know.
///
/// # Errors
/// The name is that of a key for something else, or the module fails.
pub fn make(hsm: &dyn Hsm, name: &KeyName, purpose: Purpose) -> Result<KeyRow, HsmError> {
    let spec = KeySpec {
        purpose,
        algorithm: Algorithm::Tdes,
        exportable: false,
    };
    match hsm.generate(name, spec) {
        Ok(info) => Ok(KeyRow::of(name, State::Made, info)),
        Err(HsmError::Exists(_)) => Ok(KeyRow::of(name, State::There, described(hsm, name, purpose)?)),
        Err(error) => Err(error),
    }
}

fn described(hsm: &dyn Hsm, name: &KeyName, needed: Purpose) -> Result<KeyInfo, HsmError> {
    let info = hsm.describe(name)?;
    let (is, name) = (info.spec.purpose, name.clone());
    let wrong = HsmError::WrongPurpose { name, is, needed };
    if is == needed { Ok(info) } else { Err(wrong) }
}

/// All modules of a configuration: one, if both sections name the same.
///
/// # Errors
/// There is none, or one cannot be opened.
pub fn modules(config: &Config) -> Result<Vec<CardKeys>, CardKeysError> {
    let routes = config.card_routing.routes.iter();
    let routes = routes.flat_map(|route| of_link(&format!("acquiring.routes.{}", route.name), &route.keys));
    let routes: Vec<_> = routes.collect();
    let cards = config.issuing.as_ref();
    let cards_hsm = cards.and_then(|issuing| issuing.hsm.as_ref());
    let named = cards.map(of_cards).unwrap_or_default();
    let routes_hsm = config.card_routing.hsm.as_ref();
    let all = match (cards_hsm, routes_hsm) {
        (None, None) => return Err(CardKeysError::NoModule),
        (Some(one), Some(other)) if one == other => {
            let named = named.into_iter().chain(routes).collect();
            vec![open(one, vec![Section::Issuing, Section::Acquiring], named)?]
        }
        (cards_hsm, routes_hsm) => {
            let issuing = cards_hsm.map(|hsm| open(hsm, vec![Section::Issuing], named));
            let acquiring = routes_hsm.map(|hsm| open(hsm, vec![Section::Acquiring], routes));
            issuing.into_iter().chain(acquiring).collect::<Result<_, _>>()?
        }
    };
    Ok(all)
}

fn open(hsm: &HsmConfig, sections: Vec<Section>, named: Vec<Named>) -> Result<CardKeys, CardKeysError> {
    let section = sections[0];
    let hsm = hsm.open().map_err(|source| CardKeysError::Module { section, source })?;
    Ok(CardKeys { sections, hsm, named })
}

/// The module in which a key is, or is to be.
pub fn module_of(all: Vec<CardKeys>, section: Option<Section>, name: &KeyName) -> Result<CardKeys, CardKeysError> {
    let are_one = all.len() == 1;
    let fits = |module: &CardKeys| match section {
        Some(section) => module.sections.contains(&section),
        None => are_one || module.named.iter().any(|named| named.is(name)),
    };
    let mut found: Vec<_> = all.into_iter().filter(fits).collect();
    match (found.pop(), found.is_empty(), section) {
        (Some(module), true, _) => Ok(module),
        (None, _, Some(section)) => Err(CardKeysError::NoSection(section)),
        _ => Err(CardKeysError::TwoModules(name.clone())),
    }
}

impl CardKeys {
    /// Makes those keys that are the issuer's own and not there yet.
    pub fn generate(&self) -> Result<Vec<KeyRow>, CardKeysError> {
        let own = self.named.iter().filter(|named| named.is_own);
        let rows = own.map(|named| {
            let row = make(&*self.hsm, &named.name, named.purpose)?;
            Ok(self.told(row))
        });
        rows.collect()
    }

    /// All keys that are there, and those that the configuration names and that are not.
    pub fn list(&self) -> Result<Vec<KeyRow>, CardKeysError> {
        let names = self.hsm.names()?;
        let row = |name: &KeyName| Ok(self.told(KeyRow::of(name, State::There, self.hsm.describe(name)?)));
        let mut rows: Vec<KeyRow> = names.iter().map(row).collect::<Result<_, HsmError>>()?;
        for named in &self.named {
            let is_there = names.iter().any(|name| named.is(name));
            let is_told = rows.iter().any(|row| row.name == named.name);
            if !is_there && !is_told {
                rows.push(self.told(KeyRow::absent(&named.name, named.purpose)));
            }
        }
        Ok(rows)
    }

    fn told(&self, row: KeyRow) -> KeyRow {
        let by = self.named.iter().filter(|named| named.is(&row.name));
        KeyRow {
            named_by: by.map(|named| named.by.clone()).collect(),
            ..row
        }
    }

    /// A wrapping key of components that two or more officers bring, a file each.
    pub fn assemble(&self, name: &KeyName, files: &[PathBuf]) -> Result<KeyRow, CardKeysError> {
        let components = components::read(files)?;
        self.wrapping(name, files, &components)
    }

    /// A new wrapping key, and its components: a file for each officer who brings one to the other side, readable by its owner only. Without
    /// the key there are no files.
    pub fn make_wrapping(&self, name: &KeyName, files: &[PathBuf]) -> Result<KeyRow, CardKeysError> {
        self.refuse_known(name)?;
        let mut written = Vec::new();
        let made = components::make(files, &mut written).and_then(|components| self.wrapping(name, files, &components));
        match made {
            Ok(row) => Ok(row.with(State::Made)),
            Err(failed) => Err(components::removed(&written, failed)),
        }
    }

    fn wrapping(
        &self,
        name: &KeyName,
        files: &[PathBuf],
        components: &[Zeroizing<Vec<u8>>],
    ) -> Result<KeyRow, CardKeysError> {
        let (mut algorithm, mut check_values) = (None, BTreeMap::new());
        for (path, component) in files.iter().zip(components) {
            let wrong = || CardKeysError::Component { path: path.clone() };
            let its = match component.len() {
                16 => Algorithm::Aes128,
                components::BYTES => Algorithm::Aes256,
                _ => return Err(wrong()),
            };
            if *algorithm.get_or_insert(its) != its {
                return Err(wrong());
            }
            let key = AesKey::new(component).map_err(HsmError::from)?;
            check_values.insert(path.clone(), hex::encode_upper(key.check_value()));
        }
        let spec = KeySpec {
            purpose: Purpose::Wrapping,
            algorithm: algorithm.ok_or(HsmError::Components)?,
            exportable: false,
        };
        let components: Vec<&[u8]> = components.iter().map(|component| component.as_slice()).collect();
        let info = self.hsm.assemble(name, spec, &components)?;
        let row = self.told(KeyRow::of(name, State::There, info));
        Ok(KeyRow {
            components: check_values,
            ..row
        })
    }

    /// A new key that a link's other side gets, too, in the block that is written to `file`.
    pub fn share(&self, name: &KeyName, under: Option<KeyName>, file: &Path) -> Result<KeyRow, CardKeysError> {
        let (purpose, under) = self.transported(name, under)?;
        let spec = KeySpec {
            purpose,
            algorithm: Algorithm::Tdes,
            exportable: false,
        };
        let (info, block) = self.hsm.share(name, spec, &under)?;
        let written = durable::create(file, (block + "\n").as_bytes());
        if written.is_err() {
            // A key that only one side has is none.
            self.hsm.delete(name)?;
        }
        written?;
        Ok(self.told(KeyRow::of(name, State::Made, info)))
    }

    /// The key of a block that the other side has written.
    pub fn import(&self, name: &KeyName, under: Option<KeyName>, file: &Path) -> Result<KeyRow, CardKeysError> {
        let (purpose, under) = self.transported(name, under)?;
        let block = durable::read_text(file, TEXT_BYTES_MAX)?;
        let info = self.hsm.import(name, purpose, &under, block.trim())?;
        if let Err(refused) = check_algorithm(name, info.spec) {
            self.hsm.delete(name)?;
            return Err(refused.into());
        }
        Ok(self.told(KeyRow::of(name, State::There, info)))
    }

    /// Deletes a key that is called by its check value, too: one that only one side has, or that is to come anew.
    pub fn delete(&self, name: &KeyName, check_value: &str) -> Result<KeyRow, CardKeysError> {
        if !self.named.iter().any(|named| named.is(name)) {
            return Err(CardKeysError::NotNamed(name.clone()));
        }
        let row = self.told(KeyRow::of(name, State::Deleted, self.hsm.describe(name)?));
        let is_it = row
            .check_value
            .as_deref()
            .is_some_and(|is| is.eq_ignore_ascii_case(check_value));
        if !is_it {
            return Err(CardKeysError::CheckValue(name.clone()));
        }
        self.hsm.delete(name)?;
        Ok(row)
    }

    /// What a key is for that comes or goes, and under which other.
    fn transported(&self, name: &KeyName, under: Option<KeyName>) -> Result<(Purpose, KeyName), CardKeysError> {
        let named = self.named.iter().find(|named| named.name == *name);
        let named = named.ok_or_else(|| CardKeysError::NotNamed(name.clone()))?;
        self.refuse_known(name)?;
        let under = under.or_else(|| named.wrapping.clone());
        let under = under.ok_or_else(|| CardKeysError::NoWrapping(name.clone()))?;
        described(&*self.hsm, &under, Purpose::Wrapping)?;
        Ok((named.purpose, under))
    }

    /// A link's key that was changed is there by another name.
    fn refuse_known(&self, name: &KeyName) -> Result<(), HsmError> {
        let named = self.named.iter().find(|named| named.name == *name);
        let is_it = |known: &KeyName| known == name || named.is_some_and(|named| named.is(known));
        match self.hsm.names()?.into_iter().find(is_it) {
            Some(known) => Err(HsmError::Exists(known)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
