"""The types that are hashed or signed (docs/format.md, "Types")."""

from .encoding import (
    blob,
    boolean,
    code,
    optional,
    public_key,
    raw,
    record,
    sequence,
    text,
    u8,
    u16,
    u32,
    u64,
    variants,
)

ACCOUNT, HASH, SIGNATURE = raw(20), raw(32), raw(64)
CURRENCY, PARTICIPANT_ID = code(3, 8), code(2, 12)

KEY_POLICY = record(
    ("threshold", u32),
    ("keys", sequence(record(("key", public_key), ("weight", u16)), 16)),
)

PARTICIPANT = record(
    ("id", PARTICIPANT_ID),
    ("name", text(64)),
    ("keys", KEY_POLICY),
    ("operator", boolean, False),
    ("liquidity_provider", boolean, False),
)

CURRENCY_RECORD = record(
    ("code", CURRENCY),
    ("exponent", u8),
    ("issuer", PARTICIPANT_ID),
    ("name", text(64)),
    ("issuance_cap", u64),
    ("frozen", boolean, False),
)

TIER_LIMITS = record(
    ("tier", u8),
    ("currency", CURRENCY),
    ("payment_max", optional(u64), None),
    ("day_max", optional(u64), None),
    ("balance_max", optional(u64), None),
)

PARAMETERS = record(
    ("validity_seconds_max", u32, 600),
    ("block_transactions_max", u32, 16_384),
    ("block_cost_max", u64, 4_000_000),
    ("checkpoint_period_seconds", u32, 3_600),
    ("limits", sequence(TIER_LIMITS, 256), []),
)

SIGNATURES = sequence(record(("key", public_key), ("signature", SIGNATURE)), 16)


def none(_: list) -> bytes:
    """Signatures over a genesis are no part of what its hash is over."""
    return b"\0"


CONTINUES = record(
    ("origin", HASH),
    ("genesis", HASH),
    ("height", u64),
    ("block", HASH),
    ("state_root", HASH),
    (
        "certificate",
        record(
            ("height", u64),
            ("round", u32),
            ("block", HASH),
            ("signatures", sequence(record(("signer", u16), ("signature", SIGNATURE)), 256)),
        ),
    ),
    ("signatures", none, []),
)

def continued(value: dict | None) -> bytes:
    """The last field of a genesis; its hash is over nothing for it where there is none."""
    return b"" if value is None else b"\1" + CONTINUES(value)


GENESIS = record(
    ("version", u16),
    ("name", text(64)),
    ("address_prefix", variants(("cw",), ("cwdev",))),
    ("time_ms", u64),
    ("council", KEY_POLICY),
    ("parameters", PARAMETERS, {}),
    (
        "validators",
        sequence(
            record(
                ("name", text(64)),
                ("key", public_key),
                ("power", u64),
                ("network_key", public_key),
                ("address", text(128)),
            ),
            256,
        ),
    ),
    ("participants", sequence(PARTICIPANT, 4096), []),
    ("currencies", sequence(CURRENCY_RECORD, 256), []),
    (
        "accounts",
        sequence(
            record(
                ("operator", PARTICIPANT_ID),
                ("keys", KEY_POLICY),
                ("salt", raw(16)),
                ("tier", u8),
                ("identity", HASH),
                ("balances", sequence(record(("currency", CURRENCY), ("amount", u64)), 64), []),
            ),
            1_000_000,
        ),
        [],
    ),
    ("continues", continued, None),
)

VALIDATORS = sequence(record(("key", public_key), ("power", u64)), 256)

NODE = record(
    ("name", text(64)),
    ("network_key", public_key),
    ("address", text(128)),
    ("validator_keys", sequence(public_key, 2), []),
)

FREEZE_SCOPE = variants(("account",), ("currency", CURRENCY))
FREEZING = record(("by", PARTICIPANT_ID), ("account", ACCOUNT), ("scope", FREEZE_SCOPE), ("reason", u16))

