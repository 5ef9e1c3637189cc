//! The nodes of a network: who may connect to whom, and in whose name.
//!
//! The registry is state of the ledger, so that all nodes admit the same peers. It begins with the
//! genesis file's validators; the council adds, changes and removes nodes. A node with a validator key may be
//! in the validator set; one without is an *observer*: it follows the chain and answers for reading.
//!
//! Nodes go by their names. A key of any kind belongs to one node. A node may have two validator keys, so
//! that one can follow the other without a moment in which a key in use is nobody's.

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{Bounded, Text},
    committee::ValidatorId,
    keys::PublicKey,
};

/// There are at most this many nodes, observers included. Fixed.
pub const NODES_MAX: usize = 512;

/// A node has at most this many validator keys: the one in use, and the one that follows it. Fixed.
pub const NODE_KEYS_MAX: usize = 2;

/// What a node is called, by people and in the registry.
pub type NodeName = Text<64>;

/// A node that the others admit.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Node {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: NodeName,
    /// Names its libp2p identity.
    pub network_key: PublicKey,
    /// A libp2p multiaddress at which it is dialled, such as `/ip4/127.0.0.1/tcp/27100`. The ledger does not
    /// read it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Text<128>,
    /// With which it votes while they are in the validator set. None: it observes.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<PublicKey>, max_items = 2))]
    pub validator_keys: Bounded<PublicKey, NODE_KEYS_MAX>,
}

impl Node {
    fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.validator_keys.iter().chain([&self.network_key])
    }

    /// Whether its name and address say something, and its keys can be used and are different.
    pub fn is_sound(&self) -> bool {
        let sound = self.keys().all(|key| key.check().is_ok());
        let different = self
            .keys()
            .enumerate()
            .all(|(at, key)| self.keys().skip(at + 1).all(|other| other != key));
        sound && different && !self.name.is_empty() && !self.address.is_empty()
    }

    /// Whether it has a key of the other's, of whatever kind.
    fn shares_a_key_with(&self, other: &Self) -> bool {
        self.keys().any(|key| other.keys().any(|theirs| theirs == key))
    }
}

/// The registered nodes, ascending by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Registry(Bounded<Node, NODES_MAX>);

/// Why a list of nodes is no registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("{0} nodes, and at most {NODES_MAX} are allowed")]
    Full(usize),
    #[error("node {0} has no name, no address or an unusable key, or one key twice")]
    Unsound(NodeName),
    #[error("node {0} appears twice, or shares a key with another")]
    Exists(NodeName),
}

