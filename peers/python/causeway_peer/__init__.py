"""Reads and checks what a Causeway network says, written from docs/format.md alone.

Shares no code with the Rust crates: where both agree on every byte, the format is what the document
says it is.
"""
