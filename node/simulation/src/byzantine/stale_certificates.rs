//! Says again what was certified long ago, as it was and as if it were of now.

use causeway_consensus::Message;

use super::{Byzantine, Liar};
use crate::env::Packet;

/// Certificates that it keeps.
const KEPT_MAX: usize = 64;

#[derive(Default)]
pub struct StaleCertificates {
    heard: Vec<Message>,
}

impl Byzantine for StaleCertificates {
    fn hear(&mut self, packet: &Packet) {
        let Packet::Message(bytes) = packet else { return };
        if let Ok(message @ (Message::Polka(_) | Message::Round(_) | Message::Vote(_))) = Message::decode(bytes)
            && self.heard.len() < KEPT_MAX
        {
            self.heard.push(message);
        }
    }

    fn act(&mut self, liar: &mut Liar<'_>) -> Vec<(usize, Packet)> {
        if self.heard.is_empty() {
            return Vec::new();
        }
        let next = liar.database.height() + 1;
        let at = liar.chance.index(self.heard.len());
        let mut message = self.heard[at].clone();
        if liar.chance.per_mille(200) {
            self.heard.swap_remove(at);
        }
        if liar.chance.per_mille(500) {
            match &mut message {
                Message::Polka(polka) => polka.height.0 = next,
                Message::Round(round) => (round.height.0, round.round) = (next, round.round + 1),
                Message::Vote(vote) => vote.height.0 = next,
                Message::Proposal(_) => {}
            }
        }
        let packet = liar.lie(Packet::Message(message.encode()));
        vec![(liar.other(), packet)]
    }
}
