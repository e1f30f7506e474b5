//! The leader adds whoever is missing, so that a cluster grows to its full size however its members were started.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use xebec_store::{Member, Store};

use super::options::Seat;

/// Between two looks at the membership.
const LOOK: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(30);

/// Works until all are members, or for as long as another leads.
pub(super) async fn grow(store: Store, seats: Vec<Seat>) {
    while let Some(seat) = missing(&store, &seats) {
        let leads = store.leadership().borrow().is_leader;
        let (address, api_address) = (seat.address.clone(), seat.address.clone());
        let member = Member { id: seat.id, name: seat.name(), peer_address: address, api_address };
        if leads && let Err(error) = store.add_member(member, Instant::now() + PATIENCE).await {
            tracing::warn!(%error, id = seat.id, "cannot add a member, trying again");
        }
        sleep(LOOK).await;
    }
}

fn missing<'a>(store: &Store, seats: &'a [Seat]) -> Option<&'a Seat> {
    let members = store.status().members;
    let votes = |seat: &Seat| members.iter().any(|status| status.member.id == seat.id && status.voter);
    seats.iter().find(|seat| !votes(seat))
}
