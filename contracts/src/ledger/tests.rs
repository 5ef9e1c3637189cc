mod blocks;
mod golden;
mod invariants;
mod model;
mod network;
mod precedence;
mod rules;
mod versions;
