//! `dukpt`: the keys of one transaction, from a base derivation key or a terminal's initial key.

use serde_json::{Value, json};

use super::{
    Command, CommandError,
    parameters::{Parameters, hexadecimal},
};
use crate::crypto::{
    CryptoError,
    dukpt::{Use, aes, tdes},
    key::{AesKey, TdesKey},
};

pub(super) const COMMAND: Command = Command {
    name: "dukpt",
    parameters: &[
        ("algorithm", "tdes or aes"),
        (
            "bdk",
            "the base derivation key in hexadecimal: 16 bytes of tdes, 16, 24 or 32 of aes; or initial_key instead",
        ),
        ("initial_key", "as long as bdk, instead of it"),
        (
            "ksn",
            "in hexadecimal: 10 bytes of tdes, with one to ten ones in the last 21 bits, 12 of aes, with one to sixteen in the last 4",
        ),
    ],
    run,
};

fn run(parameters: &Parameters<'_>) -> Result<Value, CommandError> {
    match parameters.text("algorithm")? {
        "tdes" => {
            let ksn = parameters.array("ksn")?;
            let initial = initial(parameters, TdesKey::new, |base| tdes::initial_key(base, ksn))?;
            let key = tdes::transaction_key(&initial, ksn).map_err(|_| parameters.wrong("ksn"))?;
            let working = Use::ALL.map(|by| hexadecimal(tdes::working_key(&key, by).bytes()));
            Ok(shown(initial.bytes(), key.bytes(), working))
        }
        "aes" => {
            let ksn: [u8; 12] = parameters.array("ksn")?;
            let id = std::array::from_fn(|at| ksn[at]);
            let initial = initial(parameters, AesKey::new, |base| aes::initial_key(base, id))?;
            let key = aes::transaction_key(&initial, ksn).map_err(|_| parameters.wrong("ksn"))?;
            let working = Use::ALL.map(|by| hexadecimal(aes::working_key(&key, ksn, by).bytes()));
            Ok(shown(initial.bytes(), key.bytes(), working))
        }
        _ => Err(parameters.wrong("algorithm")),
    }
}

fn initial<K>(
    parameters: &Parameters<'_>,
    new: fn(&[u8]) -> Result<K, CryptoError>,
    derive: impl FnOnce(&K) -> K,
) -> Result<K, CommandError> {
    match (parameters.has("bdk"), parameters.has("initial_key")) {
        (true, true) => Err(parameters.wrong("initial_key")),
        (false, true) => parameters.key("initial_key", new),
        (_, false) => Ok(derive(&parameters.key("bdk", new)?)),
    }
}

fn shown(initial: &[u8], transaction: &[u8], working: [Value; Use::ALL.len()]) -> Value {
    let [pin, mac_request, mac_response, data_request, data_response] = working;
    json!({
        "initial_key": hexadecimal(initial), "transaction_key": hexadecimal(transaction), "pin_key": pin,
        "mac_request_key": mac_request, "mac_response_key": mac_response,
        "data_request_key": data_request, "data_response_key": data_response,
    })
}
