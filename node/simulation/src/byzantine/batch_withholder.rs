//! Proposes blocks of batches that it gives to nobody, or to one.

use causeway_consensus::wire::FetchResponse;

use super::{Byzantine, Liar};
use crate::env::Packet;

pub struct BatchWithholder;

impl Byzantine for BatchWithholder {
    fn send(&mut self, liar: &mut Liar<'_>, to: usize, packet: Packet) -> Vec<Packet> {
        match &packet {
            Packet::Batch(_) if to != (liar.place + 1) % liar.nodes || liar.chance.per_mille(500) => {
                *liar.lies += 1;
                vec![]
            }
            Packet::Answer(number, Some(bytes)) => match FetchResponse::decode(bytes) {
                Ok(FetchResponse::Batches(_)) if liar.chance.per_mille(500) => {
                    vec![liar.lie(Packet::Answer(*number, None))]
                }
                Ok(FetchResponse::Batches(_)) => {
                    let none = FetchResponse::batches([]).encode();
                    vec![liar.lie(Packet::Answer(*number, Some(none)))]
                }
                _ => vec![packet],
            },
            _ => vec![packet],
        }
    }
}
