//! Each key behaves as if its requests had been done one at a time, each at some moment between being made and being answered.
//!
//! The search is that of Wing and Gong, with Lowe's memory of what was tried. A request that was not answered may have been done
//! at any later moment, or never; so that the search does not drown in them, one that puts a value is placed by what others saw
//! of that value: unseen, it is left out; seen, it was done before the first who saw it was answered. Values are unique, and
//! every write says what it replaced, so that leaves nothing out that matters.

use std::collections::{BTreeMap, HashSet};

use super::reference::Reference;
use crate::clients::KEYS;
use crate::record::{Ask, Call, Key, Record, Told, Value};

/// Situations looked at for one key before the search gives up and says so.
const MOST: usize = 2_000_000;

type State = Option<Value>;

/// One request, as one key sees it.
#[derive(Clone, Copy, Debug)]
struct Step {
    begun: u64,
    /// `u64::MAX`: it may never have been done.
    ended: u64,
    action: Action,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    /// Puts or removes; `was` is what it says that it replaced, if it was answered.
    Write {
        to: State,
        was: Option<State>,
    },
    /// Puts if the expected value is there.
    Swap {
        expected: Value,
        to: Value,
        held: Option<bool>,
        found: State,
    },
    Read(State),
}

pub(super) fn check(record: &Record, _reference: &Reference) -> Vec<String> {
    let problem = |key: Key| {
        let steps = steps_of(record, key);
        match search(&steps) {
            Some(true) => None,
            Some(false) => Some(format!("key {key}: no order explains what {} requests were told", steps.len())),
            None => Some(format!("key {key}: not decided within {MOST} situations")),
        }
    };
    (0..KEYS as Key).filter_map(problem).collect()
}

fn steps_of(record: &Record, key: Key) -> Vec<Step> {
    let steps: Vec<Step> = record.calls.iter().filter_map(|call| step_of(call, key)).collect();
    let mut seen = BTreeMap::<Value, u64>::new();
    for (value, ended) in steps.iter().flat_map(sights) {
        let first = seen.entry(value).or_insert(ended);
        *first = ended.min(*first);
    }
    steps.into_iter().filter_map(|step| placed(step, &seen)).collect()
}

fn step_of(call: &Call, key: Key) -> Option<Step> {
    let action = match (&call.ask, &call.told) {
        (_, Told::Refused(_)) | (Ask::Peek { .. }, _) | (Ask::Get { .. }, Told::Unknown) => return None,
        (Ask::Put { keys, value }, told) => {
            let at = keys.iter().position(|other| *other == key)?;
            Action::Write { to: Some(*value), was: before(told, at) }
        }
        (Ask::Delete { key: of }, told) if *of == key => Action::Write { to: None, was: before(told, 0) },
        (Ask::Swap { key: of, expected, value }, told) if *of == key => {
            let (held, found) = match told {
                Told::Done { .. } => (Some(true), None),
                Told::Differs { found, .. } => (Some(false), *found),
                _ => (None, None),
            };
            Action::Swap { expected: *expected, to: *value, held, found }
        }
        (Ask::Get { key: of }, Told::Read { value, .. }) if *of == key => Action::Read(*value),
        _ => return None,
    };
    Some(Step { begun: call.begun, ended: call.ended, action })
}

fn before(told: &Told, at: usize) -> Option<State> {
    match told {
        Told::Done { before, .. } => before.get(at).copied(),
        _ => None,
    }
}

/// The values that an answered request saw, and when it was answered.
fn sights(step: &Step) -> Option<(Value, u64)> {
    let value = match step.action {
        Action::Write { was, .. } => was.flatten(),
        Action::Swap { expected, held: Some(true), .. } => Some(expected),
        Action::Swap { found, .. } => found,
        Action::Read(value) => value,
    };
    (step.ended != u64::MAX).then_some((value?, step.ended))
}

/// Gives an unanswered put its latest moment, or leaves it out.
fn placed(step: Step, seen: &BTreeMap<Value, u64>) -> Option<Step> {
    let unanswered = step.ended == u64::MAX;
    match step.action {
        Action::Write { to: Some(value), .. } | Action::Swap { to: value, .. } if unanswered => {
            seen.get(&value).map(|ended| Step { ended: *ended, ..step })
        }
        _ => Some(step),
    }
}

