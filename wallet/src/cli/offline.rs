//! `causeway offline`: what is common to the media is here, each medium in a file of its own; then what purses do.

mod card;
mod collect;
mod create;
mod desk;
mod issuer;
mod load;
mod lost;
mod medium;
mod online;
mod pay;
mod qr;
mod rebase;
mod receive;
mod redeem;
mod sound;
mod status;
mod sync;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use causeway_wallet::durable;
use serde_json::{Value, json};

use super::{
    Finding,
    args::{
        offline::{Encoding, OfflineCommand, PayloadIn, PayloadOut, QrCommand, SoundCommand},
        purses::PurseCommand,
    },
    output::{self, say},
    wallet::Wallet,
};

/// Of a payload's file, whatever its encoding; more than any medium carries.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Where wallet and passphrase are, for the commands that take a wallet.
pub struct Home {
    pub root: Option<PathBuf>,
    pub passphrase_file: Option<PathBuf>,
}

pub fn run(json: bool, home: Home, command: OfflineCommand) -> anyhow::Result<()> {
    match command {
        OfflineCommand::Qr(QrCommand::Show(show)) => qr::show(json, &show),
        OfflineCommand::Qr(QrCommand::Scan(scan)) => qr::scan(json, &scan),
        OfflineCommand::Qr(QrCommand::Look) => qr::look(),
        OfflineCommand::Sound(SoundCommand::Send(send)) => sound::send(json, &send),
        OfflineCommand::Sound(SoundCommand::Receive(receive)) => sound::receive(json, &receive),
        OfflineCommand::Issuer(issuer) => issuer::run(json, &issuer),
        OfflineCommand::Purse(command) => purse(&Wallet::new(home.root, home.passphrase_file, json)?, command),
    }
}

fn purse(wallet: &Wallet, command: PurseCommand) -> anyhow::Result<()> {
    match command {
        PurseCommand::Request(request) => match (&request.reader, &request.out) {
            (Some(reader), _) => collect::request(wallet, &request, reader),
            (None, Some(out)) => receive::request(wallet, &request, out),
            (None, None) => unreachable!("one of both is required"),
        },
        PurseCommand::Pay(args) => pay::pay(wallet, &args),
        PurseCommand::Receive { purse, medium, out } => receive::receive(wallet, &purse, &medium, out.as_ref()),
        PurseCommand::Settle { purse, medium } => pay::settle(wallet, &purse, &medium),
        PurseCommand::Cancel { purse, request, out } => receive::cancel(wallet, &purse, &request, out.as_ref()),
        PurseCommand::Card(args) => card::card(wallet, &args),
        PurseCommand::Status { purse } => status::status(wallet, purse.as_deref()),
        command => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .context("cannot start the asynchronous runtime")?;
            runtime.block_on(purse_online(wallet, command))
        }
    }
}

/// What takes a network.
async fn purse_online(wallet: &Wallet, command: PurseCommand) -> anyhow::Result<()> {
    match command {
        PurseCommand::Create(args) => create::create(wallet, &args).await,
        PurseCommand::Load { purse, amount } => load::load(wallet, &purse, &amount).await,
        PurseCommand::Redeem { purse, account } => redeem::redeem(wallet, &purse, account.as_deref()).await,
        PurseCommand::Evidence { purse } => redeem::upload(wallet, &purse).await,
        PurseCommand::Rebase { purse } => rebase::rebase(wallet, &purse).await,
        PurseCommand::Sync { purse } => sync::sync(wallet, &purse).await,
        PurseCommand::ReportLost { purse, account } => lost::report(wallet, &purse, account.as_deref()).await,
        _ => unreachable!("handled where there is no network"),
    }
}

/// What is wrong with what was given, for the exit status.
fn bad_input(error: impl Into<anyhow::Error>) -> anyhow::Error {
    Finding::BadInput(error.into()).into()
}

impl PayloadIn {
    fn read(&self) -> anyhow::Result<Vec<u8>> {
        let is_stdin = self.file == Path::new("-");
        let bytes = if is_stdin {
            read_stdin()?
        } else {
            durable::read(&self.file, FILE_BYTES_MAX).map_err(bad_input)?
        };
        let text = || bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
        let decoded = match self.encoding {
            Encoding::Binary => return Ok(bytes),
            Encoding::Hex => hex::decode(text().collect::<Vec<_>>()).context("it is not hexadecimal"),
            Encoding::Base64 => BASE64_STANDARD
                .decode(text().collect::<Vec<_>>())
                .context("it is not Base64"),
        };
        let place = if is_stdin {
            "standard input".into()
        } else {
            self.file.display().to_string()
        };
        decoded.context(place).map_err(bad_input)
    }
}

fn read_stdin() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut stdin = io::stdin().lock().take(FILE_BYTES_MAX + 1);
    stdin.read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let too_long = format!("standard input is longer than {FILE_BYTES_MAX} bytes");
        return Err(bad_input(anyhow::anyhow!(too_long)));
    }
    Ok(bytes)
}

impl PayloadOut {
    /// That the file can be written is found out before there is anything to lose.
    fn check(&self) -> anyhow::Result<()> {
        if let Some(folder) = self.out.as_deref().and_then(Path::parent)
            && !folder.as_os_str().is_empty()
        {
            File::open(folder).with_context(|| format!("cannot write into {}", folder.display()))?;
        }
        Ok(())
    }

    /// `told` is what JSON says besides.
    fn write(&self, json: bool, payload: &[u8], mut told: Value) -> anyhow::Result<()> {
        let text = match self.encoding {
            Encoding::Hex => hex::encode(payload),
            Encoding::Base64 => BASE64_STANDARD.encode(payload),
            Encoding::Binary => String::new(),
        };
        let is_binary = self.encoding == Encoding::Binary;
        match &self.out {
            Some(path) if is_binary => durable::replace(path, payload)?,
            Some(path) => durable::replace(path, format!("{text}\n").as_bytes())?,
            None if json => told["payload"] = json!(hex::encode(payload)),
            None if is_binary => output::bytes(payload),
            None => say!("{text}"),
        }
        told["bytes"] = json!(payload.len());
        if json {
            say!("{told}");
        } else if let Some(path) = &self.out {
            say!("{} bytes are in {}.", payload.len(), path.display());
        }
        Ok(())
    }
}
