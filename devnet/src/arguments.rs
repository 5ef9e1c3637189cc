//! What can be said on the command line.

use std::{path::PathBuf, time::Duration};

use causeway_devnet::{
    bench, crash,
    folder::Trial,
    load::ACCOUNTS,
    ports::{BASE_PORT, VALIDATORS_MAX},
    up::VALIDATORS,
};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// A Causeway network of real validator processes on this machine, for trying out and for tests.
///
/// Exit status: 0 done, 1 an error, or a demo, chaos, crash, attack, bench or cards-bench in which something did not
/// hold, 2 a command line that makes no sense.
#[derive(Parser)]
#[command(name = "causeway-devnet", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Makes the network the first time, and runs it until Ctrl-C: validators, the gateways of two operators, two
    /// liquidity providers, and the service that signs for purses.
    Up {
        #[command(flatten)]
        place: Place,
        /// How many validators a new network has.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(VALIDATORS_MAX)),
              help = format!("How many validators a new network has [default: {VALIDATORS}]"))]
        validators: Option<u16>,
        /// The first of 300 ports.
        #[arg(long, value_name = "P", help = format!("The first of 300 ports: network from P, APIs from P+100, gateways from P+190, makers from P+195, issuers' services from P+197, metrics from P+200 [default: {BASE_PORT}]"))]
        base_port: Option<u16>,
        /// Leave all of them running and return.
        #[arg(long)]
        detach: bool,
    },
    /// Shows each validator: up or down, height, state hash, peers, memory; and each service.
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// Stops the validators and services of this folder, whoever started them.
    Down {
        #[command(flatten)]
        place: Place,
    },
    /// Deletes the network, its keys and its money.
    Reset {
        #[command(flatten)]
        place: Place,
    },
    /// Pays a payroll over a network of its own, breaks a validator on the way, and checks everything.
    Demo {
        #[command(flatten)]
        place: Place,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
        /// Payments offered per second.
        #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        rate: u64,
        /// How long finality is measured with all validators up, and again with one down.
        #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: u64,
    },
    /// Breaks a network of its own in every way that it can while payments are offered, and proves that
    /// each payment that a client was told is made is on every validator's disk, once.
    ///
    /// The same seed gives the same faults. The last line is `acknowledged <n>, lost <n>, doubled <n>,
    /// diverged <n>`; with exit status 0 the last three are 0, and the network recovered every time.
    Chaos {
        #[command(flatten)]
        place: Place,
        /// How long things are broken.
        #[arg(long, value_name = "M", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1440))]
        minutes: u64,
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
        #[arg(long, value_name = "N", default_value_t = VALIDATORS, value_parser = clap::value_parser!(u16).range(4..=16))]
        validators: u16,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
        /// Payments offered per second.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        rate: u64,
    },
    /// Sends remittances of every kind between the two gateways of a network of its own, while gateways and validators
    /// are killed at moments drawn from a seed; then has phones pay orders by card, while gateways and the link between
    /// them are. After each it checks what clients were told against ledger and databases.
    ///
    /// The last lines are `remittances <n>, lost <n>, doubled <n>, ...` and `payments by card <n>, taken back <n>, lost <n>, ...`;
    /// with exit status 0 nothing is lost, doubled, differing or wrong.
    Crash {
        #[command(flatten)]
        place: Place,
        /// In each part.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=100_000))]
        kills: u32,
        #[arg(long, value_name = "S", default_value_t = 1)]
        seed: u64,
        /// One part alone.
        #[arg(long, value_name = "PART")]
        only: Option<Part>,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
    },
    /// Runs the first operator's gateway as two processes on one PostgreSQL, while a hundred clients send the same requests
    /// to both; kills one of them with remittances under way, and then the other; checks that each request had one effect
    /// and one answer, and that what the killed one had begun was taken over.
    ///
    /// The PostgreSQL is named by the URL in CAUSEWAY_TEST_DATABASE. The last line is `instances: ok` if everything holds.
    Instances {
        #[command(flatten)]
        place: Place,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
    },
    /// Measures remittances between the two gateways of a network of its own: how many a second, how long each takes, and
    /// how much processor time each process takes for it.
    Remit {
        #[command(flatten)]
        place: Place,
        /// Remittances offered per second.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=2_000))]
        rate: u64,
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
        #[arg(long, value_name = "N", default_value_t = VALIDATORS, value_parser = clap::value_parser!(u16).range(1..=16))]
        validators: u16,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
    },
    /// Measures an issuer's gateway of a network of its own: how long authorisations by ISO 8583 take, each with its hold on
    /// the ledger, beside how long plain payments take to be final in the same seconds.
    ///
    /// Exit status 1 if not all are approved, the ledger does not hold just what was, or the p99 of their answers is more than `--beyond-ms` above that of finality.
    CardsBench {
        #[command(flatten)]
        place: Place,
        /// Authorisations offered per second.
        #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=2_000))]
        rate: u64,
        /// Plain payments offered per second.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=2_000))]
        transfers: u64,
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=300))]
        seconds: u64,
        #[arg(long, value_name = "N", default_value_t = VALIDATORS, value_parser = clap::value_parser!(u16).range(1..=16))]
        validators: u16,
        #[arg(long, value_name = "MS", default_value_t = 30.0)]
        beyond_ms: f64,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
    },
    /// Pays from purse to purse while all validators of a network of its own are stopped, by cards in a reader and by QR
    /// codes; redeems; does the same with a purse that was copied; checks that wallets, purses and ledger agree.
    ///
    /// It takes pcscd with vsmartcard-vpcd. The last line is `offline: ok` if everything holds.
    Offline {
        #[command(flatten)]
        place: Place,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
    },
    /// Plays a merchant's day on a network of its own: orders that are paid by a wallet, a code that is shown, a phone at a reader
    /// and a card with a chip; one is refunded in part, one reversed when its issuer says nothing; then all is settled, and
    /// the merchant's file and the ledger must agree to the unit.
    ///
    /// It takes pcscd with vsmartcard-vpcd. The last line is `acquiring: ok` if everything holds.
    Acquiring {
        #[command(flatten)]
        place: Place,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
    },
    /// Swaps money between two networks of its own that know nothing of each other, tied by one secret: once both
    /// get what they want, and once both get theirs back.
    Swap {
        #[command(flatten)]
        place: Place,
        /// The first of 600 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
    },
    /// Attacks the APIs of a network of its own in every way it knows while honest clients pay: slow
    /// headers and bodies, readers that never read, huge bodies, idle connections, invalid signatures.
    ///
    /// One line for each gives honest payments a second without it and with it, and their ratio. The last is
    /// `<n> attacks, <n> failed; honest payments at least <ratio> of those without (<attack>); ok at 80 %`.
    /// One fails if honest throughput falls by a fifth, or a node's memory grows by more than 256 MiB.
    Attack {
        #[command(flatten)]
        place: Place,
        /// Honest payments offered per second; more than the machine bears measures the machine.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        rate: u64,
        /// How long honest payments are measured without each attack and again with it, in each round.
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: u64,
        /// How often each attack is made.
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=100))]
        rounds: u64,
        /// Requests of attackers per second.
        #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        requests: u64,
        /// Connections that do nothing; each takes an open file.
        #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        connections: u32,
        #[arg(long, value_name = "N", default_value_t = VALIDATORS, value_parser = clap::value_parser!(u16).range(1..=16))]
        validators: u16,
        /// The first of 300 ports; without it, free ones are looked for.
        #[arg(long, value_name = "P")]
        base_port: Option<u16>,
    },
    /// Measures a network of its own: payments finalized a second, how long they take, what a validator
    /// needs for each, and how near that is to the most that this machine could check signatures for.
    ///
    /// Exit status 1 if 1 % of the payments take `--p99-ms` or more, or some are not made.
    Bench {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        bench: BenchArguments,
    },
    /// Offers payments to the network that runs, and says how long they took to be final.
    Load {
        #[command(flatten)]
        place: Place,
        /// Payments offered per second, whether or not earlier ones are final.
        #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        rate: u64,
        #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
        seconds: u64,
        /// How many accounts pay each other; they are opened first. A million take some minutes.
        #[arg(long, value_name = "N", default_value_t = ACCOUNTS, value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
        accounts: u32,
        #[arg(long)]
        json: bool,
    },
}

