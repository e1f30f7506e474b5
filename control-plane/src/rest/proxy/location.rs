//! Where a redirect leads, seen from the caller.

/// The place that a server names, brought below the proxy's path. Places elsewhere, and those that are relative, are right as they are.
/// `own_hosts` are the names under which the caller and the server know the server.
pub(super) fn below(location: &str, prefix: &str, own_hosts: &[String]) -> String {
    let Some(path) = path_of(location, own_hosts) else { return location.to_owned() };
    let is_below = path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']));
    match path.starts_with('/') {
        true if is_below => path.to_owned(),
        true => format!("{prefix}{path}"),
        false => format!("{prefix}/{path}"),
    }
}

/// The path from its root on, if the place is one of the server's own.
fn path_of<'a>(location: &'a str, own_hosts: &[String]) -> Option<&'a str> {
    let without_scheme = location.strip_prefix("http:").or_else(|| location.strip_prefix("https:")).unwrap_or(location);
    let Some(rest) = without_scheme.strip_prefix("//") else { return location.starts_with('/').then_some(location) };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    own_hosts.iter().any(|own| own == host).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_server_come_to_lie_below_the_proxy() {
        let hosts = ["10.42.0.7:8080".to_owned(), "m1:6443".to_owned()];
        let cases = [
            ("/login?next=%2F#top", "/p/proxy/login?next=%2F#top"),
            ("/", "/p/proxy/"),
            ("http://10.42.0.7:8080/a/", "/p/proxy/a/"),
            ("https://m1:6443", "/p/proxy/"),
            ("//m1:6443/x", "/p/proxy/x"),
            ("https://m1:6443/p/proxy/x", "/p/proxy/x"),
            ("/p/proxy", "/p/proxy"),
            ("/p/proxying", "/p/proxy/p/proxying"),
            ("next", "next"),
            ("?page=2", "?page=2"),
            ("https://example.com/x", "https://example.com/x"),
            ("//example.com/x", "//example.com/x"),
            ("mailto:jane@example.com", "mailto:jane@example.com"),
        ];
        for (location, expected) in cases {
            assert_eq!(below(location, "/p/proxy", &hosts), expected, "{location}");
        }
    }
}
