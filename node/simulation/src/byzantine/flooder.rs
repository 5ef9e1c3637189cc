//! Says much more than there is to say: everything twice, and votes of rounds and heights to come.

use causeway_consensus::Vote;
use causeway_contracts::{
    block::{BlockId, Height, VoteKind},
    keys::Signature,
};

use super::{Byzantine, Liar};
use crate::env::Packet;

/// Packets that it keeps to say again.
const KEPT_MAX: usize = 32;

#[derive(Default)]
pub struct Flooder {
    heard: Vec<Packet>,
}

impl Byzantine for Flooder {
    fn hear(&mut self, packet: &Packet) {
        if self.heard.len() < KEPT_MAX && matches!(packet, Packet::Message(_) | Packet::Batch(_)) {
            self.heard.push(packet.clone());
        }
    }

    fn send(&mut self, liar: &mut Liar<'_>, _: usize, packet: Packet) -> Vec<Packet> {
        match packet {
            Packet::Message(_) | Packet::Status(_) | Packet::Batch(_) => {
                *liar.lies += 1;
                vec![packet.clone(), packet]
            }
            // An answer is to one question.
            Packet::Ask(..) | Packet::Answer(..) => vec![packet],
        }
    }

    fn act(&mut self, liar: &mut Liar<'_>) -> Vec<(usize, Packet)> {
        let to = liar.other();
        let height = Height(liar.database.height() + liar.chance.below(3));
        let mut sent: Vec<_> = (0..8)
            .map(|_| {
                let vote = Vote {
                    kind: VoteKind::Prevote,
                    height,
                    round: liar.chance.below(14) as u32,
                    block: Some(BlockId([liar.chance.below(200) as u8; 32])),
                    validator: liar.id,
                    signature: Signature([0; 64]),
                };
                (to, liar.vote(vote))
            })
            .collect();
        for packet in std::mem::take(&mut self.heard) {
            sent.push((to, liar.lie(packet)));
        }
        sent
    }
}
