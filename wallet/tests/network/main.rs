//! The wallet against a network of four validators that is made up, but whose blocks, receipts,
//! certificates and statements are real, and some of whose nodes lie.

mod batches;
mod client;
mod commands;
mod cosigning;
mod mock;
mod scanning;
mod user;
