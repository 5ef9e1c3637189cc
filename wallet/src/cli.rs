//! The command line: reads it, does what it says, and turns what went wrong into an exit status.

mod accounts;
mod args;
mod batch;
mod contacts;
mod cosign;
mod council;
mod device;
mod keys;
mod offline;
mod output;
mod passphrase;
mod payments;
mod proofs;
mod purse_words;
mod scan;
mod settlement;
mod teller;
mod wallet;

use std::process::ExitCode;

use anyhow::Context;
use causeway_contracts::{money::text::AmountTextError, proof::ProofError};
use causeway_wallet::{
    batch::{journal::JournalError, lines::FileProblem, run::RunError},
    client::ClientError,
    exit::Exit,
    home::{GenesisFileError, HomeError},
    keystore::{SealError, SecretError},
    offline::{issuer::client::IssuerError, memory::file::PurseFileError},
    payee::{ContactsError, PayeeError},
    payment::MemoTooLong,
};
use clap::{CommandFactory, Parser};

use self::{
    args::{Args, Command},
    wallet::Wallet,
};

/// What the command found, where that is not an error of the program.
#[derive(Debug, thiserror::Error)]
enum Finding {
    #[error("refused by the ledger: {0}")]
    Rejected(causeway_contracts::ledger::rejection::Rejection),
    #[error(
        "{rejected} of {lines} payments were refused by the ledger; the others are paid. \
         Correct the refused lines in a new file and pay that one"
    )]
    SomeRejected { rejected: usize, lines: usize },
    #[error(
        "the validators that the wallet has pinned were last seen more than 30 days ago, and a proof by them shows \
         nothing; get the genesis file from someone you trust, and run `causeway init` again or give it with --genesis"
    )]
    TrustLapsed,
    #[error("{unfinished} of {lines} payments are not finished; run the same command again to go on")]
    Unfinished {
        unfinished: usize,
        lines: usize,
        /// Whether any payment of the batch may have been sent, now or earlier.
        sent: bool,
        #[source]
        source: ClientError,
    },
    #[error("nothing was sent now, but earlier runs of this batch may have; run the same command again to go on")]
    Begun(#[source] anyhow::Error),
    #[error(
        "{bad} of {lines} lines cannot be paid, so nothing was; correct them, or pay the others alone with --skip-bad"
    )]
    BadLines { bad: usize, lines: usize },
    #[error("{0}")]
    BadInput(#[source] anyhow::Error),
    #[error("{0}")]
    PurseRefuses(#[source] anyhow::Error),
    #[error("{0}")]
    CodeRefused(#[source] anyhow::Error),
    #[error("{0}")]
    WrongPin(causeway_contracts::offline::purse::PurseRefusal),
    #[error("nobody has paid; the request is void now")]
    NobodyPaid,
    #[error(
        "it is unknown whether the purse that was held to the reader has paid; run the same command again and hold it \
         to the reader again, which asks for the same payment, and for no other"
    )]
    MayBePaid,
    #[error(
        "the money is set aside for the purse, and the issuer has not granted it yet; run the same command again, which \
         waits for the grant and loads nothing more"
    )]
    NotGranted(#[source] Option<anyhow::Error>),
}

