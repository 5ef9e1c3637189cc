//! `causeway-gateway maker`.

use std::{io, path::Path};

use causeway_gateway::maker::run::{self, RunError};
use tracing_subscriber::EnvFilter;

use super::passphrase::{PassphraseError, passphrase};

#[derive(Debug, thiserror::Error)]
pub enum MakerError {
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
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
