//! `causeway-devnet` as it is typed, with a program in place of the node that never becomes healthy.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use causeway_devnet::{
    fleet,
    folder::{Folder, NetworkFolder, Trial},
    network::{Network, Plan},
    ports::BasePort,
    process::ProcessId,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn fake_node(dir: &Path) -> PathBuf {
    let path = dir.join("node");
    fs::write(&path, "#!/bin/sh\nexec sleep 600\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Tests run at once: each looks for its ports from another place.
fn base_port(from: u16) -> BasePort {
    BasePort::new(from).unwrap().first_free(4).unwrap()
}

fn devnet(node: &Path, arguments: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway-devnet"));
    command
        .args(arguments)
        .arg("--dir")
        .arg(dir)
        .env("CAUSEWAY_NODE", node)
        .env("CAUSEWAY_GATEWAY", node)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_running(folder: &NetworkFolder, validator: u16) -> bool {
    let id = ProcessId::load(&folder.validator(validator).process()).unwrap();
    id.is_some_and(|id| id.is_running())
}

/// Runs a command until this validator runs, and then sends it a signal.
fn interrupted(mut command: Command, folder: &NetworkFolder, validator: u16, signal: Signal) -> Output {
    let child = command.spawn().unwrap();
    wait_until("the validator is started", || is_running(folder, validator));
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_up_that_is_interrupted_while_it_starts_leaves_no_validator_running() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("net");
    let folder = Folder::open_or_create(&place).unwrap().network();
    let plan = Plan {
        validators: 2,
        base_port: base_port(43_000),
    };
    Network::create(folder.clone(), plan).unwrap();
    for arguments in [&["up", "--detach"][..], &["up"]] {
        let command = devnet(&fake_node(dir.path()), arguments, &place);
        let output = interrupted(command, &folder, 1, Signal::SIGINT);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = text(&output.stderr);
        assert_eq!(said, "causeway-devnet: stopped while starting\n", "{arguments:?}");
        assert_eq!(fleet::running(&folder, plan).unwrap(), [], "{arguments:?}");
    }
}

#[test]
fn a_validator_that_cannot_be_started_stops_those_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("net");
    let folder = Folder::open_or_create(&place).unwrap().network();
    let plan = Plan {
        validators: 2,
        base_port: base_port(44_000),
    };
    Network::create(folder.clone(), plan).unwrap();
    fs::create_dir(folder.validator(1).log()).unwrap();
    let output = devnet(&fake_node(dir.path()), &["up", "--detach"], &place)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("validator-1/node.log"));
    let started = ProcessId::load(&folder.validator(0).process()).unwrap();
    assert!(started.is_some(), "the first was started");
    assert_eq!(fleet::running(&folder, plan).unwrap(), []);
}

/// However a demo fails, programs find it in its last line and in its exit status.
fn check_failed(output: &Output, why: &str) {
    let said = text(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    let found = last.strip_prefix("demo: failed: ").unwrap_or_else(|| panic!("{said}"));
    assert!(found.contains(why), "{last}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_demo_that_cannot_begin_says_so_in_its_last_line() {
    let dir = tempfile::tempdir().unwrap();
    let node = fake_node(dir.path());
    let run = |place: &Path, node: &Path| devnet(node, &["demo"], place).output().unwrap();

    let foreign = dir.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.txt"), "mine").unwrap();
    check_failed(&run(&foreign, &node), "was not made by causeway-devnet");

    let place = dir.path().join("net");
    let held = Folder::open_or_create(&place).unwrap().lock().unwrap();
    check_failed(&run(&place, &node), "another causeway-devnet is at work");
    drop(held);

    check_failed(&run(&place, &dir.path().join("nowhere")), "is not there");
}

#[test]
fn a_demo_that_is_stopped_says_so_in_its_last_line_and_leaves_no_validator_running() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("net");
    let folder = Folder::open_or_create(&place).unwrap().network_of(Trial::Demo);
    let port = base_port(45_000).get().to_string();
    let command = devnet(&fake_node(dir.path()), &["demo", "--base-port", &port], &place);
    let output = interrupted(command, &folder, 3, Signal::SIGTERM);
    check_failed(&output, "stopped by a signal");
    wait_until("the validators have ended", || {
        (0..4).all(|validator| !is_running(&folder, validator))
    });
}

#[test]
fn a_chaos_that_is_stopped_leaves_no_validator_running() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("net");
    let folder = Folder::open_or_create(&place).unwrap().network_of(Trial::Chaos);
    let port = base_port(47_000).get().to_string();
    let command = devnet(&fake_node(dir.path()), &["chaos", "--base-port", &port], &place);
    let output = interrupted(command, &folder, 3, Signal::SIGINT);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("stopped by a signal"));
    assert!(text(&output.stdout).starts_with("the schedule of seed 1:\n  1  "));
    wait_until("the validators have ended", || {
        (0..4).all(|validator| !is_running(&folder, validator))
    });
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(place.to_str().unwrap()), "{mounts}");
}
