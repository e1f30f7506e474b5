//! One object: created, read in every form, changed in every way, and deleted.

use anyhow::{Result, ensure};

use super::Story;

fn config(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: card, labels: {{app: card}}}}\ndata: {{greeting: {value}}}\n"
    )
}

pub(super) fn play(story: &Story) -> Result<()> {
    create_and_apply(story)?;
    read(story)?;
    change(story)?;
    edit(story)?;
    apply_on_the_server(story)
}

fn create_and_apply(story: &Story) -> Result<()> {
    story.says_of(&config("ahoy"), "create -f - --save-config", "configmap/card created")?;
    story.refuses_of(&config("ahoy"), "create -f -", "already exists")?;
    story.says_of(&config("ahoy"), "apply -f -", "unchanged")?;
    story.says_of(&config("hello"), "apply -f -", "configured")?;
    story.says_of(&config("moin"), "apply -f - --dry-run=server", "configured (server dry run)")?;
    story.refuses_of(&config("moin"), "diff -f -", "+  greeting: moin")?;
    story.says("apply view-last-applied configmap card", "hello")?;
    story.refuses_of(&config("x").replace("\ndata", "\ndota"), "apply -f -", "unknown field \"dota\"")?;
    story.says_of(&config("x").replace("card", "pruned"), "apply -f -", "created")?;
    let prune = "apply -f - --prune -l app --prune-allowlist=core/v1/ConfigMap";
    story.says_of(&config("hello"), prune, "configmap/pruned pruned").map(drop)
}

fn read(story: &Story) -> Result<()> {
    story.prints("get configmap card -o jsonpath={.data.greeting}", "hello")?;
    story.prints("get configmap card -o custom-columns=N:.metadata.name --no-headers", "card")?;
    story.prints("get cm -l app=card -o name", "configmap/card")?;
    story.prints("get cm --field-selector metadata.name=card -o name", "configmap/card")?;
    story.prints("get cm card -o go-template={{.data.greeting}}", "hello")?;
    story.all(&[
        ("get cm card -o wide", "card"),
        ("get cm card -o yaml", "greeting: hello"),
        ("get cm card -o json", "\"greeting\": \"hello\""),
        ("get cm -A --chunk-size=2", "kube-root-ca.crt"),
        ("get cm --sort-by=.metadata.name --show-labels", "app=card"),
        ("describe cm card", "greeting:"),
    ])?;
    story.refuses("get cm nobody", "NotFound")?;
    story.refuses("get widgets", "the server doesn't have a resource type")
}

fn change(story: &Story) -> Result<()> {
    let greeting = "get cm card -o jsonpath={.data.greeting}";
    story.all(&[
        ("label cm card tier=web", "labeled"),
        ("label cm card tier-", "unlabeled"),
        ("annotate cm card note=x", "annotated"),
        (r#"patch cm card -p {"data":{"greeting":"strategic"}}"#, "patched"),
        (greeting, "strategic"),
        (r#"patch cm card --type=merge -p {"data":{"greeting":"merge"}}"#, "patched"),
        (greeting, "merge"),
        (r#"patch cm card --type=json -p [{"op":"replace","path":"/data/greeting","value":"json"}]"#, "patched"),
        (greeting, "json"),
    ])?;
    let stale = story.says("get cm card -o yaml", "json")?;
    story.says_of(&config("replaced"), "replace -f -", "replaced")?;
    story.refuses_of(&stale, "replace -f -", "the object has been modified")?;
    story.says_of(&config("anew"), "replace --force -f -", "replaced")?;
    story.prints(greeting, "anew")
}

fn edit(story: &Story) -> Result<()> {
    let editing = story.kubectl.clone().with("KUBE_EDITOR", "sed -i s/anew/edited/");
    let said = editing.run(&["edit", "configmap", "card"])?;
    ensure!(said.contains("edited"), "kubectl edit says {said}");
    story.prints("get cm card -o jsonpath={.data.greeting}", "edited")
}

fn apply_on_the_server(story: &Story) -> Result<()> {
    let config = |value: &str| config(value).replace("card", "served");
    story.says_of(&config("ahoy"), "apply --server-side -f -", "serverside-applied")?;
    story.says_of(&config("ahoy"), "diff --server-side -f -", "")?;
    story.refuses_of(&config("moin"), "apply --server-side --field-manager=other -f -", "conflict with \"kubectl\"")?;
    let forced = "apply --server-side --field-manager=other --force-conflicts -f -";
    story.says_of(&config("moin"), forced, "serverside-applied")?;
    story.says("get cm served -o yaml --show-managed-fields", "manager: other").map(drop)
}

/// What is left goes, in each of the ways in which things go.
pub(super) fn delete(story: &Story) -> Result<()> {
    story.says_of(&config("x"), "delete -f -", "configmap \"card\" deleted")?;
    story.all(&[
        ("delete cm served --cascade=foreground", "deleted"),
        ("delete cm -l app=card --ignore-not-found", ""),
        ("delete secrets,ingresses,cronjobs,jobs --all --wait=false", "deleted"),
        ("delete pod --all --now --wait=false", "deleted"),
        ("delete deployment orphaned --cascade=orphan", "deleted"),
        ("get rs -l app=orphaned -o name", "replicaset.apps/orphaned"),
        ("delete rs,deployments --all --cascade=background", "deleted"),
    ])?;
    story.refuses("get deployment web", "NotFound")?;
    let namespace = format!("delete namespace {} --timeout=120s", story.caller.name);
    story.says(&namespace, "deleted").map(drop)
}
