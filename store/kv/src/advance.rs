//! Jumping ahead: for a state that was brought back from the past.

use crate::model::Revision;
use crate::state::State;

impl State {
    /// Goes on at a later revision, without the history before it: whoever saw revisions that this state has lost finds
    /// them compacted, and starts over, and none is given out twice. Not a command: the state must not be served yet.
    pub fn advance(&mut self, revision: Revision) {
        self.revision = self.revision.max(revision);
        self.compact(self.revision, u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Body, Command, Op, PastError, RequestId, Txn};

    #[test]
    fn what_was_seen_before_is_compacted_and_no_revision_comes_twice() {
        let mut state = State::default();
        let put = |state: &mut State, value: &'static str| {
            let op = Op::Put { key: Bytes::from_static(b"/k"), value: Bytes::from_static(value.as_bytes()), lease: 0 };
            let body = Body::Txn(Txn { success: vec![op], ..Txn::default() });
            state.apply(&Command { request_id: RequestId::default(), time_ms: 0, body })
        };
        put(&mut state, "one");
        put(&mut state, "two");
        state.advance(1000);
        assert_eq!((state.revision(), state.compact_revision()), (1000, 1000));
        let kv = state.get(b"/k").unwrap();
        assert_eq!((&kv.value[..], kv.mod_revision), (&b"two"[..], 3));
        assert!(matches!(state.events_after(3), Err(PastError::Compacted { .. })));
        assert_eq!(put(&mut state, "three").events[0].revision, 1001);
        assert_eq!(state.events_after(1000).unwrap().count(), 1);
    }
}
