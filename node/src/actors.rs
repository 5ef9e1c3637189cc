//! The actors of a validator. Each owns its state alone; they share messages, not memory.
//!
//! Mailboxes are bounded: senders use `try_send` or `send`, never `do_send`, and say what they do
//! when a mailbox is full.

pub mod api;
pub mod ledger;
pub mod mempool;
pub mod network;
