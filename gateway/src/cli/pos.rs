//! `causeway-gateway pos`: a merchant's terminal, whose reader is one of PC/SC or a camera's picture.

mod ask;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use causeway_cards::{
    currency,
    emv::kernel::{Outcome, Terminal, Transaction},
    qr::{Violation, cpm},
};
use causeway_contracts::money::text::{AmountTextError, parse_amount};
use causeway_gateway::{
    acquiring::tap::{ENTRY, Shown, TapError, tap},
    identifiers::currency::CurrencyCode,
};
use causeway_wallet::{
    clock,
    codes::picture,
    exit::Exit,
    offline::{
        card::reader::{ReaderError, Readers},
        qr::{
            folder::{self},
            reader::{self, Reader},
        },
    },
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::ask::{AskError, Asking};

#[derive(Debug, Subcommand)]
pub enum Pos {
    /// Wait for a phone or a card at a reader of PC/SC, and ask it to pay
    ///
    /// Without --order, nothing is asked for from its issuer.
    Tap(Tap),
    /// Read the code that a customer shows from a picture
    Scan(Scan),
    /// Find the code in pixels from standard input: what `scan` starts
    #[command(hide = true)]
    Look,
}

#[derive(Debug, Args)]
pub struct Tap {
    /// Such as 12.50
    #[arg(long)]
    amount: String,
    /// Such as EUR
    #[arg(long)]
    currency: CurrencyCode,
    /// A reader of PC/SC, by a part of its name; the first if absent
    #[arg(long, value_name = "NAME", default_value = "")]
    reader: String,
    /// How long to wait for a phone or a card
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u32,
    /// The terminal's country by its number (ISO 3166-1), such as 250 for France
    #[arg(long, value_name = "NUMBER", default_value_t = 276)]
    country: u16,
    /// From this amount on, the phone must have verified its holder
    #[arg(long, value_name = "AMOUNT", default_value = "50.00")]
    verified_from: String,
    #[command(flatten)]
    order: OrderArgs,
}

#[derive(Debug, Args)]
pub struct Scan {
    /// A PNG file with the code in it
    #[arg(value_name = "FILE.png")]
    file: PathBuf,
    #[command(flatten)]
    order: OrderArgs,
}

#[derive(Debug, Args)]
struct OrderArgs {
    /// Ask for the payment of this order of a gateway, ord_...
    #[arg(long, value_name = "ID", requires_all = ["url", "token_file"])]
    order: Option<String>,
    /// The gateway, such as http://127.0.0.1:27600; without TLS only on this machine
    #[arg(long, value_name = "URL", requires = "order")]
    url: Option<String>,
    /// A file with an access token of the gateway in its first line
    #[arg(long, value_name = "FILE", requires = "order")]
    token_file: Option<PathBuf>,
    /// The terminal's id at the gateway, ter_...
    #[arg(long, value_name = "ID", requires = "order")]
    terminal: Option<String>,
    /// Print what a gateway is asked with, in clear: track 2, or the code
    #[arg(long, conflicts_with = "order")]
    reveal: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum PosError {
    #[error("--amount and --verified-from: {0}")]
    Amount(#[from] AmountTextError),
    #[error("{0} is no currency that cards pay in")]
    Currency(CurrencyCode),
    #[error("there is no reader; is one plugged in?")]
    NoReader,
    #[error(transparent)]
    Reader(#[from] ReaderError),
    #[error(transparent)]
    Tap(#[from] TapError<ReaderError>),
    #[error("no random bytes from the system: {0}")]
    Random(#[from] getrandom::Error),
    #[error("cannot find this program again, to read pictures with it")]
    Program(#[source] io::Error),
    #[error("{}", path.display())]
    Picture {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error>,
    },
    #[error("the code is none that a customer pays with: {0}")]
    Structure(#[from] cpm::StructureError),
    #[error("the code breaks a rule, at {}: {}", .0.place, .0.message)]
    Violation(Violation),
    #[error("the code has no application with a card's number and chip data")]
    NoApplication,
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("the card's issuer has not said whether it pays; what it may have paid is taken back: look at the order")]
    Unknown,
    #[error("cannot print the result")]
    Print(#[source] super::inspect::InspectError),
}

/// Whether the order is paid or on its way; without one, whether the tap or code was good.
pub fn run(command: Pos) -> Result<bool, PosError> {
    match command {
        Pos::Tap(args) => tapped(&args),
        Pos::Scan(args) => scanned(&args),
        Pos::Look => unreachable!("it has statuses of its own"),
    }
}

fn tapped(args: &Tap) -> Result<bool, PosError> {
    let asking = Asking::of(&args.order)?;
    let (terminal, transaction) = payment(args)?;
    let readers = Readers::open()?;
    let reader = if args.reader.is_empty() {
        readers.names()?.into_iter().next().ok_or(PosError::NoReader)?
    } else {
        readers.find(&args.reader)?
    };
    let mut card = readers.wait(&reader, Duration::from_secs(args.timeout.into()))?;
    let outcome = tap(&mut card, terminal, transaction)?;
    // The phone may leave while its issuer is asked.
    drop(card);
    let Outcome { track_2, .. } = &outcome;
    let mut shown = serde_json::to_value(Shown::of(&outcome)).expect("it has a JSON form");
    if args.order.reveal {
        shown["track2"] = json!(**track_2);
    }
    print(&shown)?;
    let Some(asking) = asking else { return Ok(true) };
    let mut body = json!({"entry": ENTRY, "track2": **track_2, "chip": shown["chip"]});
    with_terminal(&mut body, &args.order);
    answered(asking.post("card", &body)?)
}

fn payment(args: &Tap) -> Result<(Terminal, Transaction), PosError> {
    let unknown = || PosError::Currency(args.currency);
    let exponent = args.currency.exponent().ok_or_else(unknown)?;
    let number = currency::numeric(args.currency.as_str()).and_then(|digits| digits.parse().ok());
    let terminal = Terminal {
        country: args.country,
        // Attended, online only (EMV Book 4, annex A1); no PIN pad, and no paper to sign.
        kind: 0x21,
        capabilities: [0x00, 0x08, 0xc8],
        contactless_max: u64::MAX,
        verified_from: parse_amount(&args.verified_from, exponent)?.0,
        has_online_pin: false,
        has_signature: false,
        applications: Terminal::default_applications(),
    };
    let mut unpredictable = [0; 4];
    getrandom::fill(&mut unpredictable)?;
    let (year, month, day) = clock::date(clock::now_ms().0 / 86_400_000);
    let transaction = Transaction {
        amount: parse_amount(&args.amount, exponent)?.0,
        other_amount: 0,
        currency: number.ok_or_else(unknown)?,
        date: [year % 100, month, day].map(|part| part as u8),
        kind: 0,
        unpredictable,
    };
    Ok((terminal, transaction))
}

fn scanned(args: &Scan) -> Result<bool, PosError> {
    let asking = Asking::of(&args.order)?;
    let text = text_of(&args.file)?;
    let bytes = cpm::decode(&text)?;
    let code = cpm::Code::read(&bytes)?;
    if let Some(violation) = code.violations().into_iter().next() {
        return Err(PosError::Violation(violation));
    }
    let application = code.applications().next().ok_or(PosError::NoApplication)?;
    let number = application.pan().and_then(Result::ok).ok_or(PosError::NoApplication)?;
    let [chip, common] = application.chip_data();
    let chip = chip.or(common).ok_or(PosError::NoApplication)?;
    let mut shown = json!({"entry": "code", "number": number.masked(), "chip": hex::encode(chip)});
    if args.order.reveal {
        shown["code"] = json!(*text);
    }
    print(&shown)?;
    let Some(asking) = asking else { return Ok(true) };
    let mut body = json!({"code": *text});
    with_terminal(&mut body, &args.order);
    answered(asking.post("present", &body)?)
}

fn text_of(file: &Path) -> Result<Zeroizing<String>, PosError> {
    let picture = |source: Box<dyn std::error::Error>| PosError::Picture {
        path: file.to_owned(),
        source,
    };
    let program = std::env::current_exe().map_err(PosError::Program)?;
    let reader = Reader::with_arguments(program, &["pos", "look"], reader::TIME_MAX);
    let png = folder::read(file).map_err(|error| picture(error.into()))?;
    let text = picture::scan(&reader, &png).map_err(|error| picture(error.into()))?;
    Ok(Zeroizing::new(text))
}

fn with_terminal(body: &mut Value, order: &OrderArgs) {
    if let Some(terminal) = &order.terminal {
        body["terminal"] = json!(terminal);
    }
}

fn answered((is_good, answer): (bool, Value)) -> Result<bool, PosError> {
    print(&answer)?;
    match answer["outcome"].as_str() {
        Some("unknown") => Err(PosError::Unknown),
        Some(outcome) => Ok(is_good && outcome == "approved"),
        None => Ok(is_good),
    }
}

fn print(value: &Value) -> Result<(), PosError> {
    super::inspect::print(value).map_err(PosError::Print)
}

/// Gives the content of the code in the pixels, and ends as [`Reader::with_arguments`] has it.
pub fn look() -> ExitCode {
    let exit = match reader::look(io::stdin().lock()) {
        Ok(Some(content)) => match io::Write::write_all(&mut io::stdout(), &content) {
            Ok(()) => Exit::Ok,
            Err(_) => Exit::Error,
        },
        Ok(None) => Exit::Input,
        Err(_) => Exit::Error,
    };
    ExitCode::from(exit as u8)
}
