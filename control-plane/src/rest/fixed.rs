//! Pages that need no authentication: version and health.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;
use xebec_api::Status;

use super::path::Page;
use super::{RestState, respond};

/// How long readiness waits for a majority.
const READY_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Serves one of them.
pub(super) async fn open(state: &RestState, page: Page) -> Result<Response, Status> {
    match page {
        Page::Version => Ok(respond::json(StatusCode::OK, &version())),
        Page::Live => Ok(respond::text(StatusCode::OK, "ok")),
        Page::Ready => ready(state).await,
    }
}

/// Ready is who can read what the cluster has agreed on.
async fn ready(state: &RestState) -> Result<Response, Status> {
    state.registry.read_barrier(Instant::now() + READY_WITHIN).await?;
    Ok(respond::text(StatusCode::OK, "ok"))
}

/// The API's version is Kubernetes', as clients compare it with theirs; ours follows it.
fn version() -> serde_json::Value {
    json!({
        "major": "1",
        "minor": "35",
        "gitVersion": concat!("v1.35.0+xebec.", env!("CARGO_PKG_VERSION")),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    })
}

/// The platform's name in the words of Kubernetes.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
