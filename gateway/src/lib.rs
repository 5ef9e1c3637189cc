//! The gateway of an operator: what stands between its customers' messages and the ledger.
//!
//! [`service`] is the gateway as it runs. What it decides by is apart from it, and pure but for what is said below:
//!
//! - [`remittance`]: what becomes of money for somebody at another operator; [`advice`], which messages of ISO 20022 tell
//!   of that; [`bookkeeping`], what was booked for an account.
//! - [`iso20022`] and [`identifiers`]: messages and codes of banks, read, checked and written. Only
//!   [`iso20022::schema::folder`] reads files.
//! - [`http_signatures`], [`oauth`], [`keys`] and [`webhooks`]: who asks, and whether a message is what its sender sent. These read no
//!   clock and no source of randomness: the time, nonces and ids are arguments, and whether one was there before is the
//!   caller's to know. Only [`webhooks::delivery`] sends, and only [`tls`] reads certificates.
//! - [`acquiring`]: how merchants are paid.
//! - [`screening`], [`aliases`] and [`names`]: whom a payment concerns.
//! - [`store`]: the database.
//!
//! And it has a liquidity provider, [`maker`].

pub mod acquiring;
pub mod advice;
pub mod aliases;
pub mod bookkeeping;
pub mod fee;
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
pub mod times;
pub mod tls;
pub mod webhooks;
