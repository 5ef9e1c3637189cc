//! EMVCo's payment codes: what merchants show (MPM) and what customers show (CPM).