COUNCIL_ACTION = variants(
    ("register_currency", CURRENCY_RECORD),
    ("set_issuance_cap", record(("currency", CURRENCY), ("cap", u64))),
    ("set_currency_frozen", record(("currency", CURRENCY), ("frozen", boolean))),
    ("register_participant", PARTICIPANT),
    ("set_operator", record(("participant", PARTICIPANT_ID), ("operator", boolean))),
    ("set_parameters", PARAMETERS),
    ("schedule_protocol", record(("version", u16), ("height", u64))),
    ("withdraw_protocol",),
    ("set_council", KEY_POLICY),
    (
        "change_validators",
        record(
            ("remove", sequence(raw(20), 32), []),
            ("set", sequence(record(("key", public_key), ("power", u64)), 32), []),
        ),
    ),
    ("set_node", NODE),
    ("remove_node", record(("name", text(64)))),
)

SIGNED_VOTE = record(("block", optional(HASH), None), ("signature", SIGNATURE))
SIGNED_PROPOSAL = record(("lock_round", optional(u32), None), ("block", HASH), ("signature", SIGNATURE))
VOTES = record(("first", SIGNED_VOTE), ("second", SIGNED_VOTE))

EVIDENCE = record(
    ("version", u16),
    ("validator", raw(20)),
    ("height", u64),
    ("round", u32),
    (
        "conflict",
        variants(
            ("prevotes", VOTES),
            ("precommits", VOTES),
            ("proposals", record(("first", SIGNED_PROPOSAL), ("second", SIGNED_PROPOSAL))),
        ),
    ),
)

LEG = record(("debtor", ACCOUNT), ("creditor", ACCOUNT), ("currency", CURRENCY), ("amount", u64))
PARTIES = sequence(ACCOUNT, 4)
SIDE = variants(("refund",), ("release",))


def condition(value: object) -> bytes:
    """A type that holds itself."""
    return CONDITION(value)


CONDITION = variants(
    ("after", u64),
    ("before", u64),
    ("signed_by", record(("keys", sequence(public_key, 16)), ("threshold", u8))),
    ("preimage", HASH),
    ("all", sequence(condition, 16)),
    ("any", sequence(condition, 16)),
    ("at_least", record(("count", u8), ("of", sequence(condition, 16)))),
    ("revealed", HASH),
)


def rate(value: object) -> bytes:
    """Decimal text in JSON: its digits, and how many stand after the point."""
    whole, _, part = str(value).partition(".")
    return u64(whole + part) + u8(len(part))


QUOTE = record(
    ("genesis", raw(8)),
    ("id", raw(16)),
    ("maker", ACCOUNT),
    ("taker", optional(ACCOUNT), None),
    ("sell", CURRENCY),
    ("buy", CURRENCY),
    ("rate", rate),
    ("min", u64),
    ("max", u64),
    ("fee", u64),
    ("expires_at", u64),
    ("hold_seconds_max", u32, 0),
)

CONTRACT_ID = raw(20)
OF_HOLD = record(("hold", CONTRACT_ID), ("by", ACCOUNT))

