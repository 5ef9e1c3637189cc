//! ISO 8583:1987 messages, by tables that say what each field is on the wire.
