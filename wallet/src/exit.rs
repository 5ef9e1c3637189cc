//! Exit statuses of `causeway`, for scripts.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Error = 1,
    Usage = 2,
    Refused = 3,
    Unreachable = 4,
    Unconfirmed = 5,
    Input = 6,
    Proof = 7,
    Passphrase = 8,
    Expired = 9,
}

impl Exit {
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Error,
        Self::Usage,
        Self::Refused,
        Self::Unreachable,
        Self::Unconfirmed,
        Self::Input,
        Self::Proof,
        Self::Passphrase,
        Self::Expired,
    ];

    /// What the documents say, word for word.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Error => "another error",
            Self::Usage => "a command line that makes no sense",
            Self::Refused => {
                "refused by the ledger (with proof), by every validator that answered, or by a purse; or a payment code that is not to be paid"
            }
            Self::Unreachable => "no validator could be reached; nothing was sent",
            Self::Unconfirmed => {
                "not confirmed in time, outcome unknown: run the same command again, it sends the same bytes"
            }
            Self::Input => "an input file, an address or an amount is wrong",
            Self::Proof => "a proof does not show what it claims",
            Self::Passphrase => "wrong passphrase or PIN",
            Self::Expired => {
                "the payment expired or was taken back, and it is proved that it had no effect and never will"
            }
        }
    }
}

/// The table of `causeway --help`.
pub fn table() -> String {
    let rows = Exit::ALL.map(|exit| format!("  {}  {}", exit as u8, exit.meaning()));
    format!("Exit status:\n{}", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows `| status | meaning | ...` of a document, from its only table of statuses.
    fn documented(text: &str) -> Vec<(String, String)> {
        text.lines()
            .skip_while(|line| !line.starts_with("| status |"))
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(|line| {
                let mut cells = line.split('|').skip(1).map(|cell| cell.trim().to_owned());
                (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
            })
            // What only the node ends with.
            .filter(|(_, meaning)| !meaning.is_empty())
            .collect()
    }

    #[test]
    fn the_documents_say_what_each_status_means() {
        let expected = Exit::ALL.map(|exit| ((exit as u8).to_string(), exit.meaning().to_owned()));
        assert_eq!(documented(include_str!("../../README.md")), expected);
        assert_eq!(documented(include_str!("../README.md")), expected);
    }
}
