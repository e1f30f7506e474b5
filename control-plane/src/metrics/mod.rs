//! What this master tells Prometheus, on `/metrics` of the API's port, to whoever may get that path.
//!
//! Requests are counted at the gate (`requests.rs`), the process is read from `/proc` (`process.rs`), the store offers its
//! own metrics. Names are those of the API server and of etcd where the meaning is theirs; what is ours alone begins with
//! `xebec_`. The default role `system:monitoring` may read it; bind it to whoever scrapes.

mod process;
pub mod requests;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use prometheus_client::registry::Registry;

pub use requests::RequestMetrics;

use crate::authn::User;
use crate::authz::{Attributes, Authorizer, Decision};

const PATH: &str = "/metrics";

/// All metrics of a master, and who may read them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    authorizer: Arc<dyn Authorizer>,
}

impl Metrics {
    /// Those of requests and process, and what `more` registers.
    pub fn new(authorizer: Arc<dyn Authorizer>, requests: &RequestMetrics, more: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::default();
        requests.register(&mut registry);
        registry.register_collector(Box::new(process::Process));
        more(&mut registry);
        Self { registry: Arc::new(registry), authorizer }
    }

    /// The one path.
    pub fn router(self) -> Router {
        Router::new().route(PATH, get(serve)).with_state(self)
    }
}

async fn serve(State(metrics): State<Metrics>, request: Request) -> Response {
    let Some(user) = request.extensions().get::<Arc<User>>() else {
        return refuse(&xebec_api::Status::unauthorized());
    };
    let question = Attributes { path: Some(PATH), ..Attributes::blank(user, "get") };
    if let Decision::Deny { .. } = metrics.authorizer.authorize(&question) {
        return refuse(&xebec_api::Status::new(xebec_api::Reason::Forbidden, question.refusal()));
    }
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text::render(&metrics.registry, accept) {
        Ok((content_type, text)) => ([(CONTENT_TYPE, content_type)], text).into_response(),
        Err(error) => refuse(&xebec_api::Status::internal(format!("the metrics cannot be written: {error}"))),
    }
}

fn refuse(status: &xebec_api::Status) -> Response {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, [(CONTENT_TYPE, "application/json")], status.to_json().to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    struct Only(&'static str);

    impl Authorizer for Only {
        fn authorize(&self, a: &Attributes<'_>) -> Decision {
            let allowed = a.user.name == self.0 && a.path == Some("/metrics") && a.verb == "get";
            if allowed { Decision::Allow } else { Decision::Deny { reason: String::new() } }
        }
    }

    async fn ask(user: Option<&str>, accept: &str) -> (u16, String) {
        let metrics = Metrics::new(Arc::new(Only("prometheus")), &RequestMetrics::default(), |_| {});
        let mut request = Request::builder().uri(PATH).header(ACCEPT, accept).body(Body::empty()).unwrap();
        if let Some(user) = user {
            request.extensions_mut().insert(Arc::new(User::new(user, [])));
        }
        let answer = metrics.router().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn only_who_may_reads_them() {
        assert_eq!(ask(None, "").await.0, 401);
        let (status, text) = ask(Some("jane"), "").await;
        assert_eq!(status, 403);
        assert!(text.contains(r#"User \"jane\" cannot get path \"/metrics\""#), "{text}");
        let (status, text) = ask(Some("prometheus"), "").await;
        assert_eq!(status, 200);
        assert!(text.contains("# TYPE process_resident_memory_bytes gauge\n") && !text.contains("# EOF"), "{text}");
        assert!(ask(Some("prometheus"), "application/openmetrics-text").await.1.ends_with("# EOF\n"));
    }
}
