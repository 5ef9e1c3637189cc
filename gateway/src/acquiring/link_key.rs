//! Keys of a link, which both sides change while it is used: generations of one name in a security module.
//!
//! The first is called as the configuration says, the next ones have `.1`, `.2` and so on after that. A generation is deleted when it
//! is good no more, so that those that are there say all that a process has to know when it starts. One process at a time uses a
//! link's keys: another would not hear of a change, and could delete what the first has just offered.

mod generations;

use std::sync::Arc;

use causeway_cards::crypto::mac::{Padding, equal};

use super::hsm::{Algorithm, Hsm, HsmError, KeyInfo, KeyName, KeySpec, Purpose};

pub use self::generations::{Generations, Known, REPLACED_MS};

/// One generation, and the module that has it. Methods block.
#[derive(Clone)]
pub struct ModuleKey {
    hsm: Arc<dyn Hsm>,
    name: KeyName,
}

impl ModuleKey {
    pub fn new(hsm: Arc<dyn Hsm>, name: KeyName) -> Self {
        Self { hsm, name }
    }

    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The code (ISO 9797-1 algorithm 3, padding method 1) of a message's bytes before it.
    pub fn code(&self, covered: &[u8]) -> Result<[u8; 8], HsmError> {
        self.hsm.mac(&self.name, covered, Padding::Method1)
    }

    /// In constant time.
    pub fn is_code(&self, covered: &[u8], given: &[u8; 8]) -> Result<bool, HsmError> {
        Ok(equal(&self.code(covered)?, given))
    }

    /// Deletes it, in the background: it is good no more. One that stays after a failure is deleted at the next change.
    pub fn retire(self) {
        tokio::task::spawn_blocking(move || match self.hsm.delete(&self.name) {
            Ok(()) | Err(HsmError::UnknownKey(_)) => {}
            Err(error) => tracing::warn!(key = %self.name, error = error.to_string(), "an old key stays in the module"),
        });
    }
}

/// A key of a link, by all its generations. Methods block.
#[derive(Clone)]
pub struct LinkKey {
    pub hsm: Arc<dyn Hsm>,
    /// Of the first generation.
    pub name: KeyName,
    pub purpose: Purpose,
    /// Under which the next ones come and go; without one, they do not.
    pub wrapping: Option<KeyName>,
}

/// So that a number fits after it.
pub const NAME_CHARS_MAX: usize = 24;

/// Whether a name may have generations: it is short, and does not look like one of another.
pub fn is_name(name: &KeyName) -> bool {
    let name = name.as_str();
    name.len() <= NAME_CHARS_MAX && !name.contains('.')
}

/// Whether messages of a link have room for what a key makes: for PIN blocks of format 0 only. A wrapping key makes nothing in them.
///
/// # Errors
/// [`HsmError::LinkAlgorithm`].
pub fn check_algorithm(name: &KeyName, spec: KeySpec) -> Result<(), HsmError> {
    if spec.purpose == Purpose::Wrapping || spec.algorithm == Algorithm::Tdes {
        return Ok(());
    }
    let (name, is) = (name.clone(), spec.algorithm);
    Err(HsmError::LinkAlgorithm { name, is })
}

fn generation(base: &KeyName, number: u32) -> Result<KeyName, HsmError> {
    match number {
        0 => Ok(base.clone()),
        number => format!("{base}.{number}").parse(),
    }
}

fn number(base: &KeyName, name: &KeyName) -> Option<u32> {
    let rest = name.as_str().strip_prefix(base.as_str())?;
    if rest.is_empty() {
        return Some(0);
    }
    let number: u32 = rest.strip_prefix('.')?.parse().ok()?;
    (number > 0 && generation(base, number).is_ok_and(|same| same == *name)).then_some(number)
}

/// Whether `name` is that of a later generation.
pub fn is_generation(base: &KeyName, name: &KeyName) -> bool {
    number(base, name).is_some_and(|number| number > 0)
}

impl LinkKey {
    /// From the oldest to the newest.
    ///
    /// # Errors
    /// There is none, or one that is for something else, or of an algorithm for which messages have no room; or the wrapping key is not there.
    pub fn generations(&self) -> Result<Vec<ModuleKey>, HsmError> {
        let numbers = self.numbers()?;
        if let Some(wrapping) = &self.wrapping {
            self.check(wrapping, Purpose::Wrapping)?;
        }
        if numbers.is_empty() {
            return Err(HsmError::UnknownKey(self.name.clone()));
        }
        let key = |number: &u32| {
            let name = generation(&self.name, *number)?;
            self.check(&name, self.purpose)?;
            Ok(ModuleKey::new(Arc::clone(&self.hsm), name))
        };
        numbers.iter().map(key).collect()
    }

    fn check(&self, name: &KeyName, needed: Purpose) -> Result<(), HsmError> {
        let spec = self.hsm.describe(name)?.spec;
        if spec.purpose != needed {
            let (name, is) = (name.clone(), spec.purpose);
            return Err(HsmError::WrongPurpose { name, is, needed });
        }
        check_algorithm(name, spec)
    }

    fn numbers(&self) -> Result<Vec<u32>, HsmError> {
        let names = self.hsm.names()?;
        let mut numbers: Vec<_> = names.iter().filter_map(|name| number(&self.name, name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn next(&self) -> Result<KeyName, HsmError> {
        let last = self.numbers()?.last().copied().unwrap_or_default();
        generation(&self.name, last.saturating_add(1))
    }

    fn wrapping(&self) -> Result<&KeyName, HsmError> {
        let wrapping = self.wrapping.as_ref();
        wrapping.ok_or_else(|| HsmError::NoWrapping(self.name.clone()))
    }

    /// The next generation, which the other side has made: a TDES key in a block, and none of `known` by its check value.
    pub fn import(&self, block: &str, known: &[ModuleKey]) -> Result<ModuleKey, HsmError> {
        let name = self.next()?;
        let info = self.hsm.import(&name, self.purpose, self.wrapping()?, block)?;
        if let Err(refused) = self.check_new(&name, info, known) {
            self.hsm.delete(&name)?;
            return Err(refused);
        }
        Ok(ModuleKey::new(Arc::clone(&self.hsm), name))
    }

    fn check_new(&self, name: &KeyName, info: KeyInfo, known: &[ModuleKey]) -> Result<(), HsmError> {
        check_algorithm(name, info.spec)?;
        for key in known {
            match self.hsm.check_value(&key.name) {
                Ok(value) if value == info.check_value => return Err(HsmError::Repeated(key.name.clone())),
                // It was good no more while this came.
                Ok(_) | Err(HsmError::UnknownKey(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next generation, made here, and its block for the other side.
    pub fn share(&self) -> Result<(ModuleKey, String), HsmError> {
        let name = self.next()?;
        let spec = KeySpec {
            purpose: self.purpose,
            algorithm: Algorithm::Tdes,
            exportable: false,
        };
        let (_, block) = self.hsm.share(&name, spec, self.wrapping()?)?;
        Ok((ModuleKey::new(Arc::clone(&self.hsm), name), block))
    }
}

#[cfg(test)]
pub(crate) mod tests;