/// The state after a step; `None`: it cannot be done here and be told what it was.
fn after(state: State, action: Action) -> Option<State> {
    match action {
        Action::Write { to, was } => was.is_none_or(|was| was == state).then_some(to),
        Action::Swap { expected, to, held: Some(true), .. } => (state == Some(expected)).then_some(Some(to)),
        Action::Swap { expected, held: Some(false), found, .. } => {
            (state == found && state != Some(expected)).then_some(state)
        }
        // It was placed because its value was seen: so it held.
        Action::Swap { expected, to, held: None, .. } => (state == Some(expected)).then_some(Some(to)),
        Action::Read(value) => (value == state).then_some(state),
    }
}

/// Which steps were done.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Done(Vec<u64>);

impl Done {
    fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn with(&self, at: usize) -> Done {
        let mut done = self.clone();
        done.0[at / 64] |= 1 << (at % 64);
        done
    }

    /// Everything before it is done.
    fn first_open(&self) -> usize {
        self.0
            .iter()
            .enumerate()
            .find(|(_, word)| **word != u64::MAX)
            .map_or(0, |(at, word)| at * 64 + word.trailing_ones() as usize)
    }
}

/// Whether some order explains all steps, which are sorted by when they were made; `None`: too much to look at.
fn search(steps: &[Step]) -> Option<bool> {
    let nothing = Done(vec![0; steps.len() / 64 + 1]);
    let mut tried = HashSet::new();
    let mut open: Vec<(Done, State)> = vec![(nothing, None)];
    while let Some((done, state)) = open.pop() {
        let next = candidates(steps, &done);
        if next.iter().all(|at| steps[*at].ended == u64::MAX) {
            return Some(true);
        }
        for at in next.into_iter().rev() {
            let Some(state) = after(state, steps[at].action) else { continue };
            let done = done.with(at);
            if tried.insert((done.clone(), state)) {
                open.push((done, state));
            }
        }
        if tried.len() > MOST {
            return None;
        }
    }
    Some(false)
}

/// The steps that may come next: those made before any of the others was answered.
fn candidates(steps: &[Step], done: &Done) -> Vec<usize> {
    let mut next: Vec<usize> = Vec::new();
    let mut first_answer = u64::MAX;
    for (at, step) in steps.iter().enumerate().skip(done.first_open()) {
        if step.begun > first_answer {
            break;
        }
        if !done.has(at) {
            first_answer = first_answer.min(step.ended);
            next.push(at);
        }
    }
    next.retain(|at| steps[*at].begun < first_answer);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(begun: u64, ended: u64, action: Action) -> Step {
        Step { begun, ended, action }
    }

    fn put(value: Value, was: State) -> Action {
        Action::Write { to: Some(value), was: Some(was) }
    }

    #[test]
    fn requests_at_the_same_time_may_come_in_any_order() {
        let steps = [step(1, 6, put(1, None)), step(2, 5, put(2, Some(1))), step(3, 4, Action::Read(Some(1)))];
        assert_eq!(search(&steps), Some(true));
    }

    #[test]
    fn a_stale_read_is_found() {
        let steps = [step(1, 2, put(1, None)), step(3, 4, put(2, Some(1))), step(5, 6, Action::Read(Some(1)))];
        assert_eq!(search(&steps), Some(false));
    }

    #[test]
    fn a_lost_write_is_found() {
        let steps = [step(1, 2, put(1, None)), step(3, 4, put(2, None))];
        assert_eq!(search(&steps), Some(false));
    }

    #[test]
    fn an_unanswered_removal_may_have_been_done_late_or_never() {
        let removal = step(3, u64::MAX, Action::Write { to: None, was: None });
        let seen = [step(1, 2, put(1, None)), removal, step(7, 8, Action::Read(None))];
        assert_eq!(search(&seen), Some(true));
        let unseen = [step(1, 2, put(1, None)), removal, step(7, 8, Action::Read(Some(1)))];
        assert_eq!(search(&unseen), Some(true));
        let undone =
            [step(1, 2, put(1, None)), removal, step(7, 8, Action::Read(None)), step(9, 10, Action::Read(Some(1)))];
        assert_eq!(search(&undone), Some(false), "it cannot be undone");
    }
}
