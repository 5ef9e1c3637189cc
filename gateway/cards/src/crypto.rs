//! What issuers and acquirers compute with keys: cryptograms, PIN blocks, authentication codes, key blocks.
