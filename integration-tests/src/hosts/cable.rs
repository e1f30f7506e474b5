//! A host's cable: pulled out and plugged in again at the bridge, which the host cannot tell from a dead switch.

use anyhow::Result;

use super::{Host, Plan};
use crate::command::words;

/// One host's connection to the bridge.
#[derive(Clone, Debug)]
pub struct Cable {
    bridge: String,
    port: String,
}

impl Cable {
    /// The cable of `host`.
    pub fn of(plan: &Plan, host: &Host) -> Cable {
        Cable { bridge: plan.bridge_namespace(), port: host.name.clone() }
    }

    /// From now on no packet comes or goes.
    pub fn pull(&self) -> Result<()> {
        words(&format!("ip -n {} link set {} nomaster", self.bridge, self.port)).map(drop)
    }

    /// As it was.
    pub fn plug(&self) -> Result<()> {
        words(&format!("ip -n {} link set {} master br0", self.bridge, self.port)).map(drop)
    }
}
