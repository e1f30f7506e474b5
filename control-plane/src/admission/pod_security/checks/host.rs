//! What belongs to the node: its processes, namespaces and ports, and addresses that its agent dials for a pod.

use k8s_openapi::api::core::v1::{LifecycleHandler, Probe};

use super::super::policy::Policy;
use super::super::subject::{Member, Subject};
use super::{Violation, of_members, violation};

/// No HostProcess containers (Windows).
pub(super) fn process(_: &Policy, subject: &Subject) -> Option<Violation> {
    let pod = subject.spec.security_context.as_ref().and_then(|context| context.windows_options.as_ref());
    let pod = pod.is_some_and(|options| options.host_process == Some(true));
    let of_member = |member: &Member<'_>| {
        let options = member.security.and_then(|security| security.windows_options.as_ref());
        options.is_some_and(|options| options.host_process == Some(true))
    };
    if pod {
        let detail = "pod must not set securityContext.windowsOptions.hostProcess=true".to_owned();
        return Some(Violation { rule: "hostProcess", detail });
    }
    of_members("hostProcess", subject, of_member, |names| {
        format!("{names} must not set securityContext.windowsOptions.hostProcess=true")
    })
}

/// Namespaces of its own.
pub(super) fn namespaces(_: &Policy, subject: &Subject) -> Option<Violation> {
    let spec = &subject.spec;
    let flags = [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)];
    let set = flags.iter().filter(|(_, set)| *set == Some(true)).map(|(name, _)| format!("{name}=true"));
    violation("host namespaces", set.collect())
}

/// No ports of the node.
pub(super) fn ports(_: &Policy, subject: &Subject) -> Option<Violation> {
    let of = |member: &Member<'_>| {
        let ports = member.ports.iter().filter_map(|port| port.host_port);
        ports.filter(|port| *port != 0).collect::<Vec<_>>()
    };
    let mut used: Vec<i32> = subject.members().flat_map(|member| of(&member)).collect();
    used.sort_unstable();
    used.dedup();
    let told: Vec<String> = used.iter().map(ToString::to_string).collect();
    of_members(
        "hostPort",
        subject,
        |member| !of(member).is_empty(),
        |names| format!("{names} must not use hostPort{} {}", if told.len() == 1 { "" } else { "s" }, told.join(", ")),
    )
}

/// Probes and hooks that are run by the node must not lead elsewhere than to the pod.
pub(super) fn probes(_: &Policy, subject: &Subject) -> Option<Violation> {
    let probe = |probe: &Probe| {
        let http = probe.http_get.as_ref().and_then(|http| http.host.as_deref());
        names_host(http) || names_host(probe.tcp_socket.as_ref().and_then(|tcp| tcp.host.as_deref()))
    };
    let hook = |hook: &LifecycleHandler| {
        let http = hook.http_get.as_ref().and_then(|http| http.host.as_deref());
        names_host(http) || names_host(hook.tcp_socket.as_ref().and_then(|tcp| tcp.host.as_deref()))
    };
    let breaks = |member: &Member<'_>| {
        let hooks = member.lifecycle.iter().flat_map(|lifecycle| [&lifecycle.post_start, &lifecycle.pre_stop]);
        member.probes.iter().flatten().any(|one| probe(one)) || hooks.flatten().any(hook)
    };
    of_members("probe or lifecycle host", subject, breaks, |names| {
        format!("{names} must not set a host in probes or lifecycle hooks")
    })
}

fn names_host(host: Option<&str>) -> bool {
    host.is_some_and(|host| !host.is_empty())
}
