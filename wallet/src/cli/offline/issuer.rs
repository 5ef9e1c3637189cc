//! `causeway offline issuer`.

use std::{io, net::SocketAddr};

use anyhow::Context;
use causeway_wallet::offline::issuer::{
    config::{Config, ConfigError},
    run::{self, RunError},
};
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::{bad_input, say};
use crate::cli::args::offline::Issuer;

pub fn run(json: bool, issuer: &Issuer) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    let ready = |config: &Config, address| tell(json, config, address);
    let ran = actix_rt::System::new().block_on(run::run(&issuer.config, ready));
    match ran {
        Ok(()) => Ok(()),
        // A file that cannot be read is no wrong input: it may be there the next time.
        Err(error @ RunError::Config(ConfigError::Read(_))) => Err(error).context("the issuer's service"),
        Err(error @ RunError::Config(_)) => Err(bad_input(error)),
        Err(error) => Err(error).context("the issuer's service"),
    }
}

fn tell(json: bool, config: &Config, address: SocketAddr) {
    let account = config.account.address(config.genesis.address_prefix);
    if json {
        say!(
            "{}",
            json!({ "currency": config.currency, "listen": address, "account": account })
        );
    } else {
        say!(
            "The service of the issuer of {} answers at http://{address}, and brings what it signs by account {account}.",
            config.currency
        );
    }
}
