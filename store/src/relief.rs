//! A leader whose disk is nearly full hands over to a voter that has room.
//!
//! Writes then go on, and the full member goes on as a follower that falls behind when nothing is left. If nobody has room,
//! it goes on leading, with its alarm: leadership would only go round.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use xebec_proto::peer::RoomRequest;

use crate::core::Core;
use crate::error::StoreError;
use crate::membership::is_caught_up;
use crate::network::Lane;

/// A member that says nothing about its room by then is passed over.
const ANSWER: Duration = Duration::from_millis(500);
const HANDOVER: Duration = Duration::from_secs(2);

impl Core {
    /// Hands over, if this member leads without room and another voter has some.
    pub(crate) async fn seek_relief(&self) -> Result<(), StoreError> {
        if !self.space.short() {
            return Ok(());
        }
        for id in self.close_voters() {
            if self.has_room(id).await {
                tracing::warn!(to = id, "this leader's disk is nearly full: handing over to a member that has room");
                return self.transfer_leader(id, Instant::now() + HANDOVER).await;
            }
        }
        Ok(())
    }

    /// The other voters that have nearly all of the log.
    fn close_voters(&self) -> Vec<u64> {
        let metrics = self.metrics();
        let close = |id: &u64| *id != self.node_id && is_caught_up(&metrics, *id);
        metrics.membership_config.voter_ids().filter(close).collect()
    }

    async fn has_room(&self, id: u64) -> bool {
        let Some(address) = self.peer_address(id) else { return false };
        let Ok(mut client) = self.peers.client(&address, Lane::Forward) else { return false };
        let request = RoomRequest { envelope: Some(self.peers.envelope(id)) };
        let answer = timeout_at(Instant::now() + ANSWER, client.room(request)).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| !answer.into_inner().short))
    }
}
