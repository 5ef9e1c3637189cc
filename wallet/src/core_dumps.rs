//! What is in a process's memory stays there: keys, PINs and numbers of cards are in clear while they are used.

use std::io;

/// Has the kernel write no core dump of this process, and let no other process of its user look into it
/// (prctl(2), `PR_SET_DUMPABLE`). A limit alone (`RLIMIT_CORE`) does not hold where a program takes core dumps (core(5)).
pub fn forbid() -> io::Result<()> {
    nix::sys::prctl::set_dumpable(false).map_err(io::Error::from)
}
