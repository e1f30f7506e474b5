//! The replicated store: openraft, write-ahead log, sled checkpoint.
