//! What must not be found of cards, and the search for it in all that a run has left.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Context;
use serde::Serialize;

use super::Report;
use crate::{
    network::Network,
    traces::{Secrets, Trace, Traces},
};

/// A file with a number and keys in all of their forms, each of which the search must find.
const PLANTED: &str = "planted-on-purpose";

/// Numbers and keys as they become known.
#[derive(Default)]
pub struct Cards {
    secrets: Secrets,
    count: usize,
    /// Of the last of each kind.
    number: Option<String>,
    key: Option<String>,
}

/// Looks for them.
pub struct Guard {
    traces: Traces,
    count: usize,
    /// A number and keys in all of their forms, and as what they must be found.
    planted: Vec<u8>,
    expected: BTreeSet<Trace>,
}

#[derive(Debug, Serialize)]
pub struct Searched {
    pub files: usize,
    /// Numbers and keys, each in every form that it may have.
    pub secrets: usize,
    /// Where one was found, but for the file in which it was planted.
    pub found: BTreeSet<String>,
}

impl Cards {
    pub fn number(&mut self, name: &str, digits: &str) {
        self.secrets.number(name, digits);
        self.count += 1;
        self.number = Some(name.to_owned());
    }

    pub fn key(&mut self, name: &str, bytes: &[u8]) {
        self.secrets.value(name, bytes);
        self.count += 1;
        self.key = Some(name.to_owned());
    }

    pub fn guard(self) -> anyhow::Result<Guard> {
        let number = self.number.context("there are numbers")?;
        let key = self.key.context("there are keys")?;
        let (planted, expected) = self.secrets.all_forms(&[&number, &key]);
        Ok(Guard {
            traces: self.secrets.traces(),
            count: self.count,
            planted,
            expected,
        })
    }
}

impl Guard {
    /// Looks through the folder that the network's is in: output, files, databases and their write-ahead logs.
    pub fn search(&self, network: &Network, report: &mut Report) -> anyhow::Result<Searched> {
        let folder = network.folder.path().parent();
        let folder = folder.context("the network is in the run's folder")?;
        let planted = folder.join(PLANTED);
        fs::write(&planted, &self.planted).with_context(|| planted.display().to_string())?;
        let looked = self.traces.in_folder(folder);
        fs::remove_file(&planted).with_context(|| planted.display().to_string())?;
        let (files, seen) = looked.with_context(|| folder.display().to_string())?;
        let (on_purpose, others): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(path, _)| *path == planted);
        let on_purpose: BTreeSet<_> = on_purpose.into_iter().map(|(_, trace)| trace).collect();
        report.check(on_purpose == self.expected, || {
            let missed: Vec<_> = self.expected.difference(&on_purpose).collect();
            format!("of what was put into {PLANTED} this is not found there: {missed:?}")
        });
        let place = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
        let found = others
            .into_iter()
            .map(|(path, trace)| format!("{} as {} in {}", trace.secret, trace.form, place(&path)))
            .collect();
        let searched = Searched {
            files: files - 1,
            secrets: self.count,
            found,
        };
        for what in &searched.found {
            report.fail(format!("a secret of a card is found: {what}"));
        }
        Ok(searched)
    }

    /// Looks through what is about to be printed or written.
    pub fn search_text(&self, what: &str, text: &str, report: &mut Report) {
        for trace in self.traces.in_bytes(text.as_bytes()) {
            report.fail(format!(
                "a secret of a card is found: {} as {} in {what}",
                trace.secret, trace.form
            ));
        }
    }
}

impl Searched {
    pub fn text(&self) -> String {
        let found = match self.found.len() {
            0 => "none is found but where one was planted".to_owned(),
            count => format!("{count} are found"),
        };
        format!(
            "{} numbers, PINs and keys looked for in {} files: {found}",
            self.secrets, self.files
        )
    }
}
