//! The older versions of a key: a stack that shares what lies below with the states that were published before.
//!
//! ```text
//!  top ──► 6 ──► 5 ──► 4 ──► 3 ──► 2 ──► 1        below: the next older version
//!          └──────────► 4    └──────────────►     jump: one far below, twice as far where that evens out
//! ```
//!
//! A push makes one link, whatever lies below. Jumps (Myers' applicative random-access stack) make a search logarithmic.
//! What is forgotten is first only not counted; once it is more than what is left, what is left is copied. So a hot key with
//! a long history costs the same for each change as any other.

use std::sync::Arc;

use crate::chain::Version;
use crate::model::Revision;

/// Versions, the newest on top.
#[derive(Clone, Debug, Default)]
pub(crate) struct Older {
    top: Next,
    /// How many count.
    len: usize,
}

#[derive(Debug)]
struct Link {
    version: Version,
    below: Next,
    jump: Next,
    /// Links from here down, this one included.
    depth: usize,
}

/// The way down. Dropping it takes link by link, since a stack of calls as deep as the history is long would overflow.
#[derive(Clone, Debug, Default)]
struct Next(Option<Arc<Link>>);

impl Older {
    /// Adds a version newer than all.
    pub(crate) fn push(&mut self, version: Version) {
        self.top = Next(Some(Arc::new(Link {
            version,
            below: self.top.clone(),
            jump: self.top.jump_from_above(),
            depth: self.top.depth() + 1,
        })));
        self.len += 1;
    }

    /// All versions, newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Version> {
        self.up_to(Revision::MAX)
    }

    /// The versions of `revision` and before, newest first.
    pub(crate) fn up_to(&self, revision: Revision) -> impl Iterator<Item = &Version> {
        let first = self.descend(|link| link.version.mod_revision <= revision);
        let links = std::iter::successors(first, |link| link.below.link());
        let forgotten = self.forgotten();
        links.take_while(move |link| link.depth > forgotten).map(|link| &link.version)
    }

    /// How many versions are newer than `revision`.
    pub(crate) fn count_after(&self, revision: Revision) -> usize {
        let up_to = self.descend(|link| link.version.mod_revision <= revision).map_or(0, |link| link.depth);
        self.top.depth() - up_to.max(self.forgotten())
    }

    /// The oldest version.
    pub(crate) fn oldest(&self) -> Option<&Version> {
        let lowest = self.forgotten() + 1;
        self.descend(|link| link.depth <= lowest).map(|link| &link.version)
    }

    /// Forgets all versions but the newest so many.
    pub(crate) fn keep(&mut self, newest: usize) {
        self.len = self.len.min(newest);
        if self.forgotten() > self.len {
            let kept: Vec<Version> = self.iter().cloned().collect();
            *self = Older::default();
            kept.into_iter().rev().for_each(|version| self.push(version));
        }
    }

    /// How many of the links, the lowest, do not count.
    fn forgotten(&self) -> usize {
        self.top.depth() - self.len
    }

    /// The topmost link of which `reached` is true, as it then is of all below.
    fn descend(&self, reached: impl Fn(&Link) -> bool) -> Option<&Link> {
        let mut link = self.top.link()?;
        while !reached(link) {
            link = match link.jump.link() {
                Some(jump) if !reached(jump) => jump,
                _ => link.below.link()?,
            };
        }
        Some(link)
    }
}

impl Next {
    fn link(&self) -> Option<&Link> {
        self.0.as_deref()
    }

    fn depth(&self) -> usize {
        self.link().map_or(0, |link| link.depth)
    }

    fn jump(&self) -> Option<&Next> {
        self.link().map(|link| &link.jump)
    }

    /// Where the link that comes to lie on this one jumps: past two jumps of the same length, else just here.
    fn jump_from_above(&self) -> Next {
        let Some(jump) = self.jump() else { return self.clone() };
        let far = jump.jump().cloned().unwrap_or_default();
        if self.depth() - jump.depth() == jump.depth() - far.depth() { far } else { self.clone() }
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.below.0.take();
        }
    }
}

impl PartialEq for Older {
    fn eq(&self, other: &Older) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl Eq for Older {}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(revisions: std::ops::RangeInclusive<u64>) -> Older {
        let mut older = Older::default();
        revisions.for_each(|revision| older.push(Version::tombstone(revision)));
        older
    }

    fn at(older: &Older, revision: u64) -> Option<u64> {
        older.up_to(revision).next().map(|version| version.mod_revision)
    }

    fn revisions(older: &Older) -> Vec<u64> {
        older.iter().map(|version| version.mod_revision).collect()
    }

    /// Steps of a search.
    fn steps(older: &Older, revision: u64) -> usize {
        let steps = std::cell::Cell::new(0);
        older.descend(|link| {
            steps.set(steps.get() + 1);
            link.version.mod_revision <= revision
        });
        steps.get()
    }

    #[test]
    fn what_was_current_is_found_in_few_steps() {
        let older = stack(1..=100_000);
        for revision in [1, 2, 3, 77, 1024, 65_536, 99_999, 100_000] {
            assert_eq!(at(&older, revision), Some(revision));
            assert!(steps(&older, revision) < 100, "{} steps to {revision}", steps(&older, revision));
        }
        assert_eq!(at(&older, 0), None);
        assert_eq!(at(&older, u64::MAX), Some(100_000));
    }

    #[test]
    fn what_is_forgotten_is_not_found() {
        let full = stack(1..=20);
        for kept in 0..=20 {
            let mut older = full.clone();
            older.keep(kept as usize);
            let expected: Vec<u64> = (21 - kept..=20).rev().collect();
            assert_eq!((revisions(&older), older.len), (expected, kept as usize));
            assert_eq!(older.oldest().map(|version| version.mod_revision), (kept > 0).then_some(21 - kept));
            assert_eq!(at(&older, 20 - kept), None);
            assert!(older.forgotten() <= older.len, "{} forgotten links are held", older.forgotten());
            older.push(Version::tombstone(21));
            assert_eq!(older.len, kept as usize + 1);
        }
        assert_eq!(full.len, 20, "who shares it still has all");
    }

    #[test]
    fn a_long_history_is_dropped_without_a_deep_stack() {
        let older = stack(1..=1_000_000);
        let shares = older.clone();
        drop(older);
        drop(shares);
    }
}
