//! The rules of the Pod Security Standards, in the order in which they are told.

mod access;
mod capabilities;
mod host;
mod kernel;
mod seccomp;
mod users;
mod volumes;

use super::policy::{Level, Policy};
use super::subject::{Member, Subject};

/// What breaks a rule: the rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) rule: &'static str,
    pub(super) detail: String,
}

/// A rule of a level, and since which minor version it holds.
struct Rule {
    level: Level,
    since: u32,
    check: fn(&Policy, &Subject) -> Option<Violation>,
}

const fn baseline(check: fn(&Policy, &Subject) -> Option<Violation>) -> Rule {
    Rule { level: Level::Baseline, since: 0, check }
}

const fn restricted(since: u32, check: fn(&Policy, &Subject) -> Option<Violation>) -> Rule {
    Rule { level: Level::Restricted, since, check }
}

static RULES: [Rule; 18] = [
    baseline(host::process),
    baseline(host::namespaces),
    baseline(access::privileged),
    baseline(capabilities::added),
    baseline(volumes::host_path),
    baseline(host::ports),
    Rule { level: Level::Baseline, since: 34, check: host::probes },
    baseline(kernel::app_armor),
    baseline(kernel::se_linux),
    baseline(kernel::proc_mount),
    baseline(seccomp::unconfined),
    baseline(kernel::sysctls),
    restricted(0, volumes::kinds),
    restricted(8, access::escalation),
    restricted(22, capabilities::not_dropped),
    restricted(0, users::may_be_root),
    restricted(23, users::is_root),
    restricted(19, seccomp::not_set),
];

/// Everything about the subject that the policy does not allow, in one line; `None` when all is well.
pub(super) fn complaint(policy: &Policy, subject: &Subject) -> Option<String> {
    let counts = |rule: &&Rule| rule.level <= policy.level && policy.knows(rule.since);
    let violations = RULES.iter().filter(counts).filter_map(|rule| (rule.check)(policy, subject));
    let told: Vec<String> = violations.map(|violation| format!("{} ({})", violation.rule, violation.detail)).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// A violation of the containers that break a rule; `None` when none does.
fn of_members(
    rule: &'static str,
    subject: &Subject,
    breaks: impl Fn(&Member<'_>) -> bool,
    detail: impl FnOnce(&str) -> String,
) -> Option<Violation> {
    let names: Vec<&str> = subject.members().filter(|member| breaks(member)).map(|member| member.name).collect();
    (!names.is_empty()).then(|| Violation { rule, detail: detail(&plural(&names)) })
}

/// `container "a"`, or `containers "a", "b"`.
fn plural(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("container{} {}", if names.len() == 1 { "" } else { "s" }, quoted.join(", "))
}

fn violation(rule: &'static str, parts: Vec<String>) -> Option<Violation> {
    (!parts.is_empty()).then(|| Violation { rule, detail: parts.join(", ") })
}
