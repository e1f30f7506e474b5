//! Into a pod: started, waited for, run in, forwarded to, listened to, evicted.

use anyhow::{Context, Result, ensure};
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{AttachParams, EvictParams, LogParams, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::soon;

pub(crate) async fn play(client: &Client) -> Result<()> {
    let api: Api<Pod> = Api::default_namespaced(client.clone());
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "box"},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{
            "name": "box", "image": "localhost/busybox:1", "imagePullPolicy": "IfNotPresent",
            "command": ["sh", "-c", "echo ready; exec httpd -f -p 8080 -h /etc"],
        }]},
    }))?;
    let created = api.create(&PostParams::default(), &pod).await.context("create it")?;
    soon("it runs", await_condition(api.clone(), "box", conditions::is_pod_running())).await??;
    run(&api).await.context("exec")?;
    forward(&api).await.context("port-forward")?;
    listen(&api).await.context("logs")?;
    api.evict("box", &EvictParams::default()).await.context("evict it")?;
    let uid = created.uid().context("it has a uid")?;
    soon("it is gone", await_condition(api, "box", conditions::is_deleted(&uid))).await??;
    Ok(())
}

async fn run(api: &Api<Pod>) -> Result<()> {
    let parameters = AttachParams::default().stdin(true).stderr(false);
    let mut process = api.exec("box", ["sh", "-c", "read line; echo \"heard $line\"; exit 3"], &parameters).await?;
    let mut input = process.stdin().context("an input")?;
    let mut output = process.stdout().context("an output")?;
    let status = process.take_status().context("a status")?;
    input.write_all(b"me\n").await.context("say something")?;
    let mut said = String::new();
    soon("it answers", output.read_to_string(&mut said)).await?.context("read it")?;
    ensure!(said == "heard me\n", "{said:?}");
    let status = soon("it ends", status).await?.context("how it ended")?;
    ensure!(status.reason.as_deref() == Some("NonZeroExitCode"), "{status:?}");
    Ok(())
}

async fn forward(api: &Api<Pod>) -> Result<()> {
    let mut forwarder = api.portforward("box", &[8080]).await?;
    let mut stream = forwarder.take_stream(8080).context("a stream")?;
    stream.write_all(b"GET /passwd HTTP/1.0\r\n\r\n").await.context("ask")?;
    let mut page = String::new();
    soon("the page comes", stream.read_to_string(&mut page)).await?.context("read it")?;
    ensure!(page.contains("root:"), "{page:?}");
    Ok(())
}

async fn listen(api: &Api<Pod>) -> Result<()> {
    let follow = LogParams { follow: true, ..LogParams::default() };
    let mut lines = api.log_stream("box", &follow).await?.lines();
    let line = soon("a line of its log", lines.try_next()).await??;
    ensure!(line.as_deref() == Some("ready"), "{line:?}");
    let tail = api.logs("box", &LogParams { tail_lines: Some(1), ..LogParams::default() }).await?;
    ensure!(tail == "ready\n", "{tail:?}");
    Ok(())
}
