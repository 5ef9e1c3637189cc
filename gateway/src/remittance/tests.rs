//! Each feature of the core by a table.

pub(super) mod fixture;
mod formats;
mod hearing;
mod outcomes;
mod steps;
