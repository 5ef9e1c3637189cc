//! No secret in a log, an error, a metric or a plain file, whatever the programs are told to do.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use causeway_devnet::{
    folder::Folder,
    genesis::{network_key_name, participant_key_names, validator_name},
    network::{Network, Plan},
    ports::BasePort,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const PASSPHRASE: &str = "ein Pferd frisst keinen Gurkensalat";
const OTHER_WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth title";

const VALIDATORS: u16 = 2;
const PATIENCE: Duration = Duration::from_secs(60);

/// The programs are built beside this project's own; `cargo test --workspace` builds them all.
fn program(name: &str) -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_causeway-devnet")).with_file_name(name);
    assert!(path.is_file(), "{} is not built; use --workspace", path.display());
    let mut command = Command::new(path);
    command
        .stdin(Stdio::null())
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "1");
    command
}

/// What must not be seen, by what it is.
#[derive(Default)]
struct Secrets(BTreeMap<String, Vec<Vec<u8>>>);

impl Secrets {
    /// A seed in any form in which it could slip out. Half of it would be one too.
    fn seed(&mut self, name: &str, seed: &[u8; 32]) {
        let half = &seed[..16];
        let numbers = format!("{half:?}");
        let forms = [
            half.to_vec(),
            hex::encode(half).into_bytes(),
            hex::encode_upper(half).into_bytes(),
            numbers.trim_matches(['[', ']']).as_bytes().to_vec(),
        ];
        self.0.insert(name.to_owned(), forms.to_vec());
    }

    /// A phrase, by any four words of it in a row.
    fn phrase(&mut self, name: &str, text: &str) {
        let words: Vec<_> = text.split_whitespace().collect();
        let parts = words.windows(4).map(|words| words.join(" ").into_bytes());
        self.0.insert(name.to_owned(), parts.collect());
    }

    fn seen_in(&self, bytes: &[u8]) -> Vec<&str> {
        let is_in = |form: &Vec<u8>| bytes.windows(form.len()).any(|window| window == form);
        let seen = self.0.iter().filter(|(_, forms)| forms.iter().any(is_in));
        seen.map(|(name, _)| name.as_str()).collect()
    }
}

/// All that was printed, and all files that were written.
#[derive(Default)]
struct Seen(BTreeMap<String, Vec<u8>>);

impl Seen {
    /// Runs a command to its end, with the exit status that it must have.
    fn run(&mut self, command: &mut Command, status: i32) -> String {
        let output = command.output().unwrap();
        let what = format!("{command:?}");
        let printed = [output.stdout.clone(), output.stderr].concat();
        let said = String::from_utf8_lossy(&printed);
        assert_eq!(output.status.code(), Some(status), "{what}: {said}");
        self.0.insert(what, printed);
        String::from_utf8(output.stdout).unwrap()
    }

