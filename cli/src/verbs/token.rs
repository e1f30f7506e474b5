//! `xebec token`: invitations.

use anyhow::Result;
use serde_json::{Value, json};
use xebec_proto::v1::{CreateTokenRequest, DeleteTokenRequest, ListTokensRequest, Role, Token};

use super::wants_document;
use crate::args::{Connection, Output, RoleName, Span, TokenCommand};
use crate::client::Session;
use crate::print::{self, Table};

/// Runs it.
pub(crate) async fn run(connection: &Connection, command: TokenCommand) -> Result<()> {
    let session = Session::open(connection).await?;
    match command {
        TokenCommand::Create { role, ttl, description } => create(&session, role, ttl, description).await,
        TokenCommand::List(arguments) => list(&session, arguments.output).await,
        TokenCommand::Delete { id } => delete(&session, id).await,
    }
}

async fn create(session: &Session, role: RoleName, ttl: Span, description: String) -> Result<()> {
    let role = match role {
        RoleName::Server => Role::Server,
        RoleName::Agent => Role::Agent,
    };
    let message = CreateTokenRequest { role: role.into(), ttl_seconds: ttl.0.as_secs().max(1), description };
    let created = session.cluster().create_token(session.request(message)).await?;
    print::line(&created.into_inner().token)
}

async fn list(session: &Session, output: Output) -> Result<()> {
    let tokens = session.cluster().list_tokens(session.request(ListTokensRequest {})).await?.into_inner().tokens;
    if wants_document(output) {
        let tokens: Vec<_> = tokens.iter().map(document).collect();
        return print::out(&print::document(&json!({ "tokens": tokens }), output)?);
    }
    let mut table = Table::new(&["ID", "ROLE", "CREATED", "EXPIRES", "STATE", "DESCRIPTION"]);
    for token in tokens {
        let state = if token.expired { "expired" } else { "valid" };
        let role = role(&token).to_owned();
        table.push(vec![token.id, role, token.created, token.expires, state.to_owned(), token.description]);
    }
    print::out(&table.drain(true))
}

async fn delete(session: &Session, id: String) -> Result<()> {
    let message = DeleteTokenRequest { id: id.clone() };
    session.cluster().delete_token(session.request(message)).await?;
    print::line(&print::escape(&format!("token {id} deleted")))
}

fn document(token: &Token) -> Value {
    json!({
        "id": token.id,
        "role": role(token),
        "description": token.description,
        "created": token.created,
        "expires": token.expires,
        "expired": token.expired,
    })
}

fn role(token: &Token) -> &'static str {
    match token.role() {
        Role::Server => "server",
        Role::Agent => "agent",
        Role::Unspecified => "",
    }
}
