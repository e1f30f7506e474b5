//! Which loads to run, and for how long.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// A part of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Durable writes
    Puts,
    /// Linearizable and serializable reads of single keys
    Gets,
    /// Reads of 10,000 keys at once
    Ranges,
    /// A thousand watchers
    Watch,
    /// Memory with 100,000 keys of 1 KB
    Memory,
    /// From the start of a killed node to its first answer
    Restart,
    /// CPU time at rest
    Idle,
}

/// What is chosen on the command line; the default takes about three minutes.
#[derive(Args, Clone, Debug)]
pub struct PlanOptions {
    /// Everything, for longer: about fifteen minutes
    #[arg(long)]
    pub full: bool,
    /// Only these parts
    #[arg(long, value_delimiter = ',')]
    pub parts: Vec<Part>,
    /// Cluster sizes
    #[arg(long, value_delimiter = ',')]
    pub nodes: Vec<usize>,
    /// Numbers of clients
    #[arg(long, value_delimiter = ',')]
    pub clients: Vec<usize>,
    /// Bytes of the values written
    #[arg(long, value_delimiter = ',')]
    pub sizes: Vec<usize>,
    /// Seconds of each run, without its warm-up
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Turns of each contestant
    #[arg(long)]
    pub rounds: Option<usize>,
}

/// What is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Parts to run.
    pub parts: Vec<Part>,
    /// Cluster sizes.
    pub nodes: Vec<usize>,
    /// Numbers of clients.
    pub clients: Vec<usize>,
    /// Bytes of the values written.
    pub sizes: Vec<usize>,
    /// Of each run.
    pub measured: Duration,
    /// Turns of each contestant.
    pub rounds: usize,
    /// Also with a million keys.
    pub million: bool,
}

impl PlanOptions {
    /// What is run: what was chosen, and defaults for the rest.
    pub fn plan(&self) -> Plan {
        let chosen = |chosen: &[usize], default: &[usize]| {
            if chosen.is_empty() { default.to_vec() } else { chosen.to_vec() }
        };
        let seconds = self.seconds.unwrap_or(if self.full { 2.0 } else { 1.0 });
        Plan {
            parts: if self.parts.is_empty() { Part::value_variants().to_vec() } else { self.parts.clone() },
            nodes: chosen(&self.nodes, &[1, 3]),
            clients: chosen(&self.clients, if self.full { &[1, 32, 256, 1000] } else { &[1, 32, 256] }),
            sizes: chosen(&self.sizes, if self.full { &[256, 1024] } else { &[256] }),
            measured: Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1)),
            rounds: self.rounds.unwrap_or(if self.full { 3 } else { 2 }).max(1),
            million: self.full,
        }
    }
}

impl Plan {
    /// Whether a part is run with clusters of this size. Writes are, with each; the rest with the largest.
    pub(super) fn has(&self, part: Part, size: usize) -> bool {
        let alone = matches!(part, Part::Memory | Part::Restart);
        let largest = self.nodes.iter().max() == Some(&size);
        self.parts.contains(&part) && (part == Part::Puts || alone || largest)
    }

    /// With how many keys memory is looked at and nodes are restarted.
    pub(super) fn restart_keys(&self) -> Vec<usize> {
        let (memory, restart) = (self.parts.contains(&Part::Memory), self.parts.contains(&Part::Restart));
        let few = (memory || restart).then_some(100_000);
        few.into_iter().chain((restart && self.million).then_some(1_000_000)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_chosen_has_a_default() {
        let options = PlanOptions {
            full: false,
            parts: vec![Part::Gets],
            nodes: Vec::new(),
            clients: vec![7],
            sizes: Vec::new(),
            seconds: None,
            rounds: Some(0),
        };
        let plan = options.plan();
        assert_eq!((&plan.nodes[..], &plan.clients[..], plan.rounds), (&[1, 3][..], &[7][..], 1));
        assert!(plan.has(Part::Gets, 3) && !plan.has(Part::Gets, 1) && !plan.has(Part::Puts, 3));
        assert!(plan.restart_keys().is_empty());
    }
}
