//! Sends what cannot be read: noise, and messages cut off or with a bit flipped.

use super::{Byzantine, Liar};
use crate::env::Packet;

pub struct GarbageSender;

impl GarbageSender {
    fn spoil(liar: &mut Liar<'_>, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.is_empty() {
            return bytes;
        }
        let at = liar.chance.index(bytes.len());
        if liar.chance.per_mille(500) {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << liar.chance.below(8);
        }
        bytes
    }
}

impl Byzantine for GarbageSender {
    fn send(&mut self, liar: &mut Liar<'_>, _: usize, packet: Packet) -> Vec<Packet> {
        if liar.chance.per_mille(700) {
            return vec![packet];
        }
        let spoilt = match packet {
            Packet::Message(bytes) => Packet::Message(Self::spoil(liar, bytes)),
            Packet::Status(bytes) => Packet::Status(Self::spoil(liar, bytes)),
            Packet::Batch(bytes) => Packet::Batch(Self::spoil(liar, bytes)),
            Packet::Ask(number, bytes) => Packet::Ask(number, Self::spoil(liar, bytes)),
            Packet::Answer(number, bytes) => Packet::Answer(number, bytes.map(|bytes| Self::spoil(liar, bytes))),
        };
        vec![liar.lie(spoilt)]
    }

    fn act(&mut self, liar: &mut Liar<'_>) -> Vec<(usize, Packet)> {
        let to = liar.other();
        let length = liar.chance.index(300);
        let bytes = liar.chance.bytes(length);
        let packet = match liar.chance.below(4) {
            0 => Packet::Message(bytes),
            1 => Packet::Status(bytes),
            2 => Packet::Batch(bytes),
            _ => Packet::Ask(1, bytes),
        };
        vec![(to, liar.lie(packet))]
    }
}
