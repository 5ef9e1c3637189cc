//! Keys of a link, which both sides change while it is used: generations of one name in a security module.
//!
//! The first is called as the configuration says, the next ones have `.1`, `.2` and so on after that. A generation is deleted when it
//! is good no more, so that those that are there say all that a process has to know when it starts. One process uses a link's
//! keys; others would not hear of a change.

mod generations;

use std::sync::Arc;

use causeway_cards::crypto::mac::{Padding, equal};

use super::hsm::{Algorithm, Hsm, HsmError, KeyName, KeySpec, Purpose};

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
    /// There is none, or one that is for something else; or the wrapping key is not there.
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
        let (is, name) = (self.hsm.describe(name)?.spec.purpose, name.clone());
        let wrong = HsmError::WrongPurpose { name, is, needed };
        if is == needed { Ok(()) } else { Err(wrong) }
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

    /// The next generation, which the other side has made: a TDES key in a block.
    pub fn import(&self, block: &str) -> Result<ModuleKey, HsmError> {
        let name = self.next()?;
        let info = self.hsm.import(&name, self.purpose, self.wrapping()?, block)?;
        let algorithm = info.spec.algorithm;
        if algorithm == Algorithm::Tdes {
            return Ok(ModuleKey::new(Arc::clone(&self.hsm), name));
        }
        // A format of PIN blocks for which field 52 has no room.
        self.hsm.delete(&name)?;
        let purpose = self.purpose;
        Err(HsmError::Algorithm { purpose, algorithm })
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
pub(crate) mod tests {
    use tempfile::TempDir;
    use zeroize::Zeroizing;

    use super::*;
    use crate::acquiring::hsm::SoftwareHsm;

    pub fn name(text: &str) -> KeyName {
        text.parse().expect("a name")
    }

    /// A module in software, whose folder is to be kept.
    pub fn module() -> (Arc<dyn Hsm>, TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let hsm = SoftwareHsm::open(&folder.path().join("keys"), Zeroizing::new([7; 32])).expect("a module");
        (Arc::new(hsm), folder)
    }

    /// A key of these bytes.
    pub fn put(hsm: &Arc<dyn Hsm>, label: &str, purpose: Purpose, bytes: &[u8]) {
        let algorithm = match purpose {
            Purpose::Wrapping if bytes.len() == 32 => Algorithm::Aes256,
            Purpose::Wrapping => Algorithm::Aes128,
            _ => Algorithm::Tdes,
        };
        let spec = KeySpec {
            purpose,
            algorithm,
            exportable: false,
        };
        let (half, other) = (
            vec![0x40; bytes.len()],
            bytes.iter().map(|byte| byte ^ 0x40).collect::<Vec<_>>(),
        );
        hsm.assemble(&name(label), spec, &[&half, &other]).expect(label);
    }

    pub const PROTECTION: [u8; 16] = [7; 16];

    /// A link's key for codes of these bytes, under [`PROTECTION`].
    pub fn link_key(hsm: &Arc<dyn Hsm>, label: &str, bytes: [u8; 16]) -> LinkKey {
        put(hsm, label, Purpose::Mac, &bytes);
        if hsm.describe(&name("kbpk")).is_err() {
            put(hsm, "kbpk", Purpose::Wrapping, &PROTECTION);
        }
        LinkKey {
            hsm: Arc::clone(hsm),
            name: name(label),
            purpose: Purpose::Mac,
            wrapping: Some(name("kbpk")),
        }
    }

    fn names(key: &LinkKey) -> Vec<String> {
        let generations = key.generations().expect("generations");
        generations.iter().map(|key| key.name().to_string()).collect()
    }

    #[tokio::test]
    async fn generations_are_found_by_age_and_no_number_comes_twice() {
        let ((here, _a), (there, _b)) = (module(), module());
        let (ours, theirs) = (link_key(&here, "mac", [1; 16]), link_key(&there, "other", [1; 16]));
        put(&here, "mac2", Purpose::Mac, &[3; 16]);
        put(&here, "mac.x", Purpose::Mac, &[3; 16]);
        put(&here, "mac.01", Purpose::Mac, &[3; 16]);
        for number in 1..=10 {
            let (made, block) = ours.share().expect("a key");
            assert_eq!(made.name(), &name(&format!("mac.{number}")));
            let taken = theirs.import(&block).expect("a key");
            assert_eq!(
                taken.code(b"data").expect("a code"),
                made.code(b"data").expect("a code")
            );
            assert!(matches!(
                there.export(taken.name(), &name("kbpk")),
                Err(HsmError::NotExportable(_))
            ));
        }
        here.delete(&name("mac")).expect("a key");
        here.delete(&name("mac.1")).expect("a key");
        assert_eq!(names(&ours).first().map(String::as_str), Some("mac.2"));
        assert_eq!(names(&ours).last().map(String::as_str), Some("mac.10"));
    }

    #[test]
    fn what_is_no_generation_is_refused() {
        let (hsm, _folder) = module();
        let mut key = link_key(&hsm, "mac", [1; 16]);
        key.wrapping = Some(name("no-kbpk"));
        assert!(matches!(key.generations(), Err(HsmError::UnknownKey(_))));
        key.wrapping = Some(name("mac"));
        assert!(matches!(
            key.generations(),
            Err(HsmError::WrongPurpose {
                needed: Purpose::Wrapping,
                ..
            })
        ));
        key.wrapping = None;
        assert!(matches!(key.share(), Err(HsmError::NoWrapping(_))));
        put(&hsm, "mac.1", Purpose::Cvv, &[3; 16]);
        assert!(matches!(
            key.generations(),
            Err(HsmError::WrongPurpose { is: Purpose::Cvv, .. })
        ));
        key.name = name("absent");
        assert!(matches!(key.generations(), Err(HsmError::UnknownKey(_))));
        for (text, is) in [
            ("mac", true),
            ("mac.1", false),
            (&"k".repeat(24), true),
            (&"k".repeat(25), false),
        ] {
            assert_eq!(is_name(&name(text)), is, "{text}");
        }
    }

    #[test]
    fn an_aes_key_for_pin_blocks_is_not_taken() {
        let (hsm, _folder) = module();
        put(&hsm, "kbpk", Purpose::Wrapping, &PROTECTION);
        put(&hsm, "pin", Purpose::Pin, &[5; 16]);
        let spec = KeySpec {
            purpose: Purpose::Pin,
            algorithm: Algorithm::Aes128,
            exportable: false,
        };
        let (_, block) = hsm.share(&name("other"), spec, &name("kbpk")).expect("a key");
        let key = LinkKey {
            hsm: Arc::clone(&hsm),
            name: name("pin"),
            purpose: Purpose::Pin,
            wrapping: Some(name("kbpk")),
        };
        assert!(matches!(key.import(&block), Err(HsmError::Algorithm { .. })));
        assert_eq!(names(&key), ["pin"]);
    }
}
