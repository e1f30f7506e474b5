//! VolumeAttachment: a volume that is to be attached to a node.

use crate::kinds::{Kind, Scope, Subresource};
use crate::names;
use crate::table::{Column, cells};
use crate::validation::rule::Rule;

/// VolumeAttachment.
pub static VOLUME_ATTACHMENT: Kind = Kind {
    group: "storage.k8s.io",
    kind: "VolumeAttachment",
    plural: "volumeattachments",
    singular: "volumeattachment",
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::text("Attacher", "Who attaches it.", |o, _| cells::plain(o, "/spec/attacher")),
        Column::text("PV", "The volume.", |o, _| cells::plain(o, "/spec/source/persistentVolumeName")),
        Column::text("Node", "The node.", |o, _| cells::plain(o, "/spec/nodeName")),
        Column::text("Attached", "Whether it is.", |o, _| cells::flag(o, "/status/attached")).boolean(),
        Column::AGE,
    ],
    rules: &[
        Rule::required("spec.attacher"),
        Rule::named("spec.attacher", names::dns_subdomain),
        Rule::required("spec.nodeName"),
        Rule::named("spec.nodeName", names::dns_subdomain),
        Rule::required("spec.source"),
        Rule::immutable("spec"),
    ],
    ..Kind::BASE
};
