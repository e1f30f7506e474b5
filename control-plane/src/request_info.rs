//! What a request is about, as authorization, fairness and audit speak of it: verb, resource and namespace, or verb and path.
//!
//! It is read off the request's head alone, so it is there before a body has come. A gRPC call names its object in its message; until
//! that is read, only the verb is known, and every resource rule that asks for anything in particular does not fit it.

/// The head of a request, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// `get`, `list`, `watch`, `create`, …; for what is no resource the method, in small letters.
    pub verb: &'static str,
    /// Whether it is about objects.
    pub is_resource: bool,
    /// The API group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// The plural.
    pub resource: String,
    /// Empty when it is about the object itself.
    pub subresource: String,
    /// Absent: all namespaces, or a resource of the cluster.
    pub namespace: Option<String>,
    /// The object's name, if it has one yet.
    pub name: String,
    /// The path, without its query.
    pub path: String,
    /// How many objects a list asks for; zero is all.
    pub limit: u64,
}

impl RequestInfo {
    /// `pods`, or `pods/log`.
    pub fn resource_path(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }

    /// Of a call of the gRPC face.
    pub fn of_grpc(path: &str) -> RequestInfo {
        let method = path.strip_prefix("/xebec.v1.Objects/");
        let verb = match method {
            Some("Get") => "get",
            Some("List") => "list",
            Some("Watch") => "watch",
            Some("Create") => "create",
            Some("Update") => "update",
            Some("Patch") => "patch",
            Some("Delete") => "delete",
            _ => "post",
        };
        RequestInfo { verb, is_resource: method.is_some(), path: path.to_owned(), ..RequestInfo::default() }
    }
}
