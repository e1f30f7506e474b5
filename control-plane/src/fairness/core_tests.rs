//! Who runs and who waits, decided without a clock.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::config::Config;
use super::core::{Arrival, Core, Dispatch, Grant};

fn level(name: &str, shares: u32, lendable: u32, response: &Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"type": "Limited", "limited": {
        "nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response,
    }}})
}

fn queuing(queues: u32, hand: u32, length: u32) -> Value {
    json!({"type": "Queue", "queuing": {"queues": queues, "handSize": hand, "queueLengthLimit": length}})
}

/// Levels `a` and `b` of equal shares; `catch-all` is there too, with next to nothing.
fn core(total: u32, lendable: u32, queues: u32, length: u32) -> Core {
    let queuing = queuing(queues, 1, length);
    let levels = [level("a", 1_000, lendable, &queuing), level("b", 1_000, lendable, &queuing)];
    Core::new(total, &Config::new(&[], &levels))
}

fn run(core: &mut Core, level: &str, flow: u64) -> Option<Grant> {
    match core.arrive(level, flow, 1) {
        Arrival::Runs(grant) => Some(grant),
        _ => None,
    }
}

fn levels(dispatched: &[Dispatch]) -> Vec<&str> {
    dispatched.iter().map(|(_, grant)| grant.level.as_str()).collect()
}

#[test]
fn a_level_keeps_its_seats_from_a_flooded_one() {
    let mut core = core(20, 0, 1, 100);
    let running = (0..100).filter_map(|flow| run(&mut core, "a", flow)).count();
    assert!((9..=10).contains(&running), "{running}");
    assert!(run(&mut core, "b", 1).is_some());
}

#[test]
fn seats_that_are_lent_are_used() {
    let mut core = core(20, 50, 1, 100);
    let running = (0..100).filter_map(|flow| run(&mut core, "a", flow)).count();
    assert!((14..=15).contains(&running), "{running}");
    let of_b = (0..100).filter_map(|flow| run(&mut core, "b", flow)).count();
    assert!(of_b >= 4, "{of_b}");
}

#[test]
fn a_flood_of_one_flow_waits_behind_itself() {
    let mut core = core(12, 50, 64, 100);
    let flood = 3;
    let grants: Vec<Grant> = (0..50).filter_map(|_| run(&mut core, "a", flood)).collect();
    assert_eq!(grants.len(), 6, "half of what the level can have");
    assert!(run(&mut core, "a", 4).is_none(), "somebody waits already, so a newcomer queues");
    let dispatched = core.dispatch();
    let flows: Vec<u64> = dispatched.iter().map(|(_, grant)| grant.flow).collect();
    assert_eq!(flows, [4], "and is next, for the flood has its part");
    let next = core.finish(&grants[0], 10);
    assert_eq!(next[0].1.flow, flood);
}

#[test]
fn a_full_queue_refuses_and_a_level_may_refuse_at_once() {
    let mut core = core(2, 0, 1, 2);
    assert!(run(&mut core, "a", 1).is_some());
    assert!(matches!(core.arrive("a", 1, 1), Arrival::Waits(_)));
    assert!(matches!(core.arrive("a", 1, 1), Arrival::Waits(_)));
    assert_eq!(core.arrive("a", 1, 1), Arrival::Refused("queue-full"));
    let mut rejecting = Core::new(1, &Config::new(&[], &[level("r", 1, 0, &json!({"type": "Reject"}))]));
    assert!(run(&mut rejecting, "r", 1).is_some());
    assert_eq!(rejecting.arrive("r", 2, 1), Arrival::Refused("concurrency-limit"));
}

#[test]
fn who_leaves_makes_room_for_those_behind() {
    let mut core = core(5, 0, 1, 10);
    let held = run(&mut core, "a", 1).unwrap();
    let Arrival::Waits(wide) = core.arrive("a", 2, 4) else { panic!("it wants all of the level's two seats") };
    let Arrival::Waits(narrow) = core.arrive("a", 3, 1) else { panic!("it queues behind the wide one") };
    let dispatched = core.leave(wide);
    assert_eq!(dispatched.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [narrow]);
    core.finish(&held, 1);
}

#[test]
fn exempt_requests_never_wait() {
    let mut core = core(4, 0, 1, 10);
    (0..100).for_each(|flow| drop(run(&mut core, "a", flow)));
    assert!(run(&mut core, "exempt", 1).is_some());
}

#[test]
fn a_level_that_is_gone_ends_what_it_has() {
    let mut core = core(2, 0, 1, 10);
    let grant = run(&mut core, "a", 1).unwrap();
    assert!(matches!(core.arrive("a", 2, 1), Arrival::Waits(_)));
    core.configure(&Config::new(&[], &[level("b", 1, 0, &queuing(1, 1, 10))]));
    let dispatched = core.finish(&grant, 1);
    assert_eq!(levels(&dispatched), ["a"]);
    assert!(core.finish(&dispatched[0].1, 1).is_empty());
    core.configure(&Config::new(&[], &[]));
    assert_eq!(core.arrive("a", 1, 1), Arrival::Refused("no-level"));
}

proptest! {
    /// Whatever comes and goes: never more runs than there are seats, nobody waits while there is room, and in the end
    /// nothing is left.
    #[test]
    fn seats_are_neither_lost_nor_invented(
        steps in proptest::collection::vec((0..3_u8, 0..5_u64, 1..4_u32, any::<bool>()), 1..200),
    ) {
        let mut core = core(10, 50, 4, 20);
        let mut running: Vec<Grant> = Vec::new();
        for (what, flow, seats, first) in steps {
            match what {
                0 | 1 => match core.arrive(if first { "a" } else { "b" }, flow, seats) {
                    Arrival::Runs(grant) => running.push(grant),
                    Arrival::Waits(_) => running.extend(core.dispatch().into_iter().map(|(_, grant)| grant)),
                    Arrival::Refused(why) => prop_assert_eq!(why, "queue-full"),
                },
                _ if running.is_empty() => {}
                _ => {
                    let grant = running.remove(if first { 0 } else { running.len() - 1 });
                    running.extend(core.finish(&grant, 10).into_iter().map(|(_, grant)| grant));
                }
            }
            prop_assert!(running.iter().map(|grant| grant.seats).sum::<u32>() <= 10);
        }
        while let Some(grant) = running.pop() {
            running.extend(core.finish(&grant, 10).into_iter().map(|(_, grant)| grant));
        }
        prop_assert!(core.loads().all(|(_, in_use, waiting)| in_use == 0 && waiting == 0));
    }
}
