//! The comparison: which loads, in which order, and what is said about them.
//!
//! The contestants run side by side and take turns, so that whatever else the machine does falls on all of them. Each
//! load is run several times; the ratio is the median of the turns' ratios.

mod machine;
mod plan;
mod row;
mod table;
mod turns;

pub use plan::{Part, Plan, PlanOptions};

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::load::{self, Figures, Fleet, KeySpace, Span};
use crate::rig::{Cluster, Contestant};
use machine::load_average;
use row::{Column, Goal, Row, Value};
use turns::Turns;

const WARM_UP: Duration = Duration::from_millis(400);
/// Keys that single reads and writes go to.
const KEYS: usize = 10_000;
const SMALL: usize = 256;
const WATCHERS: usize = 1000;
const BURST: usize = 200;
const STEADY: usize = 60;
/// Time for a store to put its house in order before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);
const IDLE: Duration = Duration::from_secs(5);
const RESTARTS: usize = 3;

/// Runs the plan; the first contestant is ours. Prints as it goes, and a table at the end.
pub async fn compare(plan: &Plan, contestants: &[Contestant], dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    let mut comparison = Comparison { plan, contestants, dir, rows: Vec::new() };
    for size in &plan.nodes {
        comparison.side_by_side(*size).await.with_context(|| format!("with {size} nodes"))?;
    }
    for keys in plan.restart_keys() {
        comparison.one_by_one(keys).await.with_context(|| format!("with {keys} keys"))?;
    }
    table::print(&comparison.rows);
    Ok(())
}

struct Comparison<'a> {
    plan: &'a Plan,
    contestants: &'a [Contestant],
    dir: &'a Path,
    rows: Vec<Row>,
}

