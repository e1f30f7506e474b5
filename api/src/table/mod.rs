//! Tables: how objects look to people, as kubectl prints them.
//!
//! A kind's row in the kind table lists its [`Column`]s. The server makes the cells, so every client shows the same;
//! columns with a priority above zero are for wide output.

pub mod age;
pub mod cells;
pub mod pod;
pub mod storage;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::custom::JsonPath;
use crate::kinds::Kind;
use crate::object::Object;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading.
    pub name: &'static str,
    /// The OpenAPI type of the cells.
    pub data_type: &'static str,
    /// The OpenAPI format; `name` marks the column that identifies the object.
    pub format: &'static str,
    /// Zero for the usual output, one for wide output.
    pub priority: u8,
    /// What it says, in a sentence.
    pub description: &'static str,
    /// Makes the cell.
    pub cell: Cell,
}

/// What makes a cell.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    /// A function of the object and the time.
    Of(fn(&Value, Timestamp) -> Value),
    /// The value at a path of the object.
    At(&'static JsonPath),
}

impl Column {
    /// A column of text.
    pub const fn text(name: &'static str, description: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Self {
        Self { name, data_type: "string", format: "", priority: 0, description, cell: Cell::Of(cell) }
    }

    /// A column of whole numbers.
    pub const fn number(name: &'static str, description: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Self {
        Self { name, data_type: "integer", format: "", priority: 0, description, cell: Cell::Of(cell) }
    }

    /// The same column, for wide output.
    #[must_use]
    pub const fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }

    /// The same column, of yes and no.
    #[must_use]
    pub const fn boolean(mut self) -> Self {
        self.data_type = "boolean";
        self
    }

    /// The object's name; the first column of every kind.
    pub const NAME: Self = Self {
        name: "Name",
        data_type: "string",
        format: "name",
        priority: 0,
        description: "The name of the object, unique within its namespace.",
        cell: Cell::Of(cells::name),
    };

    /// How old the object is.
    pub const AGE: Self = Self::text("Age", "The time since the object was created.", cells::age);

    /// When the object was made.
    pub const CREATED_AT: Self = Self {
        data_type: "string",
        format: "date",
        ..Self::text("Created At", "When the object was created.", cells::created_at)
    };

    /// The cell of an object.
    fn cell(&self, object: &Value, now: Timestamp) -> Value {
        match self.cell {
            Cell::Of(make) => make(object, now),
            Cell::At(path) => path.first(object).map_or(Value::Null, |value| cells::typed(self.data_type, value, now)),
        }
    }

    fn definition(&self) -> Value {
        json!({
            "name": self.name, "type": self.data_type, "format": self.format, "priority": self.priority,
            "description": self.description,
        })
    }
}

/// What each row of a table carries of its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// The metadata, as a PartialObjectMetadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// Reads the query parameter `includeObject`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "None" => Some(Self::None),
            "" | "Metadata" => Some(Self::Metadata),
            "Object" => Some(Self::Object),
            _ => None,
        }
    }
}

/// A `meta.k8s.io/v1` Table of objects, each with its revision. The list's own metadata is the caller's to fill in.
pub fn table(kind: &Kind, objects: &[(&Object, u64)], include: IncludeObject, now: Timestamp) -> Value {
    let rows: Vec<Value> =
        objects.iter().map(|(object, revision)| row(kind, (object, *revision), include, now)).collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": definitions(kind),
        "rows": rows,
    })
}

/// The columns of a Scale, whatever it is that is scaled.
const SCALE: &[Column] = &[
    Column::NAME,
    Column::number("Desired", "How many replicas there shall be.", |o, _| cells::count(o, "/spec/replicas")),
    Column::number("Available", "How many replicas there are.", |o, _| cells::count(o, "/status/replicas")),
    Column::AGE,
];

/// The Table of one Scale.
pub fn of_scale((scale, revision): (&Object, u64), include: IncludeObject, now: Timestamp) -> Value {
    let value = scale.to_value();
    let cells = SCALE.iter().map(|column| column.cell(&value, now)).collect();
    let definitions: Value = SCALE.iter().map(Column::definition).collect();
    let rows = [row_of(cells, value, revision, include)];
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": definitions, "rows": rows,
    })
}

/// The definitions of a kind's columns, as a Table carries them.
pub fn definitions(kind: &Kind) -> Value {
    columns(kind).iter().map(Column::definition).collect()
}

/// The columns of a kind; name and age when it lists none. They are of the form in which its objects are stored.
pub fn columns(kind: &Kind) -> &'static [Column] {
    const USUAL: &[Column] = &[Column::NAME, Column::AGE];
    let kind = in_form_of(kind);
    if kind.columns.is_empty() { USUAL } else { kind.columns }
}

/// The kind whose columns are shown: of built-in kinds the one that is stored, of others each version has its own.
fn in_form_of(kind: &Kind) -> &Kind {
    if kind.custom.is_some() { kind } else { kind.stored() }
}

/// The cells of one object, in the order of the columns.
pub fn cells_of(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    columns(kind).iter().map(|column| column.cell(object, now)).collect()
}

/// A row of a Table: the cells of an object, and as much of the object as is to be included.
pub fn row(kind: &Kind, (object, revision): (&Object, u64), include: IncludeObject, now: Timestamp) -> Value {
    let value = object.to_value();
    let cells = match kind.kept_as.filter(|_| kind.custom.is_none()) {
        None => cells_of(kind, &value, now),
        Some(_) => {
            let mut stored = value.clone();
            kind.write_stored(&mut stored);
            cells_of(kind, &stored, now)
        }
    };
    row_of(cells, value, revision, include)
}

fn row_of(cells: Vec<Value>, mut value: Value, revision: u64, include: IncludeObject) -> Value {
    let mut out = json!({ "cells": cells });
    value["metadata"]["resourceVersion"] = json!(revision.to_string());
    match include {
        IncludeObject::None => {}
        IncludeObject::Metadata => out["object"] = partial(&value),
        IncludeObject::Object => out["object"] = value,
    }
    out
}

/// The PartialObjectMetadata of an object.
pub fn partial(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}
