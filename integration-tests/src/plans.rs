//! The two plans there are: one for people, one for tests. They stand side by side on one machine.

use crate::hosts::Plan;

/// Of `cargo xtask up`.
pub fn up() -> Plan {
    Plan { prefix: "xebec-up".to_owned(), subnet: [10, 89, 0], masters: 3, workers: 2 }
}

/// Of the scenarios.
pub fn test() -> Plan {
    Plan { prefix: "xebec-test".to_owned(), subnet: [10, 90, 0], masters: 3, workers: 2 }
}
