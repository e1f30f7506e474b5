//! `xebec cluster`: the masters, who leads them, and who lags.

use anyhow::Result;
use serde_json::{Value, json};
use xebec_proto::v1::{ClusterStatusRequest, ClusterStatusResponse, MemberStatus};

use super::wants_document;
use crate::args::{ClusterCommand, Connection};
use crate::client::Session;
use crate::print::{self, Table};

/// Runs it.
pub(crate) async fn run(connection: &Connection, command: ClusterCommand) -> Result<()> {
    let session = Session::open(connection).await?;
    let status = session.cluster().status(session.request(ClusterStatusRequest {})).await?.into_inner();
    let (text, output) = match command {
        ClusterCommand::Status(arguments) => (overview(&status), arguments.output),
        ClusterCommand::Members(arguments) => (members(&status), arguments.output),
    };
    if wants_document(output) { print::out(&print::document(&document(&status), output)?) } else { print::out(&text) }
}

fn overview(status: &ClusterStatusResponse) -> String {
    let head = format!(
        "Cluster:   {}\nLeader:    {}\nTerm:      {}\nRevision:  {}\nAnswered:  {} (xebec {})\n\n",
        status.cluster_id,
        leader(status),
        status.term,
        status.revision,
        status.answered_by,
        status.version
    );
    let mut table = Table::new(&["NAME", "ROLE", "STATE", "MATCHED", "LAG"]);
    for member in &status.members {
        let matched = if member.matched_index == 0 { "-".to_owned() } else { member.matched_index.to_string() };
        let lag = if member.matched_index == 0 { "-".to_owned() } else { member.lag.to_string() };
        table.push(vec![name(member), role(member).to_owned(), state(member).to_owned(), matched, lag]);
    }
    format!("{}{}", print::escape(&head), table.drain(true))
}

fn members(status: &ClusterStatusResponse) -> String {
    let mut table = Table::new(&["ID", "NAME", "ROLE", "API", "PEER"]);
    for status in &status.members {
        let member = status.member.clone().unwrap_or_default();
        let id = format!("{:x}", member.id);
        table.push(vec![id, member.name, role(status).to_owned(), member.api_address, member.peer_address]);
    }
    table.drain(true)
}

fn name(member: &MemberStatus) -> String {
    member.member.as_ref().map(|member| member.name.clone()).unwrap_or_default()
}

fn leader(status: &ClusterStatusResponse) -> String {
    let leader = status.members.iter().find(|member| member.leader);
    leader.map_or_else(|| "none: a majority of masters is needed to elect one".to_owned(), name)
}

fn role(member: &MemberStatus) -> &'static str {
    match &member.member {
        Some(known) if known.voter && member.leader => "leader",
        Some(known) if known.voter => "voter",
        _ => "learner",
    }
}

fn state(member: &MemberStatus) -> &'static str {
    if member.reachable { "reachable" } else { "unreachable" }
}

fn document(status: &ClusterStatusResponse) -> Value {
    json!({
        "clusterId": status.cluster_id,
        "answeredBy": status.answered_by,
        "leaderId": status.leader_id,
        "term": status.term,
        "revision": status.revision,
        "lastLogIndex": status.last_log_index,
        "appliedIndex": status.applied_index,
        "version": status.version,
        "members": status.members.iter().map(member_document).collect::<Vec<_>>(),
    })
}

fn member_document(status: &MemberStatus) -> Value {
    let member = status.member.clone().unwrap_or_default();
    json!({
        "id": member.id,
        "name": member.name,
        "apiAddress": member.api_address,
        "peerAddress": member.peer_address,
        "voter": member.voter,
        "leader": status.leader,
        "reachable": status.reachable,
        "matchedIndex": status.matched_index,
        "lag": status.lag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use xebec_proto::v1::Member;

    fn member(id: u64, leader: bool, matched_index: u64) -> MemberStatus {
        let member = Member {
            id,
            name: format!("m{id}"),
            peer_address: format!("10.0.0.{id}:6444"),
            api_address: format!("10.0.0.{id}:6443"),
            voter: true,
        };
        MemberStatus {
            member: Some(member),
            leader,
            reachable: matched_index > 0,
            matched_index,
            lag: 9u64.saturating_sub(matched_index),
        }
    }

    #[test]
    fn a_silent_member_has_no_lag_but_a_word() {
        let status = ClusterStatusResponse {
            cluster_id: "c".to_owned(),
            answered_by: "m1".to_owned(),
            leader_id: 1,
            term: 3,
            revision: 41,
            members: vec![member(1, true, 9), member(2, false, 8), member(3, false, 0)],
            version: "0.1.0".to_owned(),
            ..ClusterStatusResponse::default()
        };
        expect![[r#"
            Cluster:   c
            Leader:    m1
            Term:      3
            Revision:  41
            Answered:  m1 (xebec 0.1.0)

            NAME   ROLE     STATE         MATCHED   LAG
            m1     leader   reachable     9         0
            m2     voter    reachable     8         1
            m3     voter    unreachable   -         -
        "#]]
        .assert_eq(&overview(&status));
    }
}
