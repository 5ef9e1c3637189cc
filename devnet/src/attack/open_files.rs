//! How many connections this program may have open (getrlimit(2), `RLIMIT_NOFILE`).

use anyhow::{Context, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of this process, and of those that it starts, to what is needed.
pub fn raise(needed: u64) -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot tell how many files may be open")?;
    if soft >= needed {
        return Ok(());
    }
    if hard < needed {
        bail!(
            "this attack needs {needed} open files, and the hard limit is {hard}: raise it (`ulimit -Hn {needed}` as \
             root), or attack with fewer idle connections (--connections)"
        );
    }
    setrlimit(Resource::RLIMIT_NOFILE, needed, hard)
        .with_context(|| format!("cannot raise the number of open files from {soft} to {needed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_said_with_a_way_out() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert!(raise(1).is_ok());
        let Some(beyond) = hard.checked_add(1) else { return };
        let error = raise(beyond).unwrap_err().to_string();
        assert!(
            error.contains(&beyond.to_string()) && error.contains("--connections"),
            "{error}"
        );
    }
}
