//! The actors of a validator. Each owns its state alone; they share messages, not memory.
//!
//! Mailboxes are bounded: senders use `try_send` or `send`, never `do_send`, and say what they do
//! when a mailbox is full.

pub mod api;
pub mod budget;
pub mod consensus;
pub mod ledger;
pub mod mempool;
pub mod network;
mod penalty;

use actix::{
    Actor, Addr, Context,
    dev::channel::{AddressReceiver, channel},
};
use actix_rt::ArbiterHandle;

/// The two ends of an actor's mailbox, for actors that must know each other before either runs.
pub fn mailbox<A: Actor<Context = Context<A>>>(capacity: usize) -> (Addr<A>, AddressReceiver<A>) {
    let (sender, receiver) = channel(capacity);
    (Addr::new(sender), receiver)
}

/// Runs an actor behind the receiving end of its mailbox, on an arbiter's thread.
pub fn run<A: Actor<Context = Context<A>>>(
    arbiter: &ArbiterHandle,
    receiver: AddressReceiver<A>,
    make: impl FnOnce(&mut Context<A>) -> A + Send + 'static,
) {
    let started = arbiter.spawn_fn(move || {
        let mut context = Context::with_receiver(receiver);
        let actor = make(&mut context);
        actix_rt::spawn(context.into_future(actor));
    });
    assert!(started, "the arbiter runs as long as the process");
}
