//! What codes in messages mean, as tables: processing codes (field 3), entry modes (22), network management (70) and
//! response codes (39).

/// Field 3, positions 1-2: what is asked for.
pub const TRANSACTIONS: [(u8, &str); 7] = [
    (0, "goods and services"),
    (1, "cash"),
    (9, "goods and services with cashback"),
    (20, "refund"),
    (21, "deposit"),
    (31, "balance inquiry"),
    (40, "transfer"),
];

/// Field 3, positions 3-4 and 5-6: which account.
pub const ACCOUNTS: [(u8, &str); 4] = [(0, "default"), (10, "savings"), (20, "cheque"), (30, "credit")];

/// Field 22, positions 1-2: how the card number was read.
pub const ENTRY_MODES: [(u8, &str); 6] = [
    (1, "manual"),
    (2, "magnetic stripe"),
    (3, "QR code"),
    (5, "chip"),
    (7, "contactless chip"),
    (91, "contactless magnetic stripe"),
];

/// Field 70.
pub const NETWORK_MANAGEMENT: [(u16, &str); 5] = [
    (1, "sign-on"),
    (2, "sign-off"),
    (101, "PIN key"),
    (160, "MAC key"),
    (301, "echo"),
];

/// Field 39.
pub const RESPONSES: [(&str, &str); 31] = [
    ("00", "approved"),
    ("01", "refer to issuer"),
    ("03", "invalid merchant"),
    ("04", "capture card"),
    ("05", "do not honour"),
    ("10", "approved for a partial amount"),
    ("12", "invalid transaction"),
    ("13", "invalid amount"),
    ("14", "invalid card number"),
    ("15", "no such issuer"),
    ("25", "original not found"),
    ("26", "duplicate record"),
    ("30", "format error"),
    ("41", "lost card"),
    ("43", "stolen card"),
    ("51", "insufficient funds"),
    ("54", "expired card"),
    ("55", "incorrect PIN"),
    ("57", "not permitted to cardholder"),
    ("58", "not permitted to terminal"),
    ("59", "suspected fraud"),
    ("61", "exceeds amount limit"),
    ("62", "restricted card"),
    ("63", "security violation"),
    ("65", "exceeds frequency limit, or the holder is to be verified"),
    ("68", "response received too late"),
    ("75", "PIN tries exceeded"),
    ("91", "issuer or switch inoperative"),
    ("92", "no route"),
    ("94", "duplicate transmission"),
    ("96", "system malfunction"),
];

/// What a code of a table means.
pub fn meaning<K: PartialEq + Copy, const N: usize>(table: &[(K, &'static str); N], code: K) -> Option<&'static str> {
    table
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, meaning)| *meaning)
}
