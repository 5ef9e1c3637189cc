//! Watches the free space of the disk that the data folder is on.

use std::{path::PathBuf, time::Duration};

use tokio::sync::watch;

use crate::store;

const EVERY: Duration = Duration::from_secs(1);

/// Tells whether less than `free_bytes_min` is free, looked at every second from now on.
pub fn watch(data: PathBuf, free_bytes_min: u64) -> watch::Receiver<bool> {
    let is_low = move || match store::free_bytes(&data) {
        Ok(free) => free < free_bytes_min,
        Err(error) => {
            tracing::error!(%error, "cannot tell how much disk space is free; taking it as too little");
            true
        }
    };
    let (sender, low) = watch::channel(is_low());
    actix_rt::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        while !sender.is_closed() {
            ticks.tick().await;
            let low = is_low();
            if sender.send_if_modified(|was| std::mem::replace(was, low) != low) {
                if low {
                    tracing::error!("too little disk space is free: no transactions are taken, and no blocks proposed");
                } else {
                    tracing::info!("enough disk space is free again");
                }
            }
        }
    });
    low
}
