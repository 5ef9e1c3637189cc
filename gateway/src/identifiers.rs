//! Who and what a payment message names: accounts, institutions, countries, currencies, payments.
//!
//! Every identifier is a newtype that holds only what is right. `faults` of a type says everything
//! that is wrong with a text; `FromStr` gives the first of it.

pub mod bic;
pub mod country;
pub mod currency;
pub mod iban;
pub mod lei;
mod mod97;
pub mod uetr;
