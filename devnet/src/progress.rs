//! What a person sees while something takes longer than two seconds.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar towards a known end. Drawn on standard error, and only on a terminal.
pub fn bar(what: &'static str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:32} {wide_bar} {pos}/{len} {elapsed}")
        .expect("a constant template")
        .progress_chars("=> ");
    ProgressBar::new(length).with_style(style).with_message(what)
}

/// One line that lives: a spinner and what it is about.
pub fn line(what: impl Into<String>) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("a constant template");
    let line = ProgressBar::new_spinner().with_style(style).with_message(what.into());
    line.enable_steady_tick(Duration::from_millis(200));
    line
}
