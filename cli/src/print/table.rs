//! Aligned columns: of a server's `meta.k8s.io/v1` Table, or of our own making.

use serde_json::Value;

use super::escape::escape_cell;

/// Between columns.
const GAP: usize = 3;

/// Column names and rows.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
}

/// Which columns of a server's table are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shown {
    /// Those of lower priority too.
    pub(crate) wide: bool,
    /// NAMESPACE first.
    pub(crate) namespace: bool,
    /// LABELS last.
    pub(crate) labels: bool,
    /// Before each name, with a slash.
    pub(crate) kind: bool,
}

impl Table {
    /// An empty one.
    pub(crate) fn new(columns: &[&str]) -> Table {
        Table { columns: columns.iter().map(|name| (*name).to_owned()).collect(), ..Table::default() }
    }

    /// One more row.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| escape_cell(cell).into_owned()).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes the rows of a server's table in; the first one names the columns. `prefix` is the kind, for `kind/name`.
    pub(crate) fn append(&mut self, served: &Value, shown: Shown, prefix: &str) {
        let definitions = array(&served["columnDefinitions"]);
        let visible: Vec<usize> = (0..definitions.len())
            .filter(|index| shown.wide || definitions[*index]["priority"].as_i64().unwrap_or(0) == 0)
            .collect();
        if self.columns.is_empty() && !definitions.is_empty() {
            let names = visible.iter().map(|index| text(&definitions[*index]["name"]).to_uppercase());
            self.columns = surround(shown, "NAMESPACE".to_owned(), names.collect(), "LABELS".to_owned());
        }
        let prefix = if shown.kind { format!("{prefix}/") } else { String::new() };
        for row in array(&served["rows"]) {
            let cells = row_cells(row, &visible, &prefix);
            let metadata = &row["object"]["metadata"];
            self.push(surround(shown, text(&metadata["namespace"]), cells, labels(metadata)));
        }
    }

    /// Everything that was not printed yet, aligned; the columns stay as wide as they have become.
    pub(crate) fn drain(&mut self, with_header: bool) -> String {
        let mut lines = std::mem::take(&mut self.rows);
        if with_header {
            lines.insert(0, self.columns.clone());
        }
        for line in &lines {
            self.widen(line);
        }
        lines.iter().map(|line| self.render(line)).collect()
    }

    fn widen(&mut self, line: &[String]) {
        self.widths.resize(self.widths.len().max(line.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }

    fn render(&self, line: &[String]) -> String {
        let last = line.len().saturating_sub(1);
        let cells = line.iter().enumerate().map(|(index, cell)| {
            let width = if index == last { 0 } else { self.widths[index] + GAP };
            format!("{cell:width$}")
        });
        format!("{}\n", cells.collect::<String>().trim_end())
    }
}

fn row_cells(row: &Value, visible: &[usize], prefix: &str) -> Vec<String> {
    let cells = array(&row["cells"]);
    let mut shown: Vec<_> = visible.iter().map(|index| cells.get(*index).map(text).unwrap_or_default()).collect();
    if let Some(name) = shown.first_mut() {
        name.insert_str(0, prefix);
    }
    shown
}

fn surround(shown: Shown, namespace: String, cells: Vec<String>, labels: String) -> Vec<String> {
    let before = shown.namespace.then_some(namespace);
    let after = shown.labels.then_some(labels);
    before.into_iter().chain(cells).chain(after).collect()
}

fn labels(metadata: &Value) -> String {
    let labels =
        metadata["labels"].as_object().map(|labels| labels.iter().map(|(key, value)| format!("{key}={}", text(value))));
    labels
        .map(|labels| labels.collect::<Vec<_>>().join(","))
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "<none>".to_owned())
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use serde_json::json;

    fn served() -> Value {
        json!({
            "columnDefinitions": [{"name": "Name", "priority": 0}, {"name": "Ready", "priority": 0}, {"name": "IP", "priority": 1}],
            "rows": [
                {"cells": ["till-1", "1/1", "10.42.0.7"], "object": {"metadata": {"namespace": "shop", "labels": {"app": "till"}}}},
                {"cells": ["evil\u{1b}[2J", "0/1", null], "object": {"metadata": {"namespace": "shop"}}},
            ]
        })
    }

    fn check(shown: Shown, expected: &Expect) {
        let mut table = Table::default();
        table.append(&served(), shown, "pod");
        expected.assert_eq(&table.drain(true));
    }

    #[test]
    fn columns_are_aligned_and_control_characters_shown() {
        let expected = expect![[r#"
            NAME            READY
            till-1          1/1
            evil\u{1b}[2J   0/1
        "#]];
        check(Shown::default(), &expected);
    }

    #[test]
    fn wide_tables_show_all() {
        let expected = expect![[r#"
            NAMESPACE   NAME                READY   IP          LABELS
            shop        pod/till-1          1/1     10.42.0.7   app=till
            shop        pod/evil\u{1b}[2J   0/1                 <none>
        "#]];
        check(Shown { wide: true, namespace: true, labels: true, kind: true }, &expected);
    }

    #[test]
    fn later_rows_keep_the_columns_of_the_first() {
        let mut table = Table::default();
        table.append(&served(), Shown::default(), "pod");
        table.drain(true);
        table.push(vec!["x".to_owned(), "1/1".to_owned()]);
        assert_eq!(table.drain(false), "x               1/1\n");
    }
}
