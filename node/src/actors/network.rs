pub mod fetch;
pub mod message;
