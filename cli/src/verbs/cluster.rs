//! `xebec cluster`: the masters, who leads them, who lags, and changing that.

mod hash_check;

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use xebec_control_plane::server::{Begun, disaster};
use xebec_proto::v1::{
    ClusterStatusRequest, ClusterStatusResponse, MemberStatus, RemoveMemberRequest, TransferLeaderRequest,
};

use super::wants_document;
use crate::args::{ClusterCommand, Connection, StatusArguments};
use crate::client::Session;
use crate::print::{self, Table};

const NO_SPACE: &str = "ALARM:     the disk of the master that answers is nearly full; free space on it";

/// Runs it.
pub(crate) async fn run(connection: &Connection, command: ClusterCommand) -> Result<()> {
    match command {
        ClusterCommand::Status(arguments) => show(connection, &arguments, overview).await,
        ClusterCommand::Members(arguments) => show(connection, &arguments, members).await,
        ClusterCommand::HashCheck(arguments) => hash_check::run(connection, &arguments).await,
        ClusterCommand::TransferLeader { to } => transfer_leader(connection, to).await,
        ClusterCommand::RemoveMember { member } => remove_member(connection, member).await,
        ClusterCommand::Recover { data_dir } => recover(&data_dir).await,
    }
}

async fn show(
    connection: &Connection,
    arguments: &StatusArguments,
    text: fn(&ClusterStatusResponse) -> String,
) -> Result<()> {
    let session = Session::open(connection).await?;
    let status = session.cluster().status(session.request(ClusterStatusRequest {})).await?.into_inner();
    if wants_document(arguments.output) {
        return print::out(&print::document(&document(&status), arguments.output)?);
    }
    print::out(&text(&status))
}

async fn transfer_leader(connection: &Connection, to: String) -> Result<()> {
    let session = Session::open(connection).await?;
    let answer = session.cluster().transfer_leader(session.request(TransferLeaderRequest { to })).await?;
    let leader = answer.into_inner().leader.unwrap_or_default().name;
    print::line(&print::escape(&format!("{leader} leads")))
}

async fn remove_member(connection: &Connection, member: String) -> Result<()> {
    let session = Session::open(connection).await?;
    let answer = session.cluster().remove_member(session.request(RemoveMemberRequest { member })).await?.into_inner();
    let removed = answer.removed.unwrap_or_default().name;
    let left: Vec<String> = answer.members.into_iter().map(|member| member.name).collect();
    print::line(&print::escape(&format!("{removed} removed; the masters are {}", left.join(", "))))
}

async fn recover(data_dir: &Path) -> Result<()> {
    let begun = disaster::recover(data_dir).await?;
    print::out(&print::escape(&begun_text(&begun)))
}

/// What a new cluster's operator does next.
pub(super) fn begun_text(begun: &Begun) -> String {
    let Begun { summary, cluster_id, revision, name } = begun;
    format!(
        "{name} is the one master of cluster {cluster_id}, made from cluster {} at revision {}.\n\
         It goes on at revision {revision}. What its store was before is kept beside it, as store.old.\n\n\
         Start it as before: xebec server. Masters of the old cluster join by themselves when they start and can reach it;\n\
         those that will not come back need nothing. New ones take a token: xebec token create --role server\n",
        summary.cluster_id, summary.revision
    )
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
    let head = if status.no_space { format!("{head}{NO_SPACE}\n\n") } else { head };
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
        "noSpace": status.no_space,
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
