use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::acquiring::{
    hsm::Hsm,
    link_key::tests::{link_key, module, name},
};

/// Keys in a module, by their first names.
struct Side {
    keys: Generations,
    hsm: Arc<dyn Hsm>,
    _folder: TempDir,
}

impl Side {
    fn new(labels: &[&str]) -> Self {
        let (hsm, _folder) = module();
        let mut side = Self {
            keys: Generations::default(),
            hsm,
            _folder,
        };
        side.keys = Generations::new(labels.iter().map(|label| side.made(label)).collect());
        side
    }

    fn made(&self, label: &str) -> ModuleKey {
        let at = u8::try_from(self.hsm.names().expect("names").len()).expect("few");
        link_key(&self.hsm, label, [2 * at + 1; 16]);
        ModuleKey::new(Arc::clone(&self.hsm), name(label))
    }

    fn id(&self, label: &str) -> u64 {
        let found = self.keys.keys.iter().find(|known| *known.key.name() == name(label));
        found.expect(label).id
    }

    /// The current one, then the others from the newest; and these alone are in the module, soon.
    async fn check(&self, expected: &[&str]) {
        let good = self.keys.good();
        let good: Vec<_> = good.iter().map(|(_, key)| key.name().as_str()).collect();
        assert_eq!(good, expected);
        let mut sorted = expected.to_vec();
        sorted.sort_unstable();
        loop {
            let names = self.hsm.names().expect("names");
            let left: Vec<_> = names.iter().map(|name| name.as_str()).collect();
            let left: Vec<_> = left.into_iter().filter(|name| *name != "kbpk").collect();
            if left == sorted {
                return;
            }
            assert!(sorted.iter().all(|name| left.contains(name)), "{left:?}");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_the_other_side_did_not_answer_is_kept() {
    let mut side = Side::new(&["a", "b", "c"]);
    side.keys.try_newest();
    side.keys.try_next();
    side.keys.settle(0);
    side.keys.forget_refused();
    side.check(&["b", "c", "a"]).await;
    // Nor is it lost to a change that comes to nothing.
    let offered = side.made("d");
    side.keys.offer(offered);
    side.check(&["b", "d", "c", "a"]).await;
    side.keys.withdraw();
    side.check(&["b", "c", "a"]).await;
    side.keys.heard(side.id("c"), 1);
    side.keys.forget(REPLACED_MS + 1);
    side.check(&["c"]).await;
}

#[tokio::test]
async fn what_the_other_side_refuses_is_deleted_when_it_takes_another() {
    let mut side = Side::new(&["a", "b", "c"]);
    side.keys.try_newest();
    side.keys.refused(side.id("a"));
    side.check(&["a", "c", "b"]).await;
    side.keys.settle(0);
    side.keys.forget_refused();
    side.check(&["a"]).await;
}

#[tokio::test]
async fn a_refusal_under_the_same_key_refuses_no_key() {
    let mut side = Side::new(&["a", "b"]);
    side.keys.try_newest();
    side.keys.refused(side.id("b"));
    side.check(&["b", "a"]).await;
    side.keys.try_next();
    side.keys.settle(0);
    side.keys.forget_refused();
    side.check(&["a", "b"]).await;
}

#[tokio::test]
async fn a_key_that_was_replaced_too_soon_is_good_again() {
    let mut side = Side::new(&["a", "b"]);
    side.keys.heard(side.id("b"), 0);
    side.keys.refused(side.id("a"));
    side.keys.settle(1);
    side.keys.forget_refused();
    side.keys.forget(REPLACED_MS);
    side.check(&["a"]).await;
    side.keys.try_next();
    side.check(&["a"]).await;
}

#[tokio::test]
async fn a_switch_is_to_the_key_that_it_names_and_ends_those_before_it() {
    let mut side = Side::new(&["a"]);
    let offered = side.made("b");
    side.keys.offer(offered);
    assert!(!side.keys.switch(&name("c"), 1));
    side.check(&["a", "b"]).await;
    assert!(side.keys.switch(&name("b"), 1));
    side.keys.forget(REPLACED_MS);
    side.check(&["b", "a"]).await;
    side.keys.forget(1 + REPLACED_MS);
    side.check(&["b"]).await;
}
