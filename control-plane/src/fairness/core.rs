//! Who runs, who waits, who is refused: a plain state machine over all priority levels.
//!
//! A level has `nominal` seats, its share of all. Of these it keeps `least` for itself whatever happens, and lends the rest. It may run
//! beyond its own seats, up to `most`, on what others lend. The one invariant: what the levels use, or keep, is never more than there is.

use std::collections::BTreeMap;

use super::config::Config;
use super::level::LevelSpec;
use super::queues::{Queues, Ticket, Waiting};

/// A request that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) level: String,
    pub(super) queue: usize,
    pub(super) flow: u64,
    pub(super) seats: u32,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It runs.
    Runs(Grant),
    /// It waits until its ticket is among those that [`Core::finish`] returns.
    Waits(Ticket),
    /// It is refused: for the reason that metrics know.
    Refused(&'static str),
}

/// A request that has waited and runs now.
pub(super) type Dispatch = (Ticket, Grant);

#[derive(Debug)]
struct Level {
    spec: LevelSpec,
    nominal: u32,
    least: u32,
    most: u32,
    in_use: u32,
    /// Seats by flow, so that none takes more than half of what the level can have.
    flows: BTreeMap<u64, u32>,
    queues: Queues,
}

impl Level {
    fn new(spec: LevelSpec) -> Level {
        Level { spec, nominal: 0, least: 0, most: 0, in_use: 0, flows: BTreeMap::new(), queues: Queues::default() }
    }

    /// Sets the bounds for `total` seats that are shared by `all` shares.
    fn resize(&mut self, total: u32, all: u32) {
        let part = |seats: u32, percent: u32| u64::from(seats) * u64::from(percent) / 100;
        let nominal = u64::from(total) * u64::from(self.spec.shares) / u64::from(all.max(1));
        self.nominal = u32::try_from(nominal).unwrap_or(total).max(1);
        self.least = self.nominal - u32::try_from(part(self.nominal, self.spec.lendable_percent)).unwrap_or_default();
        let borrowed = self.spec.borrowing_percent.map_or(u64::from(total), |percent| part(self.nominal, percent));
        self.most = u32::try_from(u64::from(self.nominal) + borrowed).unwrap_or(total).min(total).max(1);
        self.queues.grow(self.spec.queuing.map_or(1, |queuing| queuing.queues));
    }

    fn kept(&self, more: u32) -> u64 {
        u64::from((self.in_use + more).max(self.least))
    }

    /// A flow's bound within the level.
    fn flow_fits(&self, flow: u64, seats: u32) -> bool {
        let used = self.flows.get(&flow).copied().unwrap_or_default();
        used == 0 || used + seats <= self.most.div_ceil(2)
    }

    fn take(&mut self, flow: u64, seats: u32) {
        self.in_use += seats;
        *self.flows.entry(flow).or_default() += seats;
    }

