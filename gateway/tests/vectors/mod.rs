//! Published test vectors. They are not part of this repository.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

/// A file or folder of vectors: under `CAUSEWAY_VECTORS`, or else in `../shared/vectors` beside the
/// repository. Where it is absent, says so and gives `None`.
pub fn path(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CAUSEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if !path.exists() {
        // Past the test harness, which hides what a passing test prints.
        writeln!(std::io::stderr(), "SKIPPED: no test vectors at {}", path.display()).expect("stderr is open");
        return None;
    }
    Some(path)
}

/// A file of vectors in JSON.
pub fn json<T: DeserializeOwned>(name: &str) -> Option<T> {
    let text = fs::read_to_string(path(name)?).expect("the vectors are readable");
    Some(serde_json::from_str(&text).expect("the vectors have their form"))
}
