//! Parts and actions of objects that have a path of their own.

/// A part or an action of an object with a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subresource {
    /// What is, written by who observes it.
    Status,
    /// The number of replicas, alike for all kinds that have one.
    Scale,
    /// Whether a request for a certificate is granted.
    Approval,
    /// Who must act before a namespace may go.
    Finalize,
    /// Containers that are put into a running pod to look into it.
    EphemeralContainers,
    /// What the containers of a running pod may use.
    Resize,
    /// Puts a pod on a node.
    Binding,
    /// Deletes a pod if its disruption budget allows.
    Eviction,
    /// A container's output.
    Log,
    /// A command run in a container.
    Exec,
    /// The process of a container, watched and fed.
    Attach,
    /// A connection into the pod's network.
    PortForward,
    /// Requests to whatever the pod, the Service or the node serves.
    Proxy,
    /// Makes a token of a ServiceAccount.
    Token,
}

impl Subresource {
    const ALL: [Self; 14] = [
        Self::Status,
        Self::Scale,
        Self::Approval,
        Self::Finalize,
        Self::EphemeralContainers,
        Self::Resize,
        Self::Binding,
        Self::Eviction,
        Self::Log,
        Self::Exec,
        Self::Attach,
        Self::PortForward,
        Self::Proxy,
        Self::Token,
    ];

    /// The last segment of the path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Approval => "approval",
            Self::Finalize => "finalize",
            Self::EphemeralContainers => "ephemeralcontainers",
            Self::Resize => "resize",
            Self::Binding => "binding",
            Self::Eviction => "eviction",
            Self::Log => "log",
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::PortForward => "portforward",
            Self::Proxy => "proxy",
            Self::Token => "token",
        }
    }

    /// The subresource of that path segment.
    pub fn parse(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == segment)
    }

    /// Whether it is a part of the object: it is read and written as the whole object, and only the part changes.
    pub fn is_part(self) -> bool {
        matches!(self, Self::Status | Self::Approval | Self::Finalize | Self::EphemeralContainers | Self::Resize)
    }
}
