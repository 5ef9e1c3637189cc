//! A reader of cards: pcscd with vsmartcard's virtual reader, in a network of its own where there is nothing else.

use std::{
    fs::File,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use crate::{daemon::last_words, folder};

/// The reader's name to PC/SC.
pub const NAME: &str = "Causeway trial";

const SCRIPT: &str = include_str!("../../../scripts/card-trial");

/// Says how it is reached, and goes when nobody is left who could say anything to it.
const WITHIN: &str = "printf '%s\\n%s\\n' \"$CAUSEWAY_READER_ENTER\" \"$CAUSEWAY_VPCD\"; read -r _ || true";

const PATIENCE: Duration = Duration::from_secs(20);

pub struct CardReader {
    script: Child,
    /// The script and all that it started end when this is closed, also because this process is no more.
    open: ChildStdin,
    /// What a program is run with that is to be where the reader is: it reaches nothing else.
    pub enter: Vec<String>,
    /// Where a card dials.
    pub vpcd: String,
}

impl CardReader {
    /// `place` gets the script that starts it, and what that says.
    pub async fn start(place: &Path) -> anyhow::Result<Self> {
        let (file, log) = (place.join("card-trial"), place.join("card-trial.log"));
        folder::write(&file, SCRIPT)?;
        let messages = File::create(&log).with_context(|| log.display().to_string())?;
        let mut script = Command::new("bash")
            .arg(&file)
            .args(["bash", "-c", WITHIN])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(messages)
            // A Ctrl-C at the terminal is for this program, which then closes it.
            .process_group(0)
            .spawn()
            .context("cannot start bash")?;
        let open = script.stdin.take().context("its input is piped")?;
        let output = script.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(output).lines();
        let said = timeout(PATIENCE, async {
            let enter = lines.next_line().await?;
            anyhow::Ok(enter.zip(lines.next_line().await?))
        });
        let said = said
            .await
            .with_context(|| format!("no reader of cards is there after {} s", PATIENCE.as_secs()))??;
        let Some((enter, vpcd)) = said else {
            bail!("no reader of cards can be had: {}", last_words(&log));
        };
        Ok(Self {
            script,
            open,
            enter: enter.split_whitespace().map(str::to_owned).collect(),
            vpcd,
        })
    }

    /// What a program is run with that is to reach both the reader's pcscd and the network.
    pub fn enter_with_network(&self) -> Vec<String> {
        let words = self.enter.iter().filter(|word| *word != "--net");
        words.cloned().collect()
    }

    /// Whether what is where the reader is can reach the network.
    pub fn is_apart(&self) -> bool {
        !self.enter.is_empty()
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.open);
        let ended: ExitStatus = timeout(PATIENCE, self.script.wait())
            .await
            .context("the reader of cards does not stop")??;
        if !ended.success() {
            bail!("the reader of cards ended with {ended}");
        }
        Ok(())
    }
}