pub fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = causeway_wallet::core_dumps::forbid() {
        eprintln!("causeway: cannot forbid core dumps, in which keys would be: {error}");
        return ExitCode::from(Exit::Error as u8);
    }
    let json = args.json;
    let pays = args.command.pays();
    let exit = match (run(args), output::lost()) {
        (Ok(()), None) => Exit::Ok,
        (Ok(()), Some(error)) if pays => {
            // A status other than 0 would have it run again, and pay again.
            output::warning(
                json,
                format_args!("all is done, but the result could not be printed: {error}; `causeway history` shows it"),
            );
            Exit::Ok
        }
        // Whoever reads the result has read enough of it.
        (Ok(()), Some(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Ok,
        (Ok(()), Some(error)) => {
            output::error(
                json,
                Exit::Error,
                &anyhow::anyhow!("the result could not be printed: {error}"),
            );
            Exit::Error
        }
        (Err(error), _) => {
            let exit = exit_of(&error);
            output::error(json, exit, &error);
            exit
        }
    };
    ExitCode::from(exit as u8)
}

fn run(args: Args) -> anyhow::Result<()> {
    if let Command::Completions { shell } = args.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Args::command(), "causeway", &mut script);
        output::line(format_args!("{}", String::from_utf8_lossy(&script).trim_end()));
        return Ok(());
    }
    if let Command::Offline(command) = args.command {
        let home = offline::Home {
            root: args.home,
            passphrase_file: args.passphrase_file,
        };
        return offline::run(args.json, home, command);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    let wallet = Wallet::new(args.home, args.passphrase_file, args.json)?;
    runtime.block_on(async {
        match args.command {
            Command::Init { genesis, node } => wallet::init(&wallet, &genesis, node),
            Command::Keys(command) => keys::run(&wallet, command),
            Command::Account(command) => accounts::run(&wallet, command).await,
            Command::Contacts(command) => contacts::run(&wallet, command),
            Command::Council(command) => council::run(&wallet, command).await,
            Command::Issue(issue) => payments::issue(&wallet, issue).await,
            Command::Pay(pay) => match pay.batch {
                Some(_) => batch::pay(&wallet, pay).await,
                None => payments::pay(&wallet, pay).await,
            },
            Command::Hold(command) => settlement::hold(&wallet, command).await,
            Command::Escrow(command) => settlement::escrow(&wallet, command).await,
            Command::Allowance(command) => settlement::allowance(&wallet, command).await,
            Command::Mandate(command) => settlement::mandate(&wallet, command).await,
            Command::Request(command) => settlement::request(&wallet, command).await,
            Command::Split(split) => settlement::split(&wallet, split).await,
            Command::Quote(command) => settlement::quote(&wallet, command).await,
            Command::Exchange(exchange) => settlement::exchange(&wallet, exchange).await,
            Command::Offer(command) => settlement::offer(&wallet, command).await,
            Command::Path(command) => settlement::path(&wallet, command).await,
            Command::Netting(command) => settlement::netting(&wallet, command).await,
            Command::Rate(command) => settlement::rate(&wallet, command).await,
            Command::Contract(command) => settlement::contract(&wallet, command).await,
            Command::Scan { file, pay } => scan::scan(&wallet, &file, pay.as_deref()).await,
            Command::Device(command) => device::run(&wallet, command),
            Command::Code(code) => device::code::show(&wallet, &code),
            Command::Sign(sign) => cosign::sign(&wallet, &sign),
            Command::Send { file } => cosign::send(&wallet, &file).await,
            Command::Receipt { tx, out } => proofs::receipt(&wallet, tx, out).await,
            Command::Verify { proof, genesis } => proofs::verify(&wallet, &proof, genesis),
            Command::History { limit } => payments::history(&wallet, limit),
            Command::Address(args::AddressCommand::Check { address }) => contacts::check(&wallet, &address),
            Command::Offline(_) | Command::Completions { .. } => unreachable!("handled above"),
        }
    })
}