impl Registry {
    pub fn new(nodes: impl IntoIterator<Item = Node>) -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        for node in nodes {
            if !node.is_sound() {
                return Err(RegistryError::Unsound(node.name));
            }
            if registry.get(&node.name).is_some() || registry.shares_keys(&node) {
                return Err(RegistryError::Exists(node.name));
            }
            if registry.0.len() >= NODES_MAX {
                return Err(RegistryError::Full(NODES_MAX + 1));
            }
            registry.put(node);
        }
        Ok(registry)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &NodeName) -> Option<&Node> {
        self.place(name).ok().map(|at| &self.0[at])
    }

    /// The node that votes with this key when it votes.
    pub fn of_validator_key(&self, key: &PublicKey) -> Option<&Node> {
        self.iter().find(|node| node.validator_keys.contains(key))
    }

    /// The node of which this is a validator.
    pub fn of_validator(&self, id: &ValidatorId) -> Option<&Node> {
        let has = |node: &&Node| node.validator_keys.iter().any(|key| ValidatorId::of(key) == *id);
        self.iter().find(has)
    }

    pub fn of_network_key(&self, key: &PublicKey) -> Option<&Node> {
        self.iter().find(|node| node.network_key == *key)
    }

    /// Whether a node of another name has one of this one's keys.
    pub fn shares_keys(&self, node: &Node) -> bool {
        let others = self.iter().filter(|other| other.name != node.name);
        others.into_iter().any(|other| other.shares_a_key_with(node))
    }

    fn place(&self, name: &NodeName) -> Result<usize, usize> {
        self.0.binary_search_by(|node| node.name.cmp(name))
    }

    /// Adds a node, or replaces the one of that name.
    ///
    /// # Panics
    /// If there are as many as there may be.
    pub fn put(&mut self, node: Node) {
        let mut nodes = std::mem::take(&mut self.0).into_vec();
        match nodes.binary_search_by(|other| other.name.cmp(&node.name)) {
            Ok(at) => nodes[at] = node,
            Err(at) => nodes.insert(at, node),
        }
        self.0 = Bounded::new(nodes).expect("there is room in the registry");
    }

    /// Takes a node out, if it is there.
    pub fn remove(&mut self, name: &NodeName) {
        let mut nodes = std::mem::take(&mut self.0).into_vec();
        nodes.retain(|node| node.name != *name);
        self.0 = Bounded::new(nodes).expect("fewer than before");
    }

    /// What is wrong with a registry that was stored.
    pub fn check(&self) -> Result<(), RegistryError> {
        Self::new(self.iter().cloned()).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{list, text};

    fn key(name: &str) -> PublicKey {
        let seed = crate::codec::hash("test key", &[name.as_bytes()]);
        crate::keys::SecretKey::from_seed(&seed).public_key()
    }

    fn node(name: &str, network_key: &str, validator_keys: &[&str]) -> Node {
        Node {
            name: text(name),
            network_key: key(network_key),
            address: text("/ip4/127.0.0.1/tcp/1"),
            validator_keys: list(validator_keys.iter().map(|name| key(name)).collect()),
        }
    }

    #[test]
    fn nodes_go_by_their_names_and_a_key_belongs_to_one() {
        let two = [node("b", "b network", &["b"]), node("a", "a network", &[])];
        let registry = Registry::new(two.clone()).unwrap();
        assert_eq!(registry.iter().map(|node| &*node.name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(registry.of_validator_key(&key("b")), Some(&two[0]));
        assert_eq!(registry.of_validator(&ValidatorId::of(&key("b"))), Some(&two[0]));
        assert_eq!(registry.of_network_key(&key("a network")), Some(&two[1]));
        assert_eq!(registry.of_network_key(&key("b")), None);
        let check = |one: Node, expected: Result<(), fn(NodeName) -> RegistryError>| {
            let expected = expected.map_err(|error| error(one.name.clone()));
            assert_eq!(Registry::new(two.iter().cloned().chain([one])).map(drop), expected);
        };
        let exists = || Err(RegistryError::Exists as fn(NodeName) -> RegistryError);
        let unsound = || Err(RegistryError::Unsound as fn(NodeName) -> RegistryError);
        check(node("a", "c network", &[]), exists());
        check(node("c", "a network", &[]), exists());
        // Whatever the kind.
        check(node("c", "b", &[]), exists());
        check(node("c", "c network", &["b network"]), exists());
        check(node("c", "c", &["c"]), unsound());
        check(node("c", "c network", &["c", "c"]), unsound());
        check(node("", "c network", &["c"]), unsound());
        check(node("c", "c network", &["c", "c next"]), Ok(()));
        let addressless = Node {
            address: text(""),
            ..node("c", "c network", &[])
        };
        check(addressless, unsound());
        let small = Node {
            network_key: PublicKey::Ed25519([0; 32]),
            ..node("c", "c network", &[])
        };
        check(small, unsound());
    }

    #[test]
    fn a_registry_stays_in_order() {
        let mut registry = Registry::default();
        for name in ["c", "a", "b", "a"] {
            registry.put(node(name, &format!("{name} network"), &[]));
        }
        assert_eq!(registry.len(), 3);
        registry.remove(&text("b"));
        registry.remove(&text("d"));
        assert_eq!(registry.iter().map(|node| &*node.name).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(registry.check(), Ok(()));
    }
}
