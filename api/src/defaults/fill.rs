//! Defaults of single fields, as data: a row of the kind table lists what fills a field that the client leaves out.

use serde_json::{Value, json};

use super::{canonical, canonical_quantities};
use crate::value;
use crate::walk;

/// What fills a field. Only `spec` is made where it is missing; any other structure is filled if the client gave it.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    at: &'static str,
    with: With,
}

#[derive(Clone, Copy, Debug)]
enum With {
    Text(&'static str),
    Number(i64),
    Flag(bool),
    Nothing,
    Canonical,
}

impl Fill {
    /// A text.
    pub const fn text(at: &'static str, text: &'static str) -> Self {
        Self { at, with: With::Text(text) }
    }

    /// A number; zero counts as set.
    pub const fn number(at: &'static str, number: i64) -> Self {
        Self { at, with: With::Number(number) }
    }

    /// Yes or no.
    pub const fn flag(at: &'static str, flag: bool) -> Self {
        Self { at, with: With::Flag(flag) }
    }

    /// A structure without fields.
    pub const fn structure(at: &'static str) -> Self {
        Self { at, with: With::Nothing }
    }

    /// Nothing is filled in; a quantity, or a map of quantities, is written in its canonical form.
    pub const fn canonical(at: &'static str) -> Self {
        Self { at, with: With::Canonical }
    }
}

/// Fills in what is missing.
pub fn fill(defaults: &[Fill], object: &mut Value) {
    for Fill { at, with } in defaults {
        walk::visit_mut(object, at, &mut |parent, field| match with {
            With::Text(text) => value::fill(parent, field, *text),
            With::Number(number) => value::fill(parent, field, *number),
            With::Flag(flag) => value::fill(parent, field, *flag),
            With::Nothing => value::fill(parent, field, json!({})),
            With::Canonical => match parent.get_mut(field) {
                Some(list) if list.is_object() => canonical_quantities(list),
                Some(quantity) => canonical(quantity),
                None => {}
            },
        });
    }
}
