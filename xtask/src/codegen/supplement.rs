//! What neither source says, from `supplement.tsv`, kept by hand.
//!
//! A line names a fact, a type or field, and for some facts a value. A line that matches nothing is an error, so the file can
//! only hold what is needed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

/// Which fact about a field a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// A number, truth or union that Go keeps by value and leaves out when it is zero.
    Plain,
    /// A string that Go keeps behind a pointer, so that an empty one means something.
    Pointer,
    /// The protobuf tag, where the names differ.
    Tag,
    /// How server-side apply treats it.
    List,
    /// How strategic merge patches treat it.
    Merge,
    /// The default that clients are told of.
    Default,
}

/// The facts.
pub(super) struct Supplement {
    facts: BTreeMap<(Fact, String), (String, bool)>,
}

impl Supplement {
    /// Reads the lines.
    pub(super) fn read(text: &str) -> Result<Supplement> {
        let mut facts = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let parts: Vec<&str> = line.split('\t').collect();
            let fact = parts.first().and_then(|word| fact(word)).with_context(|| format!("no such fact: {line}"))?;
            let target = *parts.get(1).with_context(|| format!("about nothing: {line}"))?;
            let value = parts.get(2).copied().unwrap_or_default();
            facts.insert((fact, target.to_owned()), (value.to_owned(), false));
        }
        Ok(Supplement { facts })
    }

    /// The value of a fact about a type or field.
    pub(super) fn take(&mut self, fact: Fact, target: &str) -> Option<String> {
        let (value, used) = self.facts.get_mut(&(fact, target.to_owned()))?;
        *used = true;
        Some(value.clone())
    }

    /// Every line must have been about something.
    pub(super) fn finish(&self) -> Result<()> {
        let unused: Vec<String> = self
            .facts
            .iter()
            .filter(|(_, (_, used))| !used)
            .map(|((fact, target), _)| format!("{fact:?} {target}"))
            .collect();
        ensure!(unused.is_empty(), "lines of supplement.tsv are about nothing: {}", unused.join(", "));
        Ok(())
    }
}

fn fact(word: &str) -> Option<Fact> {
    Some(match word {
        "plain" => Fact::Plain,
        "pointer" => Fact::Pointer,
        "tag" => Fact::Tag,
        "list" => Fact::List,
        "merge" => Fact::Merge,
        "default" => Fact::Default,
        _ => return None,
    })
}
