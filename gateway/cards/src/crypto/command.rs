//! Commands for testers: parameters in JSON, answers in JSON, keys in clear. **For test keys only**: keys that protect
//! anything belong into a security module, and never into a file or onto a command line.
//!
//! | command | gives | its parameters |
//! | --- | --- | --- |
//! | `arqc` | an application cryptogram | [`arqc`] |
//! | `arpc` | the issuer's answer to one | [`arpc`] |
//! | `pinblock` | a PIN block of a PIN, or the PIN of a block | [`pinblock`] |
//! | `mac` | a message authentication code | [`mac`] |
//! | `cvv` | a card verification value | [`cvv`] |
//! | `dukpt` | the keys of one transaction of a terminal | [`dukpt`] |
//! | `tr31` | the key of a key block, or a block of a key | [`tr31`] |
//!
//! Bytes are hexadecimal digits in either case. A parameter that a command does not know is refused, so that a
//! mistyped one is not passed over. Where a value is given to compare with, the answer has `matches`.

mod arpc;
mod arqc;
mod cvv;
mod dukpt;
mod mac;
mod parameters;
mod pinblock;
mod tr31;

use serde_json::Value;
use thiserror::Error;

use self::parameters::Parameters;
use super::CryptoError;

/// Why a command has no answer. Never has the value of a parameter in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    #[error("the command must be one of {}", names().join(", "))]
    Command,
    #[error("the parameters must be one JSON object")]
    Object,
    #[error("`{parameter}` is missing: it must be {expected}")]
    Missing {
        parameter: &'static str,
        expected: &'static str,
    },
    #[error("`{parameter}` must be {expected}")]
    Wrong {
        parameter: &'static str,
        expected: &'static str,
    },
    #[error("`{parameter}` is no parameter of {command}, which has {known}")]
    Unknown {
        command: &'static str,
        /// Its first 32 characters.
        parameter: String,
        known: String,
    },
    /// What was given fits together in form, but not in fact.
    #[error(transparent)]
    Refused(CryptoError),
}

impl CommandError {
    /// Stays the same between versions.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Command => "unknown_command",
            Self::Object => "not_an_object",
            Self::Missing { .. } => "parameter_missing",
            Self::Wrong { .. } => "parameter_wrong",
            Self::Unknown { .. } => "parameter_unknown",
            Self::Refused(_) => "refused",
        }
    }

    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Missing { parameter, .. } | Self::Wrong { parameter, .. } => Some(parameter),
            Self::Unknown { parameter, .. } => Some(parameter),
            Self::Command | Self::Object | Self::Refused(_) => None,
        }
    }
}

impl From<CryptoError> for CommandError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::Field { field, expected } => Self::Wrong {
                parameter: field,
                expected,
            },
            refused => Self::Refused(refused),
        }
    }
}

struct Command {
    name: &'static str,
    /// Names, and what each must be.
    parameters: &'static [(&'static str, &'static str)],
    run: fn(&Parameters<'_>) -> Result<Value, CommandError>,
}

const COMMANDS: [Command; 7] = [
    arqc::COMMAND,
    arpc::COMMAND,
    pinblock::COMMAND,
    mac::COMMAND,
    cvv::COMMAND,
    dukpt::COMMAND,
    tr31::COMMAND,
];

/// The commands' names.
pub fn names() -> [&'static str; COMMANDS.len()] {
    COMMANDS.map(|command| command.name)
}

/// The answer of the command `name`.
///
/// # Errors
/// A command that is none, a parameter that is missing, wrong or unknown, or what is refused for what it says.
pub fn command(name: &str, parameters: &Value) -> Result<Value, CommandError> {
    let command = COMMANDS.iter().find(|command| command.name == name);
    let command = command.ok_or(CommandError::Command)?;
    (command.run)(&Parameters::of(command, parameters)?)
}

#[cfg(test)]
mod tests;