/// The first cause that has a number of its own.
fn exit_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(finding) = cause.downcast_ref::<Finding>() {
            return match finding {
                Finding::Rejected(_) | Finding::SomeRejected { .. } => Exit::Refused,
                Finding::TrustLapsed => Exit::Proof,
                Finding::BadLines { .. } | Finding::BadInput(_) => Exit::Input,
                Finding::PurseRefuses(_) | Finding::CodeRefused(_) => Exit::Refused,
                Finding::WrongPin(_) => Exit::Passphrase,
                Finding::NobodyPaid => Exit::Expired,
                Finding::MayBePaid | Finding::NotGranted(_) => Exit::Unconfirmed,
                Finding::Unfinished { sent, source, .. } => match source {
                    ClientError::Unreachable { .. } if *sent => Exit::Unconfirmed,
                    // Others of its lines are unknown, and this one is paid by the next run.
                    ClientError::Dead { .. } => Exit::Unconfirmed,
                    source => exit_of_client(source),
                },
                Finding::Begun(error) => match exit_of(error) {
                    Exit::Unreachable => Exit::Unconfirmed,
                    other => other,
                },
            };
        }
        if let Some(RunError::Receipt { .. }) = cause.downcast_ref::<RunError>() {
            return Exit::Unconfirmed;
        }
        if let Some(error) = cause.downcast_ref::<ClientError>() {
            return exit_of_client(error);
        }
        if let Some(error) = cause.downcast_ref::<Box<ClientError>>() {
            return exit_of_client(error);
        }
        if let Some(SealError::WrongPassphrase) = cause.downcast_ref::<SealError>() {
            return Exit::Passphrase;
        }
        if let Some(PurseFileError::WrongPassphrase) = cause.downcast_ref::<PurseFileError>() {
            return Exit::Passphrase;
        }
        if let Some(error) = cause.downcast_ref::<IssuerError>()
            && error.is_unreachable()
        {
            return Exit::Unreachable;
        }
        if cause.is::<ProofError>() {
            return Exit::Proof;
        }
        if let Some(error) = cause.downcast_ref::<JournalError>() {
            return match error {
                JournalError::File(_) | JournalError::InUse { .. } => Exit::Error,
                _ => Exit::Input,
            };
        }
        // What these hold does not show in the chain of causes.
        if let Some(HomeError::Genesis(_)) = cause.downcast_ref::<HomeError>() {
            return Exit::Input;
        }
        if let Some(ContactsError::Payee(_) | ContactsError::Name | ContactsError::Taken { .. }) =
            cause.downcast_ref::<ContactsError>()
        {
            return Exit::Input;
        }
        if cause.is::<FileProblem>()
            || cause.is::<GenesisFileError>()
            || cause.is::<SecretError>()
            || cause.is::<PayeeError>()
            || cause.is::<AmountTextError>()
            || cause.is::<MemoTooLong>()
        {
            return Exit::Input;
        }
    }
    Exit::Error
}

fn exit_of_client(error: &ClientError) -> Exit {
    match error {
        ClientError::Unreachable { .. } => Exit::Unreachable,
        ClientError::Refused { .. } => Exit::Refused,
        ClientError::Unconfirmed { .. } => Exit::Unconfirmed,
        ClientError::Dead { .. } => Exit::Expired,
        ClientError::Proof(_) => Exit::Proof,
        _ => Exit::Error,
    }
}

#[cfg(test)]
mod tests {
    use causeway_contracts::{
        block::Height,
        transaction::{TxId, UnixSeconds},
    };

    use super::*;

    #[test]
    fn a_batch_has_the_status_of_what_all_of_it_came_to() {
        let id = TxId([1; 32]);
        let nobody = || ClientError::Unreachable {
            asked: 1,
            last: Box::new(causeway_wallet::client::CallError::OtherSubject),
        };
        let unknown = || ClientError::Unconfirmed {
            id,
            valid_until: UnixSeconds(1),
        };
        let dead = || ClientError::Dead { id, height: Height(1) };
        let batch = |source, sent| Finding::Unfinished {
            unfinished: 1,
            lines: 2,
            sent,
            source,
        };
        let check = |error: anyhow::Error, expected| assert_eq!(exit_of(&error), expected, "{error}");
        check(nobody().into(), Exit::Unreachable);
        check(batch(nobody(), false).into(), Exit::Unreachable);
        check(batch(nobody(), true).into(), Exit::Unconfirmed);
        check(Finding::Begun(nobody().into()).into(), Exit::Unconfirmed);
        check(Finding::Begun(PayeeError::Empty.into()).into(), Exit::Input);
        check(unknown().into(), Exit::Unconfirmed);
        check(dead().into(), Exit::Expired);
        check(batch(dead(), true).into(), Exit::Unconfirmed);
    }
}
