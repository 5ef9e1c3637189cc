//! Processes by id and start time, so that a number that the system has given to another process
//! since is never taken for ours.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use crate::folder::{self, FolderError};

/// A process of this machine, for as long as the machine runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pid: i32,
    /// Clock ticks since the machine's start (proc(5), `/proc/pid/stat` field 22).
    started_ticks: u64,
    /// The machine's start: `/proc/sys/kernel/random/boot_id`.
    boot: String,
}

/// What `/proc/pid/stat` says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    threads: u64,
    started_ticks: u64,
}

impl Stat {
    /// The second field is the program's name in parentheses and may hold anything, parentheses and
    /// spaces too; so the others are counted from the last `)`.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let threads = fields.nth(16)?.parse().ok()?;
        let started_ticks = fields.nth(1)?.parse().ok()?;
        Some(Self {
            state,
            threads,
            started_ticks,
        })
    }

    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Ended, and kept by the system only until its parent asks how. While threads beside the first
    /// are left, they still hold its files and their locks.
    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

fn boot_id() -> io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}

impl ProcessId {
    /// The running process that has this number now.
    pub fn of(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
        let stat = Stat::read(pid).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self {
            pid,
            started_ticks: stat.started_ticks,
            boot: boot_id()?,
        })
    }

    /// The process that a file names. `None` without a file; a file that cannot be read is an error,
    /// since a node may be running that it names.
    pub fn load(path: &Path) -> Result<Option<Self>, FolderError> {
        if !path.exists() {
            return Ok(None);
        }
        // A file cut short by a crash names no process.
        Ok(serde_json::from_str(&folder::read(path)?).ok())
    }

    pub fn save(&self, path: &Path) -> Result<(), FolderError> {
        let text = serde_json::to_string(self).expect("numbers and text have a JSON form");
        folder::write(path, &text)
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Whether this very process still runs; a later one with its number does not count.
    pub fn is_running(&self) -> bool {
        let same_boot = boot_id().is_ok_and(|boot| boot == self.boot);
        let same = |stat: Stat| stat.started_ticks == self.started_ticks && !stat.has_ended();
        same_boot && Stat::read(self.pid).is_some_and(same)
    }

    /// Sends a signal, unless the process has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), Errno> {
        if !self.is_running() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), signal) {
            Err(Errno::ESRCH) => Ok(()),
            result => result,
        }
    }

    /// Asks it to stop, and makes it after `bound`. Whether it stopped by itself.
    pub async fn stop(&self, bound: Duration) -> Result<bool, Errno> {
        self.signal(Signal::SIGTERM)?;
        if self.ends_within(bound).await {
            return Ok(true);
        }
        self.signal(Signal::SIGKILL)?;
        self.ends_within(bound).await;
        Ok(false)
    }

    // The end of a process that is not a child can only be polled for.
    async fn ends_within(&self, bound: Duration) -> bool {
        let until = Instant::now() + bound;
        while self.is_running() {
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        true
    }

    /// Memory in use: resident set size, in bytes.
    pub fn resident_bytes(&self) -> Option<u64> {
        if !self.is_running() {
            return None;
        }
        status_bytes(
            &fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?,
            "VmRSS:",
        )
    }
}

/// What `/proc/pid/status` says in a field that has kibibytes, in bytes.
pub fn status_bytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_start_time_is_found_behind_any_program_name() {
        let stat = "42 (a) b) (c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 7 0 987654 1000 2 184467";
        assert_eq!(
            Stat::parse(stat),
            Some(Stat {
                state: 'S',
                threads: 7,
                started_ticks: 987_654
            })
        );
        assert_eq!(Stat::parse("42 (cut"), None);
    }

    #[test]
    fn a_process_whose_first_thread_alone_has_ended_still_holds_its_files() {
        let stat = |state, threads| Stat {
            state,
            threads,
            started_ticks: 1,
        };
        assert!(!stat('S', 1).has_ended());
        assert!(!stat('Z', 2).has_ended());
        assert!(stat('Z', 1).has_ended());
        assert!(stat('X', 0).has_ended());
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(
            status_bytes("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t   1536 kB\n", "VmRSS:"),
            Some(1536 * 1024)
        );
        assert_eq!(status_bytes("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn a_process_with_our_number_that_started_at_another_time_is_not_ours() {
        let own = ProcessId::of(std::process::id()).unwrap();
        assert!(own.is_running());
        assert!(own.resident_bytes().is_some());
        let earlier = ProcessId {
            started_ticks: own.started_ticks - 1,
            ..own.clone()
        };
        assert!(!earlier.is_running());
        // Would end this test if it reached its number.
        earlier.signal(Signal::SIGKILL).unwrap();
        let other_boot = ProcessId {
            boot: "another".to_owned(),
            ..own
        };
        assert!(!other_boot.is_running());
    }

    #[tokio::test]
    async fn a_process_stops_on_request_or_by_force() {
        let patient = Duration::from_secs(30);
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let id = ProcessId::of(child.id()).unwrap();
        assert_eq!(id.stop(patient).await, Ok(true));
        assert!(!id.is_running());
        child.wait().unwrap();

        let mut stubborn = Command::new("sh");
        stubborn.args(["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"]);
        let mut child = stubborn.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let id = ProcessId::of(child.id()).unwrap();
        assert_eq!(id.stop(Duration::from_millis(200)).await, Ok(false));
        assert!(!id.is_running());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_file_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid.json");
        assert_eq!(ProcessId::load(&path).unwrap(), None);
        let own = ProcessId::of(std::process::id()).unwrap();
        own.save(&path).unwrap();
        assert_eq!(ProcessId::load(&path).unwrap(), Some(own));
    }
}
