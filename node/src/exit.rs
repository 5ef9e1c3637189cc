//! The exit statuses of `causeway-node`. Documented for operators; never renumbered.

use std::io::{self, Write};

/// Why the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Asked to, by a signal.
    Stopped = 0,
    /// Arguments that cannot be used.
    Usage = 2,
    /// The configuration, a key file or a folder.
    Config = 10,
    /// The genesis file, or a database made for another one.
    Genesis = 11,
    /// An address that cannot be listened on.
    Listen = 12,
    /// The database is missing, corrupt, or of another version.
    Database = 13,
    /// A write that safety depends on failed, such as on a full disk.
    SafetyWrite = 14,
    /// The result of a certified block differs from its header, or the log from what was replayed.
    Divergence = 15,
    /// The council has set a version of the protocol in force that this program does not implement.
    Outdated = 16,
    /// A bug: the process panicked.
    Bug = 70,
}

impl ExitStatus {
    pub const fn code(self) -> i32 {
        self as i32
    }
}

/// Says why on standard error and in the log, and ends the process at once, without running
/// destructors: what was not yet on disk must not get there now.
pub fn stop(status: ExitStatus, why: &str) -> ! {
    tracing::error!(status = status.code(), "{why}");
    // Standard error may be a file on the disk that is full, and that must not become a panic.
    let _ = writeln!(io::stderr(), "causeway-node: {why}");
    std::process::exit(status.code())
}
