//! One task per pod: takes what the plan decides and does it.
