//! How often a client may ask: a bucket for each, that fills evenly. Each gateway counts for itself: with several behind
//! one address, a client may ask as often of each.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::config::RequestLimits;

/// Of so many clients at most is kept count; those that have asked for nothing lately are forgotten first.
const CLIENTS_MAX: usize = 10_000;

/// In thousandths of a request.
const UNIT: u64 = 1_000;

pub struct Limits {
    limits: RequestLimits,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Thousandths of requests.
    left: u64,
    at_ms: u64,
}

/// What is left after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    pub allowed: bool,
    pub requests: u64,
    /// Until the bucket is full, or if the request was not allowed, until the next is.
    pub seconds: u64,
}

impl Limits {
    pub fn new(limits: RequestLimits) -> Self {
        Self {
            limits,
            buckets: Mutex::default(),
        }
    }

    /// The policy, for the header `RateLimit-Policy`.
    pub fn policy(&self) -> String {
        let RequestLimits { per_second, burst } = self.limits;
        format!("\"client\";q={burst};w={}", burst.div_ceil(per_second))
    }

    pub fn take(&self, client: &str, now_ms: u64) -> Left {
        let full = u64::from(self.limits.burst) * UNIT;
        // A thousandth of a request each millisecond, for each request a second.
        let rate = u64::from(self.limits.per_second);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CLIENTS_MAX && !buckets.contains_key(client) {
            buckets.retain(|_, bucket| bucket.left + now_ms.saturating_sub(bucket.at_ms) * rate < full);
            if buckets.len() >= CLIENTS_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(client.to_owned()).or_insert(Bucket {
            left: full,
            at_ms: now_ms,
        });
        let filled = now_ms.saturating_sub(bucket.at_ms).saturating_mul(rate);
        bucket.left = bucket.left.saturating_add(filled).min(full);
        bucket.at_ms = now_ms;
        let allowed = bucket.left >= UNIT;
        if allowed {
            bucket.left -= UNIT;
        }
        let lacking = if allowed {
            full - bucket.left
        } else {
            UNIT - bucket.left
        };
        Left {
            allowed,
            requests: bucket.left / UNIT,
            seconds: lacking.div_ceil(rate).div_ceil(1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_burst_and_then_its_rate() {
        let limits = Limits::new(RequestLimits {
            per_second: 2,
            burst: 3,
        });
        assert_eq!(limits.policy(), "\"client\";q=3;w=2");
        let check = |client: &str, now_ms, allowed, requests, seconds| {
            let expected = Left {
                allowed,
                requests,
                seconds,
            };
            assert_eq!(limits.take(client, now_ms), expected, "{client} at {now_ms}");
        };
        check("a", 0, true, 2, 1);
        check("a", 0, true, 1, 1);
        check("a", 0, true, 0, 2);
        check("a", 0, false, 0, 1);
        check("b", 0, true, 2, 1);
        check("a", 499, false, 0, 1);
        check("a", 500, true, 0, 2);
        check("a", 10_000, true, 2, 1);
    }
}
