//! Payments while something else goes on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use causeway_contracts::{ledger::receipt::Outcome, money::Amount, proof::PaymentProof};
use tokio::task::JoinHandle;

use super::{client::Client, network::Member};

/// Pays one unit after the other, at each validator in turn.
pub struct Load {
    stopped: Arc<AtomicBool>,
    paying: JoinHandle<Vec<PaymentProof>>,
}

impl Load {
    pub fn start(client: &Arc<Client>, members: &[Member]) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let (client, members, stop) = (Arc::clone(client), members.to_vec(), Arc::clone(&stopped));
        let paying = tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                let signed = client.payment(Amount(1));
                // The same bytes to one after the other, until one proves that it is paid.
                while !stop.load(Ordering::Relaxed) {
                    turn += 1;
                    let member = &members[turn % members.len()];
                    let Ok(Ok(id)) = client.try_submit(member, &signed).await else {
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        continue;
                    };
                    if let Ok(Some(proof)) = client.proof(member, id).await {
                        let verified = proof.verify(&client.trusted).unwrap();
                        assert_eq!(verified.outcome, Outcome::Applied);
                        acknowledged.push(proof);
                        break;
                    }
                }
            }
            acknowledged
        });
        Self { stopped, paying }
    }

    /// Every payment that was acknowledged, with its proof.
    pub async fn stop(self) -> Vec<PaymentProof> {
        self.stopped.store(true, Ordering::Relaxed);
        self.paying.await.unwrap()
    }
}