SETTLEMENT = variants(
    (
        "hold",
        record(("legs", sequence(LEG, 16)), ("expires_at", u64), ("post_by", PARTIES), ("void_by", PARTIES)),
    ),
    (
        "post",
        record(
            ("hold", CONTRACT_ID),
            ("by", ACCOUNT),
            ("amount", optional(u64), None),
            ("keep_rest", boolean, False),
        ),
    ),
    ("void", OF_HOLD),
    ("post_group", OF_HOLD),
    ("void_group", OF_HOLD),
    (
        "escrow",
        record(
            ("payer", ACCOUNT),
            ("payee", ACCOUNT),
            ("currency", CURRENCY),
            ("amount", u64),
            ("release_when", condition),
            ("refund_when", condition),
            ("expires_at", u64),
            ("on_expiry", SIDE, "refund"),
        ),
    ),
    (
        "claim",
        record(("escrow", CONTRACT_ID), ("by", ACCOUNT), ("side", SIDE), ("preimages", sequence(HASH, 16), [])),
    ),
    (
        "allow",
        record(
            ("grantor", ACCOUNT),
            ("holder", ACCOUNT),
            ("currency", CURRENCY),
            ("budget", u64),
            (
                "payees",
                variants(
                    ("accounts", sequence(ACCOUNT, 16)),
                    ("categories", sequence(u16, 16)),
                    ("operators", sequence(PARTICIPANT_ID, 16)),
                ),
            ),
            ("max_payment", optional(u64), None),
            ("expires_at", u64),
        ),
    ),
    ("spend", record(("allowance", CONTRACT_ID), ("holder", ACCOUNT), ("to", ACCOUNT), ("amount", u64))),
    (
        "mandate",
        record(
            ("payer", ACCOUNT),
            ("payee", ACCOUNT),
            ("currency", CURRENCY),
            ("max_payment", u64),
            ("max_per_period", u64),
            ("period_seconds", u64),
            ("starts_at", u64),
            ("ends_at", u64),
        ),
    ),
    (
        "collect",
        record(("mandate", CONTRACT_ID), ("payee", ACCOUNT), ("amount", u64), ("reference", text(35), "")),
    ),
    (
        "request",
        record(
            ("payee", ACCOUNT),
            ("payer", optional(ACCOUNT), None),
            ("currency", CURRENCY),
            ("amount", u64),
            ("reference", text(140), ""),
            ("expires_at", u64),
        ),
    ),
    ("pay_request", record(("request", CONTRACT_ID), ("from", ACCOUNT), ("amount", u64))),
    ("revoke", record(("contract", CONTRACT_ID), ("by", ACCOUNT))),
    (
        "split",
        record(
            ("from", ACCOUNT),
            ("currency", CURRENCY),
            (
                "shares",
                variants(
                    ("amounts", sequence(record(("to", ACCOUNT), ("amount", u64)), 16)),
                    (
                        "basis_points",
                        record(
                            ("amount", u64),
                            ("parts", sequence(record(("to", ACCOUNT), ("basis_points", u16)), 16)),
                        ),
                    ),
                ),
            ),
        ),
    ),
    (
        "exchange",
        record(
            (
                "quote",
                record(
                    ("quote", QUOTE),
                    ("signatures", sequence(record(("key", public_key), ("signature", SIGNATURE)), 4)),
                ),
            ),
            ("taker", ACCOUNT),
            ("amount", variants(("send", u64), ("deliver", u64))),
            (
                "held",
                optional(
                    record(
                        ("deliver_to", ACCOUNT),
                        ("post_by", PARTIES),
                        ("void_by", PARTIES),
                        ("expires_at", u64),
                        ("fees", sequence(record(("to", ACCOUNT), ("amount", u64)), 8), []),
                    )
                ),
                None,
            ),
        ),
    ),
    ("withdraw_quote", record(("maker", ACCOUNT), ("id", raw(16)))),
    (
        "set_reference_rate",
        record(("from", CURRENCY), ("to", CURRENCY), ("rate", rate), ("as_of", u64)),
    ),
    (
        "set_category",
        record(("operator", PARTICIPANT_ID), ("account", ACCOUNT), ("category", optional(u16), None)),
    ),
    (
        "offer",
        record(
            ("maker", ACCOUNT),
            ("sell", CURRENCY),
            ("buy", CURRENCY),
            ("rate", rate),
            ("amount", u64),
            ("min_fill", u64, "0"),
            ("expires_at", u64),
        ),
    ),
    (
        "pay_path",
        record(
            ("from", ACCOUNT),
            ("to", ACCOUNT),
            ("path", sequence(CURRENCY, 5)),
            (
                "amount",
                variants(
                    ("send_exact", record(("send", u64), ("deliver_min", u64))),
                    ("deliver_exact", record(("deliver", u64), ("send_max", u64))),
                ),
            ),
        ),
    ),
    (
        "open_cycle",
        record(
            ("opener", ACCOUNT),
            ("participants", sequence(ACCOUNT, 32)),
            ("currencies", sequence(CURRENCY, 8)),
            ("closes_at", u64),
        ),
    ),
    (
        "prefund",
        record(("cycle", CONTRACT_ID), ("participant", ACCOUNT), ("currency", CURRENCY), ("amount", u64)),
    ),
    (
        "oblige",
        record(
            ("cycle", CONTRACT_ID),
            ("debtor", ACCOUNT),
            ("creditor", ACCOUNT),
            ("currency", CURRENCY),
            ("amount", u64),
        ),
    ),
    ("close_cycle", record(("cycle", CONTRACT_ID), ("by", ACCOUNT))),
)

