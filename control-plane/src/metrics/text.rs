//! The two text formats: Prometheus' own, which everything reads, and OpenMetrics for who asks for it.
//!
//! They differ where we are concerned in two points: in Prometheus' format a counter is declared under the name that its
//! samples have (with `_total`, unless it is called a count), and there is no end mark.

use std::borrow::Cow;
use std::fmt;

use prometheus_client::encoding::text::{encode, encode_registry};
use prometheus_client::registry::Registry;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content type and the text, as `accept` has it.
pub(super) fn render(registry: &Registry, accept: &str) -> Result<(&'static str, String), fmt::Error> {
    let mut text = String::new();
    if accept.contains("application/openmetrics-text") {
        encode(&mut text, registry)?;
        return Ok((OPEN_METRICS, text));
    }
    encode_registry(&mut text, registry)?;
    Ok((PROMETHEUS, declare_counters(&text)))
}

/// Declares counters under the names of their samples. The line of help stands right before that of the type. Kubernetes has
/// counters that are called `…_count`, and their samples too.
fn declare_counters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut help: Option<&str> = None;
    let mut count: Option<&str> = None;
    for line in text.lines() {
        if line.starts_with("# HELP ") {
            help = Some(line);
            continue;
        }
        let counter = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_suffix(" counter"));
        if line.starts_with("# TYPE ") {
            count = counter.filter(|name| name.ends_with("_count"));
        }
        let counter = counter.filter(|_| count.is_none());
        for declared in help.take().into_iter().chain([line]) {
            match counter {
                Some(name) => out.push_str(&declared.replacen(name, &format!("{name}_total"), 1)),
                None => out.push_str(&sample(declared, count)),
            }
            out.push('\n');
        }
    }
    out
}

/// A line, without `_total` behind the name of a count.
fn sample<'a>(line: &'a str, count: Option<&str>) -> Cow<'a, str> {
    let rest = count.and_then(|name| line.strip_prefix(name)?.strip_prefix("_total"));
    match (count, rest) {
        (Some(name), Some(rest)) => Cow::Owned(format!("{name}{rest}")),
        _ => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;

    use super::*;

    #[test]
    fn counters_are_declared_as_their_samples_are_named() {
        let mut registry = Registry::default();
        let counter: Counter = Counter::default();
        counter.inc();
        registry.register("requests", "Requests", counter);
        registry.register("members", "Members", Gauge::<i64>::default());
        registry.register("rejection_count", "Rejections", Counter::<u64>::default());
        let expect = "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total 1\n\
                      # HELP members Members.\n# TYPE members gauge\nmembers 0\n\
                      # HELP rejection_count Rejections.\n# TYPE rejection_count counter\nrejection_count 0\n";
        assert_eq!(render(&registry, "*/*").unwrap().1, expect);
        let (content_type, text) = render(&registry, "application/openmetrics-text;version=1.0.0").unwrap();
        assert!(content_type.starts_with("application/openmetrics-text") && text.contains("# TYPE requests counter"));
    }
}
