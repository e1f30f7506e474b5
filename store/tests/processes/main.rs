//! Three real processes and what may happen to them, one story a file. Each story writes and reads through all members
//! meanwhile, and ends with the same judgement (`ledger.rs`): nothing acknowledged is lost, revisions never go back, and all
//! members hold the same state.
//!
//! This test binary is also the member: the parent starts itself again with `member` as the only test (`process.rs`). Some
//! stories need root, and say so. Three are longer with `CI=true`, and as long as `XEBEC_KILLS`,
//! `XEBEC_POWER_CUTS` and `XEBEC_OVERWRITES` say.
#![expect(clippy::disallowed_methods, reason = "real processes take real time")]
#![expect(clippy::print_stdout, reason = "stories tell what they measured")]

mod bounded;
mod certificates;
mod clocks;
mod cluster;
mod damage;
mod full_disk;
mod handover;
mod kills;
mod ledger;
mod load;
mod machine;
mod member;
mod one_way;
mod power_cuts;
mod process;
mod slow_disk;
mod turn;
mod wrong_disk;

/// Not a test: what the other processes run.
#[test]
#[ignore = "run by the stories as a process of its own"]
fn member() {
    member::run();
}
