//! Levels and versions, as namespaces' labels say them.

use std::collections::BTreeMap;
use std::fmt;

use xebec_api::{FieldError, FieldPath};

const PREFIX: &str = "pod-security.kubernetes.io/";
/// The newest minor version whose rules are known; `latest` means this one.
const NEWEST: u32 = 35;

/// How much a pod may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Everything.
    #[default]
    Privileged,
    /// Nothing that is known to lead out of the pod.
    Baseline,
    /// What a careful program needs.
    Restricted,
}

/// Whose rules: those of Kubernetes 1.`minor`, or the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// Whatever is newest.
    #[default]
    Latest,
    /// As of this minor version.
    Minor(u32),
}

/// A level as of a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) level: Level,
    pub(super) version: Version,
}

/// What a namespace asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Policies {
    pub(super) enforce: Policy,
    pub(super) audit: Policy,
    pub(super) warn: Policy,
}

impl Policies {
    /// What a namespace's labels say, and what is wrong with them. A level that cannot be read is the strictest.
    pub(super) fn read(labels: &BTreeMap<String, String>) -> (Self, Vec<FieldError>) {
        let mut errors = Vec::new();
        let mut policy = |mode: &str| Policy {
            level: label(labels, mode, Level::Restricted, &mut errors),
            version: label(labels, &format!("{mode}-version"), Version::Latest, &mut errors),
        };
        let (enforce, audit, warn) = (policy("enforce"), policy("audit"), policy("warn"));
        (Self { enforce, audit, warn }, errors)
    }

    /// Whether there is no pod that it has anything to say about.
    pub(super) fn allow_everything(&self) -> bool {
        [self.enforce, self.audit, self.warn].iter().all(|policy| policy.level == Level::Privileged)
    }
}

trait Word: Sized + Default {
    const RULE: &'static str;
    fn parse(word: &str) -> Option<Self>;
}

impl Word for Level {
    const RULE: &'static str = "must be one of privileged, baseline, restricted";

    fn parse(word: &str) -> Option<Self> {
        match word {
            "privileged" => Some(Self::Privileged),
            "baseline" => Some(Self::Baseline),
            "restricted" => Some(Self::Restricted),
            _ => None,
        }
    }
}

impl Word for Version {
    const RULE: &'static str = "must be \"latest\" or \"v1.x\"";

    fn parse(word: &str) -> Option<Self> {
        if word == "latest" {
            return Some(Self::Latest);
        }
        let digits = word.strip_prefix("v1.")?;
        let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.parse().ok().filter(|_| plain).map(Self::Minor)
    }
}

fn label<W: Word>(labels: &BTreeMap<String, String>, key: &str, otherwise: W, errors: &mut Vec<FieldError>) -> W {
    let key = format!("{PREFIX}{key}");
    let Some(value) = labels.get(&key) else { return W::default() };
    W::parse(value).unwrap_or_else(|| {
        let path = FieldPath::new("metadata.labels").key(&key);
        errors.push(FieldError::invalid(&path, value.clone(), W::RULE));
        otherwise
    })
}

impl Policy {
    /// Whether rules that came with this minor version count.
    pub(super) fn knows(&self, minor: u32) -> bool {
        match self.version {
            Version::Latest => minor <= NEWEST,
            Version::Minor(own) => minor <= own,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        })?;
        match self.version {
            Version::Latest => f.write_str(":latest"),
            Version::Minor(minor) => write!(f, ":v1.{minor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(labels: &[(&str, &str)]) -> (String, Vec<String>) {
        let labels = labels.iter().map(|(key, value)| (format!("{PREFIX}{key}"), (*value).to_owned())).collect();
        let (policies, errors) = Policies::read(&labels);
        let told = format!("{} {} {}", policies.enforce, policies.audit, policies.warn);
        (told, errors.iter().map(|error| error.path.to_string()).collect())
    }

    #[test]
    fn labels_say_level_and_version_of_each_mode() {
        assert_eq!(read(&[]).0, "privileged:latest privileged:latest privileged:latest");
        let labels = [("enforce", "baseline"), ("enforce-version", "v1.30"), ("warn", "restricted")];
        assert_eq!(read(&labels), ("baseline:v1.30 privileged:latest restricted:latest".into(), vec![]));
        assert_eq!(
            read(&[("audit", "baseline"), ("audit-version", "v1.25")]).0,
            "privileged:latest baseline:v1.25 privileged:latest"
        );
    }

    #[test]
    fn everything_goes_where_no_mode_asks_for_more() {
        let policy = |level| Policy { level, version: Version::Latest };
        let all = [Level::Privileged, Level::Baseline, Level::Restricted];
        let pairs = all.into_iter().flat_map(|one| all.map(|other| (one, other)));
        for (enforce, audit, warn) in pairs.flat_map(|(enforce, audit)| all.map(|warn| (enforce, audit, warn))) {
            let policies = Policies { enforce: policy(enforce), audit: policy(audit), warn: policy(warn) };
            let expect = [enforce, audit, warn] == [Level::Privileged; 3];
            assert_eq!(policies.allow_everything(), expect, "{policies:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_reported_and_strict() {
        let (told, errors) = read(&[("enforce", "strict"), ("warn-version", "1.30"), ("audit", "x")]);
        assert_eq!(told, "restricted:latest restricted:latest privileged:latest");
        assert_eq!(errors.len(), 3, "{errors:?}");
        assert!(errors[0].contains("pod-security.kubernetes.io/enforce"), "{errors:?}");
        assert_eq!(read(&[("enforce-version", "v1.07")]).1.len(), 1);
    }

    #[test]
    fn old_versions_do_not_know_new_rules() {
        let policy = |version| Policy { level: Level::Restricted, version };
        assert!(policy(Version::Latest).knows(34) && policy(Version::Minor(22)).knows(22));
        assert!(!policy(Version::Minor(21)).knows(22));
    }
}
