//! `causeway device` and `causeway code`: the phone that an issuer has given a token.

pub mod code;
mod tap;

use std::path::Path;

use anyhow::anyhow;
use causeway_contracts::money::{Amount, text::parse_amount};
use causeway_wallet::{
    device::{
        Device, DeviceError, Until,
        file::{check_there, read_provisioning},
    },
    home::Home,
};
use serde_json::json;

use super::{
    Finding,
    args::device::DeviceCommand,
    output::{note, say},
    wallet::Wallet,
};

pub fn run(wallet: &Wallet, command: DeviceCommand) -> anyhow::Result<()> {
    match command {
        DeviceCommand::Add { file } => add(wallet, &file),
        DeviceCommand::Status => status(wallet),
        DeviceCommand::Keys { file } => keys(wallet, &file),
        DeviceCommand::Remove => remove(wallet),
        DeviceCommand::Tap(args) => tap::tap(wallet, &args),
    }
}

fn add(wallet: &Wallet, file: &Path) -> anyhow::Result<()> {
    let path = wallet.home()?.device_path();
    if path.exists() {
        return Err(DeviceError::Exists.into());
    }
    let given = read_provisioning(file).map_err(bad_input)?;
    let passphrase = wallet.passphrase.for_new("the device")?;
    let device = Device::create(&path, &given, &passphrase).map_err(of_file)?;
    told(wallet, &device);
    warn_of_file(wallet, file);
    Ok(())
}

fn keys(wallet: &Wallet, file: &Path) -> anyhow::Result<()> {
    let mut device = open(wallet, &wallet.home()?)?;
    let given = read_provisioning(file).map_err(bad_input)?;
    device.replenish(&given).map_err(of_file)?;
    told(wallet, &device);
    warn_of_file(wallet, file);
    Ok(())
}

fn status(wallet: &Wallet) -> anyhow::Result<()> {
    told(wallet, &open(wallet, &wallet.home()?)?);
    Ok(())
}

fn remove(wallet: &Wallet) -> anyhow::Result<()> {
    Device::remove(&wallet.home()?.device_path())?;
    if wallet.json {
        say!("{}", json!({ "removed": true }));
    } else {
        say!("The device and its keys are gone from this wallet. Tell the issuer, if others may have them.");
    }
    Ok(())
}

fn told(wallet: &Wallet, device: &Device) {
    let summary = device.summary();
    if wallet.json {
        say!("{}", serde_json::to_value(&summary).expect("a summary has a JSON form"));
        return;
    }
    let (year, month) = summary.expiry.split_at(2);
    say!(
        "Device {}: {}, {}, until {month}/{year}",
        summary.device,
        summary.token,
        summary.currency
    );
    say!("Last counter: {}", summary.counter);
    match summary.good_until {
        Some(until) => say!("Keys left: {}, good until {}", summary.keys_left, Until(until)),
        None => say!("Keys left: none; get more from the issuer, and add them with `causeway device keys FILE`"),
    }
}

fn warn_of_file(wallet: &Wallet, file: &Path) {
    if !wallet.json {
        note!("{} has the keys in clear: delete it.", file.display());
    }
}

fn open(wallet: &Wallet, home: &Home) -> anyhow::Result<Device> {
    let path = home.device_path();
    // Nobody types a passphrase for a device that is not there.
    check_there(&path)?;
    Ok(Device::open(&path, &wallet.passphrase.for_device()?)?)
}

/// What an issuer's file is to blame for.
fn of_file(error: DeviceError) -> anyhow::Error {
    use DeviceError::{
        CheckDigit, Currency, Device as Given, Differs, NothingNew, OtherDevice, Provisioning, TooLate, Version,
    };
    match error {
        Provisioning(_)
        | Version(_)
        | Given(_)
        | Currency(_)
        | CheckDigit
        | OtherDevice { .. }
        | Differs(_)
        | TooLate(_)
        | NothingNew => bad_input(error),
        error => error.into(),
    }
}

fn bad_input(error: impl Into<anyhow::Error>) -> anyhow::Error {
    Finding::BadInput(error.into()).into()
}

/// Digits after the point of the device's currency, as the network has it.
fn exponent(home: &Home, device: &Device) -> Option<u8> {
    let currency = device.currency();
    home.genesis().currency(currency).map(|record| record.exponent)
}

/// What the holder agrees to, in minor units.
fn amount_max(home: &Home, device: &Device, text: Option<&str>) -> anyhow::Result<Option<u64>> {
    let Some(text) = text else { return Ok(None) };
    let unknown = || {
        let currency = device.currency();
        anyhow!("the wallet's network has no currency {currency}, so that it is unknown what --max {text} is")
    };
    let exponent = exponent(home, device).ok_or_else(unknown)?;
    let amount = parse_amount(text, exponent)?;
    if amount == Amount::ZERO {
        return Err(bad_input(anyhow!("--max is more than nothing")));
    }
    Ok(Some(amount.0))
}
