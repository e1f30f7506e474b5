//! A priority level: its seats, and what becomes of who finds none.

use serde_json::Value;
use xebec_api::value;

/// What a PriorityLevelConfiguration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LevelSpec {
    pub(super) name: String,
    pub(super) uid: String,
    /// Never queued, and beside the seats of the others.
    pub(super) exempt: bool,
    /// The level's part of all seats, against the other levels' shares.
    pub(super) shares: u32,
    /// Of its seats, the part that others may use while it does not, in percent.
    pub(super) lendable_percent: u32,
    /// How many seats of others it may use beside its own, in percent of its own; `None`: all there are.
    pub(super) borrowing_percent: Option<u32>,
    /// How it queues; `None`: it refuses at once.
    pub(super) queuing: Option<Queuing>,
}

/// How a level queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queuing {
    pub(super) queues: usize,
    /// The queues that one flow may use.
    pub(super) hand: usize,
    /// Requests that a queue takes.
    pub(super) length: usize,
}

/// The most queues of a level: each costs a little, used or not.
const MAX_QUEUES: i64 = 1_024;
const MAX_LENGTH: i64 = 10_000;

impl LevelSpec {
    /// Reads a PriorityLevelConfiguration; `None` when it has no name or type.
    pub(super) fn read(object: &Value) -> Option<LevelSpec> {
        let exempt = match value::text(object, "/spec/type")? {
            "Exempt" => true,
            "Limited" => false,
            _ => return None,
        };
        let branch = if exempt { "exempt" } else { "limited" };
        let number = |field: &str| value::number(object, &format!("/spec/{branch}/{field}"));
        let count = |field: &str, usual: i64| u32::try_from(number(field).unwrap_or(usual).clamp(0, 1_000_000)).ok();
        let queues = value::text(object, "/spec/limited/limitResponse/type") == Some("Queue");
        Some(LevelSpec {
            name: value::text(object, "/metadata/name")?.to_owned(),
            uid: value::text(object, "/metadata/uid").unwrap_or_default().to_owned(),
            exempt,
            shares: count("nominalConcurrencyShares", if exempt { 0 } else { 30 })?,
            lendable_percent: count("lendablePercent", 0)?.min(100),
            borrowing_percent: number("borrowingLimitPercent").and_then(|percent| u32::try_from(percent).ok()),
            queuing: queues.then(|| Queuing::read(object)),
        })
    }
}

impl Queuing {
    fn read(level: &Value) -> Queuing {
        let number = |field: &str, usual: i64, most: i64| {
            let found = value::number(level, &format!("/spec/limited/limitResponse/queuing/{field}"));
            usize::try_from(found.unwrap_or(usual).clamp(1, most)).unwrap_or(1)
        };
        let queues = number("queues", 64, MAX_QUEUES);
        let hand = number("handSize", 8, MAX_QUEUES).min(queues);
        Queuing { queues, hand, length: number("queueLengthLimit", 50, MAX_LENGTH) }
    }
}
