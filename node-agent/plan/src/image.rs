//! Image names and pull policy.

use k8s_openapi::api::core::v1::Container;

/// The full form of an image's name: registry, repository, and tag or digest. `busybox` is `docker.io/library/busybox:latest`.
pub fn normalize(name: &str) -> String {
    let (base, digest) = match name.split_once('@') {
        Some((base, digest)) => (base, Some(digest)),
        None => (name, None),
    };
    let (repository, tag) = split_tag(base);
    let repository = with_registry(repository);
    match (digest, tag) {
        (Some(digest), _) => format!("{repository}@{digest}"),
        (None, Some(tag)) => format!("{repository}:{tag}"),
        (None, None) => format!("{repository}:latest"),
    }
}

/// Splits the tag off; a colon before the last slash belongs to a port.
fn split_tag(base: &str) -> (&str, Option<&str>) {
    match base.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (base, None),
    }
}

fn with_registry(repository: &str) -> String {
    match repository.split_once('/') {
        None => format!("docker.io/library/{repository}"),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => repository.to_owned(),
        Some(_) => format!("docker.io/{repository}"),
    }
}

/// When an image is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// Looked for anew at each start.
    Always,
    /// Fetched if the node lacks it.
    IfNotPresent,
    /// Never fetched.
    Never,
}

impl PullPolicy {
    /// The container's policy; without one, `Always` for `:latest` and `IfNotPresent` for other tags.
    pub fn of(container: &Container) -> PullPolicy {
        match container.image_pull_policy.as_deref() {
            Some("Always") => PullPolicy::Always,
            Some("Never") => PullPolicy::Never,
            Some(_) => PullPolicy::IfNotPresent,
            None if normalize(container.image.as_deref().unwrap_or_default()).ends_with(":latest") => {
                PullPolicy::Always
            }
            None => PullPolicy::IfNotPresent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed() {
        for (short, full) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("busybox:1.36", "docker.io/library/busybox:1.36"),
            ("shop/till:2", "docker.io/shop/till:2"),
            ("localhost/till", "localhost/till:latest"),
            ("registry:5000/a/b", "registry:5000/a/b:latest"),
            ("ghcr.io/a/b@sha256:00", "ghcr.io/a/b@sha256:00"),
            ("a:1@sha256:00", "docker.io/library/a@sha256:00"),
        ] {
            assert_eq!(normalize(short), full);
            assert_eq!(normalize(full), full);
        }
    }

    #[test]
    fn latest_is_pulled_always() {
        let container = |image: &str| Container { image: Some(image.into()), ..Container::default() };
        assert_eq!(PullPolicy::of(&container("busybox")), PullPolicy::Always);
        assert_eq!(PullPolicy::of(&container("busybox:1")), PullPolicy::IfNotPresent);
    }
}
