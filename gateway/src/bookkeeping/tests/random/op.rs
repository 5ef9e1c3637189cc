//! What happens in random blocks, in numbers.

use proptest::prelude::*;

use super::super::town::{CODES, PEOPLE};

/// From whom, to whom, in which currency, how much.
pub type LegSpec = (usize, usize, usize, u64);

#[derive(Debug, Clone)]
pub enum Op {
    Transfer(LegSpec),
    Issue(LegSpec),
    Redeem(LegSpec),
    Hold(Vec<LegSpec>, u64),
    /// Of the holds: which, and how many thousandths of it.
    Post(usize, Option<u64>, bool),
    PostGroup(usize),
    Void(usize),
    Escrow(LegSpec, u64, bool),
    Claim(usize, bool),
    Allow(LegSpec, u64, bool),
    Spend(usize, usize, u64),
    Mandate(LegSpec, u64),
    Collect(usize, u64),
    Request(LegSpec, u64, bool),
    PayRequest(usize, usize),
    Revoke(usize),
    Split(LegSpec, Vec<(usize, u64)>),
    SplitParts(LegSpec, u16, usize),
    /// Sells the leg's currency to its payee for the next one; with a fee, and held or not, with another fee.
    Exchange(LegSpec, u64, Option<(u64, usize)>),
    Offer(LegSpec, u64, u64),
    PayPath(LegSpec, bool),
    OpenCycle(usize, u64),
    Prefund(usize, LegSpec),
    Oblige(usize, LegSpec),
    CloseCycle(usize),
}

#[derive(Debug, Clone)]
pub struct Block {
    pub seconds: u64,
    pub transactions: Vec<Vec<Op>>,
}

fn leg() -> impl Strategy<Value = LegSpec> {
    (0..PEOPLE, 0..PEOPLE, 0..CODES.len(), 1..3_000u64)
}

/// All whose entries can be derived.
pub fn exact() -> impl Strategy<Value = Op> {
    let which = || 0..64usize;
    prop_oneof![
        1 => leg().prop_map(Op::Transfer),
        1 => leg().prop_map(Op::Issue),
        1 => leg().prop_map(Op::Redeem),
        3 => (prop::collection::vec(leg(), 1..4), 2..20u64).prop_map(|(legs, seconds)| Op::Hold(legs, seconds)),
        3 => (which(), prop::option::of(1..1100u64), any::<bool>()).prop_map(|(a, b, c)| Op::Post(a, b, c)),
        2 => which().prop_map(Op::PostGroup),
        1 => which().prop_map(Op::Void),
        2 => (leg(), 2..20u64, any::<bool>()).prop_map(|(a, b, c)| Op::Escrow(a, b, c)),
        1 => (which(), any::<bool>()).prop_map(|(a, b)| Op::Claim(a, b)),
        2 => (leg(), 2..30u64, any::<bool>()).prop_map(|(a, b, c)| Op::Allow(a, b, c)),
        2 => (which(), 0..PEOPLE, 1..2_000u64).prop_map(|(a, b, c)| Op::Spend(a, b, c)),
        1 => (leg(), 2..30u64).prop_map(|(a, b)| Op::Mandate(a, b)),
        2 => (which(), 1..2_000u64).prop_map(|(a, b)| Op::Collect(a, b)),
        2 => (leg(), 2..30u64, any::<bool>()).prop_map(|(a, b, c)| Op::Request(a, b, c)),
        2 => (which(), 0..PEOPLE).prop_map(|(a, b)| Op::PayRequest(a, b)),
        1 => which().prop_map(Op::Revoke),
        1 => (leg(), prop::collection::vec((0..PEOPLE, 1..500u64), 1..4)).prop_map(|(a, b)| Op::Split(a, b)),
        1 => (leg(), 1..9_999u16, 0..PEOPLE).prop_map(|(a, b, c)| Op::SplitParts(a, b, c)),
        3 => (leg(), 0..50u64, prop::option::of((1..50u64, 0..PEOPLE))).prop_map(|(a, b, c)| Op::Exchange(a, b, c)),
    ]
}

/// With those for which the ledger has to be asked.
pub fn any_op() -> impl Strategy<Value = Op> {
    let which = || 0..64usize;
    prop_oneof![
        3 => exact(),
        2 => (leg(), 500..2_000u64, 2..60u64).prop_map(|(a, b, c)| Op::Offer(a, b, c)),
        1 => (leg(), any::<bool>()).prop_map(|(a, b)| Op::PayPath(a, b)),
        1 => (0..PEOPLE, 5..40u64).prop_map(|(a, b)| Op::OpenCycle(a, b)),
        1 => (which(), leg()).prop_map(|(a, b)| Op::Prefund(a, b)),
        1 => (which(), leg()).prop_map(|(a, b)| Op::Oblige(a, b)),
        1 => which().prop_map(Op::CloseCycle),
    ]
}

pub fn blocks(op: impl Strategy<Value = Op>) -> impl Strategy<Value = Vec<Block>> {
    let transaction = prop::collection::vec(op, 1..3);
    let block = (1..6u64, prop::collection::vec(transaction, 0..6));
    let block = block.prop_map(|(seconds, transactions)| Block { seconds, transactions });
    prop::collection::vec(block, 1..16)
}
