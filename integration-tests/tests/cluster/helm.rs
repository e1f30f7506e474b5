//! helm: a chart with a definition, hooks and a test, installed, upgraded, rolled back and uninstalled, each time waiting for real pods.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use xebec_integration_tests::cli::Client;
use xebec_integration_tests::clients::{Caller, Clients};
use xebec_integration_tests::cluster::Cluster;

/// The chart's files.
const CHART: [(&str, &str); 6] = [
    ("Chart.yaml", "apiVersion: v2\nname: kiosk\nversion: 1.0.0\n"),
    ("values.yaml", "replicas: 2\ngreeting: ahoy\n"),
    ("crds/anchors.yaml", include_str!("testdata/helm/crd.yaml")),
    ("templates/kiosk.yaml", include_str!("testdata/helm/kiosk.yaml")),
    ("templates/hooks.yaml", include_str!("testdata/helm/hooks.yaml")),
    ("templates/NOTES.txt", "{{ .Values.greeting }} from the kiosk\n"),
];

pub(crate) fn play(cluster: &mut Cluster) -> Result<()> {
    let clients = Clients::build()?;
    let caller = Caller::new(cluster, &clients, "helm")?;
    let chart = caller.home.join("kiosk");
    CHART.iter().try_for_each(|(name, text)| write(&chart.join(name), text))?;
    let helm = Helm { helm: caller.runs(&clients.program("helm"))?, chart: chart.display().to_string() };
    let kubectl = caller.runs(&clients.program("kubectl"))?;
    helm.installs(&kubectl)?;
    helm.upgrades(&kubectl)?;
    helm.uninstalls(&kubectl)
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().context("a file is in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

struct Helm {
    helm: Client,
    chart: String,
}

impl Helm {
    /// A command that must say this; `CHART` stands for the chart's folder.
    fn says(&self, command: &str, expected: &str) -> Result<()> {
        let arguments: Vec<&str> =
            command.split(' ').map(|word| if word == "CHART" { self.chart.as_str() } else { word }).collect();
        let said = self.helm.run(&arguments)?;
        ensure!(said.contains(expected), "`helm {command}` does not say {expected:?}: {said}");
        Ok(())
    }

    fn installs(&self, kubectl: &Client) -> Result<()> {
        self.says("lint CHART", "0 chart(s) failed")?;
        self.says("template kiosk CHART", "kind: Deployment")?;
        self.says("install kiosk CHART --wait --timeout 90s", "ahoy from the kiosk")?;
        self.says("list", "kiosk-1.0.0")?;
        self.says("status kiosk", "STATUS: deployed")?;
        // The hook has run before, and is gone; the definition is there, and an object of it.
        shows(kubectl, "get pods -l hook=before -o name", "")?;
        shows(kubectl, "get anchors.helm.example.com -o jsonpath={.items[0].spec.weight}", "7")?;
        shows(kubectl, "get deployment kiosk -o jsonpath={.status.readyReplicas}", "2")?;
        self.says("test kiosk --timeout 60s", "Phase:          Succeeded")
    }

    fn upgrades(&self, kubectl: &Client) -> Result<()> {
        let image = "get configmap kiosk -o jsonpath={.data.greeting}";
        self.says("upgrade kiosk CHART --set greeting=dry --dry-run=server", "dry from the kiosk")?;
        self.says("upgrade kiosk CHART --set greeting=moin --wait --timeout 90s", "moin from the kiosk")?;
        shows(kubectl, image, "moin")?;
        self.says("get values kiosk", "greeting: moin")?;
        let refused = self.helm.ask(&["upgrade", "kiosk", &self.chart, "--set", "replicas=-1"])?;
        ensure!(refused.code != 0 && refused.errors.contains("spec.replicas"), "an upgrade to nonsense: {refused:?}");
        self.says("history kiosk", "failed")?;
        self.says("rollback kiosk 1 --wait --timeout 90s", "Rollback was a success")?;
        shows(kubectl, image, "ahoy")?;
        self.says("upgrade --install kiosk CHART --reuse-values --atomic --timeout 90s", "ahoy from the kiosk")
    }

    fn uninstalls(&self, kubectl: &Client) -> Result<()> {
        self.says("uninstall kiosk --wait --timeout 90s", "uninstalled")?;
        let gone = ["wait", "pod", "-l", "app=kiosk", "--for=delete", "--timeout=60s"];
        kubectl.run(&gone)?;
        shows(kubectl, "get deployments,secrets,pods,services -l app=kiosk -o name", "")?;
        // helm leaves definitions to people.
        kubectl.run(&["delete", "crd", "anchors.helm.example.com"]).map(drop)
    }
}

fn shows(kubectl: &Client, command: &str, expected: &str) -> Result<()> {
    let shown = kubectl.run(&command.split(' ').collect::<Vec<_>>())?;
    ensure!(shown.trim() == expected, "`kubectl {command}` shows {shown:?}, not {expected:?}");
    Ok(())
}
