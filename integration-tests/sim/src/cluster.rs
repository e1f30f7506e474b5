//! The simulated world: hosts, the network between them, and what goes wrong there.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::chance::Chance;
use crate::faults::{Fault, Planned};
use crate::member::{Command, Common, Seat, host};
use crate::record::{Given, Sample};

/// One step of the world.
pub(crate) const TICK: Duration = Duration::from_millis(1);
/// Between two looks at all members.
const LOOK: Duration = Duration::from_millis(20);
/// A joiner has its port open by then.
const SETTLING: Duration = Duration::from_millis(100);
/// Most members, so that a simulation does not become slow.
const MOST: usize = 6;
/// Longest that an ordinary message is under way.
const LATENCY: Duration = Duration::from_millis(10);
const LONG_LATENCY: Duration = Duration::from_millis(150);
/// Bytes under way on a connection are bounded by this many messages.
const TCP_CAPACITY: usize = 1 << 14;

/// Members on their hosts.
pub(crate) struct Cluster {
    sim: turmoil::Sim<'static>,
    /// A member panicked: the world cannot go on.
    is_broken: bool,
    seats: BTreeMap<u64, Rc<Seat>>,
    common: Common,
    chance: Chance,
    /// Who is down, and when it comes back.
    down: BTreeMap<u64, Duration>,
    /// Directions that are cut, and until when.
    cuts: BTreeMap<(u64, u64), Duration>,
    slow: BTreeMap<u64, Duration>,
    delay_ends: Option<Duration>,
    loss_ends: Option<Duration>,
    /// What the leader is to be told, and when.
    orders: Vec<(Duration, Command)>,
    /// Hosts whose members were put out for good.
    gone: BTreeSet<u64>,
    /// How often each fault happened.
    pub(crate) happened: BTreeMap<Fault, u64>,
}

impl Cluster {
    /// A world with so many empty members, which do not know each other yet.
    pub(crate) fn new(seed: u64, members: u64, common: Common) -> Cluster {
        let mut chance = Chance::new(seed);
        let sim = turmoil::Builder::new()
            .rng_seed(chance.next())
            .epoch(std::time::UNIX_EPOCH)
            .simulation_duration(Duration::from_secs(3600))
            .tick_duration(TICK)
            .min_message_latency(TICK)
            .max_message_latency(LATENCY)
            .tcp_capacity(TCP_CAPACITY)
            .enable_random_order()
            .build();
        let mut cluster = Cluster {
            sim,
            is_broken: false,
            seats: BTreeMap::new(),
            common,
            chance,
            down: BTreeMap::new(),
            cuts: BTreeMap::new(),
            slow: BTreeMap::new(),
            delay_ends: None,
            loss_ends: None,
            orders: Vec::new(),
            gone: BTreeSet::new(),
            happened: BTreeMap::new(),
        };
        (1..=members).for_each(|id| cluster.place(id));
        cluster
    }

    /// A new host with an empty disk.
    fn place(&mut self, id: u64) {
        let seat = Rc::new(Seat::new(id, self.chance.fork(), self.common.clone()));
        self.seats.insert(id, seat.clone());
        self.sim.host(host(id), move || seat.clone().run());
    }

    /// How much time has passed.
    pub(crate) fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    /// Whether the world goes on and a time has not come.
    pub(crate) fn is_before(&self, end: Duration) -> bool {
        !self.is_broken && self.now() < end
    }

    /// Takes the world down. One that is broken cannot be taken down in order, so it is left.
    pub(crate) fn end(self) {
        if self.is_broken {
            std::mem::forget(self);
        }
    }

    /// The members that have not been put out.
    pub(crate) fn seats(&self) -> impl Iterator<Item = &Rc<Seat>> {
        self.seats.values().filter(|seat| !self.gone.contains(&seat.id))
    }

    fn ids(&self) -> Vec<u64> {
        self.seats().map(|seat| seat.id).collect()
    }

