//! Admission: what a request must pass, and may gain, between decoding and validation.
