//! How rows are shown: each when it is there, and all together at the end.

#![allow(clippy::print_stdout, reason = "this is what the program is for")]

use std::time::Duration;

use super::machine::describe;
use super::row::{Column, Goal, Row};

/// A line of its own for each contestant.
pub(super) fn print_row(row: &Row) {
    println!("{}   [load {:.1}]", row.what, row.load_average);
    for (index, column) in row.columns.iter().enumerate() {
        let versus = if index == 0 { String::new() } else { verdict(row, column) };
        println!("    {:14} {:36} {versus}", column.name, shown(row, column));
    }
}

/// All rows as a Markdown table.
pub(super) fn print(rows: &[Row]) {
    println!("\n{}\n", describe());
    let names: Vec<&str> = rows.first().map_or(Vec::new(), |row| row.columns.iter().map(|c| c.name.as_str()).collect());
    let ratios = names.iter().skip(1).map(|name| format!("to {name}"));
    let heads: Vec<String> = names.iter().map(|name| (*name).to_owned()).chain(ratios).collect();
    println!("| rate, p50/p99, CPU time of all members for one | {} | load |", heads.join(" | "));
    println!("| --- |{} --- |", " --- |".repeat(heads.len()));
    for row in rows {
        let values = row.columns.iter().map(|column| shown(row, column));
        let versus = row.columns.iter().skip(1).map(|column| verdict(row, column));
        let cells: Vec<String> = values.chain(versus).collect();
        println!("| {} | {} | {:.1} |", row.what, cells.join(" | "), row.load_average);
    }
    let goals: Vec<bool> = rows.iter().flat_map(judgements).collect();
    println!("\n{} of {} demands are met.", goals.iter().filter(|met| **met).count(), goals.len());
}

fn judgements(row: &Row) -> impl Iterator<Item = bool> {
    row.columns.iter().skip(1).flat_map(|column| [row.goal.is_met(row.ratio(column)), p99_met(row, column)]).flatten()
}

fn p99_met(row: &Row, column: &Column) -> Option<bool> {
    let ratio = row.p99_ratio(column).filter(|_| row.goal != Goal::None)?;
    Some(ratio <= 1.0)
}

fn shown(row: &Row, column: &Column) -> String {
    let number = match column.number() {
        0.0 => String::new(),
        number if number < 10.0 => format!("{number:.2} {} ", row.unit),
        number => format!("{} {} ", thousands(number), row.unit),
    };
    let quantiles = column.quantiles().map(|(p50, p99)| format!("{}/{} ms", millis(p50), millis(p99)));
    let cpu = column.cpu().map(|cpu| format!(" {cpu:.0} µs"));
    format!("{number}{}{}", quantiles.unwrap_or_default(), cpu.unwrap_or_default())
        .replace(" /s", "/s")
        .trim()
        .to_owned()
}

fn verdict(row: &Row, column: &Column) -> String {
    let ratio = row.ratio(column);
    let mark = |met: Option<bool>| met.map_or("", |met| if met { " ✓" } else { " ✗" });
    let demand = match row.goal {
        Goal::None => String::new(),
        Goal::AtLeast(least) => format!(" (≥ {least:.1}{})", mark(row.goal.is_met(ratio))),
        Goal::AtMost(most) => format!(" (≤ {most:.1}{})", mark(row.goal.is_met(ratio))),
    };
    let rate = if ratio.is_nan() { String::new() } else { format!("×{ratio:.2}{demand} ") };
    let p99 = row.p99_ratio(column).map(|ratio| format!("p99 ×{ratio:.2}{}", mark(p99_met(row, column))));
    let cpu = row.cpu_ratio(column).map(|ratio| format!(" CPU ×{ratio:.2}"));
    format!("{rate}{}{}", p99.unwrap_or_default(), cpu.unwrap_or_default()).trim().to_owned()
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn millis(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    if millis < 10.0 { format!("{millis:.2}") } else { format!("{millis:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::row::Value;

    #[test]
    fn a_demand_that_is_not_met_is_said() {
        let value = |number: f64, p99: u64| Value {
            number,
            quantiles: Some((Duration::from_millis(1), Duration::from_millis(p99))),
            cpu: Some(number / 100.0),
        };
        let columns = vec![Column::of("ours", [value(12_345.0, 4)]), Column::of("theirs", [value(10_000.0, 8)])];
        let row = Row::new("puts".to_owned(), "/s", columns, Goal::AtLeast(1.5));
        assert_eq!(shown(&row, &row.columns[0]), "12,345/s 1.00/4.00 ms 123 µs");
        assert_eq!(verdict(&row, &row.columns[1]), "×1.23 (≥ 1.5 ✗) p99 ×0.50 ✓ CPU ×1.23");
        assert_eq!(judgements(&row).collect::<Vec<_>>(), [false, true]);
    }
}