    /// Whoever leads and knows that a majority follows.
    pub(crate) fn leader(&self) -> Option<&Rc<Seat>> {
        let leads = |seat: &&Rc<Seat>| seat.store().is_some_and(|store| store.leadership().borrow().is_leader);
        let term = |seat: &&Rc<Seat>| seat.store().map(|store| store.leadership().borrow().term);
        self.seats().filter(leads).max_by_key(term)
    }

    /// One step. Members whose disk has failed are stopped; what has lasted long enough ends.
    pub(crate) fn step(&mut self) {
        if self.is_broken {
            return;
        }
        let stepped = catch_unwind(AssertUnwindSafe(|| self.sim.step()));
        if !matches!(stepped, Ok(Ok(_))) {
            self.is_broken = true;
            self.common.recorder.open().problems.push("a member panicked".to_owned());
            return;
        }
        let now = self.now();
        self.stop_failed(now);
        self.end_faults(now);
        self.give_orders(now);
    }

    /// Steps until something holds; false: it did not within `patience`.
    pub(crate) fn step_until(&mut self, patience: Duration, holds: impl Fn(&Cluster) -> bool) -> bool {
        let end = self.now() + patience;
        while self.is_before(end) {
            if self.is_time_to_look() && holds(self) {
                return true;
            }
            self.step();
        }
        false
    }

    /// Looking takes longer than a step.
    pub(crate) fn is_time_to_look(&self) -> bool {
        self.now().as_millis().is_multiple_of(LOOK.as_millis())
    }

    fn stop_failed(&mut self, now: Duration) {
        let failed: Vec<u64> = self.seats().filter(|seat| seat.disk.has_failed()).map(|seat| seat.id).collect();
        for id in failed {
            self.stop(id, true);
            self.down.insert(id, now + Duration::from_millis(300));
        }
    }

    fn end_faults(&mut self, now: Duration) {
        for (from, to) in due(&mut self.cuts, now) {
            self.sim.repair_oneway(host(from), host(to));
        }
        for id in due(&mut self.slow, now) {
            self.seats[&id].disk.set_slow(false);
        }
        for id in due(&mut self.down, now) {
            self.sim.bounce(host(id));
        }
        if self.delay_ends.take_if(|end| *end <= now).is_some() {
            self.sim.set_max_message_latency(LATENCY);
        }
        if self.loss_ends.take_if(|end| *end <= now).is_some() {
            self.sim.set_fail_rate(0.0);
        }
    }

    fn give_orders(&mut self, now: Duration) {
        let (ready, later) = std::mem::take(&mut self.orders).into_iter().partition(|(at, _)| *at <= now);
        self.orders = later;
        let ready: Vec<(Duration, Command)> = ready;
        for (_, command) in ready {
            self.tell_leader(command);
        }
    }

    /// Tells whoever leads; nobody, if nobody does.
    pub(crate) fn tell_leader(&self, command: Command) {
        if let Some(leader) = self.leader() {
            leader.command(command);
        }
    }

    /// Ends everything that goes wrong. One that is broken stays as it is: no host can be started in it.
    pub(crate) fn heal(&mut self) {
        if self.is_broken {
            return;
        }
        self.orders.clear();
        self.end_faults(Duration::MAX);
        self.seats().for_each(|seat| seat.skew_ms.store(0, Ordering::Relaxed));
    }

    /// Ends a process. With the power, its disk loses what was not synced, and nobody is told.
    fn stop(&mut self, id: u64, power: bool) {
        let others: Vec<u64> = self.ids().into_iter().filter(|other| *other != id).collect();
        self.seats[&id].forget_process();
        if power {
            others.iter().for_each(|other| self.sim.partition(host(id), host(*other)));
        }
        self.sim.crash(host(id));
        if power {
            self.seats[&id].disk.power_cut();
            for other in others {
                self.sim.repair(host(id), host(other));
                self.cut_again(id, other);
                self.cut_again(other, id);
            }
        }
    }

    /// A repair in between has not ended a cut.
    fn cut_again(&self, from: u64, to: u64) {
        if self.cuts.contains_key(&(from, to)) {
            self.sim.partition_oneway(host(from), host(to));
        }
    }

