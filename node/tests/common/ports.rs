//! Ports for nodes that start later. A port that the system gives away when asked for any is one that it
//! may hand to an outgoing connection before the node listens there: these are below all of those.

use std::{
    net::TcpListener,
    ops::Range,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below what Linux takes for outgoing connections (from 32768 on) and below a devnet's.
const PORTS: Range<u16> = 10_000..27_000;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// A port that is free, that no other call in this process gets, and that another process looks at later.
pub fn free_port() -> u16 {
    let count = PORTS.len() as u32;
    let start = process::id().wrapping_mul(97);
    (0..count)
        .map(|_| {
            let next = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
            PORTS.start + u16::try_from(start.wrapping_add(next) % count).expect("within the range")
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of thousands of ports is free")
}
