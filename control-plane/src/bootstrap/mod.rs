//! How masters and nodes join: tokens, the join request, what a joiner is given.
