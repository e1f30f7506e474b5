//! The process, under the names that every Prometheus client library uses.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Linux counts time for user space in hundredths of a second on all its machines.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc` when it is asked.
#[derive(Debug)]
pub(super) struct Process;

/// What `/proc` says.
#[derive(Debug, Default, PartialEq)]
struct Readings {
    cpu_seconds: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    threads: u64,
    open_files: u64,
    start_seconds: f64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let readings = read();
        let cpu = encoder.encode_descriptor("process_cpu_seconds", "Processor time used", None, MetricType::Counter)?;
        ConstCounter::new(readings.cpu_seconds).encode(cpu)?;
        let gauges = [
            ("process_resident_memory_bytes", "Memory held", readings.resident_bytes as f64),
            ("process_virtual_memory_bytes", "Memory mapped", readings.virtual_bytes as f64),
            ("process_threads", "Threads", readings.threads as f64),
            ("process_open_fds", "Open files and sockets", readings.open_files as f64),
            ("process_start_time_seconds", "When it started, in seconds since 1970", readings.start_seconds),
        ];
        for (name, help, value) in gauges {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}

fn read() -> Readings {
    let text = |path| fs::read_to_string(path).unwrap_or_default();
    let mut readings = parse(&text("/proc/self/stat"), &text("/proc/self/status"), &text("/proc/stat"));
    readings.open_files = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64);
    readings
}

/// `stat` after the name, which may hold anything: state, and numbers as proc(5) counts them from the third.
fn parse(stat: &str, status: &str, machine: &str) -> Readings {
    let numbers: Vec<f64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
        .unwrap_or_default();
    let field = |number: usize| numbers.get(number - 3).copied().unwrap_or(0.0);
    let number = |text: &str, name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    Readings {
        cpu_seconds: (field(14) + field(15)) / TICKS_PER_SECOND,
        resident_bytes: number(status, "VmRSS:") * 1024,
        virtual_bytes: number(status, "VmSize:") * 1024,
        threads: number(status, "Threads:"),
        open_files: 0,
        start_seconds: number(machine, "btime") as f64 + field(22) / TICKS_PER_SECOND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_proc_5_has_it() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 10 0 0 0 150 50 0 0 20 0 7 0 1000 12345 99 0";
        let status = "Name:\ta\nVmSize:\t  2000 kB\nVmRSS:\t  1000 kB\nThreads:\t7\n";
        let expect = Readings {
            cpu_seconds: 2.0,
            resident_bytes: 1_024_000,
            virtual_bytes: 2_048_000,
            threads: 7,
            open_files: 0,
            start_seconds: 510.0,
        };
        assert_eq!(parse(stat, status, "cpu 1 2\nbtime 500\n"), expect);
        assert!(read().resident_bytes > 0 && read().open_files > 0);
    }
}
