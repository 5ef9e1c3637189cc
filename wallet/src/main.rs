//! `causeway`: pays, and proves that it has paid.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
