//! A CSV file of payments, each made exactly once, whenever and however often the run is cut short.
//!
//! [`lines`] reads and checks the whole file before anything is paid; [`plan`] is the pure core that
//! says what each line needs next; [`journal`] is its memory on disk; [`run`] drives them.

pub mod journal;
pub mod lines;
pub mod plan;
pub mod run;
