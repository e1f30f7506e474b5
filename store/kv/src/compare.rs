//! Conditions of a transaction.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::model::{KeyValue, Revision};

/// A condition on one key, judged on the state before the transaction, also when a nested transaction makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// The key asked about.
    pub key: Bytes,
    /// How what the key has must relate to [`Compare::operand`].
    pub relation: Relation,
    /// What is compared, and with what.
    pub operand: Operand,
}

/// `found <relation> wanted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are the same.
    Equal,
    /// They differ.
    NotEqual,
    /// What is found is less; values by their bytes.
    Less,
    /// What is found is greater; values by their bytes.
    Greater,
}

/// One property of a key, and what it is compared with. Each number of a key that does not exist is 0; its value has no
/// relation to any other, so that a comparison of values does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// See [`KeyValue::create_revision`].
    CreateRevision(Revision),
    /// See [`KeyValue::mod_revision`].
    ModRevision(Revision),
    /// See [`KeyValue::version`].
    Version(u64),
    /// See [`KeyValue::lease`].
    Lease(u64),
    /// See [`KeyValue::value`].
    Value(Bytes),
}

impl Compare {
    /// Any condition.
    pub fn new(key: impl Into<Bytes>, relation: Relation, operand: Operand) -> Compare {
        Compare { key: key.into(), relation, operand }
    }

    /// The key does not exist.
    pub fn absent(key: impl Into<Bytes>) -> Compare {
        Compare::new(key, Relation::Equal, Operand::Version(0))
    }

    /// The key exists.
    pub fn exists(key: impl Into<Bytes>) -> Compare {
        Compare::new(key, Relation::Greater, Operand::Version(0))
    }

    /// The key was last put at this revision; 0: it does not exist.
    pub fn unchanged(key: impl Into<Bytes>, mod_revision: Revision) -> Compare {
        Compare::new(key, Relation::Equal, Operand::ModRevision(mod_revision))
    }

    /// Whether it holds for what the key is.
    pub(crate) fn holds(&self, found: Option<&KeyValue>) -> bool {
        let number = |of: fn(&KeyValue) -> u64, wanted: &u64| self.allows(found.map_or(0, of).cmp(wanted));
        match &self.operand {
            Operand::CreateRevision(wanted) => number(|kv| kv.create_revision, wanted),
            Operand::ModRevision(wanted) => number(|kv| kv.mod_revision, wanted),
            Operand::Version(wanted) => number(|kv| kv.version, wanted),
            Operand::Lease(wanted) => number(|kv| kv.lease, wanted),
            Operand::Value(wanted) => found.is_some_and(|kv| self.allows(kv.value.cmp(wanted))),
        }
    }

    fn allows(&self, order: Ordering) -> bool {
        match self.relation {
            Relation::Equal => order.is_eq(),
            Relation::NotEqual => order.is_ne(),
            Relation::Less => order.is_lt(),
            Relation::Greater => order.is_gt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Option<&KeyValue>, operand: &Operand, expect: [bool; 4]) {
        let relations = [Relation::Equal, Relation::NotEqual, Relation::Less, Relation::Greater];
        let held = relations.map(|relation| Compare::new("k", relation, operand.clone()).holds(found));
        assert_eq!(held, expect, "{operand:?}");
    }

    #[test]
    fn each_property_relates_to_its_own_operand() {
        let kv = KeyValue {
            key: Bytes::from_static(b"k"),
            value: Bytes::from_static(b"m"),
            create_revision: 3,
            mod_revision: 5,
            version: 2,
            lease: 7,
        };
        let (equal, less, greater) =
            ([true, false, false, false], [false, true, true, false], [false, true, false, true]);
        check(Some(&kv), &Operand::CreateRevision(3), equal);
        check(Some(&kv), &Operand::ModRevision(6), less);
        check(Some(&kv), &Operand::Version(1), greater);
        check(Some(&kv), &Operand::Lease(7), equal);
        check(Some(&kv), &Operand::Value(Bytes::from_static(b"mm")), less);
    }

    #[test]
    fn what_is_not_there_has_numbers_of_0_and_no_value() {
        check(None, &Operand::ModRevision(0), [true, false, false, false]);
        check(None, &Operand::Lease(1), [false, true, true, false]);
        check(None, &Operand::Value(Bytes::new()), [false; 4]);
        assert!(Compare::absent("k").holds(None) && !Compare::exists("k").holds(None));
    }
}