impl Comparison<'_> {
    /// What needs clusters of all contestants at once.
    async fn side_by_side(&mut self, size: usize) -> Result<()> {
        let parts = [Part::Puts, Part::Gets, Part::Ranges, Part::Watch, Part::Idle];
        if !parts.iter().any(|part| self.plan.has(*part, size)) {
            return Ok(());
        }
        let mut clusters = Vec::new();
        for contestant in self.contestants {
            clusters.push(Cluster::start(contestant, size, self.dir).await?);
        }
        let turns = Turns { clusters, rounds: self.plan.rounds };
        if self.plan.has(Part::Idle, size) {
            self.idle(&turns).await?;
        }
        if self.plan.has(Part::Puts, size) {
            self.puts(&turns).await?;
        }
        if self.plan.has(Part::Gets, size) {
            self.gets(&turns).await?;
        }
        if self.plan.has(Part::Ranges, size) {
            self.ranges(&turns).await?;
        }
        if self.plan.has(Part::Watch, size) {
            self.watch(&turns).await?;
        }
        Ok(())
    }

    async fn puts(&mut self, turns: &Turns) -> Result<()> {
        for bytes in self.plan.sizes.clone() {
            for clients in self.plan.clients.clone() {
                let what = format!("put {bytes} B, {}, {}", nodes(turns.size()), people(clients));
                let goal = Goal::puts(turns.size(), clients);
                let (space, span) = (space("put", KEYS, bytes), self.span());
                self.rates(&what, goal, turns, clients, async |fleet| load::puts(fleet, &space, span).await).await?;
            }
        }
        Ok(())
    }

    async fn gets(&mut self, turns: &Turns) -> Result<()> {
        let (space, span) = (space("get", KEYS, SMALL), self.span());
        turns.fill(&space).await?;
        for (kind, serializable) in [("linearizable", false), ("serializable", true)] {
            for clients in self.plan.clients.clone() {
                let what = format!("{kind} get, {}, {}", nodes(turns.size()), people(clients));
                let goal = Goal::gets(serializable, clients);
                let run = async |fleet: &Fleet| load::gets(fleet, &space, serializable, span).await;
                self.rates(&what, goal, turns, clients, run).await?;
            }
        }
        Ok(())
    }

    async fn ranges(&mut self, turns: &Turns) -> Result<()> {
        let (space, span) = (space("range", KEYS, SMALL), self.span());
        turns.fill(&space).await?;
        for clients in [1, 8] {
            let what = format!("range of {KEYS}, {}, {}", nodes(turns.size()), people(clients));
            let run = async |fleet: &Fleet| load::ranges(fleet, &space, span).await;
            self.rates(&what, Goal::None, turns, clients, run).await?;
        }
        Ok(())
    }

    async fn watch(&mut self, turns: &Turns) -> Result<()> {
        let space = space("watch", BURST, SMALL);
        let runs = turns.run(WATCHERS, async |fleet| load::watchers(fleet, &space, BURST, STEADY).await).await?;
        let column = |pick: fn(&load::Watched) -> Figures| {
            runs.columns(|watched, _| Value { cpu: None, ..Value::of(&pick(watched), Duration::ZERO) })
        };
        let what = format!("{WATCHERS} watchers, {}, no gaps", nodes(turns.size()));
        self.say(Row::new(format!("events to {what}"), "/s", column(|watched| watched.burst), Goal::None));
        let steady = column(|watched| Figures { rate: 0.0, ..watched.steady });
        self.say(Row::new(format!("delay to {what}"), "", steady, Goal::None));
        Ok(())
    }

    async fn idle(&mut self, turns: &Turns) -> Result<()> {
        let before = turns.clusters.iter().map(Cluster::usage).collect::<Result<Vec<_>>>()?;
        tokio::time::sleep(IDLE).await;
        let mut columns = Vec::new();
        for (cluster, before) in turns.clusters.iter().zip(before) {
            let used = cluster.usage()?.cpu - before.cpu;
            let percent = 100.0 * used.as_secs_f64() / IDLE.as_secs_f64();
            columns.push(Column::of(&cluster.contestant.name, [Value::plain(percent)]));
        }
        self.say(Row::new(format!("CPU at rest, {}", nodes(turns.size())), "% of a core", columns, Goal::None));
        Ok(())
    }

    /// What one contestant after the other does, alone on the machine: memory and restart.
    async fn one_by_one(&mut self, keys: usize) -> Result<()> {
        let bytes = if keys > 100_000 { SMALL } else { 1024 };
        let (mut memory, mut anonymous, mut restart) = (Vec::new(), Vec::new(), Vec::new());
        for contestant in self.contestants {
            let mut cluster = Cluster::start(contestant, 1, self.dir).await?;
            let space = space("keep", keys, bytes);
            load::fill(&Fleet::connect(&cluster.client_addresses(), 256).await?, &space).await?;
            tokio::time::sleep(SETTLE).await;
            let usage = cluster.usage()?;
            memory.push(Column::of(&contestant.name, [Value::plain(megabytes(usage.resident))]));
            anonymous.push(Column::of(&contestant.name, [Value::plain(megabytes(usage.anonymous))]));
            if self.plan.has(Part::Restart, 1) {
                restart.push(Column::of(&contestant.name, restarts(&mut cluster, &space).await?));
            }
        }
        let of = format!("{keys} keys of {bytes} B, 1 node");
        self.say(Row::new(format!("memory, {of}"), "MB", memory, Goal::memory(keys)));
        self.say(Row::new(format!("anonymous memory, {of}"), "MB", anonymous, Goal::None));
        if !restart.is_empty() {
            self.say(Row::new(format!("restart to ready, {of}"), "s", restart, Goal::None));
        }
        Ok(())
    }

    async fn rates(
        &mut self,
        what: &str,
        goal: Goal,
        turns: &Turns,
        clients: usize,
        run: impl AsyncFn(&Fleet) -> Result<Figures>,
    ) -> Result<()> {
        let runs = turns.run(clients, run).await.with_context(|| what.to_owned())?;
        let columns = runs.columns(Value::of);
        self.say(Row::new(what.to_owned(), "/s", columns, goal));
        Ok(())
    }

    fn span(&self) -> Span {
        Span { warm_up: WARM_UP, measured: self.plan.measured }
    }

    fn say(&mut self, row: Row) {
        let row = Row { load_average: load_average(), ..row };
        table::print_row(&row);
        self.rows.push(row);
    }
}

/// Kills and starts it again, several times; all keys must be there each time.
async fn restarts(cluster: &mut Cluster, space: &KeySpace) -> Result<Vec<Value>> {
    let mut took = Vec::new();
    for _ in 0..RESTARTS {
        took.push(Value::plain(cluster.restart().await?.as_secs_f64()));
        let fleet = Fleet::connect(&cluster.client_addresses(), 1).await?;
        load::verify(&fleet, space, &vec![Some(0); space.keys]).await?;
    }
    Ok(took)
}

fn space(name: &str, keys: usize, value_bytes: usize) -> KeySpace {
    KeySpace { prefix: format!("/bench/{name}/{value_bytes}/"), keys, value_bytes }
}

fn nodes(count: usize) -> String {
    format!("{count} {}", if count == 1 { "node" } else { "nodes" })
}

fn people(count: usize) -> String {
    format!("{count} {}", if count == 1 { "client" } else { "clients" })
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
