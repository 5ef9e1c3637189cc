//! Programs that run in the background, with what they say in a file.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    path::Path,
    process::Stdio,
};

use anyhow::Context;
use tokio::process::{Child, Command};

/// Whether a program ends with the process that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Killed if this process forgets to stop it.
    Ours,
    Detached,
}

/// Starts a program that adds to a log.
pub fn spawn(mut command: Command, log: &Path, lifetime: Lifetime) -> anyhow::Result<Child> {
    let open = OpenOptions::new().create(true).append(true).open(log);
    let file = open.with_context(|| log.display().to_string())?;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        // Its own group: a Ctrl-C at the terminal is for this program, which then stops all others in order.
        .process_group(0)
        .kill_on_drop(lifetime == Lifetime::Ours)
        .spawn()
        .with_context(|| format!("cannot start {}", command.as_std().get_program().display()))
}

/// The last lines of a log, for a message.
pub fn last_words(log: &Path) -> String {
    const BYTES: u64 = 2048;
    const LINES: usize = 6;
    let mut tail = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
        file.read_to_end(&mut tail)
    });
    let place = log.display();
    match read {
        Err(error) => format!("its log {place} cannot be read: {error}"),
        Ok(_) => {
            let text = String::from_utf8_lossy(&tail);
            let lines: Vec<_> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(LINES)..].join("\n  ");
            format!("its log {place} ends with\n  {last}")
        }
    }
}
