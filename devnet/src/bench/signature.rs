//! What checking one signature costs here, by the very check that a node makes of a batch.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use causeway_contracts::{block::GenesisHash, codec, identity::AccountId, keys::SecretKey, transaction::UnixSeconds};
use causeway_node::actors::{
    ledger::message::Candidate,
    mempool::verifier::{Call, SIGNATURES_MAX, Verifier},
};
use tokio::time::Instant;

use super::{parallel, payments};

/// The median of so many checks is taken, each of as many signatures as a node checks in one call.
const CHECKS: usize = 9;

/// The check does not depend on the network.
const NOWHERE: GenesisHash = GenesisHash([0; 32]);

/// Processor time of one signature among [`SIGNATURES_MAX`] that are checked together. The machine must be
/// idle: it is measured as time passed on one thread.
pub async fn cost() -> anyhow::Result<Duration> {
    let verifier = Verifier::start(1, NOWHERE)?;
    let candidates = parallel::each(0..SIGNATURES_MAX as u64, candidate);
    let mut times = Vec::with_capacity(CHECKS);
    for _ in 0..CHECKS {
        let call = Call::of_candidates(candidates.clone());
        let began = Instant::now();
        let answers = verifier.check(call).await?;
        times.push(began.elapsed());
        ensure!(
            answers.candidates.iter().all(Result::is_ok),
            "a good signature was refused"
        );
    }
    times.sort();
    Ok(times[CHECKS / 2] / SIGNATURES_MAX as u32)
}

/// A payment of its own account, since checks of one key's signatures share work.
fn candidate(number: u64) -> Candidate {
    let seed = codec::hash("causeway-devnet/signature-cost/1", &[&number.to_be_bytes()]);
    let route = (AccountId([1; 20]), AccountId([2; 20]));
    let transaction = payments::payment(&NOWHERE, number, route, UnixSeconds(0));
    let signed = transaction.sign([&SecretKey::from_seed(&seed)]).expect("one key");
    Candidate {
        id: signed.id(),
        transaction: Arc::new(signed),
    }
}
