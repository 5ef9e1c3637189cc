//! The attacks on purses that a purse ends by itself, by their numbers in the threat model, each with its outcome.

use super::*;

mod limits;
mod messages;
mod money;
