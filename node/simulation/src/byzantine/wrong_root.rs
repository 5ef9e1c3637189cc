//! Signs roots that are not its state's, so that a false state may be certified.

use causeway_consensus::{SignedRoot, wire::PeerStatus};

use super::{Byzantine, Liar};
use crate::env::Packet;

pub struct WrongRoot;

impl Byzantine for WrongRoot {
    fn send(&mut self, liar: &mut Liar<'_>, _: usize, packet: Packet) -> Vec<Packet> {
        let Packet::Status(bytes) = &packet else {
            return vec![packet];
        };
        let Ok(PeerStatus {
            height,
            checkpoint: Some(said),
        }) = PeerStatus::decode(bytes)
        else {
            return vec![packet];
        };
        let mut root = said.root;
        root.0[3] ^= 1;
        let scheme = liar.signing.scheme.as_ref();
        let mut false_root = SignedRoot::sign(&liar.genesis, said.height, root, liar.key, scheme);
        if liar.chance.below(4) == 0 {
            false_root.signature.0[3] ^= 1;
        }
        let status = PeerStatus {
            height,
            checkpoint: Some(false_root),
        };
        vec![liar.lie(Packet::Status(status.encode()))]
    }
}
