//! A liquidity provider: quotes by reference rates and a spread, within limits and what it has, signs what it quotes,
//! and is asked over HTTP.
//!
//! What it promises counts as gone until the quote has ended, used or not, so that its account has what it quotes. A
//! quote binds only it; the ledger sees to it that each is used once, and by its taker alone.

pub mod config;
pub mod desk;
pub mod pricing;
pub mod promises;
pub mod quoter;
pub mod rates;
pub mod run;
pub mod service;
