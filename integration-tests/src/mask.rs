//! Golden transcripts: what differs from run to run is masked, the rest is compared to the letter.
//!
//! Ages, hashes in pod names, addresses of pods and revisions differ; column widths follow from them, so runs of spaces
//! between columns are folded into two.

/// The transcript of one command: `$ command`, then its output, masked.
pub fn transcript(command: &str, output: &str) -> String {
    let lines: Vec<_> = output.lines().map(line).collect();
    format!("$ {command}\n{}\n", lines.join("\n"))
}

/// One line, its volatile words masked.
pub fn line(text: &str) -> String {
    if let Some((before, _)) = text.split_once("resourceVersion: ") {
        return format!("{before}resourceVersion: <revision>");
    }
    let indent: String = text.chars().take_while(|letter| *letter == ' ').collect();
    let columns = text.trim().split("  ").map(str::trim).filter(|column| !column.is_empty());
    let masked: Vec<_> = columns.map(column).collect();
    format!("{indent}{}", masked.join("  "))
}

fn column(text: &str) -> String {
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn word(text: &str) -> String {
    let bare = text.trim_matches(['(', ')', ',', '"']);
    let mask = if bare.is_empty() {
        None
    } else if is_age(bare) {
        Some("<age>".to_owned())
    } else if bare.parse::<std::net::Ipv4Addr>().is_ok() {
        Some("<address>".to_owned())
    } else if is_time(bare) {
        Some("<time>".to_owned())
    } else if is_uuid(bare) {
        Some("<uid>".to_owned())
    } else {
        generated_name(bare)
    };
    mask.map_or_else(|| text.to_owned(), |mask| text.replace(bare, &mask))
}

/// `5s`, `3m20s`, `2d`.
fn is_age(text: &str) -> bool {
    let units = text.split(|letter: char| letter.is_ascii_digit()).filter(|unit| !unit.is_empty());
    text.starts_with(|letter: char| letter.is_ascii_digit())
        && text.ends_with(['s', 'm', 'h', 'd', 'y'])
        && units.into_iter().all(|unit| ["s", "m", "h", "d", "y"].contains(&unit))
}

/// `2026-01-02T03:04:05Z`
fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b'T' && text.ends_with('Z')
}

/// `d8a7b81a-16cf-42ba-a4cd-4751f72a45a8`
fn is_uuid(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|letter| letter == '-' || letter.is_ascii_hexdigit())
}

/// `till-5d9c7f6b8-x7k2p` or `pod/till-5d9c7f6b8-x7k2p`: what a controller appended to a name holds a digit or no vowel.
fn generated_name(text: &str) -> Option<String> {
    let mut parts: Vec<&str> = text.split('-').collect();
    let mut masked = 0;
    while parts.len() > 1 && parts.last().is_some_and(|part| is_generated(part)) {
        parts.pop();
        masked += 1;
    }
    (masked > 0).then(|| format!("{}{}", parts.join("-"), "-<id>".repeat(masked)))
}

fn is_generated(part: &str) -> bool {
    let letters = part.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let vowels = part.chars().any(|letter| "aeiou".contains(letter));
    (5..=10).contains(&part.len()) && letters && !vowels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_masked() {
        let table = "till-5d9c7f6b8-x7k2p   1/1     Running   0          3m20s   10.42.1.7";
        assert_eq!(line(table), "till-<id>-<id>  1/1  Running  0  <age>  <address>");
        assert_eq!(line("pod/till-5d9c7f6b8-x7k2p created"), "pod/till-<id>-<id> created");
        assert_eq!(line("restarted 1 (5s ago)"), "restarted 1 (<age> ago)");
        assert_eq!(line("  resourceVersion: \"47\""), "  resourceVersion: <revision>");
        assert_eq!(line("  uid: d8a7b81a-16cf-42ba-a4cd-4751f72a45a8"), "  uid: <uid>");
    }

    #[test]
    fn what_does_not_differ_is_kept() {
        for text in ["kube-system  Active", "  Type: NodePort", "80:30080/TCP", "3/3", "system:kube-scheduler"] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn a_transcript_opens_with_its_command() {
        assert_eq!(transcript("xebec get ns", "NAME   AGE\nshop   5s\n"), "$ xebec get ns\nNAME  AGE\nshop  <age>\n");
    }
}