/// What is under way during `crash`.
#[derive(Clone, Copy, ValueEnum)]
pub enum Part {
    Remittances,
    Cards,
}

impl Part {
    pub const fn of_trial(self) -> crash::Part {
        match self {
            Self::Remittances => crash::Part::Remittances,
            Self::Cards => crash::Part::Cards,
        }
    }
}

#[derive(Args)]
pub struct BenchArguments {
    #[arg(long, value_name = "N", default_value_t = VALIDATORS, value_parser = clap::value_parser!(u16).range(1..=16))]
    validators: u16,
    /// How many accounts pay each other, such as 10k or 1M; beyond 150k they are opened first, which takes
    /// minutes for a million.
    #[arg(long, value_name = "N", default_value = "100k", value_parser = count)]
    accounts: u32,
    /// Puts the validators into four regions of the world, 25 to 150 ms apart each way.
    #[arg(long)]
    wan: bool,
    /// Runs all validators in one process, for a profiler. What it prints is not to be compared with other runs.
    #[arg(long)]
    single_process: bool,
    /// Payments offered per second; without it, the highest rate that is borne is looked for.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: Option<u64>,
    /// How long each rate of the search is offered; the first quarter is a warm-up.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=300))]
    step_seconds: u64,
    /// How long the rate, or the best one, is offered before it is measured.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(0..=300))]
    warm_up: u64,
    /// How long it is measured.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=300))]
    seconds: u64,
    /// A rate is borne if 99 % of the payments take less than this, in milliseconds.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    p99_ms: u64,
    /// What keys and payments are drawn from.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The first of 300 ports; without it, free ones are looked for.
    #[arg(long, value_name = "P")]
    base_port: Option<u16>,
    /// Where latest.json and latest.svg are written; without it, beside the network.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A file that gets a line with the figures at its end.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// What the report says was measured, such as a commit.
    #[arg(long, value_name = "TEXT", default_value = "unknown")]
    commit: String,
}

/// 2 to 10 million: digits, and k for thousands or M for millions.
fn count(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.strip_suffix('k') {
        Some(digits) => (digits, 1000),
        None => text.strip_suffix('M').map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    let count = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit));
    let in_range = count.filter(|count| (2..=10_000_000).contains(count));
    in_range.ok_or_else(|| "from 2 to 10M, such as 5000, 10k or 2M".to_owned())
}

impl BenchArguments {
    pub fn options(self, place: &Place) -> bench::Options {
        bench::Options {
            validators: self.validators,
            accounts: self.accounts,
            wan: self.wan,
            single_process: self.single_process,
            rate: self.rate,
            step: Duration::from_secs(self.step_seconds),
            record: self.record,
            warm_up: Duration::from_secs(self.warm_up),
            measured: Duration::from_secs(self.seconds),
            p99_max: Duration::from_millis(self.p99_ms),
            seed: self.seed,
            base_port: self.base_port,
            out: self.out.unwrap_or_else(|| place.dir.join(Trial::Bench.name())),
            commit: self.commit,
        }
    }
}

#[derive(Args)]
pub struct Place {
    /// Where the network lives.
    #[arg(long, value_name = "DIR", default_value = "devnet-data")]
    pub dir: PathBuf,
}
