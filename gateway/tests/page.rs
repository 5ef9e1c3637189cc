//! The commands of docs/inspect.md do what the page says.

use std::{env, path::Path, process::Command};

use serde_json::{Deserializer, Value};

const PAGE: &str = include_str!("../../docs/inspect.md");

/// The fenced blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = PAGE.split(&*fence).skip(1);
    after
        .map(|block| block.split("\n```").next().unwrap_or_default())
        .collect()
}

fn values(text: &str) -> Vec<Value> {
    Deserializer::from_str(text)
        .into_iter()
        .map(|value| value.expect("JSON"))
        .collect()
}

#[test]
fn commands_print_what_the_page_says() {
    let place = tempfile::tempdir().expect("a folder");
    let programs = Path::new(env!("CARGO_BIN_EXE_causeway-gateway"))
        .parent()
        .expect("a folder");
    let path = env::join_paths(
        [programs.to_owned()]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    // Not these: their files are the reader's own.
    let commands: Vec<_> = blocks("sh")
        .into_iter()
        .filter(|commands| !commands.contains("codes.txt"))
        .collect();
    let printed = blocks("json");
    assert_eq!((commands.len(), printed.len()), (3, 3));
    for ((commands, printed), status) in commands.into_iter().zip(printed).zip([1, 1, 0]) {
        let output = Command::new("bash")
            .args(["-euc", commands])
            .current_dir(place.path())
            .env("PATH", path.as_ref().expect("a path"))
            .env_remove("CAUSEWAY_ISO20022_SCHEMAS")
            .output()
            .expect("bash");
        assert_eq!(
            output.status.code(),
            Some(status),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(values(&String::from_utf8_lossy(&output.stdout)), values(printed));
    }
}
