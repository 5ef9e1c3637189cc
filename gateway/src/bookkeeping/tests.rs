//! Each kind of entry by itself, and random blocks of the real ledger against its balances.

mod kinds;
mod random;
mod town;
