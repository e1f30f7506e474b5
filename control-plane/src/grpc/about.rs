//! What a message is about, in the words of audit.

use xebec_proto::v1;

use crate::request_info::RequestInfo;

/// A message that names an object or a kind.
pub(super) trait About {
    /// What it names; `None` when it names nothing.
    fn about(&self) -> Option<RequestInfo>;
}

fn of_target(verb: &'static str, target: Option<&v1::Target>) -> Option<RequestInfo> {
    let target = target?.clone();
    Some(RequestInfo {
        verb,
        is_resource: true,
        group: target.group,
        version: target.version,
        resource: target.resource,
        subresource: target.subresource,
        namespace: Some(target.namespace).filter(|namespace| !namespace.is_empty()),
        name: target.name,
        ..RequestInfo::default()
    })
}

macro_rules! about {
    ($($message:ident: $verb:literal),* $(,)?) => {
        $(impl About for v1::$message {
            fn about(&self) -> Option<RequestInfo> {
                of_target($verb, self.target.as_ref())
            }
        })*
    };
}

about! {
    GetRequest: "get",
    ListRequest: "list",
    WatchRequest: "watch",
    CreateRequest: "create",
    UpdateRequest: "update",
    PatchRequest: "patch",
    DeleteRequest: "delete",
}

impl About for v1::LogsRequest {
    fn about(&self) -> Option<RequestInfo> {
        Some(RequestInfo {
            verb: "get",
            is_resource: true,
            version: "v1".to_owned(),
            resource: "pods".to_owned(),
            subresource: "log".to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.pod.clone(),
            ..RequestInfo::default()
        })
    }
}
