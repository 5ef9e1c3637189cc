//! What was done to a network, by kind.

use std::ops::AddAssign;

macro_rules! faults {
    ($($(#[$doc:meta])* $field:ident: $name:literal,)*) => {
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Faults {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Faults {
            /// Each kind's name and count.
            pub fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field),)*].into_iter()
            }
        }

        impl AddAssign for Faults {
            fn add_assign(&mut self, other: Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

faults! {
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
    /// Packets that a Byzantine validator's program would not have sent.
    lies: "lies of Byzantine validators",
    odd_signatures: "signatures with a part of small order",
    stale_transactions: "transactions sent again, expired or forged",
}

impl Faults {
    pub fn total(&self) -> u64 {
        self.kinds().map(|(_, count)| count).sum()
    }
}
