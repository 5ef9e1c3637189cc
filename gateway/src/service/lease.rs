//! What a process is at, and others leave alone as long as it says so: if it dies, they go on with it soon.

use std::{pin::pin, time::Duration};

use tokio::time::timeout;

use super::{
    problem::{Code, Problem},
    records::jobs::RENEW_EVERY,
};
use crate::store::StoreError;

/// Does `work`, and says time and again that this process is still at it. `renew`: whether it was.
///
/// # Errors
/// It was not: another process is at it now. What was begun here is left where it is.
pub async fn renewed<T>(
    work: impl Future<Output = T>,
    renew: impl AsyncFnMut() -> Result<bool, StoreError>,
) -> Result<T, Problem> {
    renewed_every(RENEW_EVERY, work, renew).await
}

async fn renewed_every<T>(
    every: Duration,
    work: impl Future<Output = T>,
    mut renew: impl AsyncFnMut() -> Result<bool, StoreError>,
) -> Result<T, Problem> {
    let mut work = pin!(work);
    loop {
        if let Ok(done) = timeout(every, &mut work).await {
            return Ok(done);
        }
        match renew().await {
            Ok(true) => {}
            Ok(false) => return Err(running()),
            Err(error) => tracing::warn!(error = error.to_string(), "a request's lease could not be renewed"),
        }
    }
}

/// Another is at the same.
pub fn running() -> Problem {
    let detail = "the same request is under way; ask again in a second";
    Problem::new(Code::KeyRunning, detail).later(1)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_until_the_lease_is_lost() {
        let every = Duration::from_millis(1);
        let (end, ended) = oneshot::channel();
        let (mut end, mut renewals) = (Some(end), 0);
        let long = renewed_every(every, ended, async || {
            renewals += 1;
            match renewals {
                // The database may be away for a moment.
                1 => return Err(StoreError::Busy),
                3 => end.take().expect("once").send(7).expect("it is waited for"),
                _ => {}
            }
            Ok(true)
        });
        assert_eq!(long.await.ok(), Some(Ok(7)));
        let lost = renewed_every(every, pending::<()>(), async || Ok(false)).await;
        assert_eq!(lost.map_err(|problem| problem.code), Err(Code::KeyRunning));
    }
}
