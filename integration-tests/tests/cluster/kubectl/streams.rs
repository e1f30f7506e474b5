//! Into the containers: commands, files, ports, logs.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::{http, wait};

use super::Story;

pub(super) fn play(story: &Story) -> Result<()> {
    story.runs("box", "echo one; echo two; exec httpd -f -p 8080 -h /etc")?;
    story.runs("talker", "echo once; sleep 1; exit 1")?;
    story.says("wait pod box --for=condition=Ready --timeout=60s", "condition met")?;
    commands(story)?;
    files(story)?;
    ports(story)?;
    logs(story)?;
    debug(story)
}

fn commands(story: &Story) -> Result<()> {
    story.prints("exec box -- echo hello", "hello")?;
    story.says_of("hello", "exec -i box -- cat", "hello")?;
    let failed = story.kubectl.ask(&["exec", "box", "--", "sh", "-c", "echo out; echo err >&2; exit 3"])?;
    ensure!((failed.code, failed.output.as_str()) == (3, "out\n"), "exec gives {failed:?}");
    ensure!(failed.errors.starts_with("err\n"), "exec gives {failed:?}");
    let attached = "run cat -i --rm --restart=Never --image=localhost/busybox:1 --image-pull-policy=IfNotPresent --quiet --command -- cat";
    story.says_of("hello from here\n", attached, "hello from here").map(drop)
}

fn files(story: &Story) -> Result<()> {
    let (here, back) = (story.home().join("here"), story.home().join("back"));
    let content: String = (0..200_000).map(|number| format!("{number}\n")).collect();
    std::fs::write(&here, &content).context("write a file to copy")?;
    story.says(&format!("cp {} box:/tmp/there", here.display()), "")?;
    story.says(&format!("cp box:/tmp/there {}", back.display()), "")?;
    ensure!(std::fs::read_to_string(&back).context("read the copy")? == content, "the copy differs");
    Ok(())
}

fn ports(story: &Story) -> Result<()> {
    for target in ["pod/box :8080", "service/web :80"] {
        let mut forwarding = story.follow(&format!("port-forward {target}"))?;
        let address = address(&forwarding.line_with("Forwarding from 127.0.0.1:")?)?;
        let page = http::get(address, "/passwd")?;
        ensure!(page.contains("root:"), "{target} gives {page:?}");
    }
    let mut proxy = story.follow("proxy --port=0")?;
    let address = address(&proxy.line_with("Starting to serve")?)?;
    let page = http::get(address, &format!("/api/v1/namespaces/{}", story.caller.name))?;
    ensure!(page.contains("\"Namespace\""), "the proxy gives {page:?}");
    Ok(())
}

/// The address of loopback that a line names.
fn address(line: &str) -> Result<SocketAddr> {
    let start = line.find("127.0.0.1:").with_context(|| format!("no address in {line:?}"))?;
    let text = line[start..].split_ascii_whitespace().next().unwrap_or_default();
    text.parse().with_context(|| format!("an address: {text}"))
}

fn logs(story: &Story) -> Result<()> {
    story.prints("logs box", "one\ntwo")?;
    story.prints("logs box --tail=1", "two")?;
    story.prints("logs box --limit-bytes=3", "one")?;
    story.says("logs box --timestamps --since=1h", "Z one")?;
    story.says("logs -l run=box --prefix", "[pod/box/box] one")?;
    story.follow("logs -f box")?.line_with("two")?;
    wait::until("a container to have been restarted", Duration::from_secs(60), || {
        story.says("logs talker --previous", "once").map(drop)
    })
}

fn debug(story: &Story) -> Result<()> {
    let look = "debug box --image=localhost/busybox:1 -c look --attach=false -- true";
    story.says(look, "")?;
    story.prints("get pod box -o jsonpath={.spec.ephemeralContainers[0].name}", "look")?;
    let copy =
        "debug box --copy-to=copy --image=localhost/busybox:1 --share-processes=false --attach=false -c look -- true";
    story.says(copy, "")?;
    story.says("get pod copy -o name", "pod/copy").map(drop)
}
