//! Card numbers: check digit, brand, and how one is shown.