# Signed messages of docs/offline.md. They are not read here, so that one limit does for all.
MESSAGE = blob(1_024)
PURSE, KID = raw(8), raw(4)

OFFLINE = variants(
    ("open_currency", record(("currency", CURRENCY), ("fund", ACCOUNT))),
    (
        "set_service_key",
        record(
            ("currency", CURRENCY),
            ("key", public_key),
            ("role", variants(("certificate",), ("grant",), ("beacon",))),
        ),
    ),
    ("withdraw_service_key", record(("currency", CURRENCY), ("key", KID))),
    ("register_purse", record(("operator", PARTICIPANT_ID), ("owner", ACCOUNT), ("certificate", MESSAGE))),
    (
        "revoke_purse",
        record(
            ("by", variants(("owner", ACCOUNT), ("operator", PARTICIPANT_ID), ("issuer", CURRENCY))),
            ("purse", PURSE),
        ),
    ),
    ("load", record(("account", ACCOUNT), ("request", MESSAGE))),
    ("grant", record(("by", ACCOUNT), ("grant", MESSAGE))),
    ("beacon", record(("by", ACCOUNT), ("beacon", MESSAGE))),
    ("add_revocations", record(("by", ACCOUNT), ("delta", MESSAGE))),
    (
        "testify",
        record(
            ("by", ACCOUNT),
            (
                "messages",
                sequence(
                    variants(
                        ("transfer", MESSAGE),
                        ("request", MESSAGE),
                        ("receipt", MESSAGE),
                        ("void", MESSAGE),
                        ("grant", MESSAGE),
                    ),
                    64,
                ),
            ),
        ),
    ),
    ("redeem", record(("account", ACCOUNT), ("redeem", MESSAGE))),
    ("fund_guarantee", record(("fund", ACCOUNT), ("currency", CURRENCY), ("amount", u64))),
    ("withdraw_guarantee", record(("currency", CURRENCY), ("amount", u64))),
    ("release_claim", record(("currency", CURRENCY), ("number", u64))),
)

ACTION = variants(
    ("transfer", record(("from", ACCOUNT), ("to", ACCOUNT), ("currency", CURRENCY), ("amount", u64))),
    (
        "open_account",
        record(
            ("operator", PARTICIPANT_ID),
            ("keys", KEY_POLICY),
            ("salt", raw(16)),
            ("tier", u8),
            ("identity", HASH),
        ),
    ),
    ("set_tier", record(("operator", PARTICIPANT_ID), ("account", ACCOUNT), ("tier", u8))),
    ("freeze", FREEZING),
    ("unfreeze", FREEZING),
    ("close_account", record(("operator", PARTICIPANT_ID), ("account", ACCOUNT))),
    ("issue", record(("currency", CURRENCY), ("to", ACCOUNT), ("amount", u64))),
    ("redeem", record(("currency", CURRENCY), ("from", ACCOUNT), ("amount", u64))),
    ("council", COUNCIL_ACTION),
    ("report_evidence", record(("reporter", raw(20)), ("evidence", EVIDENCE))),
    ("settle", SETTLEMENT),
    ("offline", OFFLINE),
)

