//! The service of a currency's issuer, which signs for purses what the ledger knows, and how it is asked.

pub mod client;
