//! Programs that run in the background, with what they say in a file.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Stdio,
};

use anyhow::{Context, ensure};
use nix::sys::signal::Signal;
use tokio::{
    process::{Child, Command},
    time::{Instant, timeout_at},
};

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

/// Ends a program at once, without a chance to tidy up. An error if it had ended by itself.
pub async fn kill(child: &mut Child, name: &str, log: &Path) -> anyhow::Result<()> {
    child.kill().await?;
    let status = child.wait().await?;
    ensure!(
        status.signal() == Some(Signal::SIGKILL as i32),
        "{name} had ended by itself before it was killed ({status}); {}",
        last_words(log)
    );
    Ok(())
}

/// Waits for a program that was asked to stop, and kills it if it has not by then. What was not as it should be, in words.
pub async fn stopped(child: &mut Child, until: Instant) -> anyhow::Result<Option<String>> {
    match timeout_at(until, child.wait()).await {
        Ok(status) => {
            let status = status?;
            Ok((!status.success()).then(|| format!("{status}")))
        }
        Err(_) => {
            child.kill().await?;
            Ok(Some("killed, since it did not stop".to_owned()))
        }
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).spawn().unwrap()
    }

    #[tokio::test]
    async fn a_kill_finds_out_that_a_program_had_ended_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        std::fs::write(&log, "it has panicked").unwrap();
        kill(&mut shell("exec sleep 600"), "one", &log).await.unwrap();
        let mut ended = shell("exit 3");
        let id = crate::process::ProcessId::of(ended.id().unwrap()).unwrap();
        while id.is_running() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let why = kill(&mut ended, "two", &log).await.unwrap_err().to_string();
        for part in ["two had ended by itself", "exit status: 3", "it has panicked"] {
            assert!(why.contains(part), "{why}");
        }
    }

    #[tokio::test]
    async fn who_stops_with_an_error_or_not_at_all_is_told() {
        let until = Instant::now() + Duration::from_secs(30);
        assert_eq!(stopped(&mut shell("exit 0"), until).await.unwrap(), None);
        let failed = stopped(&mut shell("exit 3"), until).await.unwrap();
        assert_eq!(failed.as_deref(), Some("exit status: 3"));
        let stuck = stopped(&mut shell("exec sleep 600"), Instant::now()).await.unwrap();
        assert_eq!(stuck.as_deref(), Some("killed, since it did not stop"));
    }
}
