//! ServiceCIDR and IPAddress: which addresses services may have, and who has one.

use serde_json::{Value, json};

use crate::kinds::{Kind, Scope, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::rule::Rule;
use crate::value::text;
use crate::{FieldErrors, names, validation};

/// ServiceCIDR.
pub static SERVICE_CIDR: Kind = Kind {
    group: "networking.k8s.io",
    kind: "ServiceCIDR",
    plural: "servicecidrs",
    singular: "servicecidr",
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    columns: &[
        Column::NAME,
        Column::text("CIDRs", "The ranges of addresses.", |o, _| cells::texts(o, "/spec/cidrs")),
        Column::AGE,
    ],
    rules: &[
        Rule::required("spec.cidrs"),
        Rule::at_most("spec.cidrs", 2),
        Rule::named("spec.cidrs[]", names::cidr),
        Rule::immutable("spec.cidrs"),
    ],
    strategy: &ServiceCidrStrategy,
    ..Kind::BASE
};

/// IPAddress.
pub static IP_ADDRESS: Kind = Kind {
    group: "networking.k8s.io",
    kind: "IPAddress",
    plural: "ipaddresses",
    singular: "ipaddress",
    short_names: &["ip"],
    scope: Scope::Cluster,
    name_rule: names::ip_address,
    columns: &[Column::NAME, Column::text("ParentRef", "Who has it.", |o, _| parent(o))],
    selectable: parts,
    rules: &[
        Rule::required("spec.parentRef"),
        Rule::required("spec.parentRef.resource"),
        Rule::named("spec.parentRef.resource", names::path_segment),
        Rule::required("spec.parentRef.name"),
        Rule::named("spec.parentRef.name", names::path_segment),
        Rule::named("spec.parentRef.namespace", names::path_segment),
        Rule::immutable("spec.parentRef"),
    ],
    ..Kind::BASE
};

fn parts(address: &Value) -> Vec<(&'static str, String)> {
    const FIELDS: [(&str, &str); 4] = [
        ("spec.parentRef.group", "/spec/parentRef/group"),
        ("spec.parentRef.resource", "/spec/parentRef/resource"),
        ("spec.parentRef.namespace", "/spec/parentRef/namespace"),
        ("spec.parentRef.name", "/spec/parentRef/name"),
    ];
    FIELDS.iter().map(|(name, at)| (*name, text(address, at).unwrap_or_default().to_owned())).collect()
}

/// `services/default/kubernetes`.
fn parent(address: &Value) -> Value {
    if address.pointer("/spec/parentRef").is_none() {
        return json!("<none>");
    }
    let part = |field| text(address, &format!("/spec/parentRef/{field}"));
    let group = part("group").map(|group| format!(".{group}")).unwrap_or_default();
    let namespace = part("namespace").map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let resource = part("resource").unwrap_or_default();
    json!(format!("{resource}{group}/{namespace}{}", part("name").unwrap_or_default()))
}

struct ServiceCidrStrategy;

impl Strategy for ServiceCidrStrategy {
    fn validate(&self, range: &Value) -> FieldErrors {
        validation::network::one_range_a_family(range)
    }
}
