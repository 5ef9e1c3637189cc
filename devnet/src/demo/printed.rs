//! What programs have printed, in a file of the run's folder, so that it can be looked through with all others.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::Context;

#[derive(Clone)]
pub struct Printed(PathBuf);

impl Printed {
    /// Adds to this file.
    pub fn to(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Prints a line, and keeps it.
    pub fn say(&self, line: &str) -> anyhow::Result<()> {
        println!("{line}");
        self.add(format!("{line}\n").as_bytes())
    }

    /// Keeps what a program has printed.
    pub fn keep(&self, output: &Output) -> anyhow::Result<()> {
        self.add(&output.stdout)?;
        self.add(&output.stderr)
    }

    fn add(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let file = OpenOptions::new().create(true).append(true).open(&self.0);
        let written = file.and_then(|mut file| file.write_all(bytes));
        written.with_context(|| self.0.display().to_string())
    }
}
