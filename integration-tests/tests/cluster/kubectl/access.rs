//! Who may do what, tokens, and certificates.

use anyhow::{Context, Result};
use xebec_integration_tests::command;

use super::Story;

pub(super) fn play(story: &Story) -> Result<()> {
    let me = format!("system:serviceaccount:clients:{}", story.caller.name);
    story.says("auth whoami", &me)?;
    story.prints("auth can-i create deployments.apps", "yes")?;
    story.says("auth can-i --list", "Resources")?;
    story.refuses("auth can-i delete nodes --as=nobody", "no")?;
    story.refuses("get nodes --as=nobody", "Forbidden")?;
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: reconciled, namespace: {}}}\nrules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]\n",
        story.caller.name
    );
    story.says_of(&role, "auth reconcile -f -", "reconciled")?;
    let token = story.says("create token sa --duration=20m --audience=vault", ".")?;
    anyhow::ensure!(token.trim().split('.').count() == 3, "no token: {token}");
    certificates(story)
}

fn certificates(story: &Story) -> Result<()> {
    let key = story.home().join("key.pem");
    let request = command::words(&format!(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=dev -keyout {}",
        key.display()
    ))
    .context("make a certificate request")?;
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, request);
    for (suffix, verb, shown) in [("good", "approve", "Approved,Issued"), ("bad", "deny", "Denied")] {
        let name = format!("{}-{suffix}", story.caller.name);
        let object = format!(
            "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: {name}}}\nspec: {{request: {encoded}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}}\n"
        );
        story.says_of(&object, "create -f -", "created")?;
        story.says(&format!("certificate {verb} {name}"), &name)?;
        if verb == "approve" {
            story.says(
                &format!("wait csr {name} --for=jsonpath={{.status.certificate}} --timeout=30s"),
                "condition met",
            )?;
        }
        story.says(&format!("get csr {name}"), shown)?;
        story.says(&format!("delete csr {name}"), "deleted")?;
    }
    Ok(())
}
