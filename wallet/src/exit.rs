//! Exit statuses of `causeway`, for scripts.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    /// Any error that has no number of its own.
    Error = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The ledger, or every validator that was asked, refused.
    Refused = 3,
    /// No validator could be reached; nothing was sent.
    Unreachable = 4,
    /// Not confirmed in time: the outcome is unknown. Run the same command again; it sends the same
    /// bytes, which take effect at most once.
    Unconfirmed = 5,
    /// An input file is wrong.
    Input = 6,
    /// A proof does not show what it claims.
    Proof = 7,
    /// The passphrase does not open the key.
    Passphrase = 8,
}

/// The table of `causeway --help`.
pub const TABLE: &str = "\
Exit status:
  0  done
  1  another error
  2  the command line makes no sense
  3  refused by the ledger, or by every validator that was asked
  4  no validator could be reached; nothing was sent
  5  not confirmed in time: the outcome is unknown; run the same command again
     (it sends the same bytes, which take effect at most once)
  6  an input file is wrong
  7  a proof does not show what it claims
  8  wrong passphrase";
