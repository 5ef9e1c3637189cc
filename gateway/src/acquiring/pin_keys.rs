//! Keys under which an acquirer enciphers PINs, while they may change: a block says by its form whether it is under a key.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    clock::now_ms,
    link_key::{Generations, ModuleKey},
};

/// Of one link.
pub struct PinKeys(Mutex<Generations>);

impl PinKeys {
    /// From the oldest.
    pub fn new(keys: Vec<ModuleKey>) -> Self {
        Self(Mutex::new(Generations::new(keys)))
    }

    fn keys(&self) -> MutexGuard<'_, Generations> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.forget(now_ms());
        keys
    }

    /// Those under which a block may be, with their ids, the likeliest first.
    pub fn good(&self) -> Vec<(u64, ModuleKey)> {
        self.keys().good()
    }

    /// The current one, and those that it has replaced.
    pub fn known(&self) -> Vec<ModuleKey> {
        self.keys().known()
    }

    /// A block was under this one.
    pub fn heard(&self, id: u64) {
        self.keys().heard(id, now_ms());
    }

    /// Takes a key on beside the current one.
    pub fn offer(&self, key: ModuleKey) {
        self.keys().offer(key);
    }
}