    fn files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.files(&path);
            } else {
                self.0.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the validators with the most talkative log there is, until they agree on blocks; their metrics
/// are seen too.
async fn run_validators(network: &Network, seen: &mut Seen) {
    network.write_configs().unwrap();
    let start = |validator: u16| {
        let own = network.folder.validator(validator);
        let config = fs::read_to_string(own.config()).unwrap();
        let line = config.lines().find(|line| line.starts_with("log = ")).unwrap();
        fs::write(own.config(), config.replace(line, "log = \"trace\"")).unwrap();
        let log = File::create(own.log()).unwrap();
        let mut command = program("causeway-node");
        command.args(["run", "--config"]).arg(own.config());
        Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    };
    let mut running: Vec<_> = (0..VALIDATORS).map(start).collect();
    let observer = causeway_devnet::observer::Observer::new(network.plan).unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        let statuses = observer.statuses().await;
        if statuses
            .iter()
            .all(|status| status.as_ref().is_some_and(|status| status.height.0 > 0))
        {
            break;
        }
        assert!(Instant::now() < until, "the validators make no block");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for validator in 0..VALIDATORS {
        let url = format!("http://{}/metrics", network.plan.base_port.metrics(validator));
        let page = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(&url)
            .send()
            .await
            .unwrap();
        seen.0.insert(url, page.bytes().await.unwrap().to_vec());
    }
    for Running(child) in &mut running {
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

fn make_keys(folder: &Path, seen: &mut Seen) -> [u8; 32] {
    let file = folder.join("made.key");
    seen.run(program("causeway-node").args(["keys", "new", "--out"]).arg(&file), 0);
    seen.run(program("causeway-node").args(["keys", "show"]).arg(&file), 0);
    let digits = fs::read_to_string(&file).unwrap();
    // Errors about a key file name it, and show nothing of it.
    let broken = folder.join("broken.key");
    fs::write(&broken, &digits.trim()[..63]).unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o600)).unwrap();
    seen.run(program("causeway-node").args(["keys", "show"]).arg(&broken), 10);
    fs::remove_file(&broken).unwrap();
    let mut seed = [0; 32];
    hex::decode_to_slice(digits.trim(), &mut seed).unwrap();
    seed
}

/// Everything that a wallet does with keys, well and badly. The words that it made.
fn use_wallet(home: &Path, typed: &Path, network: &Network, seen: &mut Seen) -> String {
    let wallet = |arguments: &[&str]| {
        let mut command = program("causeway");
        command
            .arg("--home")
            .arg(home)
            .args(arguments)
            .env("CAUSEWAY_PASSPHRASE", PASSPHRASE);
        command
    };
    let write = |name: &str, content: &str| {
        let path = typed.join(name);
        fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let genesis = network.folder.genesis().into_os_string().into_string().unwrap();
    let bank = network.folder.key("BANKA.key").into_os_string().into_string().unwrap();
    // Nobody listens there: payments are signed and kept, and go nowhere.
    seen.run(
        &mut wallet(&["init", "--genesis", &genesis, "--node", "http://127.0.0.1:9"]),
        0,
    );
    seen.run(&mut wallet(&["keys", "import", "BANKA", "--seed-file", &bank]), 0);
    seen.run(&mut wallet(&["keys", "new", "mine"]), 0);
    seen.run(
        &mut wallet(&["--json", "keys", "new", "second", "--same-words-as", "mine"]),
        0,
    );
    let words = write("words", OTHER_WORDS);
    seen.run(&mut wallet(&["keys", "import", "other", "--words-file", &words]), 0);
    seen.run(&mut wallet(&["keys", "list"]), 0);
    seen.run(&mut wallet(&["keys", "export", "mine"]), 0);
    seen.run(
        &mut wallet(&[
            "account",
            "add",
            "--participant",
            "BANKA",
            "--key",
            "BANKA",
            "--label",
            "bank",
        ]),
        0,
    );
    let payee = seen.run(&mut wallet(&["account", "list"]), 0);
    let payee = payee.split_whitespace().nth(1).unwrap();
    seen.run(&mut wallet(&["contacts", "add", "payee", payee]), 0);
    seen.run(&mut wallet(&["issue", "payee", "1.00", "CNY", "--key", "BANKA"]), 4);
    seen.run(&mut wallet(&["--json", "history"]), 0);

    let misspelt = write("misspelt", &OTHER_WORDS.replace("title", "titel"));
    seen.run(&mut wallet(&["keys", "import", "a", "--words-file", &misspelt]), 6);
    let short = write("short", &fs::read_to_string(&bank).unwrap()[..63]);
    seen.run(&mut wallet(&["keys", "import", "b", "--seed-file", &short]), 6);
    seen.run(
        &mut wallet(&["keys", "export", "mine", "--words", "--confirm", "yes"]),
        1,
    );
    let mut wrong = wallet(&["keys", "export", "mine", "--words", "--confirm", "show my words"]);
    seen.run(wrong.env("CAUSEWAY_PASSPHRASE", "another"), 8);

    // Asked for, and so shown; this output alone is not looked through.
    let mut export = wallet(&["keys", "export", "mine", "--words", "--confirm", "show my words"]);
    let output = export.output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn invariant_secrets_are_in_key_files_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder::open_or_create(&dir.path().join("net")).unwrap().network();
    let plan = Plan {
        validators: VALIDATORS,
        base_port: BasePort::new(46_000).unwrap().first_free(VALIDATORS).unwrap(),
    };
    let network = Network::create(folder, plan).unwrap();
    let (home, typed) = (dir.path().join("home"), dir.path().join("typed"));
    fs::create_dir(&typed).unwrap();

    let mut seen = Seen::default();
    run_validators(&network, &mut seen).await;
    for validator in 0..VALIDATORS {
        let config = network.folder.validator(validator).config();
        seen.run(
            program("causeway-node").args(["check-config", "--config"]).arg(&config),
            0,
        );
        seen.run(
            program("causeway-node")
                .args(["db", "check", "--json", "--config"])
                .arg(&config),
            0,
        );
    }
    let made = make_keys(network.folder.path(), &mut seen);
    let words = use_wallet(&home, &typed, &network, &mut seen);
    seen.files(network.folder.path());
    seen.files(&home);

    let mut secrets = Secrets::default();
    secrets.seed("made", &made);
    secrets.seed("seed", network.seed.as_bytes());
    let validators = (0..VALIDATORS).flat_map(|index| [validator_name(index), network_key_name(index)]);
    for name in participant_key_names().into_iter().chain(validators) {
        secrets.seed(&name, &network.seed.key_seed(&name));
    }
    secrets.phrase("words", &words);
    secrets.phrase("other words", OTHER_WORDS);
    secrets.phrase("passphrase", PASSPHRASE);
    assert_eq!(words.split_whitespace().count(), 24);

    let mut found: Vec<&str> = Vec::new();
    for (place, bytes) in &seen.0 {
        let here = secrets.seen_in(bytes);
        if here.is_empty() {
            continue;
        }
        let path = PathBuf::from(place);
        let is_key_file = path.is_file() && path.starts_with(network.folder.path()) && here.len() == 1;
        assert!(is_key_file, "{here:?} in {place}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{place}");
        found.extend(here);
    }
    // Each seed is in its own file, and was found there: so the search finds what there is.
    found.sort();
    let mut expected: Vec<_> = secrets.0.keys().map(String::as_str).collect();
    expected.retain(|name| !["words", "other words", "passphrase"].contains(name));
    assert_eq!(found, expected);
    let shown = secrets.seen_in(format!("{words}{OTHER_WORDS}{PASSPHRASE}").as_bytes());
    assert_eq!(shown, ["other words", "passphrase", "words"]);
}
