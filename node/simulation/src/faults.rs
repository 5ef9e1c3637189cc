//! What was done to a network, by kind, and what it came to.

use std::ops::AddAssign;

macro_rules! counts {
    ($(#[$outer:meta])* $type:ident; $($(#[$doc:meta])* $field:ident: $name:literal,)*) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $type {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl $type {
            /// Each kind's name and count.
            pub fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field),)*].into_iter()
            }
        }

        impl AddAssign for $type {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counts! {
    Faults;
    lost: "packets lost",
    cut: "packets cut off by a partition",
    repeated: "packets repeated",
    late: "packets late, and so out of order",
    partitions: "partitions",
    asymmetric: "partitions in one direction",
    slow: "slow nodes",
    skewed: "clocks that go wrong",
    crashes: "crashes",
    write_crashes: "crashes during a write",
    torn: "log records torn",
    full: "full disks",
    lost_databases: "databases lost",
    /// Packets that a Byzantine validator's program would not have sent.
    lies: "lies of Byzantine validators",
    odd_signatures: "signatures with a part of small order",
    stale_transactions: "transactions sent again, expired or forged",
}

counts! {
    /// Ways that a simulation has come through: else it shows nothing of them.
    Reached;
    restored: "restarts on a chain of some height",
    replayed: "log entries replayed",
    observing: "restarts without a sign record",
    left: "changes of validators in which one left",
    joined: "changes of validators in which one came back",
    later_rounds: "blocks decided after the first round",
    fetched: "answers with blocks to catch up",
    asked: "questions for missing batches",
    evidence: "pairs of contradictory signatures noticed",
    blamed: "Byzantine validators blamed",
    certified: "blocks committed that certify a checkpoint",
    upgraded: "validators that came to a new version of the protocol",
    synced: "validators without a database that came back by a snapshot",
    misled: "false offers and chunks of snapshots refused",
    by_blocks: "validators without a database that came back by blocks",
    early: "batches for a version that was not in force yet",
}

impl Faults {
    pub fn total(&self) -> u64 {
        self.kinds().map(|(_, count)| count).sum()
    }
}
