//! A network of real `causeway-node` processes, and of services beside them, on one machine: made, started, watched, loaded,
//! broken and checked.
//!
//! Nothing here is known to the nodes: each runs from its own folder and configuration file, as an
//! operator's would. All of it listens on loopback.

pub mod act;
pub mod attack;
pub mod bench;
pub mod cards_bench;
pub mod chaos;
pub mod crash;
pub mod daemon;
pub mod demo;
pub mod draw;
pub mod fleet;
pub mod folder;
pub mod genesis;
pub mod instances;
pub mod latency;
pub mod ledger;
pub mod load;
pub mod metrics;
pub mod network;
pub mod observer;
pub mod phone;
pub mod ports;
pub mod process;
pub mod progress;
pub mod relay;
pub mod remit;
pub mod services;
pub mod status;
pub mod swap;
pub mod table;
pub mod teller;
pub mod traces;
pub mod up;
