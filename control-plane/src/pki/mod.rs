//! Certificate authorities and the certificates they sign.
