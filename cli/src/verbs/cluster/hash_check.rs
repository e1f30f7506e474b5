//! `xebec cluster hash-check`: whether all masters hold the same state.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use xebec_proto::v1::{HashCheckRequest, HashCheckResponse, MemberHash};

use crate::args::{Connection, StatusArguments};
use crate::client::Session;
use crate::print::{self, Table};
use crate::verbs::wants_document;

/// Runs it. A master that differs is an error; one that does not answer is named.
pub(super) async fn run(connection: &Connection, arguments: &StatusArguments) -> Result<()> {
    let session = Session::open(connection).await?;
    let report = session.cluster().hash_check(session.request(HashCheckRequest {})).await?.into_inner();
    if wants_document(arguments.output) {
        print::out(&print::document(&document(&report), arguments.output)?)?;
    } else {
        print::out(&text(&report))?;
    }
    let differing = names(&report, "differs");
    if !differing.is_empty() {
        bail!(
            "{differing} holds another state than most masters: remove it from the cluster, empty its data directory, and \
             let it join again"
        );
    }
    Ok(())
}

fn text(report: &HashCheckResponse) -> String {
    let mut table = Table::new(&["NAME", "HASH", "STATE"]);
    for member in &report.members {
        let hash = member.hash.map_or_else(|| "-".to_owned(), |hash| format!("{hash:016x}"));
        table.push(vec![member.name.clone(), hash, standing(report, member).to_owned()]);
    }
    format!("Revision:  {}\n\n{}", report.revision, table.drain(true))
}

fn standing(report: &HashCheckResponse, member: &MemberHash) -> &'static str {
    match member.hash {
        Some(hash) if hash == report.hash => "equal",
        Some(_) => "differs",
        None => "no answer",
    }
}

fn names(report: &HashCheckResponse, wanted: &str) -> String {
    let found = report.members.iter().filter(|member| standing(report, member) == wanted);
    found.map(|member| member.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn document(report: &HashCheckResponse) -> Value {
    let member = |member: &MemberHash| {
        json!({
            "id": member.id,
            "name": member.name,
            "hash": member.hash.map(|hash| format!("{hash:016x}")),
            "state": standing(report, member),
        })
    };
    json!({
        "revision": report.revision,
        "hash": format!("{:016x}", report.hash),
        "equal": names(report, "differs").is_empty(),
        "members": report.members.iter().map(member).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn whoever_differs_or_is_silent_is_named() {
        let member = |name: &str, hash| MemberHash { id: 1, name: name.to_owned(), hash };
        let members = vec![member("m1", Some(0xabc)), member("m2", Some(0xabd)), member("m3", None)];
        let report = HashCheckResponse { revision: 7, hash: 0xabc, members };
        expect![[r#"
            Revision:  7

            NAME   HASH               STATE
            m1     0000000000000abc   equal
            m2     0000000000000abd   differs
            m3     -                  no answer
        "#]]
        .assert_eq(&text(&report));
        assert_eq!(names(&report, "differs"), "m2");
        assert_eq!(document(&report)["equal"], false);
    }
}
