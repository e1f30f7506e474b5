//! Real kubectl against a server of this process, over plain HTTP.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{ChildStdout, Command};

use super::*;
use crate::registry::testing::target;
use xebec_api::Subresource;

/// Those that `cargo xtask setup` has built, the newest first, or else the one on the PATH.
pub(crate) fn kubectls() -> Vec<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients/bin");
    let built = ["kubectl", "kubectl-1.28"].map(|name| built.join(name));
    if built.iter().all(|program| program.is_file()) {
        return built.to_vec();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|file| file.is_file());
    vec![found.expect("there is no kubectl on this machine: `cargo xtask setup` builds it")]
}

/// A server and the kubectl that talks to it.
pub(super) struct Kubectl {
    program: PathBuf,
    server: String,
    home: tempfile::TempDir,
    fixture: Fixture,
}

impl Kubectl {
    pub(super) async fn start() -> Kubectl {
        let program = kubectls().swap_remove(0);
        let fixture = Fixture::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let app = app(&fixture, "jane");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Kubectl { program, server, home: tempfile::tempdir().unwrap(), fixture }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("HOME", self.home.path()).env_remove("KUBECONFIG").kill_on_drop(true);
        command.arg("--server").arg(&self.server).args(arguments.split(' ')).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that must succeed; returns what it prints.
    pub(super) async fn run(&self, arguments: &str, input: &str) -> String {
        let (ok, text) = self.attempt(arguments, input).await;
        assert!(ok, "kubectl {arguments}: {text}");
        text
    }

    pub(super) async fn attempt(&self, arguments: &str, input: &str) -> (bool, String) {
        let mut child = self.command(arguments).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        let output = child.wait_with_output().await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }
}

fn deployment(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: shop}}\nspec:\n  replicas: 2\n  selector: {{matchLabels: {{app: shop}}}}\n  template:\n    metadata: {{labels: {{app: shop}}}}\n    spec: {{containers: [{{name: app, image: '{image}'}}]}}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_writes_and_reads() {
    let k = Kubectl::start().await;
    assert!(k.run("version", "").await.contains("Server Version: v1.35.0+xebec"));
    assert!(k.run("create -f -", &deployment("shop:1")).await.contains("deployment.apps/shop created"));
    assert!(k.run("get deploy", "").await.contains("shop"));
    assert!(k.run("apply -f -", &deployment("shop:2")).await.contains("configured"));
    assert!(k.run("apply -f -", &deployment("shop:2")).await.contains("unchanged"));
    assert_eq!(k.run("get deploy shop -o jsonpath={.spec.template.spec.containers[0].image}", "").await, "shop:2");
    assert!(k.run("scale deploy shop --replicas=5", "").await.contains("scaled"));
    assert!(k.run("label deploy shop tier=web", "").await.contains("labeled"));
    assert!(k.run("annotate deploy shop note=x", "").await.contains("annotated"));
    assert!(k.run("get deploy -l tier=web -o wide", "").await.contains("0/5"));
    assert!(k.run("set image deploy/shop app=shop:3", "").await.contains("image updated"));
    assert!(k.run("describe deploy shop", "").await.contains("shop:3"));
    assert!(k.run("get all -A", "").await.contains("deployment.apps/shop"));
    assert!(k.run("api-resources", "").await.contains("deployments"));
    assert!(k.run("replace -f -", &deployment("shop:4")).await.contains("replaced"));
    assert!(k.attempt("diff -f -", &deployment("shop:5")).await.1.contains("+      - image: shop:5"));
    assert!(k.run("expose deploy shop --port=80", "").await.contains("exposed"));
    assert!(k.run("get svc shop -o wide", "").await.contains("10.43."));
    assert!(k.run("delete svc --all", "").await.contains("deleted"));
    assert!(k.run("rollout restart deploy shop", "").await.contains("restarted"));
    assert!(k.run("events", "").await.contains("No events"));
    let words = k.run("explain pod.spec.containers", "").await;
    assert!(
        words.contains("FIELD: containers <[]Container>") && words.contains("imagePullPolicy\t<string>"),
        "{words}"
    );
    assert!(words.contains("Image pull policy. One of Always, Never, IfNotPresent."), "{words}");
    assert!(k.run("explain deploy.spec.strategy.rollingUpdate.maxSurge", "").await.contains("<IntOrString>"));
    assert!(k.run("explain configmap --recursive", "").await.contains("ownerReferences"));
    assert!(k.run("delete deploy shop", "").await.contains("deleted"));
    assert!(k.attempt("get deploy shop", "").await.1.contains("NotFound"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_applies_on_the_server() {
    let k = Kubectl::start().await;
    let apply = "apply --server-side -f -";
    assert!(k.run(apply, &deployment("shop:1")).await.contains("serverside-applied"));
    assert!(k.run("diff --server-side -f -", &deployment("shop:1")).await.is_empty());
    let managers = "get deploy shop --show-managed-fields -o jsonpath={range.metadata.managedFields[*]}{.manager}:{.operation}{end}";
    assert_eq!(k.run(managers, "").await, "kubectl:Apply");
    assert!(!k.run("get deploy shop -o yaml", "").await.contains("managedFields"));

    let (ok, text) = k.attempt(&format!("{apply} --field-manager=other"), &deployment("shop:2")).await;
    let conflict =
        "Apply failed with 1 conflict: conflict with \"kubectl\": .spec.template.spec.containers[name=\"app\"].image";
    assert!(!ok && text.contains(conflict) && text.contains("--force-conflicts"), "{text}");
    let forced = k.run(&format!("{apply} --field-manager=other --force-conflicts"), &deployment("shop:2")).await;
    assert!(forced.contains("serverside-applied"));
    let (ok, text) = k.attempt("diff --server-side --field-manager=other -f -", &deployment("shop:3")).await;
    assert!(!ok && text.contains("-      - image: shop:2") && text.contains("+      - image: shop:3"), "{text}");

    assert!(k.run("scale deploy shop --replicas=5", "").await.contains("scaled"));
    let (ok, text) = k.attempt(apply, &deployment("shop:2")).await;
    assert!(!ok && text.contains("with subresource \"scale\" using apps/v1: .spec.replicas"), "{text}");
    let without = deployment("shop:2").replace("  replicas: 2\n", "");
    k.run(&format!("{apply} --field-manager=other --force-conflicts"), &without).await;
    assert_eq!(k.run("get deploy shop -o jsonpath={.spec.replicas}", "").await, "5");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_turns_from_client_side_to_server_side_apply_and_back() {
    let k = Kubectl::start().await;
    k.run("apply -f -", &deployment("shop:1")).await;
    assert!(k.run("apply --server-side -f -", &deployment("shop:2")).await.contains("serverside-applied"));
    let image = "get deploy shop -o jsonpath={.spec.template.spec.containers[0].image}";
    assert_eq!(k.run(image, "").await, "shop:2");
    assert!(k.run("apply view-last-applied deploy shop", "").await.contains("shop:2"));
    let without = deployment("shop:2").replace("  replicas: 2\n", "");
    k.run("apply --server-side -f -", &without).await;
    assert_eq!(k.run("get deploy shop -o jsonpath={.spec.replicas}", "").await, "1", "what is applied no more is gone");
    k.run("apply -f -", &deployment("shop:4")).await;
    assert_eq!(k.run(image, "").await, "shop:4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_patches_edits_and_replaces() {
    let k = Kubectl::start().await;
    k.run("create -f -", &deployment("shop:1")).await;
    let image = "get deploy shop -o jsonpath={.spec.template.spec.containers[*].image}";
    let strategic =
        r#"patch deploy shop -p {"spec":{"template":{"spec":{"containers":[{"name":"side","image":"side:1"}]}}}}"#;
    assert!(k.run(strategic, "").await.contains("patched"));
    assert_eq!(k.run(image, "").await, "side:1 shop:1");
    assert!(k.run(strategic, "").await.contains("no change"));
    k.run("set image deploy shop app=shop:2 side=side:2", "").await;
    assert_eq!(k.run(image, "").await, "side:2 shop:2");
    let merge = r#"patch deploy shop --type=merge -p {"spec":{"template":{"spec":{"containers":[{"name":"app","image":"shop:3"}]}}}}"#;
    k.run(merge, "").await;
    assert_eq!(k.run(image, "").await, "shop:3");
    let json = r#"patch deploy shop --type=json -p [{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"shop:4"}]"#;
    k.run(json, "").await;
    assert_eq!(k.run(image, "").await, "shop:4");
    let stale = json.replace("shop:4", "shop:5").replace("[{", r#"[{"op":"test","path":"/spec/replicas","value":9},{"#);
    let (ok, text) = k.attempt(&stale, "").await;
    assert!(!ok && text.contains("The request is invalid"), "{text}");
    assert!(
        k.run(r#"patch deploy shop --subresource=scale --type=merge -p {"spec":{"replicas":7}}"#, "")
            .await
            .contains("patched")
    );
    k.run(r#"patch deploy shop --subresource=status --type=merge -p {"status":{"observedGeneration":1}}"#, "").await;

    k.run("set env deploy shop COLOR=red", "").await;
    k.run("set resources deploy shop --limits=cpu=1", "").await;
    k.run("rollout pause deploy shop", "").await;
    let edited = k.command("edit deploy shop").env("KUBE_EDITOR", "sed -i s/shop:4/shop:6/").output().await.unwrap();
    assert!(edited.status.success(), "{edited:?}");
    assert_eq!(k.run(image, "").await, "shop:6");
    let whole = k.run("get deploy shop -o yaml", "").await;
    assert!(k.run("replace -f -", &whole.replace("shop:6", "shop:7")).await.contains("replaced"));
    assert!(k.attempt("replace -f -", &whole).await.1.contains("the object has been modified"));
    let managers =
        "get deploy shop --show-managed-fields -o jsonpath={range.metadata.managedFields[*]}{.manager}\t{end}";
    let managers = k.run(managers, "").await;
    for manager in ["kubectl-create", "kubectl-patch", "kubectl-set", "kubectl-rollout", "kubectl-replace"] {
        assert!(managers.contains(manager), "{manager}: {managers}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_asks_who_it_is_and_what_it_may() {
    let k = Kubectl::start().await;
    assert_eq!(k.run("auth can-i create deployments.apps --namespace default", "").await.trim(), "yes");
    let whoami = k.run("auth whoami", "").await;
    assert!(whoami.contains("jane") && whoami.contains("system:authenticated"), "{whoami}");
    assert!(k.run("auth can-i --list", "").await.contains("Resources"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_makes_tokens_and_tells_of_quotas() {
    let k = Kubectl::start().await;
    let token = k.run("create token default --duration=20m --audience=vault", "").await;
    assert_eq!(token.trim().split('.').count(), 3, "{token}");
    k.run("create quota few --hard=configmaps=1", "").await;
    assert!(k.run("get quota", "").await.contains("few"));
    let (ok, text) = k.attempt("create configmap c --from-literal=a=b", "").await;
    assert!(!ok && text.contains("status unknown for quota: few, resources: configmaps"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_approves_a_certificate() {
    let k = Kubectl::start().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let request = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem);
    let spec = json!({"request": request, "signerName": "example.com/own", "usages": ["client auth"]});
    let body = json!({"spec": spec});
    k.fixture.create(&target("certificatesigningrequests", None, "dev"), body).await.unwrap();
    assert!(k.run("certificate approve dev", "").await.contains("dev approved"));
    assert!(k.run("get csr", "").await.contains("Approved"));
}

/// From 1.32 on, kubectl writes these in protobuf.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_creates_by_words() {
    let k = Kubectl::start().await;
    for (words, expected) in [
        ("namespace shop", "namespace/shop created"),
        ("deployment web --image=shop:1 --replicas=2 --port=80", "deployment.apps/web created"),
        ("configmap c --from-literal=a=b", "configmap/c created"),
        ("secret generic s --from-literal=a=b", "secret/s created"),
        ("serviceaccount sa", "serviceaccount/sa created"),
        ("service clusterip web --tcp=80:8080", "service/web created"),
        ("service nodeport np --tcp=80", "service/np created"),
        ("role r --verb=get --resource=pods", "role.rbac.authorization.k8s.io/r created"),
        ("rolebinding rb --role=r --serviceaccount=default:sa", "rolebinding.rbac.authorization.k8s.io/rb created"),
        ("clusterrole cr --verb=get,list --resource=nodes", "clusterrole.rbac.authorization.k8s.io/cr created"),
        ("job j --image=shop:1", "job.batch/j created"),
        ("cronjob cj --image=shop:1 --schedule=@daily", "cronjob.batch/cj created"),
        ("ingress i --rule=shop.example/*=web:80", "ingress.networking.k8s.io/i created"),
        ("quota q --hard=pods=5,requests.cpu=2", "resourcequota/q created"),
        ("pdb p --selector=app=web --min-available=1", "poddisruptionbudget.policy/p created"),
        ("priorityclass high --value=1000", "priorityclass.scheduling.k8s.io/high created"),
        ("job from-cron --from=cronjob/cj", "job.batch/from-cron created"),
        (
            "clusterrolebinding crb --clusterrole=cr --user=x",
            "clusterrolebinding.rbac.authorization.k8s.io/crb created",
        ),
    ] {
        assert!(k.run(&format!("create {words}"), "").await.contains(expected), "{words}");
    }
    assert_eq!(
        k.run("get deploy web -o jsonpath={.spec.template.spec.containers[0]['image','ports']}", "").await,
        "shop:1 [{\"containerPort\":80,\"protocol\":\"TCP\"}]"
    );
    assert_eq!(k.run("get secret s -o jsonpath={.data.a}", "").await, "Yg==");
    assert_eq!(k.run("get svc web -o jsonpath={.spec.ports[0].targetPort}", "").await, "8080");
    assert_eq!(k.run("get role r -o jsonpath={.rules[0].verbs}", "").await, "[\"get\"]");
    assert!(k.run("autoscale deployment web --max=3 --cpu-percent=50", "").await.contains("autoscaled"));
    assert!(k.run("get hpa", "").await.contains("Deployment/web   cpu: <unknown>/50%   1"));
    let all = k.run("get all", "").await;
    for name in ["job.batch/j", "cronjob.batch/cj", "horizontalpodautoscaler.autoscaling/web", "service/web"] {
        assert!(all.contains(name), "{name}: {all}");
    }
    for (what, words) in [
        ("job j", "Parallelism:"),
        ("cronjob cj", "Concurrency Policy:"),
        ("ingress i", "shop.example"),
        ("quota q", "Used  Hard"),
        ("pdb p", "Min available:"),
        ("priorityclass high", "PreemptionPolicy:"),
        ("hpa web", "resource cpu on pods"),
    ] {
        let text = k.run(&format!("describe {what}"), "").await;
        assert!(text.contains(words), "{what}: {text}");
    }
    assert!(k.attempt("create deployment web --image=x", "").await.1.contains("already exists"));
    assert!(k.run("create deployment dry --image=x --dry-run=server -o yaml", "").await.contains("name: dry"));
    k.run("delete namespace shop --wait=false", "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_is_told_what_is_wrong() {
    let k = Kubectl::start().await;
    let cases = [
        (deployment("x").replace("replicas", "replicsa"), "unknown field \"spec.replicsa\""),
        (deployment("x").replace("name: shop", "name: Shop_1"), "metadata.name: Invalid value"),
        (deployment("x").replace("apps/v1", "apps/v7"), "no matches for kind"),
        (
            deployment("x").replace("{app: shop}}\n  template", "{app: till}}\n  template"),
            "spec.template.metadata.labels",
        ),
    ];
    for (manifest, expected) in cases {
        let (ok, text) = k.attempt("create -f -", &manifest).await;
        assert!(!ok && text.contains(expected), "{expected}: {text}");
    }
}

/// Reads until a line shows what is wanted.
async fn until(lines: &mut Lines<BufReader<ChildStdout>>, wanted: &str) {
    loop {
        let line = tokio::time::timeout(std::time::Duration::from_secs(30), lines.next_line()).await;
        let line = line.expect("the watch shows it in time").unwrap().expect("the watch goes on");
        if line.contains(wanted) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_follows_pods_and_their_logs() {
    let k = Kubectl::start().await;
    let mut watch = k.command("get pods -w --output-watch-events").spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: app, image: 'shop:1'}]}\n";
    k.run("create -f -", pod).await;
    until(&mut lines, "ADDED").await;
    let bind = target("pods", Some("default"), "p").subresource(Subresource::Binding);
    k.fixture.create(&bind, json!({"target": {"kind": "Node", "name": "n1"}})).await.unwrap();
    until(&mut lines, "MODIFIED").await;
    assert_eq!(k.run("logs p", "").await, "app on n1\n");
    assert!(k.run("describe pod p", "").await.contains("n1"));
    assert!(k.run("get pod p -o yaml", "").await.contains("nodeName: n1"));
    assert!(k.run("wait pod p --for=condition=PodScheduled --timeout=5s", "").await.contains("condition met"));
    k.fixture.create(&target("nodes", None, "n1"), json!({})).await.unwrap();
    assert!(k.attempt("drain n1 --force --timeout=1s", "").await.1.contains("evicting pod default/p"));
    assert!(k.run("delete pod p --grace-period=0 --force", "").await.contains("force deleted"));
}
