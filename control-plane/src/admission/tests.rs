//! What the plugins add to pods and to nothing else.

use serde_json::json;

use super::*;
use crate::registry::SystemEnvironment;

fn admit(plugin: &dyn Admission, plural: &str, object: &mut Value) -> Result<(), Status> {
    let user = User::new("jane", []);
    let mut request = AdmissionRequest {
        user: &user,
        operation: Operation::Create,
        kind: xebec_api::find("", "v1", plural).unwrap(),
        subresource: None,
        namespace: Some("web"),
        name: "x",
        object,
        old: None,
        warnings: &Warnings::default(),
        annotations: &Annotations::default(),
        environment: &SystemEnvironment,
    };
    plugin.mutate(&mut request)?;
    plugin.validate(&request)
}

#[test]
fn a_pod_tolerates_a_lost_node_for_a_while_unless_it_says_how_long() {
    let plugin = DefaultTolerations::new(Duration::from_secs(10));
    let mut pod = json!({"spec": {"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]}});
    admit(&plugin, "pods", &mut pod).unwrap();
    assert_eq!(
        pod["spec"]["tolerations"][1],
        json!({"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10})
    );
    assert_eq!(pod["spec"]["tolerations"].as_array().unwrap().len(), 2);
    let mut everything = json!({"spec": {"tolerations": [{"operator": "Exists"}]}});
    admit(&plugin, "pods", &mut everything).unwrap();
    assert_eq!(everything["spec"]["tolerations"].as_array().unwrap().len(), 1);
}
