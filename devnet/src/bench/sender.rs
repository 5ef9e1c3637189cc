//! Sends payments when they are due, whether or not the network keeps up: many in one request, over few
//! connections that stay open.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use causeway_contracts::api::{SUBMIT_TRANSACTIONS_MAX, Submitted, TRANSACTIONS_TYPE};
use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval_at},
};

use super::payments::Payments;

/// Each validator gets what is due this often, one after the other. A payment waits half of it on average,
/// and its latency says so.
pub const ROUND: Duration = Duration::from_millis(10);

/// Requests to one validator without an answer. Beyond, payments are not sent: the network is lost.
const REQUESTS_MAX: usize = 512;

/// Sends `rate` payments a second, payment `n` at `n / rate` seconds after `start`.
#[derive(Clone)]
pub struct Sender {
    pub payments: Arc<Payments>,
    pub rate: u64,
    pub start: Instant,
    /// Base URLs of the validators' APIs.
    pub urls: Arc<[String]>,
}

/// What became of what was sent.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// By why they were refused.
    pub refused: BTreeMap<String, u64>,
    /// Too many requests were unanswered, or one failed.
    pub unsent: u64,
    /// How much later than they should each request left, in order.
    pub late: Vec<Duration>,
}

impl Sent {
    fn add(&mut self, part: Self) {
        for (why, count) in part.refused {
            *self.refused.entry(why).or_default() += count;
        }
        self.unsent += part.unsent;
        self.late.extend(part.late);
    }
}

/// When payment `number` is due.
pub fn due(start: Instant, rate: u64, number: u64) -> Instant {
    start + Duration::from_nanos(number * 1_000_000_000 / rate)
}

/// How many of `all` numbers, from 0, are due `elapsed` after the start.
fn due_by(elapsed: Duration, rate: u64, all: u64) -> u64 {
    let reached = elapsed.as_nanos() * u128::from(rate) / 1_000_000_000 + 1;
    u64::try_from(reached).map_or(all, |reached| reached.min(all))
}

/// How many of the numbers below `count` are a validator's.
fn own(count: u64, validator: u64, validators: u64) -> usize {
    (count.saturating_sub(validator)).div_ceil(validators) as usize
}

impl Sender {
    pub async fn run(self) -> anyhow::Result<Sent> {
        let http = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(REQUESTS_MAX)
            .tcp_nodelay(true)
            .build()?;
        let validators = self.urls.len() as u64;
        let all = self.payments.ids.len() as u64;
        let slots: Vec<_> = self
            .urls
            .iter()
            .map(|_| Arc::new(Semaphore::new(REQUESTS_MAX)))
            .collect();
        let mut ticks = interval_at(self.start.into(), ROUND / self.urls.len() as u32);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut sent = vec![0; self.urls.len()];
        let mut requests = JoinSet::new();
        let mut total = Sent::default();
        for turn in 0.. {
            ticks.tick().await;
            while let Some(answered) = requests.try_join_next() {
                total.add(answered?);
            }
            let validator = turn % validators;
            let place = validator as usize;
            let reached = due_by(self.start.elapsed(), self.rate, all);
            let until = own(reached, validator, validators);
            while sent[place] < until {
                let some = sent[place]..until.min(sent[place] + SUBMIT_TRANSACTIONS_MAX);
                sent[place] = some.end;
                let Ok(slot) = slots[place].clone().try_acquire_owned() else {
                    total.unsent += some.len() as u64;
                    continue;
                };
                let request = self.clone().send(http.clone(), place, some);
                requests.spawn(async move {
                    let answered = request.await;
                    drop(slot);
                    answered
                });
            }
            if (0..validators).all(|validator| sent[validator as usize] == own(all, validator, validators)) {
                break;
            }
        }
        while let Some(answered) = requests.join_next().await {
            total.add(answered?);
        }
        Ok(total)
    }

    async fn send(self, http: Client, validator: usize, some: Range<usize>) -> Sent {
        let count = some.len() as u64;
        let first = some.start as u64 * self.urls.len() as u64 + validator as u64;
        let leaves_by = due(self.start, self.rate, first) + ROUND;
        let late = Instant::now().saturating_duration_since(leaves_by);
        let request = http
            .post(format!("{}/v1/transactions", self.urls[validator]))
            .header(CONTENT_TYPE, TRANSACTIONS_TYPE)
            .body(self.payments.body(validator as u16, some));
        let mut sent = Sent {
            late: vec![late],
            ..Sent::default()
        };
        let answer = async {
            let response = request.send().await?;
            anyhow::Ok((response.status(), response.bytes().await?))
        };
        match answer.await {
            Ok((status, body)) => sent.refused = refused(status, &body, count),
            Err(_) => sent.unsent = count,
        }
        sent
    }
}

/// How many of `count` payments a node did not take, by why. Most answers are not read any further.
fn refused(status: StatusCode, body: &[u8], count: u64) -> BTreeMap<String, u64> {
    const REFUSED: &[u8] = b"\"refused\"";
    if status == StatusCode::ACCEPTED && !body.windows(REFUSED.len()).any(|bytes| bytes == REFUSED) {
        return BTreeMap::new();
    }
    let Ok(Submitted { results }) = serde_json::from_slice(body) else {
        return [(format!("HTTP {}", status.as_u16()), count)].into();
    };
    let mut refused = BTreeMap::new();
    for why in results.into_iter().filter_map(|result| result.refused) {
        *refused.entry(why.code).or_default() += 1;
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_due_at_once_and_no_more_than_all() {
        let start = Instant::now();
        for number in [0, 1, 7, 999] {
            let elapsed = due(start, 300, number) - start;
            assert_eq!(due_by(elapsed + Duration::from_nanos(1), 300, 1000), number + 1);
        }
        assert_eq!(due_by(Duration::from_secs(60), 300, 1000), 1000);
    }

    #[test]
    fn every_number_is_one_validators() {
        for count in 0..20 {
            let shares = (0..3).map(|validator| own(count, validator, 3));
            assert_eq!(shares.sum::<usize>() as u64, count);
        }
        assert_eq!([0, 1, 2].map(|validator| own(4, validator, 3)), [2, 1, 1]);
    }

    #[test]
    fn refusals_are_counted_by_why() {
        let taken = br#"{"results":[{"id":"00"}]}"#;
        assert_eq!(refused(StatusCode::ACCEPTED, taken, 1), BTreeMap::new());
        let id = "ab".repeat(32);
        let one = format!(
            r#"{{"results":[{{"id":"{id}"}},{{"id":"{id}","refused":{{"code":"busy","detail":"x","retry":true}}}}]}}"#
        );
        let counts = refused(StatusCode::ACCEPTED, one.as_bytes(), 2);
        assert_eq!(counts, [("busy".to_owned(), 1)].into());
        let counts = refused(StatusCode::SERVICE_UNAVAILABLE, b"{}", 7);
        assert_eq!(counts, [("HTTP 503".to_owned(), 7)].into());
    }
}
