//! Failed join attempts, counted by where they come from: guessing is made slow, not only hopeless.
//!
//! Ten failures within a minute close the door for that address until the minute is over. The table is bounded: when it is full
//! the address whose minute began first is forgotten. IPv6 callers are counted by their /64, which one host has to itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const MAX_FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
const MAX_ADDRESSES: usize = 1024;

/// Counts failures by address.
#[derive(Default)]
pub struct FailureLimiter {
    failures: Mutex<BTreeMap<IpAddr, Failures>>,
}

struct Failures {
    since: Instant,
    count: u32,
}

impl FailureLimiter {
    /// Whether this address may try now.
    pub fn allows(&self, address: IpAddr, now: Instant) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        match failures.get(&address) {
            Some(known) if is_over(known, now) => {
                failures.remove(&address);
                true
            }
            Some(known) => known.count < MAX_FAILURES,
            None => true,
        }
    }

    /// This address has failed once more.
    pub fn failed(&self, address: IpAddr, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(address);
        if !failures.contains_key(&address) && failures.len() >= MAX_ADDRESSES {
            forget_one(&mut failures, now);
        }
        let entry = failures.entry(address).or_insert(Failures { since: now, count: 0 });
        if is_over(entry, now) {
            *entry = Failures { since: now, count: 0 };
        }
        entry.count = entry.count.saturating_add(1);
    }
}

fn is_over(failures: &Failures, now: Instant) -> bool {
    now.duration_since(failures.since) >= WINDOW
}

fn forget_one(failures: &mut BTreeMap<IpAddr, Failures>, now: Instant) {
    failures.retain(|_, known| !is_over(known, now));
    let oldest = failures.iter().min_by_key(|(_, known)| known.since).map(|(address, _)| *address);
    if let Some(oldest) = oldest.filter(|_| failures.len() >= MAX_ADDRESSES) {
        failures.remove(&oldest);
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_close_the_door_for_a_minute() {
        let limiter = FailureLimiter::default();
        let (start, address, other) = (Instant::now(), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..MAX_FAILURES {
            assert!(limiter.allows(address, start));
            limiter.failed(address, start);
        }
        assert!(!limiter.allows(address, start + WINDOW / 2));
        assert!(limiter.allows(other, start));
        assert!(limiter.allows(address, start + WINDOW));
    }

    #[test]
    fn the_table_is_bounded() {
        let limiter = FailureLimiter::default();
        let start = Instant::now();
        for i in 0..2 * MAX_ADDRESSES {
            let [.., b, c] = i.to_be_bytes();
            limiter.failed(IpAddr::from([10, 0, b, c]), start);
        }
        assert_eq!(limiter.failures.lock().unwrap().len(), MAX_ADDRESSES);
    }

    #[test]
    fn one_host_has_one_count() {
        assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
        assert_eq!(network("fd00::1:2:3:4".parse::<IpAddr>().unwrap()), "fd00::".parse::<IpAddr>().unwrap());
    }
}