    fn give_back(&mut self, grant: &Grant) {
        self.in_use = self.in_use.saturating_sub(grant.seats);
        if let Some(used) = self.flows.get_mut(&grant.flow) {
            *used = used.saturating_sub(grant.seats);
            if *used == 0 {
                self.flows.remove(&grant.flow);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.in_use == 0 && self.queues.waiting() == 0
    }
}

/// All priority levels.
#[derive(Debug)]
pub(super) struct Core {
    total: u32,
    levels: BTreeMap<String, Level>,
    next: Ticket,
}

impl Core {
    /// With `total` seats to be shared.
    pub(super) fn new(total: u32, config: &Config) -> Core {
        let mut core = Core { total: total.max(1), levels: BTreeMap::new(), next: 0 };
        core.configure(config);
        core
    }

    /// Takes over other levels. What runs and waits stays; a level that is gone goes once it is empty.
    pub(super) fn configure(&mut self, config: &Config) {
        self.levels.retain(|name, level| config.level(name).is_some() || !level.is_empty());
        for spec in config.levels() {
            let level = self.levels.entry(spec.name.clone()).or_insert_with(|| Level::new(spec.clone()));
            level.spec = spec.clone();
        }
        let limited = |level: &&Level| !level.spec.exempt && config.level(&level.spec.name).is_some();
        let all = self.levels.values().filter(limited).map(|level| level.spec.shares).sum();
        self.levels.values_mut().for_each(|level| level.resize(self.total, all));
    }

    /// A request of `flow` that wants `seats`.
    pub(super) fn arrive(&mut self, level: &str, flow: u64, seats: u32) -> Arrival {
        let Some(own) = self.levels.get(level) else { return Arrival::Refused("no-level") };
        if own.spec.exempt {
            return self.exempt(level, flow);
        }
        let seats = seats.clamp(1, own.nominal);
        let queuing = own.spec.queuing;
        let queue = queuing.map_or(0, |queuing| own.queues.shortest(flow, queuing.queues, queuing.hand));
        if own.queues.waiting() == 0 && self.fits(level, flow, seats) {
            return Arrival::Runs(self.run(level, queue, flow, seats));
        }
        let Some(queuing) = queuing else { return Arrival::Refused("concurrency-limit") };
        if own.queues.length(queue) >= queuing.length {
            return Arrival::Refused("queue-full");
        }
        let ticket = self.next;
        self.next += 1;
        if let Some(own) = self.levels.get_mut(level) {
            own.queues.push(queue, Waiting { ticket, flow, seats });
        }
        Arrival::Waits(ticket)
    }

    /// Never waits; that there are no more than all seats' worth of them is what keeps the process within its memory.
    fn exempt(&mut self, level: &str, flow: u64) -> Arrival {
        match self.levels.get(level).is_some_and(|own| own.in_use < self.total) {
            true => Arrival::Runs(self.run(level, 0, flow, 1)),
            false => Arrival::Refused("concurrency-limit"),
        }
    }

    fn run(&mut self, level: &str, queue: usize, flow: u64, seats: u32) -> Grant {
        if let Some(own) = self.levels.get_mut(level) {
            own.take(flow, seats);
            own.queues.start(queue, seats);
        }
        Grant { level: level.to_owned(), queue, flow, seats }
    }

    /// Whether the level may use so many seats more.
    fn fits(&self, level: &str, flow: u64, seats: u32) -> bool {
        let Some(own) = self.levels.get(level) else { return false };
        own.in_use + seats <= own.most && own.flow_fits(flow, seats) && self.kept_with(level, seats)
    }

    fn kept_with(&self, level: &str, seats: u32) -> bool {
        let limited = self.levels.iter().filter(|(_, other)| !other.spec.exempt);
        let kept: u64 = limited.map(|(name, other)| other.kept(if name == level { seats } else { 0 })).sum();
        let own = &self.levels[level];
        kept <= u64::from(self.total) || own.in_use + seats <= own.least
    }

    /// A request has been answered, after so many milliseconds. Returns who runs now.
    pub(super) fn finish(&mut self, grant: &Grant, took_ms: u64) -> Vec<Dispatch> {
        if let Some(own) = self.levels.get_mut(&grant.level) {
            own.give_back(grant);
            own.queues.finish(grant.queue, grant.seats, took_ms);
        }
        self.dispatch()
    }

    /// Somebody does not want to wait any more. Returns who runs now: a request that wanted many seats may have been in the way.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Vec<Dispatch> {
        self.levels.values_mut().any(|level| level.queues.leave(ticket));
        self.dispatch()
    }

    /// Who runs now that seats may be free. The level that uses the least of its own comes first.
    pub(super) fn dispatch(&mut self) -> Vec<Dispatch> {
        let mut out = Vec::new();
        while let Some(dispatch) = self.dispatch_one() {
            out.push(dispatch);
        }
        out
    }

    fn dispatch_one(&mut self) -> Option<Dispatch> {
        let mut waiting: Vec<(&String, &Level)> =
            self.levels.iter().filter(|(_, level)| level.queues.waiting() > 0).collect();
        waiting.sort_by_key(|(_, level)| u64::from(level.in_use) * 1_000 / u64::from(level.nominal.max(1)));
        let names: Vec<String> = waiting.into_iter().map(|(name, _)| name.clone()).collect();
        names.into_iter().find_map(|name| self.dispatch_of(&name))
    }

    fn dispatch_of(&mut self, name: &str) -> Option<Dispatch> {
        let mut queues = std::mem::take(&mut self.levels.get_mut(name)?.queues);
        let popped = queues.pop(|waiting| self.fits(name, waiting.flow, waiting.seats));
        let own = self.levels.get_mut(name)?;
        own.queues = queues;
        let (queue, Waiting { ticket, flow, seats }) = popped?;
        own.take(flow, seats);
        Some((ticket, Grant { level: name.to_owned(), queue, flow, seats }))
    }

    /// Seats in use and requests waiting, by level.
    pub(super) fn loads(&self) -> impl Iterator<Item = (&str, u32, usize)> {
        self.levels.iter().map(|(name, level)| (name.as_str(), level.in_use, level.queues.waiting()))
    }
}
