//! The machine that the figures are of.

use std::thread::available_parallelism;

/// Of the last minute.
pub(super) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

/// Its size, in a line.
pub(super) fn describe() -> String {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
    let cores = available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{cores} cores, {} GB of memory, load average {:.1}", kilobytes.unwrap_or_default() >> 20, load_average())
}
