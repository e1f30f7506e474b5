//! What the API fills in when a client leaves it out, shared by kinds.
