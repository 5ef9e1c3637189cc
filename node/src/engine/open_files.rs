//! How many files the process may have open, connections among them (getrlimit(2), `RLIMIT_NOFILE`).

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::store;

/// Descriptors of the database, the log, the sign record, peers and threads, and some to spare.
const OTHERS: u64 = store::OPEN_FILES_MAX as u64 + 512;

/// An API connection takes two: one to talk, one to cut it off with.
const PER_CONNECTION: u64 = 2;

/// Fewer would not serve anybody.
const CONNECTIONS_MIN: u64 = 64;

/// Raises the soft limit as far as `wanted` connections of the API need, if the hard limit lets it. Gives
/// how many there is room for: without files for the database a validator would have to stop.
pub fn make_room(wanted: usize) -> usize {
    let wanted = wanted as u64;
    let needed = OTHERS + PER_CONNECTION * wanted;
    let (soft, hard) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::warn!(%error, "cannot tell how many files may be open");
            return wanted as usize;
        }
    };
    let raised = needed.clamp(soft, hard.max(soft));
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(error) => {
            tracing::warn!(%error, soft, raised, "cannot raise how many files may be open");
            soft
        }
    };
    let connections = connections(limit, wanted);
    if connections < wanted {
        tracing::warn!(
            limit,
            needed,
            connections,
            "so few files may be open that the API takes fewer connections; raise the limit (ulimit -n, or \
             LimitNOFILE of systemd)"
        );
    }
    connections as usize
}

fn connections(limit: u64, wanted: u64) -> u64 {
    let room = limit.saturating_sub(OTHERS) / PER_CONNECTION;
    room.max(CONNECTIONS_MIN).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_has_its_files_before_clients_have_theirs() {
        assert_eq!(connections(OTHERS + 2 * 2048, 2048), 2048);
        assert_eq!(connections(1_000_000, 2048), 2048);
        assert_eq!(connections(OTHERS + 2 * 100 + 1, 2048), 100);
        assert_eq!(connections(0, 2048), 64);
        assert_eq!(connections(0, 8), 8);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_is_needed() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("every process has one");
        let expected = connections(hard, 100);
        assert_eq!(make_room(100), expected as usize);
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).expect("every process has one");
        assert!(soft >= hard.min(OTHERS + 200));
    }
}
