//! A Deployment's life on real nodes: rolled out, watched, changed, undone, scaled.

use anyhow::Result;

use super::Story;

fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: app
        image: localhost/busybox:1
        imagePullPolicy: IfNotPresent
        command: [httpd, -f, -p, '8080', -h, /etc]
        ports: [{{containerPort: 8080}}]
"
    )
}

pub(super) fn play(story: &Story) -> Result<()> {
    rolled_out(story)?;
    read(story)?;
    changed(story)?;
    if story.is_new {
        resized(story)?;
    }
    scaled(story)
}

/// Only a newer kubectl knows this subresource.
fn resized(story: &Story) -> Result<()> {
    let of_now = r#"get pods -l app=web -o jsonpath={.items[?(@.spec.containers[0].resources.requests.cpu=="1m")].metadata.name}"#;
    let pods = story.says(of_now, "web-")?;
    let pod = pods.split(' ').next().unwrap_or_default();
    let more = r#"{"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"2m"}}}]}}"#;
    story.says(&format!("patch pod {pod} --subresource=resize -p {more}"), "patched")?;
    story.prints(&format!("get pod {pod} -o jsonpath={{.spec.containers[0].resources.requests.cpu}}"), "2m")
}

fn rolled_out(story: &Story) -> Result<()> {
    let mut watch = story.follow("get pods -w --output-watch-events")?;
    story.says_of(&deployment("web"), "apply -f -", "deployment.apps/web created")?;
    story.says("rollout status deployment/web --timeout=90s", "successfully rolled out")?;
    watch.line_with("ADDED")?;
    watch.line_with("Running")?;
    story.says("wait deployment/web --for=condition=Available --timeout=30s", "condition met")?;
    story.says("wait pod -l app=web --for=condition=Ready --timeout=30s", "condition met")?;
    story.says("wait deployment/web --for=jsonpath={.status.readyReplicas}=2 --timeout=30s", "condition met")?;
    story.says("expose deployment web --port=80 --target-port=8080", "service/web exposed").map(drop)
}

fn read(story: &Story) -> Result<()> {
    story.all(&[
        ("get deployment web -o wide", "2/2"),
        ("get all", "deployment.apps/web"),
        ("get pods -l app=web -o wide", "Running"),
        ("get endpointslices", "web-"),
        ("describe deployment web", "2 desired"),
        ("describe pod -l app=web", "Node:"),
        ("describe service web", "Endpoints:"),
        ("events --for deployment/web", "ScalingReplicaSet"),
        ("get events --field-selector involvedObject.kind=Deployment", "ScalingReplicaSet"),
        ("logs deployment/web", ""),
    ])
}

fn changed(story: &Story) -> Result<()> {
    story.all(&[
        ("set env deployment/web COLOR=red", "env updated"),
        ("rollout status deployment/web --timeout=90s", "successfully rolled out"),
        ("rollout history deployment/web", "REVISION"),
        ("rollout history deployment/web --revision=2", "COLOR"),
        ("rollout undo deployment/web", "rolled back"),
        ("rollout status deployment/web --timeout=90s", "successfully rolled out"),
        ("rollout pause deployment/web", "paused"),
        ("set resources deployment/web --requests=cpu=1m", "resource requirements updated"),
        ("set image deployment/web app=localhost/busybox:1", ""),
        ("set serviceaccount deployment/web sa", "serviceaccount updated"),
        ("rollout resume deployment/web", "resumed"),
        ("rollout restart deployment/web", "restarted"),
        ("rollout status deployment/web --timeout=90s", "successfully rolled out"),
    ])?;
    story.prints("get deployment web -o jsonpath={.spec.template.spec.containers[0].env}", "")?;
    story.prints("get deployment web -o jsonpath={.spec.template.spec.serviceAccountName}", "sa")
}

fn scaled(story: &Story) -> Result<()> {
    story.all(&[
        ("scale deployment web --replicas=1 --current-replicas=2", "scaled"),
        (r#"patch deployment web --subresource=scale --type=merge -p {"spec":{"replicas":2}}"#, "patched"),
        (r#"patch deployment web --subresource=status --type=merge -p {"status":{"observedGeneration":1}}"#, "patched"),
        ("get deployment web --subresource=scale", "DESIRED"),
        ("autoscale deployment web --max=3 --cpu-percent=50", "autoscaled"),
        ("get hpa", "Deployment/web"),
        ("describe hpa web", "resource cpu on pods"),
        ("delete hpa web", "deleted"),
    ])?;
    story.refuses("scale deployment web --replicas=1 --current-replicas=7", "Expected replicas to be 7")?;
    story.says_of(&deployment("orphaned").replace("replicas: 2", "replicas: 1"), "create -f -", "created")?;
    story.says("rollout status deployment/orphaned --timeout=90s", "successfully rolled out").map(drop)
}
