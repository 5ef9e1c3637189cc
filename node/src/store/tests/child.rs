//! What only a process that dies can show: this test program starts itself as a child.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::Duration,
};

use causeway_contracts::{block::Height, ledger::Ledger};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{assert_same, filled, open, run};
use crate::{
    exit::ExitStatus,
    store::{
        Expect, Opened, Store, StoreError, check,
        open::{replace, write_state},
        trial::Trial,
    },
};

/// The database that a child works on.
const DATABASE: &str = "CAUSEWAY_TEST_DATABASE";

const ACKNOWLEDGED: &str = "acknowledged ";
const PAYMENTS: u64 = 25;

fn trial() -> Trial {
    Trial::new(8)
}

/// Not a test of its own: commits blocks, and says so after each, until it is stopped.
#[test]
#[ignore = "is run as a child of other tests"]
fn committer() {
    let path = PathBuf::from(env::var_os(DATABASE).expect("set by the parent"));
    let trial = trial();
    let opened = Store::open(&path, &trial.genesis, Expect::NewOrExisting);
    let (store, Opened { mut ledger, .. }) = opened.expect("it opens");
    loop {
        run(trial.advance(&store, &mut ledger, PAYMENTS));
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{ACKNOWLEDGED}{}", ledger.tip().height).expect("the parent listens");
        out.flush().expect("the parent listens");
    }
}

fn child_arguments() -> [&'static str; 4] {
    ["--ignored", "--exact", "store::tests::child::committer", "--nocapture"]
}

fn this_program() -> PathBuf {
    env::current_exe().expect("its own path")
}

struct Committer {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Committer {
    fn start(path: &Path) -> Self {
        let mut process = Command::new(this_program())
            .args(child_arguments())
            .env(DATABASE, path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        Self { process, lines }
    }

    /// The next height that it says is durable; `None` once it has ended.
    fn acknowledged(&mut self) -> Option<Height> {
        self.lines.by_ref().find_map(|line| {
            let line = line.expect("text");
            Some(Height(line.strip_prefix(ACKNOWLEDGED)?.parse().expect("a height")))
        })
    }

    fn kill(&mut self) {
        let pid = i32::try_from(self.process.id()).expect("a process id");
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it runs");
        self.process.wait().expect("it ends");
    }
}

/// xorshift64 (Marsaglia 2003): when to kill need not be unpredictable, only different each time.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn invariant_a_kill_at_any_moment_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = trial();
    let mut model = Ledger::from_genesis(&trial.genesis, 1);
    let mut random = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..20 {
        let mut committer = Committer::start(&path);
        let mut last = model.tip().height;
        for _ in 0..next(&mut random) % 6 {
            last = committer.acknowledged().expect("it goes on until it is killed");
        }
        // Anywhere inside of a block, or of an opening.
        std::thread::sleep(Duration::from_micros(next(&mut random) % 4_000));
        committer.kill();
        while let Some(height) = committer.acknowledged() {
            last = height;
        }
        let (store, mut ledger) = open(&path, &trial);
        let height = ledger.tip().height;
        assert!(
            height == last || height == last.next(),
            "{height} after {last} was acknowledged"
        );
        while model.tip().height < height {
            model.commit(trial.step(&model, PAYMENTS).commit.execution);
        }
        assert_same(&ledger, &model);
        run(trial.advance(&store, &mut ledger, PAYMENTS));
        model.commit(trial.step(&model, PAYMENTS).commit.execution);
    }
    let summary = check::check(&path, &trial.genesis).expect("readable");
    assert!(summary.is_sound(), "{summary}");
    assert_eq!(summary.tip, *model.tip());
}

#[test]
fn a_database_that_a_process_has_open_is_refused_with_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = trial();
    let mut committer = Committer::start(&path);
    committer.acknowledged().expect("it goes on until it is killed");
    let in_use = i32::try_from(committer.process.id()).expect("a process id");
    let opened = Store::open(&path, &trial.genesis, Expect::NewOrExisting);
    let checked = check::check(&path, &trial.genesis);
    committer.kill();
    match opened {
        Err(StoreError::InUse { process, .. }) => assert_eq!(process, in_use),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
    match checked {
        Err(check::CheckError::Store(StoreError::InUse { process, .. })) => assert_eq!(process, in_use),
        other => panic!("{other:?}"),
    }
}

/// Building may take minutes, in which a supervisor may start the node again.
#[test]
fn no_process_opens_a_database_while_another_is_built_for_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = trial();
    filled(&path, &trial, 2);
    let refused = || {
        let child = Command::new(this_program())
            .args(child_arguments())
            .env(DATABASE, &path)
            .output();
        String::from_utf8_lossy(&child.expect("it starts").stderr).into_owned()
    };
    let ledger = Ledger::from_genesis(&trial.genesis, 1);
    let moved = replace(&path, &trial.genesis.hash(), |database| -> Result<(), StoreError> {
        let said = refused();
        assert!(said.contains(&format!("process: {}", std::process::id())), "{said}");
        write_state(database, &ledger)
    });
    assert!(moved.expect("it is put in place").expect("there was one").exists());
    let (_, opened) = open(&path, &trial);
    assert_same(&opened, &ledger);
}

/// As it is where the system cannot exchange names: the old database is aside, the new one not yet in place.
#[test]
fn a_kill_between_two_renames_loses_no_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, ready) = (folder.path().join("db"), folder.path().join("db.ready"));
    let trial = trial();
    let new = filled(&path, &trial, 3);
    std::fs::rename(&path, &ready).expect("renamed");
    let (_, opened) = open(&path, &trial);
    assert_same(&opened, &new);
    assert!(!ready.exists());
}

#[test]
fn a_full_disk_stops_the_process_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db");
    let trial = trial();
    let before = filled(&path, &trial, 1);
    // No file may grow beyond 512 KiB, which a write then fails at as it does on a full disk.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""])
        .arg(this_program())
        .args(child_arguments())
        .env(DATABASE, &path)
        .output()
        .expect("a shell");
    let Output { status, stdout, stderr } = limited;
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(ExitStatus::SafetyWrite.code()), "{stderr}");
    assert!(stderr.contains("Nothing that was final is lost"), "{stderr}");
    let last = stdout
        .lines()
        .filter_map(|line| line.expect("text").strip_prefix(ACKNOWLEDGED)?.parse().ok())
        .last();
    let last = Height(last.expect("some blocks fit"));
    assert!(last > before.tip().height);

    let mut model = before;
    let (_, ledger) = open(&path, &trial);
    while model.tip().height < ledger.tip().height {
        model.commit(trial.step(&model, PAYMENTS).commit.execution);
    }
    assert_same(&ledger, &model);
    assert!(ledger.tip().height >= last, "{} after {last}", ledger.tip().height);
}
