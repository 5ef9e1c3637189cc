//! What processes take of the machine, by proc(5).

use std::{fs, io, time::Duration};

use crate::process::status_bytes;

/// Clock ticks a second, in which the kernel tells user space of processor time, on every architecture.
const TICKS_PER_SECOND: u64 = 100;

/// Since a process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, of all threads, in the program and in the kernel for it.
    pub cpu: Duration,
    /// Handed to the file system to be stored.
    pub written_bytes: u64,
}

impl Usage {
    /// `None` if there is no such process, or it is another user's.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self {
            cpu: cpu(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?,
            written_bytes: written_bytes(&fs::read_to_string(format!("/proc/{pid}/io")).ok()?)?,
        })
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
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
        assert_eq!(written_bytes("wchar: 9\nwrite_bytes: 4096\ncancelled: 1\n"), Some(4096));
        assert_eq!(status_bytes("VmPeak:\t 7 kB\nVmHWM:\t   3 kB\n", "VmHWM:"), Some(3072));
    }

    #[test]
    fn this_process_has_used_something() {
        let own = std::process::id();
        assert!(Usage::of(own).is_some() && peak_bytes(own).unwrap() > 0);
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
