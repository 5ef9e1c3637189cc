//! How much processor time each process takes for a remittance, or for a payment by card.

use std::time::Duration;

use anyhow::Context;

use crate::{bench::usage::Usage, fleet::Fleet, genesis::validator_name, services::Services};

/// So many kinds of threads are named, those that take the most.
const THREADS_NAMED: usize = 4;

/// The processes of a trial, and what each had used when this was made.
pub struct Meter {
    processes: Vec<(String, u32, Usage)>,
}

/// Of one process, between two moments.
pub struct Taken {
    pub name: String,
    pub usage: Usage,
}

impl Meter {
    pub fn start(fleet: &Fleet, validators: u16, services: &Services) -> anyhow::Result<Self> {
        let validators = (0..validators).filter_map(|index| Some((validator_name(index), fleet.pid(index)?)));
        let services = services.pids().map(|(service, pid)| (service.name(), pid));
        let own = ("this program".to_owned(), std::process::id());
        let all = validators.chain(services).chain([own]);
        let processes = all.map(|(name, pid)| {
            let usage = usage(&name, pid)?;
            Ok((name, pid, usage))
        });
        Ok(Self {
            processes: processes.collect::<anyhow::Result<_>>()?,
        })
    }

    pub fn read(self) -> anyhow::Result<Vec<Taken>> {
        let taken = self.processes.into_iter().map(|(name, pid, before)| {
            let usage = usage(&name, pid)?.since(&before);
            Ok(Taken { name, usage })
        });
        taken.collect()
    }
}

fn usage(name: &str, pid: u32) -> anyhow::Result<Usage> {
    Usage::of(pid).with_context(|| format!("{name}, process {pid}, cannot be looked at"))
}

/// A line for each process, and one for all of them.
pub fn lines(taken: &[Taken], count: usize) -> Vec<String> {
    let each = |cpu: Duration| cpu.as_secs_f64() * 1000.0 / count.max(1) as f64;
    let line = |name: &str, cpu: f64, of_which: &str| format!("  {name:<16} {cpu:>7.2} ms{of_which}");
    let mut lines: Vec<_> = taken
        .iter()
        .map(|Taken { name, usage }| {
            let mut threads: Vec<_> = usage.threads.iter().collect();
            threads.sort_by_key(|(_, cpu)| std::cmp::Reverse(**cpu));
            let named = threads.iter().take(THREADS_NAMED);
            let named: Vec<_> = named.map(|(kind, cpu)| format!("{kind} {:.2}", each(**cpu))).collect();
            line(name, each(usage.cpu), &format!(": {}", named.join(", ")))
        })
        .collect();
    let all: Duration = taken.iter().map(|taken| taken.usage.cpu).sum();
    lines.push(line("all", each(all), ""));
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn time_is_said_for_each_remittance_with_the_busiest_threads() {
        let threads = [("a", 1), ("b", 40), ("c", 2), ("d", 30), ("e", 3)];
        let threads = threads.map(|(kind, ms)| (kind.to_owned(), Duration::from_millis(ms)));
        let usage = Usage {
            cpu: Duration::from_millis(76),
            threads: BTreeMap::from(threads),
            written_bytes: 0,
        };
        let name = "gateway-banka".to_owned();
        let taken = [Taken { name, usage }];
        assert_eq!(
            lines(&taken, 10),
            [
                "  gateway-banka       7.60 ms: b 4.00, d 3.00, e 0.30, c 0.20",
                "  all                 7.60 ms"
            ]
        );
    }
}
