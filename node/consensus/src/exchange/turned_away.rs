//! Who sent the batches for which there was no room, so that they are asked for first when a block
//! needs one. Pure.

use std::collections::{HashMap, VecDeque};

use causeway_contracts::{block::BatchDigest, committee::ValidatorId};

/// More are not remembered; the oldest is forgotten.
const REMEMBERED_MAX: usize = 4096;

#[derive(Debug, Default)]
pub struct TurnedAway {
    senders: HashMap<BatchDigest, ValidatorId>,
    order: VecDeque<BatchDigest>,
}

impl TurnedAway {
    pub fn add(&mut self, digest: BatchDigest, sender: ValidatorId) {
        if self.senders.insert(digest, sender).is_some() {
            return;
        }
        self.order.push_back(digest);
        if self.order.len() > REMEMBERED_MAX {
            let oldest = self.order.pop_front().expect("it is not empty");
            self.senders.remove(&oldest);
        }
    }

    pub fn sender(&self, digest: &BatchDigest) -> Option<ValidatorId> {
        self.senders.get(digest).copied()
    }
}

#[cfg(test)]
mod tests {
    use causeway_contracts::keys::SecretKey;

    use super::*;

    #[test]
    fn remembers_the_last_ones() {
        let sender = |seed| ValidatorId::of(&SecretKey::from_seed(&[seed; 32]).public_key());
        let digest = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            BatchDigest(bytes)
        };
        let mut turned_away = TurnedAway::default();
        for n in 0..=REMEMBERED_MAX {
            turned_away.add(digest(n), sender(1));
        }
        turned_away.add(digest(5), sender(2));
        assert_eq!(turned_away.sender(&digest(0)), None);
        assert_eq!(turned_away.sender(&digest(1)), Some(sender(1)));
        assert_eq!(turned_away.sender(&digest(5)), Some(sender(2)));
        assert_eq!(
            (turned_away.senders.len(), turned_away.order.len()),
            (REMEMBERED_MAX, REMEMBERED_MAX)
        );
    }
}
