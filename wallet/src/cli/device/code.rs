//! `causeway code`.

use causeway_wallet::{codes::picture, durable};
use serde_json::json;

use super::{Wallet, amount_max, open};
use crate::cli::{args::device::Code, output::say};

pub fn show(wallet: &Wallet, args: &Code) -> anyhow::Result<()> {
    let home = wallet.home()?;
    let mut device = open(wallet, &home)?;
    let amount_max = amount_max(&home, &device, args.max.as_deref())?;
    let code = device.code(amount_max)?;
    if let Some(path) = &args.png {
        durable::replace_unsynced(path, &picture::png(&code.text)?)?;
    }
    if let Some(path) = &args.svg {
        durable::replace_unsynced(path, picture::svg(&code.text)?.as_bytes())?;
    }
    let is_in_file = args.png.is_some() || args.svg.is_some();
    if wallet.json {
        let mut told = json!({
            "counter": code.counter,
            "valid_until": code.until.0,
            "keys_left": device.summary().keys_left,
            "png": args.png,
            "svg": args.svg,
        });
        if !is_in_file {
            told["code"] = json!(*code.text);
        }
        say!("{told}");
        return Ok(());
    }
    if is_in_file {
        for path in [&args.png, &args.svg].into_iter().flatten() {
            say!("The code is in {}.", path.display());
        }
    } else {
        say!("{}", picture::symbol(&code.text)?.to_terminal());
    }
    say!("It pays once, until {}.", code.until);
    say!("Keys left: {}", device.summary().keys_left);
    Ok(())
}
