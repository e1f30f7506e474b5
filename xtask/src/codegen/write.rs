//! The two files: the table, and the descriptions line by line beside it.

use super::join::{FieldRow, Row};

const HEADER: &str = "# The schema of every kind, one field a line; `cargo xtask codegen` writes it. api/src/schema/load.rs tells the format.\n";
const DESCRIPTIONS_HEADER: &str = "# What fields mean, in the words of the Kubernetes API; line by line beside table.tsv. `cargo xtask codegen` writes it.\n";

/// Both files.
pub(super) struct Files {
    pub(super) table: String,
    pub(super) descriptions: String,
}

/// Writes the rows, which come sorted by name.
pub(super) fn files(rows: &[Row]) -> Files {
    let mut files = Files { table: HEADER.into(), descriptions: DESCRIPTIONS_HEADER.into() };
    let mut current = "";
    for row in rows {
        let (package, name) = row.name.rsplit_once('.').unwrap_or(("", &row.name));
        if package != current {
            files.push(&["package", package], "");
            current = package;
        }
        files.push(&["type", name, &row.flags.join(" ")], &row.description);
        row.fields.iter().for_each(|field| files.field(package, field));
    }
    files
}

impl Files {
    fn field(&mut self, package: &str, field: &FieldRow) {
        let of = field.of.replace(&format!("{package}."), "");
        self.push(&["", &field.name, &of, &field.tag, &field.flags.join(" ")], &field.description);
    }

    fn push(&mut self, columns: &[&str], description: &str) {
        self.table.push_str(columns.join("\t").trim_end());
        self.table.push('\n');
        self.descriptions.push_str(&description.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t"));
        self.descriptions.push('\n');
    }
}
