//! Every kind that kubectl makes from words, and kinds that a definition adds.

use anyhow::Result;

use super::Story;

pub(super) fn play(story: &Story) -> Result<()> {
    by_words(story)?;
    described(story)?;
    custom(story)
}

fn by_words(story: &Story) -> Result<()> {
    let name = |kind: &str| format!("{kind} {}-{kind}", story.caller.name);
    story.all(&[
        ("create configmap c --from-literal=a=b", "configmap/c created"),
        ("create secret generic s --from-literal=a=b", "secret/s created"),
        ("create serviceaccount sa", "serviceaccount/sa created"),
        ("create service clusterip front --tcp=80:8080", "service/front created"),
        ("create service nodeport np --tcp=80", "service/np created"),
        ("create role r --verb=get --resource=pods", "r created"),
        ("create rolebinding rb --role=r --serviceaccount=default:sa", "rb created"),
        ("create job j --image=localhost/busybox:1 -- true", "job.batch/j created"),
        ("create cronjob cj --image=localhost/busybox:1 --schedule=@daily", "cronjob.batch/cj created"),
        ("create job from-cron --from=cronjob/cj", "job.batch/from-cron created"),
        ("create ingress i --rule=shop.example/*=front:80", "i created"),
        ("create quota q --hard=services=5", "resourcequota/q created"),
        ("create pdb p --selector=app=absent --min-available=1", "p created"),
        ("create deployment dry --image=x --dry-run=server -o yaml", "name: dry"),
        ("set selector service np app=other", "selector updated"),
        ("set subject rolebinding rb --user=jane", "subjects updated"),
    ])?;
    for (words, flags) in [
        (name("clusterrole"), "--verb=get,list --resource=nodes"),
        (name("clusterrolebinding"), "--clusterrole=view --user=x"),
        (name("priorityclass"), "--value=1000"),
        (name("namespace"), ""),
    ] {
        story.says(format!("create {words} {flags}").trim(), "created")?;
        story.says(&format!("delete {words}"), "deleted")?;
    }
    story.prints("get secret s -o jsonpath={.data.a}", "Yg==")?;
    story.prints("get svc front -o jsonpath={.spec.ports[0].targetPort}", "8080")
}

fn described(story: &Story) -> Result<()> {
    for (what, words) in [
        ("job j", "Parallelism:"),
        ("cronjob cj", "Concurrency Policy:"),
        ("ingress i", "shop.example"),
        ("quota q", "Used  Hard"),
        ("pdb p", "Min available:"),
        ("service front", "Endpoints:"),
        ("serviceaccount sa", "Image pull secrets:"),
        ("role r", "pods"),
        ("secret s", "Opaque"),
    ] {
        story.says(&format!("describe {what}"), words)?;
    }
    Ok(())
}

/// A group for each kubectl, so that neither meets what the other cached.
fn custom(story: &Story) -> Result<()> {
    let group = format!("{}.example.com", story.caller.name);
    let definition = DEFINITION.replace("GROUP", &group);
    story.says_of(&definition, "apply -f -", "created")?;
    let name = format!("crd/boats.{group}");
    story.says(&format!("wait --for=condition=Established {name} --timeout=30s"), "condition met")?;
    let boat = format!("apiVersion: {group}/v1\nkind: Boat\nmetadata: {{name: till}}\nspec: {{masts: 3}}\n");
    story.says_of(&boat, "apply -f -", "boat")?;
    story.refuses_of(&boat.replace("3", "30"), "apply -f -", "spec.masts")?;
    story.all(&[
        ("get boats", "MASTS"),
        ("explain boats.spec --api-version=GROUP/v1".replace("GROUP", &group).as_str(), "how many masts it has"),
        ("describe boat till", "Masts:"),
        (r#"patch boat till --type=merge -p {"spec":{"masts":2}}"#, "patched"),
        (r#"patch boat till --subresource=status --type=merge -p {"status":{"afloat":true}}"#, "patched"),
        ("scale boat till --replicas=1", "scaled"),
        ("get boat till -o jsonpath={.spec.masts}{.status.afloat}", "1true"),
        ("delete boats --all", "deleted"),
    ])?;
    story.says(&format!("delete {name}"), "deleted").map(drop)
}

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {plural: boats, singular: boat, kind: Boat, listKind: BoatList}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Masts, type: integer, jsonPath: .spec.masts}]
    subresources: {status: {}, scale: {specReplicasPath: .spec.masts, statusReplicasPath: .status.masts}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {masts: {type: integer, maximum: 7, description: how many masts it has}}}
          status: {type: object, properties: {afloat: {type: boolean}, masts: {type: integer}}}
";
