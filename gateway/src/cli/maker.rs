//! `causeway-gateway maker`.

use std::{io, path::Path};

use causeway_gateway::maker::run::{self, RunError};
use causeway_wallet::durable::{self, FileError};
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

const VARIABLE: &str = "CAUSEWAY_PASSPHRASE";

/// No passphrase is longer.
const PASSPHRASE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum MakerError {
    #[error("the passphrase")]
    Passphrase(#[source] FileError),
    #[error("there is no passphrase for the account's key; set {VARIABLE}, or give --passphrase-file")]
    NoPassphrase,
    #[error(transparent)]
    Run(#[from] RunError),
}

pub fn run(config: &Path, passphrase_file: Option<&Path>) -> Result<(), MakerError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    let passphrase = passphrase(passphrase_file)?;
    let ready = |address| println!("quotes are asked for by POST http://{address}/v1/quotes");
    actix_rt::System::new().block_on(run::run(config, &passphrase, ready))?;
    Ok(())
}

fn passphrase(file: Option<&Path>) -> Result<Zeroizing<String>, MakerError> {
    if let Some(path) = file {
        let text = durable::read_text(path, PASSPHRASE_BYTES_MAX).map_err(MakerError::Passphrase)?;
        let text = Zeroizing::new(text);
        return Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
    }
    std::env::var(VARIABLE)
        .map(Zeroizing::new)
        .map_err(|_| MakerError::NoPassphrase)
}
