//! What goes wrong, and when: drawn from the seed before the simulation begins. Whom it hits is drawn when it happens.

use std::time::Duration;

use crate::chance::Chance;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A process is killed: its connections are reset, its disk keeps what it has.
    Kill,
    /// The leader's is.
    KillLeader,
    /// A machine loses its power: nobody is told, and unsynced data is lost.
    PowerCut,
    /// All do, at once.
    PowerCutOfAll,
    /// A member stops in good order and comes back.
    Shutdown,
    /// Two parts cannot reach each other.
    Partition,
    /// The leader reaches nobody.
    IsolateLeader,
    /// One part does not hear the other, which hears it.
    OneWay,
    /// The leader is heard and does not hear.
    DeafLeader,
    /// Two halves meet in one member only.
    Bridge,
    /// Messages take long.
    Delay,
    /// Connections break now and then.
    Loss,
    /// A disk is slow.
    SlowDisk,
    /// A disk fails while it syncs; the member stops, and starts again with what is there.
    FailingDisk,
    /// The wall clock of a member jumps.
    ClockJump,
    /// Somebody else is to lead.
    TransferLeader,
    /// Another member joins.
    AddMember,
    /// One is put out.
    RemoveMember,
    /// One is put out and another joins, at once.
    ReplaceMember,
    /// Most of history is forgotten.
    Compact,
}

/// A fault at its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    /// Since the beginning.
    pub(crate) at: Duration,
    /// How long it lasts, if it does.
    pub(crate) lasts: Duration,
    /// What.
    pub(crate) fault: Fault,
}

/// How often each comes up.
const WEIGHTS: [(Fault, u64); 20] = [
    (Fault::Kill, 8),
    (Fault::KillLeader, 6),
    (Fault::PowerCut, 8),
    (Fault::PowerCutOfAll, 3),
    (Fault::Shutdown, 3),
    (Fault::Partition, 8),
    (Fault::IsolateLeader, 5),
    (Fault::OneWay, 6),
    (Fault::DeafLeader, 4),
    (Fault::Bridge, 5),
    (Fault::Delay, 5),
    (Fault::Loss, 4),
    (Fault::SlowDisk, 6),
    (Fault::FailingDisk, 4),
    (Fault::ClockJump, 3),
    (Fault::TransferLeader, 5),
    (Fault::AddMember, 3),
    (Fault::RemoveMember, 3),
    (Fault::ReplaceMember, 3),
    (Fault::Compact, 8),
];

/// Faults from one time to another, in order.
pub(crate) fn plan(chance: &mut Chance, from: Duration, to: Duration) -> Vec<Planned> {
    let mut planned = Vec::new();
    let mut at = from + chance.millis(0..400);
    while at < to {
        let lasts = chance.millis(150..2_200);
        planned.push(Planned { at, lasts, fault: draw(chance) });
        // Now and then the cluster gets its breath back.
        at += if chance.percent(20) { chance.millis(1_000..2_500) } else { chance.millis(30..700) };
    }
    planned
}

fn draw(chance: &mut Chance) -> Fault {
    let total: u64 = WEIGHTS.iter().map(|(_, weight)| weight).sum();
    let mut left = chance.within(0..total);
    for (fault, weight) in WEIGHTS {
        if left < weight {
            return fault;
        }
        left -= weight;
    }
    Fault::Compact
}
