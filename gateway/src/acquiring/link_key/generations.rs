//! Which generations of a key are good while it changes.
//!
//! One is current. Those that were offered since are good beside it, so that it does not matter whether the answer to the offer arrives;
//! the first that is heard becomes the current one. The one before it is good for a while longer. What is good no more is deleted: one
//! that was replaced, that never was current, or that the other side has refused. Nothing else is, so that one stays that both have.

use super::ModuleKey;
use crate::acquiring::hsm::KeyName;

/// How long a key that was replaced is still good.
pub const REPLACED_MS: u64 = 60_000;

/// One of a link's keys.
pub struct Known {
    /// Rises with each that comes.
    pub id: u64,
    pub key: ModuleKey,
    /// Of one that was replaced: until when it is good.
    until_ms: Option<u64>,
    /// Whether messages were written with it, or heard: the other side may have it as its current one.
    was_current: bool,
    /// By the other side, which had another.
    was_refused: bool,
}

/// From the oldest: those that were replaced, the current one, and those that were offered.
#[derive(Default)]
pub struct Generations {
    keys: Vec<Known>,
    current: usize,
    next: u64,
}

impl Generations {
    /// The oldest is current.
    pub fn new(keys: Vec<ModuleKey>) -> Self {
        let mut all = Self::default();
        keys.into_iter().for_each(|key| all.add(key));
        all.make_current(0);
        all
    }

    fn add(&mut self, key: ModuleKey) {
        let id = self.next;
        self.next += 1;
        self.keys.push(Known {
            id,
            key,
            until_ms: None,
            was_current: false,
            was_refused: false,
        });
    }

    fn make_current(&mut self, at: usize) {
        self.current = at;
        if let Some(known) = self.keys.get_mut(at) {
            (known.until_ms, known.was_current, known.was_refused) = (None, true, false);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub fn current(&self) -> Option<&Known> {
        self.keys.get(self.current)
    }

    pub fn get(&self, id: u64) -> Option<&Known> {
        self.keys.iter().find(|known| known.id == id)
    }

    /// All, with their ids: the current one first, and then from the newest.
    pub fn good(&self) -> Vec<(u64, ModuleKey)> {
        let others = self
            .keys
            .iter()
            .rev()
            .filter(|known| self.current().is_none_or(|current| current.id != known.id));
        let keys = self.current().into_iter().chain(others);
        keys.map(|known| (known.id, known.key.clone())).collect()
    }

    /// The current one, and those that it has replaced.
    pub fn known(&self) -> Vec<ModuleKey> {
        let known = self.keys.iter().take(self.current + 1);
        known.map(|known| known.key.clone()).collect()
    }

    /// Takes a key on, in place of one that was offered before and not heard.
    pub fn offer(&mut self, key: ModuleKey) {
        self.withdraw();
        self.add(key);
    }

    /// Forgets what was offered, and neither heard nor written with.
    pub fn withdraw(&mut self) {
        self.retire_newer(|known| !known.was_current);
    }

    fn retire_newer(&mut self, is_gone: impl Fn(&Known) -> bool) {
        let newer = (self.current + 1).min(self.keys.len())..;
        let gone = self.keys.extract_if(newer, |known| is_gone(known));
        gone.for_each(|known| known.key.retire());
    }

    /// The other side has used this one.
    pub fn heard(&mut self, id: u64, now_ms: u64) {
        let at = self.keys.iter().position(|known| known.id == id);
        let Some(at) = at.filter(|at| *at > self.current) else {
            return;
        };
        // Those that were offered before it will not be.
        let passed_over = self.keys.drain(self.current + 1..at);
        passed_over.for_each(|known| known.key.retire());
        self.switch_to(self.current + 1, now_ms);
    }

    /// The key of this name is current, as the other side has it. Whether it is there.
    pub fn switch(&mut self, name: &KeyName, now_ms: u64) -> bool {
        let at = self.keys.iter().position(|known| known.key.name() == name);
        if let Some(at) = at {
            self.switch_to(at, now_ms);
        }
        at.is_some()
    }

    fn switch_to(&mut self, at: usize, now_ms: u64) {
        for known in self.keys.iter_mut().take(at) {
            known.until_ms.get_or_insert(now_ms + REPLACED_MS);
        }
        if at > self.current {
            self.make_current(at);
        }
    }

    /// Of a side that does not know which of its keys the other has.
    pub fn try_newest(&mut self) {
        self.make_current(self.keys.len().saturating_sub(1));
    }

    /// And then the one before it; after the oldest comes the newest again. The one that was tried stays: the other side may have it.
    pub fn try_next(&mut self) {
        let is_tried = |at: &usize| self.keys[*at].until_ms.is_none();
        let before = (0..self.current.min(self.keys.len())).rev().find(is_tried);
        match before {
            Some(before) => self.make_current(before),
            None => self.try_newest(),
        }
    }

    /// The other side has refused what was written with the current one, and said so with `by`: that is what it writes with, and it
    /// has heard none that came later. If `by` is the current one, what it refused was damaged on its way.
    pub fn refused(&mut self, by: u64) {
        let at = self.keys.iter().position(|known| known.id == by);
        let Some(at) = at.filter(|at| *at < self.current) else {
            return;
        };
        let refused = self.keys[at + 1..=self.current].iter_mut();
        refused.for_each(|known| known.was_refused = true);
        self.make_current(at);
    }

    /// The other side has taken what was written with the current one.
    pub fn settle(&mut self, now_ms: u64) {
        self.switch_to(self.current, now_ms);
    }

    /// Forgets those newer ones that the other side has refused. Of one without an answer nobody knows whether it was heard, and the other
    /// side keeps no older one then.
    pub fn forget_refused(&mut self) {
        self.retire_newer(|known| known.was_refused);
    }

    /// Forgets what was good until now.
    pub fn forget(&mut self, now_ms: u64) {
        while self.current > 0 && self.keys[0].until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
            self.keys.remove(0).key.retire();
            self.current -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
