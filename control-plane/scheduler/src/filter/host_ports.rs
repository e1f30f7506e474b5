//! A host port can be taken once on a node, by address and protocol.

use super::{Question, object};
use crate::decision::Reason;

pub(super) fn check(question: &Question<'_>) -> Vec<Reason> {
    let taken = &question.node.host_ports;
    let conflict = question.demand.host_ports.iter().any(|wanted| taken.iter().any(|port| port.conflicts(wanted)));
    object(conflict, Reason::HostPorts)
}
