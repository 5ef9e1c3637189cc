//! The API over real sockets and a real store; the other actors are stand-ins that say what a test
//! wants to hear.

mod accounts;
mod bounds;
mod chain;
mod contracts;
mod description;
mod node;
mod penalties;
mod public;
mod purse_chain;
mod purses;
mod signing;
mod stream;
mod submit;
mod wait;
