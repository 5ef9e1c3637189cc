//! Simulates many seeds on all cores, and says what was done to the network and whether it held.

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use causeway_simulation::{Faults, Outcome, Plan, Reached, run};
use clap::Parser;

/// Simulates networks of validators under faults, each from a seed.
#[derive(Parser)]
#[command(name = "causeway-simulate", version)]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Every validator comes at least to this height.
    #[arg(long, default_value_t = 15)]
    heights: u64,
    /// Real signatures in every seed, not in every 20th only.
    #[arg(long)]
    real_signatures: bool,
    /// Print the trace of the first seed, and run only that.
    #[arg(long)]
    trace: bool,
    /// Stop after so many seeds with violations.
    #[arg(long, default_value_t = 10)]
    violations_max: u64,
}

#[derive(Default)]
struct Sum {
    seeds: u64,
    heights: u64,
    transactions: u64,
    evidence_detected: u64,
    evidence_recorded: u64,
    faults: Faults,
    reached: Reached,
    byzantine: std::collections::BTreeMap<&'static str, u64>,
    violations: u64,
    violated_seeds: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let plan = |seed| {
        let plan = Plan::new(seed, args.heights);
        Plan {
            real_signatures: plan.real_signatures || args.real_signatures,
            ..plan
        }
    };
    if args.trace {
        let outcome = run(plan(args.first), true);
        print!("{}", outcome.trace);
        return report(&[outcome], Instant::now());
    }
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let begun = Instant::now();
    let next = AtomicU64::new(args.first);
    let sum = Mutex::new((Sum::default(), begun));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.first + args.seeds {
                        return;
                    }
                    let outcome = attempt(plan(seed));
                    let mut held = sum.lock().expect("no holder panics");
                    let (sum, said) = &mut *held;
                    sum.add(&outcome);
                    if sum.violated_seeds >= args.violations_max {
                        next.store(args.first + args.seeds, Ordering::Relaxed);
                    }
                    if said.elapsed() > Duration::from_secs(5) {
                        *said = Instant::now();
                        let rate = sum.seeds as f64 / begun.elapsed().as_secs_f64();
                        eprintln!("{} of {} seeds, {rate:.1} a second", sum.seeds, args.seeds);
                    }
                }
            });
        }
    });
    let (sum, _) = sum.into_inner().expect("no holder has panicked");
    sum.report(begun.elapsed())
}

fn report(outcomes: &[Outcome], begun: Instant) -> ExitCode {
    let mut sum = Sum::default();
    for outcome in outcomes {
        sum.add(outcome);
    }
    sum.report(begun.elapsed())
}

/// A panic is a violation too: an assertion of the program, or worse.
fn attempt(plan: Plan) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| run(plan, false))).unwrap_or_else(|panic| {
        let why = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Outcome {
            seed: plan.seed,
            nodes: 0,
            byzantine: Vec::new(),
            heights: 0,
            transactions: 0,
            evidence_detected: 0,
            evidence_recorded: 0,
            virtual_us: 0,
            faults: Faults::default(),
            reached: Reached::default(),
            violations: vec![format!("it panicked: {}", why.unwrap_or_default())],
            trace: String::new(),
        }
    })
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.heights += outcome.heights;
        self.transactions += outcome.transactions;
        self.evidence_detected += outcome.evidence_detected;
        self.evidence_recorded += outcome.evidence_recorded;
        self.faults += outcome.faults;
        self.reached += outcome.reached;
        for kind in &outcome.byzantine {
            *self.byzantine.entry(kind).or_default() += 1;
        }
        self.violations += outcome.violations.len() as u64;
        if !outcome.violations.is_empty() {
            self.violated_seeds += 1;
            let (seed, nodes, byzantine) = (outcome.seed, outcome.nodes, &outcome.byzantine);
            println!("seed {seed}, {nodes} validators, Byzantine {byzantine:?}:");
            for violation in &outcome.violations {
                println!("  {violation}");
            }
        }
    }

    fn report(&self, took: Duration) -> ExitCode {
        for (kind, count) in &self.byzantine {
            println!("{count:>12}  validators: {kind}");
        }
        for (kind, count) in self.faults.kinds().chain(self.reached.kinds()) {
            println!("{count:>12}  {kind}");
        }
        println!("{:>12}  transactions with a receipt", self.transactions);
        println!(
            "{:>12}  double signatures found, by each that saw them",
            self.evidence_detected
        );
        println!("{:>12}  recorded on the ledger", self.evidence_recorded);
        let rate = self.seeds as f64 / took.as_secs_f64();
        println!("{:>12.1}  seeds a second", rate);
        println!(
            "{} seeds, {} heights, {} faults, {} violations",
            self.seeds,
            self.heights,
            self.faults.total(),
            self.violations
        );
        ExitCode::from(u8::from(self.violations > 0))
    }
}
