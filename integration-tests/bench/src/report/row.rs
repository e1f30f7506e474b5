//! One line of the comparison.

use std::time::Duration;

use crate::load::Figures;

/// What one turn gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Value {
    pub(super) number: f64,
    pub(super) quantiles: Option<(Duration, Duration)>,
    /// Microseconds of CPU time that all members together took for an operation. Unlike the rest it hardly depends on
    /// what else the machine does.
    pub(super) cpu: Option<f64>,
}

/// What one contestant's turns gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) turns: Vec<Value>,
}

/// What is demanded of ours, as a ratio to the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    None,
    /// And the 99th percentile no worse.
    AtLeast(f64),
    AtMost(f64),
}

/// A load, and what all made of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) unit: &'static str,
    /// Ours first.
    pub(super) columns: Vec<Column>,
    pub(super) goal: Goal,
    pub(super) load_average: f64,
}

impl Goal {
    /// Three nodes and one differ: alone, one client's write is little but a sync of the disk.
    pub(super) fn puts(nodes: usize, clients: usize) -> Goal {
        Goal::AtLeast(match (nodes, clients) {
            (1, 1) => 1.0,
            (1, _) => 1.3,
            (_, 1) => 1.2,
            _ => 1.5,
        })
    }

    pub(super) fn gets(serializable: bool, clients: usize) -> Goal {
        match (serializable, clients) {
            (_, ..32) => Goal::None,
            (false, _) => Goal::AtLeast(1.7),
            (true, _) => Goal::AtLeast(2.5),
        }
    }

    pub(super) fn memory(keys: usize) -> Goal {
        if keys > 100_000 { Goal::None } else { Goal::AtMost(0.7) }
    }

    /// Whether a ratio is as demanded; `None`: nothing is.
    pub(super) fn is_met(self, ratio: f64) -> Option<bool> {
        match self {
            Goal::None => None,
            Goal::AtLeast(least) => Some(ratio >= least),
            Goal::AtMost(most) => Some(ratio <= most),
        }
    }
}

impl Value {
    pub(super) fn plain(number: f64) -> Value {
        Value { number, ..Value::default() }
    }

    /// Of operations for which all members took so much CPU time.
    pub(super) fn of(figures: &Figures, cpu: Duration) -> Value {
        let quantiles = (figures.p99 > Duration::ZERO).then_some((figures.p50, figures.p99));
        let cpu = (figures.done > 0).then(|| cpu.as_secs_f64() * 1e6 / figures.done as f64);
        Value { number: figures.rate, quantiles, cpu }
    }
}

impl Column {
    pub(super) fn of(name: &str, turns: impl IntoIterator<Item = Value>) -> Column {
        Column { name: name.to_owned(), turns: turns.into_iter().collect() }
    }

    pub(super) fn number(&self) -> f64 {
        median(self.turns.iter().map(|turn| turn.number))
    }

    pub(super) fn cpu(&self) -> Option<f64> {
        let cpu: Option<Vec<f64>> = self.turns.iter().map(|turn| turn.cpu).collect();
        cpu.map(|cpu| median(cpu.into_iter()))
    }

    /// The turns' medians of the median and the 99th percentile.
    pub(super) fn quantiles(&self) -> Option<(Duration, Duration)> {
        let quantiles: Option<Vec<(Duration, Duration)>> = self.turns.iter().map(|turn| turn.quantiles).collect();
        let quantiles = quantiles.filter(|quantiles| !quantiles.is_empty())?;
        let seconds = |pick: fn(&(Duration, Duration)) -> Duration| {
            Duration::from_secs_f64(median(quantiles.iter().map(|pair| pick(pair).as_secs_f64())))
        };
        Some((seconds(|pair| pair.0), seconds(|pair| pair.1)))
    }
}

impl Row {
    pub(super) fn new(what: String, unit: &'static str, columns: Vec<Column>, goal: Goal) -> Row {
        Row { what, unit, columns, goal, load_average: 0.0 }
    }

    /// Ours to another's: the median of the turns' ratios.
    pub(super) fn ratio(&self, other: &Column) -> f64 {
        let ours = self.columns.first().map_or(&[][..], |ours| &ours.turns);
        median(ours.iter().zip(&other.turns).map(|(ours, theirs)| ours.number / theirs.number))
    }

    /// The same of the CPU time.
    pub(super) fn cpu_ratio(&self, other: &Column) -> Option<f64> {
        Some(self.columns.first()?.cpu()? / other.cpu()?)
    }

    /// The same of the 99th percentiles.
    pub(super) fn p99_ratio(&self, other: &Column) -> Option<f64> {
        let (ours, theirs) = (self.columns.first()?.quantiles()?, other.quantiles()?);
        Some(ours.1.as_secs_f64() / theirs.1.as_secs_f64())
    }
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => numbers[count / 2],
        count => f64::midpoint(numbers[count / 2 - 1], numbers[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_turns_that_followed_each_other() {
        let column = |name: &str, numbers: [f64; 3]| Column::of(name, numbers.map(Value::plain));
        let columns = vec![column("ours", [10.0, 30.0, 20.0]), column("theirs", [10.0, 10.0, 10.0])];
        let row = Row::new("puts".to_owned(), "/s", columns, Goal::puts(3, 32));
        assert_eq!(row.ratio(&row.columns[1]), 2.0);
        assert_eq!((row.goal.is_met(2.0), row.goal.is_met(1.4)), (Some(true), Some(false)));
        assert_eq!(Goal::memory(100_000).is_met(0.8), Some(false));
        assert_eq!(Goal::gets(true, 1).is_met(0.1), None);
    }
}
