//! One address before two processes: a connection goes to one that takes it, as a load balancer's would.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Closed when it is dropped, but for connections that are open.
pub struct Door {
    pub address: SocketAddr,
    listening: JoinHandle<()>,
}

impl Door {
    pub async fn open(address: SocketAddr, behind: [SocketAddr; 2]) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let listening = tokio::spawn(async move {
            let next = AtomicUsize::new(0);
            loop {
                if let Ok((from, _)) = listener.accept().await {
                    let first = next.fetch_add(1, Ordering::Relaxed) % 2;
                    tokio::spawn(pass(from, [behind[first], behind[1 - first]]));
                }
            }
        });
        Ok(Self { address, listening })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// With nobody there, the connection ends; so it does when either side ends it.
async fn pass(mut from: TcpStream, behind: [SocketAddr; 2]) {
    for address in behind {
        if let Ok(mut to) = TcpStream::connect(address).await {
            let _ended = copy_bidirectional(&mut from, &mut to).await;
            return;
        }
    }
}
