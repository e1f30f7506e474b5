//! `xebec token`: invitations.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xebec_proto::v1::{CreateTokenRequest, DeleteTokenRequest, ListTokensRequest, Role, Target, Token};

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
        TokenCommand::Revoke { id } => revoke(&session, &id).await,
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

/// A bootstrap token is a Secret; while that ends, it is worth nothing already.
async fn revoke(session: &Session, word: &str) -> Result<()> {
    let id = bootstrap_id(word)?;
    let target = Target {
        version: "v1".to_owned(),
        resource: "secrets".to_owned(),
        namespace: "kube-system".to_owned(),
        name: format!("bootstrap-token-{id}"),
        ..Target::default()
    };
    let deleted = session.delete(target, &json!({ "apiVersion": "v1", "kind": "DeleteOptions" })).await;
    deleted.with_context(|| format!("revoke the bootstrap token {id}"))?;
    print::line(&format!("bootstrap token {id} revoked"))
}

/// The id in what somebody has at hand: the id, or the whole token, of which the secret is not told any further.
fn bootstrap_id(word: &str) -> Result<&str> {
    let id = word.split_once('.').map_or(word, |(id, _)| id);
    let is_id = id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    ensure!(
        is_id,
        "the id of a bootstrap token is six small letters and digits; join tokens are removed with `xebec token delete`"
    );
    Ok(id)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bootstrap_token_is_known_by_its_id() {
        assert_eq!(bootstrap_id("abc012").unwrap(), "abc012");
        assert_eq!(bootstrap_id("abc012.0123456789abcdef").unwrap(), "abc012");
        for word in ["", "abc01", "abc0123", "ABC012", "XB100ff::abc012.0123", "../abc"] {
            let refusal = bootstrap_id(word).unwrap_err().to_string();
            assert!(refusal.contains("six small letters and digits"), "{word}");
        }
    }
}