    fn cut(&mut self, from: &[u64], to: &[u64], until: Duration) {
        for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (*from, *to))) {
            if from == to {
                continue;
            }
            self.sim.partition_oneway(host(from), host(to));
            let end = self.cuts.entry((from, to)).or_default();
            *end = until.max(*end);
        }
    }

    fn cut_both(&mut self, these: &[u64], those: &[u64], until: Duration) {
        self.cut(these, those, until);
        self.cut(those, these, until);
    }

    /// Looks at all members.
    pub(crate) fn sample(&self) {
        let mut record = self.common.recorder.open();
        for seat in self.seats() {
            let Some(store) = seat.store() else { continue };
            let (state, index) = (store.state(), store.status().applied_index);
            let (hash, revision) = (state.hash(), state.revision());
            record.samples.push(Sample { member: seat.id, life: seat.life(), index, hash, revision });
        }
    }

    /// Watchers that have not seen everything up to a revision, of those that were given anything.
    pub(crate) fn unread(&self, revision: u64) -> Vec<String> {
        let mut seen = BTreeMap::new();
        for watched in &self.common.recorder.open().watched {
            let upto = match &watched.given {
                Given::Batch { events } => events.first().map_or(0, |event| event.revision),
                Given::Progress { .. } => continue,
                Given::Resumed { after: upto } | Given::Compacted { resume_after: upto } => *upto,
            };
            seen.insert(watched.watcher, upto);
        }
        let behind = seen.into_iter().filter(|(_, seen)| *seen < revision);
        behind.map(|(watcher, seen)| format!("watcher {watcher} has seen {seen} of {revision}")).collect()
    }

    /// Lets something go wrong.
    pub(crate) fn strike(&mut self, planned: &Planned) {
        let until = self.now() + planned.lasts;
        if self.hit(planned.fault, until).is_some() {
            *self.happened.entry(planned.fault).or_default() += 1;
        }
    }

    /// `None`: there is nobody whom it could hit.
    fn hit(&mut self, fault: Fault, until: Duration) -> Option<()> {
        match fault {
            Fault::Kill | Fault::PowerCut => {
                let id = self.anybody_up()?;
                self.kill(id, fault == Fault::PowerCut, until);
            }
            Fault::KillLeader => {
                let id = self.leader()?.id;
                self.kill(id, false, until);
            }
            Fault::PowerCutOfAll => self.up().into_iter().for_each(|id| self.kill(id, true, until)),
            Fault::Shutdown => {
                let id = self.anybody_up()?;
                self.seats[&id].command(Command::Shutdown);
                self.down.insert(id, until + Duration::from_secs(4));
            }
            Fault::TransferLeader | Fault::AddMember | Fault::RemoveMember | Fault::ReplaceMember | Fault::Compact => {
                self.order(fault)?;
            }
            Fault::SlowDisk | Fault::FailingDisk | Fault::ClockJump => {
                let id = self.anybody()?;
                self.hit_machine(fault, id, until);
            }
            _ => self.hit_network(fault, until)?,
        }
        Some(())
    }

    fn hit_machine(&mut self, fault: Fault, id: u64, until: Duration) {
        let seat = self.seats[&id].clone();
        match fault {
            Fault::SlowDisk => {
                seat.disk.set_slow(true);
                self.slow.insert(id, until);
            }
            Fault::FailingDisk => seat.disk.fail_next_sync(),
            _ => seat.skew_ms.store(self.chance.within(0..7_200_000) as i64 - 3_600_000, Ordering::Relaxed),
        }
    }

    fn hit_network(&mut self, fault: Fault, until: Duration) -> Option<()> {
        let (these, those) = self.halves();
        match fault {
            Fault::Partition => self.cut_both(&these, &those, until),
            Fault::OneWay => self.cut(&these, &those, until),
            Fault::IsolateLeader => {
                let (leader, others) = self.leader_and_others()?;
                self.cut_both(&leader, &others, until);
            }
            Fault::DeafLeader => {
                let (leader, others) = self.leader_and_others()?;
                self.cut(&others, &leader, until);
            }
            Fault::Bridge => {
                let (_bridge, rest) = these.split_first()?;
                self.cut_both(rest, &those, until);
            }
            Fault::Loss => {
                self.sim.set_fail_rate(0.002);
                self.loss_ends = Some(until);
            }
            _ => {
                self.sim.set_max_message_latency(LONG_LATENCY);
                self.delay_ends = Some(until);
            }
        }
        Some(())
    }

    /// Changes of membership and the like, which the leader makes.
    fn order(&mut self, fault: Fault) -> Option<()> {
        let (_, others) = self.leader_and_others()?;
        let other = self.chance.pick(&others).copied()?;
        match fault {
            Fault::TransferLeader => self.tell_leader(Command::Transfer(other)),
            Fault::Compact => self.tell_leader(Command::Compact),
            Fault::AddMember => self.add()?,
            Fault::RemoveMember if others.len() < 2 => return None,
            Fault::RemoveMember => self.tell_leader(Command::Remove(other)),
            _ => {
                self.add()?;
                self.tell_leader(Command::Remove(other));
            }
        }
        Some(())
    }

    /// Another host, whose member the leader is told to take in when it is up.
    fn add(&mut self) -> Option<()> {
        let last = self.seats.keys().next_back().copied()?;
        if self.ids().len() >= MOST || self.seats.len() >= 2 * MOST {
            return None;
        }
        self.place(last + 1);
        let member = self.seats[&(last + 1)].member();
        self.orders.push((self.now() + SETTLING, Command::Add(member)));
        Some(())
    }

    /// Stops hosts for good.
    pub(crate) fn retire(&mut self, id: u64) {
        self.stop(id, true);
        self.down.remove(&id);
        self.gone.insert(id);
    }

    fn kill(&mut self, id: u64, power: bool, until: Duration) {
        self.stop(id, power);
        self.down.insert(id, until);
    }

    fn up(&self) -> Vec<u64> {
        self.ids().into_iter().filter(|id| !self.down.contains_key(id)).collect()
    }

    fn leader_and_others(&self) -> Option<(Vec<u64>, Vec<u64>)> {
        let leader = self.leader()?.id;
        Some((vec![leader], self.ids().into_iter().filter(|id| *id != leader).collect()))
    }

    /// Everybody, in two parts.
    fn halves(&mut self) -> (Vec<u64>, Vec<u64>) {
        let mut ids = self.ids();
        for at in (1..ids.len()).rev() {
            ids.swap(at, self.chance.within(0..at as u64 + 1) as usize);
        }
        let those = ids.split_off(ids.len() / 2);
        (those, ids)
    }

    fn anybody(&mut self) -> Option<u64> {
        let ids = self.ids();
        self.chance.pick(&ids).copied()
    }

    fn anybody_up(&mut self) -> Option<u64> {
        let up = self.up();
        self.chance.pick(&up).copied()
    }
}

/// Takes out what is due.
fn due<K: Copy + Ord>(ends: &mut BTreeMap<K, Duration>, now: Duration) -> Vec<K> {
    let due: Vec<K> = ends.iter().filter(|(_, end)| **end <= now).map(|(key, _)| *key).collect();
    for key in &due {
        ends.remove(key);
    }
    due
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::hooks::simulated;
    use crate::record::Recorder;
    use crate::simulation::tuning;
    use crate::watchers::Pool;

    fn common() -> Common {
        let quiet = Arc::new(AtomicBool::new(false));
        Common { recorder: Recorder::default(), pool: Pool::of(0), tuning: tuning(), mutant: None, quiet }
    }

    #[test]
    fn nothing_is_started_in_a_broken_world() {
        let (is_broken, down) = simulated(1, || {
            let mut cluster = Cluster::new(1, 1, common());
            cluster.kill(1, false, Duration::from_secs(1));
            cluster.sim.host("bad", || async { panic!("put in on purpose") });
            cluster.step();
            cluster.heal();
            let seen = (cluster.is_broken, cluster.down.clone());
            cluster.end();
            seen
        });
        assert!(is_broken);
        assert_eq!(down, BTreeMap::from([(1, Duration::from_secs(1))]), "a host was started");
    }
}
