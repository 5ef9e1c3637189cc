//! How many connections an address has. HTTP knows many ways to hold one open for nothing; this way
//! a single client cannot hold them all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::rt::net::TcpStream;

#[derive(Clone)]
pub(super) struct Shares {
    max: usize,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection's part of its address's share; given back when it is dropped.
pub(super) struct Share {
    shares: Shares,
    address: IpAddr,
}

impl Shares {
    pub fn new(max: usize) -> Self {
        Self {
            max,
            by_address: Arc::default(),
        }
    }

    /// `None` if the address has its share already, or the connection is gone.
    pub fn take(&self, stream: &TcpStream) -> Option<Share> {
        let address = stream.peer_addr().ok()?.ip();
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Share {
            shares: self.clone(),
            address,
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
