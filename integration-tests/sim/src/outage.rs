//! How long nobody can write after the leader is cut off.

use std::sync::Arc;
use std::time::Duration;

use crate::chance::Chance;
use crate::cluster::Cluster;
use crate::faults::{Fault, Planned};
use crate::hooks::simulated;
use crate::member::Common;
use crate::record::{Recorder, Told};
use crate::simulation::{form, tuning};
use crate::watchers::Pool;

const MEMBERS: u64 = 3;
/// Everybody is at work before the cut.
const WARMING: Duration = Duration::from_millis(1_500);
/// Longer outages are not waited for.
const LONGEST: Duration = Duration::from_secs(25);

/// A leader's loss, and whether the store's own watchdog is on.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// Everything else follows from it.
    pub seed: u64,
    /// What happens to the leader.
    pub fault: Fault,
    /// Whether a leader that no majority answers falls silent by the store's doing.
    pub watchdog: bool,
}

impl Outage {
    /// From the cut to the first write that was begun after it and acknowledged at another member; 25 s
    /// if there was none.
    pub fn measure(self) -> Duration {
        simulated(self.seed, || self.play())
    }

    fn play(self) -> Duration {
        let mut chance = Chance::new(self.seed);
        let mut tuning = tuning();
        if !self.watchdog {
            tuning.quorum_loss = Duration::from_secs(3600);
        }
        let recorder = Recorder::default();
        let (pool, quiet) = (Pool::of(0), Arc::default());
        let common = Common { recorder: recorder.clone(), pool, tuning, mutant: None, quiet };
        let mut cluster = Cluster::new(chance.next(), MEMBERS, common);
        assert!(form(&mut cluster, MEMBERS), "seed {}: no cluster was formed", self.seed);
        cluster.step_until(WARMING + chance.millis(0..500), |_| false);
        cluster.step_until(LONGEST, |cluster| cluster.leader().is_some());
        let lost = cluster.leader().expect("somebody leads").id;
        let (cut, asked) = (cluster.now(), recorder.open().calls.len());
        cluster.strike(&Planned { at: cut, lasts: LONGEST, fault: self.fault });
        let written = |_: &Cluster| {
            let record = recorder.open();
            record.calls[asked..].iter().any(|call| call.member != lost && matches!(call.told, Told::Done { .. }))
        };
        cluster.step_until(LONGEST, written);
        cluster.now() - cut
    }
}
