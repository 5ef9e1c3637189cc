//! What processes take of the machine, by proc(5).

use std::{collections::BTreeMap, fs, io, time::Duration};

use crate::process::status_bytes;

/// Clock ticks a second, in which the kernel tells user space of processor time, on every architecture.
const TICKS_PER_SECOND: u64 = 100;

/// Since a process began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, of all threads, in the program and in the kernel for it.
    pub cpu: Duration,
    /// The same by what its threads that still run are for, as their names say; threads of one kind are taken
    /// together.
    pub threads: BTreeMap<String, Duration>,
    /// Handed to the file system to be stored. Nothing is told of a process that lets nobody look into it, as a gateway does,
    /// unless this one is root's.
    pub written_bytes: u64,
}

impl Usage {
    /// `None` if there is no such process.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self {
            cpu: cpu(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
            threads: threads(pid).ok()?,
            written_bytes: match fs::read_to_string(format!("/proc/{pid}/io")) {
                Ok(io) => written_bytes(&io)?,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => 0,
                Err(_) => return None,
            },
        })
    }

    pub fn since(&self, before: &Self) -> Self {
        let then = |kind: &String| before.threads.get(kind).copied().unwrap_or_default();
        let threads = self
            .threads
            .iter()
            .map(|(kind, now)| (kind.clone(), now.saturating_sub(then(kind))));
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            threads: threads.collect(),
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
        }
    }
}

/// Fields 14 and 15, counted from behind the program's name, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + kernel) * 1000 / TICKS_PER_SECOND))
}

fn threads(pid: u32) -> io::Result<BTreeMap<String, Duration>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while it is looked at.
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else {
            continue;
        };
        if let (Some(kind), Some(cpu)) = (kind(&stat), cpu(&stat)) {
            *threads.entry(kind.to_owned()).or_default() += cpu;
        }
    }
    Ok(threads)
}

/// A thread's name without its number.
fn kind(stat: &str) -> Option<&str> {
    let name = &stat[stat.find('(')? + 1..stat.rfind(')')?];
    Some(name.trim_end_matches(|c: char| c.is_ascii_digit() || "-:".contains(c)))
}

fn written_bytes(io: &str) -> Option<u64> {
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:"))?;
    line.trim().parse().ok()
}

/// The most memory that a process has had since it began, or since [`forget_peak`], in bytes.
pub fn peak_bytes(pid: u32) -> Option<u64> {
    status_bytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmHWM:")
}

/// Peaks count from now on.
pub fn forget_peak(pid: u32) -> io::Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_have_their_units() {
        let stat = "42 (a) b) (c) S 1 42 42 0 -1 4194560 1 0 0 0 250 30 7 9 20 0 7 0 987654 1000 2 184467";
        assert_eq!(cpu(stat), Some(Duration::from_millis(2800)));
        assert_eq!(cpu("42 (cut"), None);
        assert_eq!(kind(stat), Some("a) b) (c"));
        assert_eq!(kind("7 (verify-12) S 1"), Some("verify"));
        assert_eq!(kind("42 (cut"), None);
        assert_eq!(written_bytes("wchar: 9\nwrite_bytes: 4096\ncancelled: 1\n"), Some(4096));
        assert_eq!(status_bytes("VmPeak:\t 7 kB\nVmHWM:\t   3 kB\n", "VmHWM:"), Some(3072));
    }

    #[test]
    fn this_process_has_used_something() {
        let own = std::process::id();
        let used = Usage::of(own).unwrap();
        assert!(!used.threads.is_empty() && peak_bytes(own).unwrap() > 0);
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
