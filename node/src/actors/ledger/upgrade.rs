//! What operators are told of versions of the protocol.

use causeway_contracts::{
    ledger::Ledger,
    protocol::{ProtocolVersion, Upcoming},
};

/// When the node starts.
pub(super) fn tell(ledger: &Ledger, known: ProtocolVersion) {
    if let Some(upcoming) = ledger.protocol().upcoming {
        scheduled(upcoming, known);
    }
}

/// After a block, before which this was scheduled. A node that must be upgraded says so again when 1, 2,
/// 4, 8 and so on heights are left.
pub(super) fn tell_again(ledger: &Ledger, before: Option<Upcoming>, known: ProtocolVersion) {
    let protocol = ledger.protocol();
    match (before, protocol.upcoming) {
        (Some(before), None) if protocol.version == before.version => {
            tracing::info!(version = %before.version, height = %before.height, "a protocol version is in force");
        }
        (Some(before), None) => {
            tracing::warn!(version = %before.version, "the council has withdrawn a protocol version")
        }
        (before, Some(upcoming)) => {
            let left = upcoming.height.0.saturating_sub(ledger.tip().height.0);
            if before != Some(upcoming) || (upcoming.version > known && left.is_power_of_two()) {
                scheduled(upcoming, known);
            }
        }
        (None, None) => {}
    }
}

fn scheduled(upcoming: Upcoming, known: ProtocolVersion) {
    let Upcoming { version, height } = upcoming;
    if version > known {
        tracing::warn!(
            %version,
            %height,
            implemented = %known,
            "the council has set a protocol version that this program does not implement: install a newer program \
             before that height, or this node stops there"
        );
    } else {
        tracing::info!(%version, %height, "the council has set a protocol version for a later height");
    }
}
