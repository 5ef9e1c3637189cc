//! What operators see of the network.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::message::Lane;

#[derive(Debug, Clone)]
pub struct Metrics {
    pub peers: IntGauge,
    /// By what the peer did.
    pub faults: IntCounterVec,
    /// By why.
    refused: IntCounterVec,
    lanes: [LaneMetrics; Lane::ALL.len()],
    /// By how they ended.
    fetches: IntCounterVec,
}

#[derive(Debug, Clone)]
pub struct LaneMetrics {
    pub bytes_sent: IntCounter,
    pub bytes_received: IntCounter,
    /// The peer's queue was full.
    pub dropped_sending: IntCounter,
    /// The receiver's mailbox was full, or the receiver gone.
    pub dropped_receiving: IntCounter,
}

/// Why a connection was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Unregistered,
    /// The peer waits after too many faults.
    Waiting,
    OtherVersion,
    OtherGenesis,
    /// The other side did not complete the handshakes of TCP, Noise and Yamux.
    Handshake,
    TooMany,
}

impl Refused {
    const fn label(self) -> &'static str {
        match self {
            Self::Unregistered => "unregistered",
            Self::Waiting => "waiting",
            Self::OtherVersion => "other_version",
            Self::OtherGenesis => "other_genesis",
            Self::Handshake => "handshake",
            Self::TooMany => "too_many",
        }
    }
}

/// How a fetch of ours ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchOutcome {
    Answered,
    NotConnected,
    NoAnswer,
    Busy,
}

impl FetchOutcome {
    const fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotConnected => "not_connected",
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
        }
    }
}

impl Metrics {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name, help, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let peers = IntGauge::new("causeway_peers", "Validators connected to this one")?;
        registry.register(Box::new(peers.clone()))?;
        let bytes = counters(
            "causeway_network_bytes_total",
            "Bytes of payloads, by direction and lane",
            &["direction", "lane"],
        )?;
        let dropped = counters(
            "causeway_network_dropped_total",
            "Payloads dropped because a queue was full, by direction and lane",
            &["direction", "lane"],
        )?;
        let lanes = Lane::ALL.map(|lane| LaneMetrics {
            bytes_sent: bytes.with_label_values(&["out", lane.label()]),
            bytes_received: bytes.with_label_values(&["in", lane.label()]),
            dropped_sending: dropped.with_label_values(&["out", lane.label()]),
            dropped_receiving: dropped.with_label_values(&["in", lane.label()]),
        });
        Ok(Self {
            peers,
            faults: counters(
                "causeway_peer_faults_total",
                "What peers did that no honest validator does, by kind",
                &["fault"],
            )?,
            refused: counters(
                "causeway_network_refused_connections_total",
                "Connections that were closed instead of kept, by reason",
                &["reason"],
            )?,
            lanes,
            fetches: counters(
                "causeway_network_fetches_total",
                "Questions to peers, by how they ended",
                &["outcome"],
            )?,
        })
    }

    pub fn lane(&self, lane: Lane) -> &LaneMetrics {
        &self.lanes[lane.index()]
    }

    pub fn fault(&self, fault: &str) {
        self.faults.with_label_values(&[fault]).inc();
    }

    pub fn refused(&self, why: Refused) {
        self.refused.with_label_values(&[why.label()]).inc();
    }

    pub fn fetched(&self, outcome: FetchOutcome) {
        self.fetches.with_label_values(&[outcome.label()]).inc();
    }
}
