//! The gateway of an operator: what stands between its customers' messages and the ledger.
//!
//! So far it inspects: identifiers of accounts and institutions, and ISO 20022 messages, of which it reads and writes
//! those of payments. All of this is pure, but for [`iso20022::schema::folder`], which reads schemas. And it has a
//! liquidity provider, [`maker`].
//!
//! What was booked for its customers it derives from final blocks, in [`bookkeeping`]; what messages of ISO 20022 say
//! of a remittance, from its course, in [`advice`].
//!
//! Who asks, and whether a message is what its sender sent, is decided in [`http_signatures`], [`oauth`] and
//! [`webhooks`]. These read no clock and no source of randomness: the time, nonces and ids are arguments, and whether
//! one was there before is the caller's to know. Only [`webhooks::delivery`], which sends, and [`tls`], which reads
//! the server's certificates, do I/O. No service uses any of these yet.
//!
//! Whom a payment concerns is decided in [`screening`] and [`aliases`], both by the names that [`names`] compares.
//! These are pure, but for the reading of lists, and no service uses them yet either.

pub mod advice;
pub mod aliases;
pub mod bookkeeping;
pub mod http_signatures;
pub mod identifiers;
pub mod iso20022;
pub mod keys;
pub mod maker;
pub mod money;
pub mod names;
pub mod oauth;
pub mod reason;
pub mod remittance;
pub mod screening;
pub mod service;
pub mod store;
pub mod tls;
pub mod webhooks;
