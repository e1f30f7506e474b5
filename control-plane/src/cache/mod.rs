//! The watch cache: what the store holds, indexed for lists and watches; fed by apply itself.
