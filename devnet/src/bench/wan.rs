//! Validators in four regions of the world, by delays between them.

use std::time::Duration;

use anyhow::Context;

use crate::{
    network::Network,
    relay::{Passage, Relay},
};

/// From one region to another, in milliseconds, as light and routers need between Frankfurt, Mumbai, Singapore and
/// São Paulo, about.
const ONE_WAY_MS: [[u64; REGIONS]; REGIONS] =
    [[0, 55, 80, 100], [55, 0, 25, 145], [80, 25, 0, 150], [100, 145, 150, 0]];

const REGIONS: usize = 4;

/// A relay between all validators, which are in the regions in turn. Those of one region reach each other at once.
pub async fn relay(network: &Network) -> anyhow::Result<Relay> {
    let relay = Relay::open(&network.routes()).await.context("cannot open the relay")?;
    for &(from, to) in network.routes().keys() {
        let delay = one_way(from, to);
        if delay > Duration::ZERO {
            relay.set((from, to), Passage::Late(delay));
        }
    }
    Ok(relay)
}

fn one_way(from: u16, to: u16) -> Duration {
    let region = |validator: u16| usize::from(validator) % REGIONS;
    Duration::from_millis(ONE_WAY_MS[region(from)][region(to)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_the_same_both_ways_and_those_of_regions_far_apart() {
        for from in 0..8 {
            for to in 0..8 {
                assert_eq!(one_way(from, to), one_way(to, from));
                let ms = one_way(from, to).as_millis();
                assert_eq!(ms == 0, from % 4 == to % 4);
                assert!(ms == 0 || (25..=150).contains(&ms));
            }
        }
    }
}
