//! What clients and other operators can do, one file for each kind of object.

pub mod accounts;
pub mod aliases;
pub mod bulk;
pub mod card_payments;
pub mod cards;
pub mod checkout;
pub mod checks;
pub mod codes;
pub mod customers;
pub mod disputes;
pub mod entries;
pub mod events;
pub mod lists;
pub mod merchants;
pub mod messages;
pub mod network;
pub mod orders;
pub mod quotes;
pub mod remittances;
pub mod settlements;
pub mod statements;
pub mod strays;
pub mod terms;
pub mod tokens;
pub mod track;
pub mod webhooks;