TRANSACTION = record(
    ("version", u16),
    ("genesis", raw(8)),
    ("valid_until", u64),
    ("nonce", u64),
    ("actions", sequence(ACTION, 64)),
    ("memo", text(140), ""),
)

REASONS = (
    "unknown_account",
    "account_not_active",
    "not_permitted",
    "unknown_currency",
    "currency_frozen",
    "amount_zero",
    "over_payment_limit",
    "over_daily_limit",
    "over_balance_limit",
    "insufficient_funds",
    "same_payer_and_payee",
    "over_issuance_cap",
    "overflow",
    "freeze_unchanged",
    "account_not_empty",
    "currency_exists",
    "participant_exists",
    "account_exists",
    "unknown_participant",
    "parameter_out_of_range",
    "registry_full",
    "unknown_validator",
    "evidence_out_of_time",
    "evidence_known",
    "evidence_full",
    "evidence_invalid",
    "protocol_not_next",
    "protocol_too_soon",
    "protocol_not_scheduled",
    "unknown_node",
    "node_unsound",
    "node_key_taken",
    "node_in_use",
    "validator_set_invalid",
    "too_few_unchanged_validators",
    "unknown_contract",
    "contract_ended",
    "contract_expired",
    "hold_grouped",
    "expiry_out_of_range",
    "over_hold",
    "condition_not_met",
    "quote_invalid",
    "quote_expired",
    "quote_foreign",
    "quote_used",
    "quote_withdrawn",
    "quote_out_of_range",
    "nothing_bought",
    "payee_not_allowed",
    "over_allowance",
    "mandate_not_started",
    "over_mandate",
    "request_mismatch",
    "rate_out_of_time",
    "not_revocable",
    "offer_crosses_own",
    "path_too_thin",
    "worse_than_bound",
    "not_in_cycle",
    "nothing_prefunded",
    "queue_full",
    "purses_open",
    "purses_not_open",
    "key_unusable",
    "service_key_taken",
    "unknown_service_key",
    "unknown_purse",
    "purse_revoked",
    "certificate_not_newer",
    "certificate_not_in_force",
    "load_out_of_turn",
    "over_purse_limit",
    "unknown_load",
    "message_conflict",
    "epoch_out_of_time",
    "list_version_unknown",
    "message_invalid",
    "purse_crowded",
    "purse_convicted",
    "lot_unknown",
    "lot_expired",
    "unknown_claim",
    "list_mismatch",
)

ENDING = variants(
    ("posted",),
    ("voided",),
    ("expired",),
    ("released",),
    ("refunded",),
    ("spent",),
    ("revoked",),
    ("paid",),
    ("used",),
    ("withdrawn",),
    ("filled",),
    ("closed",),
    ("netted",),
)

REJECTION = variants(*((name,) for name in REASONS))

RECEIPT = record(
    (
        "subject",
        variants(("transaction", HASH), ("system", record(("contract", CONTRACT_ID), ("how", ENDING)))),
    ),
    ("index", u32),
    ("outcome", variants(("applied",), ("rejected", record(("action", u8), ("reason", REJECTION))))),
    ("trades", sequence(record(("action", u8), ("sold", u64), ("bought", u64)), 64)),
)

HEADER = record(
    ("version", u16),
    ("genesis", HASH),
    ("height", u64),
    ("time_ms", u64),
    ("parent", HASH),
    ("proposer", raw(20)),
    ("batches_root", HASH),
    ("transaction_count", u32),
    ("receipts_root", HASH),
    ("changes_root", HASH),
    ("state_hash", HASH),
    ("checkpoint_root", HASH),
    ("validators_hash", HASH),
    ("next_validators_hash", HASH),
)
