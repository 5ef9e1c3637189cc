//! EMV data objects and commands against recorded conversations and calls of other implementations. They are not part of
//! this repository.

mod cases;
mod objects;
mod traces;

use std::{fs, io::Write, path::Path};

/// A file of vectors; where it is absent, says so and gives `None`.
fn vectors(name: &str) -> Option<String> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        Into::into,
    );
    let path = folder.join("emv-tlv-apdu").join(name);
    if !path.exists() {
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    Some(fs::read_to_string(path).expect("the vectors are readable"))
}
