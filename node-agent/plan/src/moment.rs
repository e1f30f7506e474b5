//! A point in time as plans use it: whole milliseconds, comparable, and storable in the pod's state file.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment(pub i64);

impl Moment {
    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment, `duration` later.
    pub fn after(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// As a timestamp; moments outside the range of timestamps become the epoch.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// As Kubernetes objects carry it.
    pub fn time(self) -> Time {
        Time(self.timestamp())
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Moment {
        Moment(timestamp.as_millisecond())
    }
}
