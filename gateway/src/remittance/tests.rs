//! Each feature of the core by a table.

pub(crate) mod fixture;
mod formats;
mod hearing;
mod outcomes;
mod steps;
